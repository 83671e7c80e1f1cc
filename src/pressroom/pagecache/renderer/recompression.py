"""Stored pages that are to be compressed as well as can be: that takes several times as long as a page's render."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable

from pressroom.pagecache.renderer.frontier import Job
from pressroom.pagecache.renderer.renderer import Made

# A page that was stored a moment ago may be made anew the next, while its site is edited. Seconds.
SETTLED = 20.0


class Recompressions:
    """Those that wait, in the order in which they were stored. For one event loop."""

    def __init__(self, most_bytes: int, clock: Callable[[], float] = time.monotonic) -> None:
        """`most_bytes` of bodies are kept; beyond it pages keep their quick form. `clock` in seconds."""
        self._most_bytes = most_bytes
        self._clock = clock
        self._bytes = 0
        self._waiting: OrderedDict[tuple[str, str], tuple[float, Job, Made]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._waiting)

    def stored(self, job: Job, made: Made) -> None:
        """The page has this version now. What is stored as it was waits on, if it does."""
        if made.same:
            return
        self._forget((job.site, job.key))
        if made.body and self._bytes + len(made.body) <= self._most_bytes:
            self._waiting[job.site, job.key] = (self._clock() + SETTLED, job, made)
            self._bytes += len(made.body)

    def is_due(self, since: float = 0.0) -> bool:
        """Whether a page has been stored for long enough, so many seconds ago."""
        return bool(self._waiting) and next(iter(self._waiting.values()))[0] + since <= self._clock()

    def take(self) -> tuple[Job, Made]:
        """The first. Raises StopIteration when none waits."""
        _, job, made = next(iter(self._waiting.values()))
        self._forget((job.site, job.key))
        return job, made

    def _forget(self, page: tuple[str, str]) -> None:
        _, _, made = self._waiting.pop(page, (0.0, None, None))
        self._bytes -= len(made.body) if made else 0
