"""A site that takes much of the processor goes last, after all that take little: neighbours' pages, nginx, MariaDB.

Equal shares are not enough: who wakes up for a few milliseconds waits for those that never sleep. A group that goes
last (`cpu.idle`) makes way at once for whoever wakes, and loses nothing while nobody else wants the processor. To be
looked at once a second.
"""

from __future__ import annotations

from dataclasses import dataclass

from pressroom.system.cgroups import Cgroups

_MUCH = 0.5  # of one processor: then it goes last
_LITTLE = 0.25  # … until it has taken less than this …
_CALM = 10.0  # … for so many seconds. One that is kept from taking more has its turn then, too.
_SMOOTH = 0.4  # of a new figure against the old one


@dataclass
class _Group:
    used: float  # seconds of a processor, at the last look
    rate: float = 0.0
    goes_last: bool = False
    calm: float = 0.0  # seconds


class Turns:
    """Of all groups of one node."""

    def __init__(self, groups: Cgroups) -> None:
        self._groups = groups
        self._seen: dict[str, _Group] = {}

    def look(self, seconds: float) -> None:
        """So many have passed since the last look."""
        now = self._groups.used()
        self._seen = {
            name: group
            for name, group in self._seen.items()
            if name in now and now[name] >= group.used  # else it is another one of that name
        }
        for name, used in now.items():
            group = self._seen.setdefault(name, _Group(used))
            group.rate += ((used - group.used) / seconds - group.rate) * _SMOOTH
            group.used = used
            group.calm = group.calm + seconds if group.rate < _LITTLE else 0.0
            is_last = group.calm < _CALM if group.goes_last else group.rate > _MUCH
            if is_last != group.goes_last:
                group.goes_last = is_last
                self._groups.let_go_last(name, is_last)

    def last(self) -> set[str]:
        """The groups that go last now."""
        return {name for name, group in self._seen.items() if group.goes_last}
