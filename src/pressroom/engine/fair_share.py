"""A program that takes more than its share of the processors gives way to the others, as long as it does.

The kernel shares processors between sessions, whatever the number of their processes (sched(7), "The autogroup
feature"), and each program is a session. But a site in a flood would still have as much of them as its neighbour, whose
one request then takes twice as long. With the nice value of its whole session raised, the flood gets what others leave.

Where the kernel has no autogroups nothing is done.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable, Collection
from pathlib import Path

import structlog

_log = structlog.get_logger("activator")
MUCH = 0.5  # of one processor, on average
_MEMORY = 3.0  # seconds after which what was used counts a third
GIVING_WAY, NORMAL = 10, 0  # nice values of a session; 10 is a ninth of the weight of 0
_TICKS = os.sysconf("SC_CLK_TCK")


class FairShare:
    """What each program used, by the number of its first process."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._seen: dict[int, tuple[float, float]] = {}  # when, and seconds used until then
        self._share: dict[int, float] = {}
        self._giving_way: set[int] = set()

    def look(self, processes: Collection[int]) -> None:
        """At these programs, all that run; to be called every second or so."""
        for gone in self._seen.keys() - set(processes):
            del self._seen[gone]
            self._share.pop(gone, None)
            self._giving_way.discard(gone)
        for pid in processes:
            self._judge(pid)

    def _judge(self, pid: int) -> None:
        now, used = self._clock(), _seconds_used(pid)
        then, before = self._seen.get(pid, (now, used))
        self._seen[pid] = (now, used)
        if now <= then:
            return
        # What a process used that ended just now is its parent's only when that has asked: never less than nothing.
        share = max(0.0, used - before) / (now - then)
        kept = max(0.0, 1 - (now - then) / _MEMORY)
        self._share[pid] = kept * self._share.get(pid, 0.0) + (1 - kept) * share
        gives_way = self._share[pid] > (MUCH / 2 if pid in self._giving_way else MUCH)  # not to and fro
        if gives_way != (pid in self._giving_way):
            self._tell(pid, gives_way)

    def _tell(self, pid: int, gives_way: bool) -> None:
        with contextlib.suppress(OSError):  # it has ended, or the kernel has no autogroups
            Path(f"/proc/{pid}/autogroup").write_text(str(GIVING_WAY if gives_way else NORMAL))
        (self._giving_way.add if gives_way else self._giving_way.discard)(pid)
        _log.info("gives_way" if gives_way else "has_its_share", pid=pid, processors=round(self._share[pid], 2))


def children(pid: int) -> list[int]:
    """proc(5): /proc/<pid>/task/<tid>/children, of a process with one thread. Raises OSError."""
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def _seconds_used(pid: int) -> float:
    """By the process, its children and those of them that ended."""
    with contextlib.suppress(OSError):
        return sum(_ticks(one) for one in (pid, *children(pid))) / _TICKS
    return 0.0


def _ticks(pid: int) -> int:
    """proc(5): of /proc/<pid>/stat, fields 14 to 17; the second one is a name, which may hold anything."""
    try:
        return sum(map(int, Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[11:15]))
    except OSError:
        return 0
