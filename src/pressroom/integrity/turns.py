"""Whose turn it is to be looked at: sites of which something changed, soon; every site, once a day. No I/O."""

from __future__ import annotations

import time
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from pressroom.system.budget import Budget

DAY = 86_400.0  # all in seconds
_SPREAD = 7200.0  # by which sites' days differ, so that they drift apart
_NEW = 60.0  # after which a site is looked at for the first time
_CALM = 3.0  # without a further change
_NOT_LONGER = 30.0  # does a change wait for calm
_NOT_IDLE = 6 * 3600.0  # does a daily look wait for an idle machine
_AGAIN = 600.0  # until one that failed is tried again
_REST = 20.0  # times as long as a look took, until the next for a change: a site that writes PHP all the time
_MOST_UNITS = 200  # changed; with more, all is looked at


@dataclass(frozen=True)
class Turn:
    """A look at these units of the site; None: at all."""

    site: str
    units: tuple[str, ...] | None


@dataclass
class _Changes:
    units: set[str] | None = field(default_factory=set)
    first: float = 0.0
    last: float = 0.0


class Turns:
    """`share` of one core, 0 to 1, is for daily looks."""

    def __init__(self, share: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._budget = Budget(share, clock)
        self._due: dict[str, float] = {}
        self._changes: dict[str, _Changes] = {}
        self._rests_until: dict[str, float] = {}

    def attend(self, ages: Mapping[str, float | None]) -> None:
        """These are the sites, with the seconds since each was looked at as a whole; None: it never was."""
        now = self._clock()
        for gone in set(self._due) - set(ages):
            for kept in (self._due, self._changes, self._rests_until):
                kept.pop(gone, None)
        for site, age in ages.items():
            if site not in self._due:
                self._due[site] = now + (_NEW if age is None else max(_NEW, _day_of(site) - age))

    def changed(self, site: str, unit: str) -> None:
        now = self._clock()
        changes = self._changes.setdefault(site, _Changes(first=now))
        changes.last = now
        if changes.units is not None:
            changes.units.add(unit)
            if len(changes.units) > _MOST_UNITS:
                changes.units = None

    def next(self, *, is_idle: bool) -> Turn | None:
        """Whose turn it is now, if anyone's. It is over when `looked` is told."""
        now = self._clock()
        for site, changes in self._changes.items():
            is_calm = now - changes.last >= _CALM or now - changes.first >= _NOT_LONGER
            if site in self._due and is_calm and now >= self._rests_until.get(site, 0.0):
                del self._changes[site]
                return Turn(site, None if changes.units is None else tuple(sorted(changes.units)))
        site, due = min(self._due.items(), key=lambda item: item[1], default=("", now + 1))
        if now < due or self._budget.pause() or not (is_idle or now - due >= _NOT_IDLE):
            return None
        self._changes.pop(site, None)
        return Turn(site, None)

    def looked(self, turn: Turn, seconds: float, *, failed: bool) -> None:
        """That turn ended, having used the processor for so long."""
        now = self._clock()
        self._rests_until[turn.site] = now + _REST * seconds
        if turn.units is None:
            self._budget.spent(seconds)
        if turn.site in self._due and failed:
            self._due[turn.site] = now + _AGAIN
        elif turn.site in self._due and turn.units is None:
            self._due[turn.site] = now + _day_of(turn.site)


def _day_of(site: str) -> float:
    return DAY - zlib.crc32(site.encode()) % int(_SPREAD)
