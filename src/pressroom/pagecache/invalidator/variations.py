"""Which of a site's views differ from visitor to visitor, so that their pages are never stored.

A view is what kind of page one is, as the recorder names it. Learnt by probe renders (`probes`), forgotten when the
site's code changes, and after a day: an option may have ended it, or a probe was wrong. Then it is probed anew.
"""

from __future__ import annotations

import sqlite3
import time
from collections import Counter
from collections.abc import Callable

SCHEMA = """
CREATE TABLE variations (
    site TEXT NOT NULL, view TEXT NOT NULL,  -- empty where one page alone is known to
    key TEXT NOT NULL, why TEXT NOT NULL, at REAL NOT NULL,  -- Unix seconds
    PRIMARY KEY (site, view, why)
) WITHOUT ROWID;
"""
# So many pages of a view are probed before any other of it is stored, and one of so many of the others.
FIRST, ONE_OF = 2, 50
BELIEVED_FOR = 86400.0  # seconds
# So long a page that was refused is not rendered again, however often it is asked for. Seconds.
REFUSED_FOR = 300.0
_MOST_OF_A_SITE = 200


class Variations:
    """Not thread-safe; the invalidator holds its lock, and writes happen in the index's transactions."""

    def __init__(self, database: sqlite3.Connection, clock: Callable[[], float] = time.time) -> None:
        """`clock` in Unix seconds."""
        self._db = database
        self._clock = clock
        self._looked_at: Counter[tuple[str, str]] = Counter()
        self._refused: dict[tuple[str, str], tuple[str, float]] = {}

    def of_view(self, site: str, view: str) -> str | None:
        """Why pages of this view are not stored; None when they may be."""
        row = self._db.execute(
            "SELECT why FROM variations WHERE site=? AND view=? AND view!='' AND at>?", (site, view, self._believed())
        ).fetchone()
        return None if row is None else str(row[0])

    def wants_probe(self, site: str, view: str) -> bool:
        """Whether the next page of this view is to be probed before it is stored."""
        pages = self._looked_at[site, view]
        if pages >= FIRST:
            self._looked_at[site, view] += 1
        return pages < FIRST or pages % ONE_OF == 0

    def was_probed(self, site: str, view: str) -> None:
        self._looked_at[site, view] += 1

    def learn(self, site: str, view: str, key: str, why: str) -> None:
        """This page differs, and with it all of its view (empty: no other page)."""
        self._db.execute("DELETE FROM variations WHERE site=? AND at<=?", (site, self._believed()))
        self._looked_at.pop((site, view), None)  # once it is not believed any more, its first pages are probed again
        (known,) = self._db.execute("SELECT count(*) FROM variations WHERE site=?", (site,)).fetchone()
        if known < _MOST_OF_A_SITE:
            row = (site, view, key, why, self._clock())
            self._db.execute("INSERT OR REPLACE INTO variations VALUES (?, ?, ?, ?, ?)", row)

    def refuse(self, site: str, key: str, why: str) -> None:
        """Remember for a while that this page is not worth a render."""
        now = time.monotonic()
        if len(self._refused) > 10_000:
            self._refused = {page: (said, until) for page, (said, until) in self._refused.items() if until > now}
        self._refused[site, key] = (why, now + REFUSED_FOR)

    def refused(self, site: str, key: str) -> str | None:
        why, until = self._refused.get((site, key), ("", 0.0))
        return why if until > time.monotonic() else None

    def all_of(self, site: str) -> list[tuple[str, str]]:
        """An example page and why it differs."""
        rows = self._db.execute(
            "SELECT min(key), why FROM variations WHERE site=? AND at>? GROUP BY why ORDER BY why",
            (site, self._believed()),
        )
        return [(str(key), str(why)) for key, why in rows]

    def _believed(self) -> float:
        """What was found after this is believed."""
        return self._clock() - BELIEVED_FOR

    def forget(self, site: str) -> None:
        """The site's code has changed."""
        self._db.execute("DELETE FROM variations WHERE site=?", (site,))
        for known in (self._looked_at, self._refused):
            for name in [name for name in known if name[0] == site]:
                del known[name]
