"""Who takes much of the processor in MariaDB goes last there.

One server works for all sites, a thread for each connection, and the kernel shares the processor among threads: forty
busy connections of one site leave a neighbour's one a fortieth. What a site itself may set is no bound. So the threads
of a site that takes much get a lower precedence, until it wants little again; where nobody else wants the processor
they lose nothing by it.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

LAST = 10  # nice(1): a tenth of what another thread gets
_MUCH = 0.4  # of one processor, taken: then it goes last
_LITTLE = 0.2  # wanted (taken, or waited for): then no more
_SMOOTH = 0.5  # of a new figure against the old one


@dataclass
class _Site:
    taken: float = 0.0
    wanted: float = 0.0
    goes_last: bool = False


class Precedence:
    """Of the threads of one process; `folder` is its `/proc/PID/task`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._sites: dict[str, _Site] = {}
        self._before: dict[int, tuple[float, float]] = {}
        self._lowered: set[int] = set()

    def look(self, owners: Mapping[int, str], seconds: float) -> None:
        """`owners` tells the threads' sites, now; `seconds` have passed since the last look."""
        spent: dict[str, tuple[float, float]] = dict.fromkeys(owners.values(), (0.0, 0.0))
        now = {thread: times for thread in owners if (times := self._times(thread)) is not None}
        for thread, (ran, waited) in now.items():
            if thread in self._before:
                before = self._before[thread]
                taken, idle = spent[owners[thread]]
                spent[owners[thread]] = taken + ran - before[0], idle + waited - before[1]
        self._before = now
        for site in {*self._sites, *spent}:
            taken, waited = spent.get(site, (0.0, 0.0))
            self._judge(site, taken / seconds, (taken + waited) / seconds)
        last = {thread for thread, site in owners.items() if site in self._sites and self._sites[site].goes_last}
        for thread in last - self._lowered:
            self._give(thread, LAST)
        for thread in self._lowered - last:  # of a site that wants little now, or another's by now
            self._give(thread, 0)
        self._lowered = last

    def last(self) -> set[str]:
        """The sites that go last now."""
        return {name for name, site in self._sites.items() if site.goes_last}

    def _judge(self, name: str, taken: float, wanted: float) -> None:
        site = self._sites.setdefault(name, _Site())
        site.taken += (taken - site.taken) * _SMOOTH
        site.wanted += (wanted - site.wanted) * _SMOOTH
        site.goes_last = site.wanted > _LITTLE if site.goes_last else site.taken > _MUCH
        if not site.goes_last and site.wanted < _LITTLE / 100:
            del self._sites[name]

    def _times(self, thread: int) -> tuple[float, float] | None:
        """Seconds for which it has run, and has waited for a processor (proc(5), schedstat)."""
        try:
            ran, waited, _ = (self._folder / str(thread) / "schedstat").read_text().split()
        except OSError:
            return None
        return int(ran) / 1e9, int(waited) / 1e9

    @staticmethod
    def _give(thread: int, nice: int) -> None:
        """Linux takes a thread's number for a process's (setpriority(2))."""
        with contextlib.suppress(ProcessLookupError):
            os.setpriority(os.PRIO_PROCESS, thread, nice)
