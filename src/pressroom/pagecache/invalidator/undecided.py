"""Which sites have written in a transaction that is prepared (XA) and not decided: nothing of theirs is stored.

The binlog has the rows when they are prepared, and ``XA COMMIT`` before they can be seen. That word is not the last one
either: where the connection was lost meanwhile, MariaDB can leave the transaction as it was, and have it decided once
more after its next start. So InnoDB is asked: a site is free when all transactions have ended that were under way
after its rows had come.

Of those that were prepared before the binlog's place was lost nobody knows whose they are. One tenant's must not keep
the pages of all from being stored, so they are: and all are dropped when one of these transactions ends.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass

SCHEMA = "CREATE TABLE undecided (site TEXT PRIMARY KEY) WITHOUT ROWID;\n"
ANY = ""  # a site, nobody knows which
_SOONEST, _LATEST = 0.4, 10.0  # seconds between two questions; each costs all who want locks in InnoDB a little
_MOST_TOLD = 20_000  # transactions; of many more MariaDB leaves some out, and says nothing


@dataclass(frozen=True)
class Wait:
    """Until these transactions have ended; None: it has not been asked yet which there are."""

    under_way: frozenset[int] | None = None


class Undecided:
    """Not thread-safe; the invalidator holds its lock. Moments are Unix seconds."""

    def __init__(self, database: sqlite3.Connection) -> None:
        self._db = database
        self._waits = {site: Wait() for (site,) in database.execute("SELECT site FROM undecided")}
        self._pause, self._ask_at, self._ask_for_any_at = _SOONEST, 0.0, 0.0

    def __contains__(self, site: str) -> bool:
        return site in self._waits

    def sites(self) -> frozenset[str]:
        return frozenset(self._waits) - {ANY}

    def add(self, site: str) -> None:
        """It has written in one that is prepared now; ANY: one of them has perhaps, before."""
        if site not in self._waits:
            self._db.execute("INSERT INTO undecided VALUES (?)", (site,))
        self._waits[site] = Wait()
        self._pause, self._ask_at = _SOONEST, 0.0

    def forget(self, site: str) -> None:
        self._db.execute("DELETE FROM undecided WHERE site=?", (site,))
        self._waits.pop(site, None)

    def due(self, now: float) -> dict[str, Wait]:
        """What InnoDB is to be asked for; later and later, while nothing comes of it."""
        at = {site: self._ask_for_any_at if site == ANY else self._ask_at for site in self._waits}
        return {site: wait for site, wait in self._waits.items() if now >= at[site]}

    def ended(self, before: Mapping[str, Wait], under_way: frozenset[int]) -> list[str]:
        """`under_way` was asked for after `before` was due. The sites that are free by that; ANY among them: one that
        may be any site's has perhaps ended. They are free once it is noted.
        """
        left = self._left(before, under_way)
        return [site for site, rest in left.items() if not rest or (site == ANY and rest != before[site].under_way)]

    def note(self, before: Mapping[str, Wait], under_way: frozenset[int], now: float) -> None:
        """What was ended has had its consequences."""
        left = self._left(before, under_way)
        for site, rest in left.items():
            if rest:
                self._waits[site] = Wait(rest)
            else:
                self.forget(site)
        if ANY in before:  # seldom: who ends many, one after the other, has all pages dropped each time
            self._ask_for_any_at = now + _LATEST
        if before.keys() - {ANY}:
            free = any(not rest for site, rest in left.items() if site != ANY)
            self._pause = _SOONEST if free else min(self._pause * 2, _LATEST)
            self._ask_at = now + self._pause

    def _left(self, before: Mapping[str, Wait], under_way: frozenset[int]) -> dict[str, frozenset[int]]:
        """What each waits for now, but for those that have prepared another one meanwhile. Nothing is known of any
        where too much is under way.
        """
        if len(under_way) > _MOST_TOLD:
            return {}
        return {
            site: under_way if wait.under_way is None else wait.under_way & under_way
            for site, wait in before.items()
            if self._waits.get(site) is wait
        }
