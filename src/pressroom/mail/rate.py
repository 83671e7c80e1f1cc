"""How much one site may send: a sliding hour."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable

HOUR = 3600.0


class HourlyLimit:
    """Counts recipients per site over the last hour, by a clock that is never set."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._sent: dict[str, deque[tuple[float, int]]] = {}
        self._sums: dict[str, int] = {}

    def take(self, site: str, recipients: int, limit: int) -> bool:
        """Whether the site may send to that many now; if so they are counted."""
        now = self._clock()
        sent = self._sent.setdefault(site, deque())
        total = self._sums.get(site, 0)
        while sent and sent[0][0] <= now - HOUR:
            total -= sent.popleft()[1]
        allowed = total + recipients <= limit
        if allowed:
            sent.append((now, recipients))
            total += recipients
        self._sums[site] = total
        return allowed
