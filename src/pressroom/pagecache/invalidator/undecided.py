"""Which sites have written in a transaction that is prepared (XA) and not decided: nothing of theirs is stored.

The binlog has the rows when they are prepared, and ``XA COMMIT`` before they can be seen. That word is not the last one
either: where the connection was lost meanwhile, MariaDB can leave the transaction as it was, and have it decided once
more after its next start. So InnoDB is asked: a site is free when all transactions have ended that were under way
after its rows had come.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass

SCHEMA = "CREATE TABLE undecided (site TEXT PRIMARY KEY) WITHOUT ROWID;\n"


@dataclass(frozen=True)
class Wait:
    """Until these transactions have ended; None: it has not been asked yet which there are."""

    under_way: frozenset[int] | None = None


class Undecided:
    """Not thread-safe; the invalidator holds its lock."""

    def __init__(self, database: sqlite3.Connection) -> None:
        self._db = database
        self._waits = {site: Wait() for (site,) in database.execute("SELECT site FROM undecided")}

    def __contains__(self, site: str) -> bool:
        return site in self._waits

    def add(self, site: str) -> None:
        """It has written in one that is prepared now."""
        if site not in self._waits:
            self._db.execute("INSERT INTO undecided VALUES (?)", (site,))
        self._waits[site] = Wait()

    def waits(self) -> dict[str, Wait]:
        return dict(self._waits)

    def ended(self, before: Mapping[str, Wait], under_way: frozenset[int]) -> list[str]:
        """`under_way` was asked for after `before` had been. Returns the sites that are free from now on."""
        free = []
        for site, wait in before.items():
            if self._waits.get(site) is not wait:
                continue  # it has prepared another one meanwhile
            left = under_way if wait.under_way is None else wait.under_way & under_way
            if left:
                self._waits[site] = Wait(left)
            else:
                self._db.execute("DELETE FROM undecided WHERE site=?", (site,))
                del self._waits[site]
                free.append(site)
        return free
