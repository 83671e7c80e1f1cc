"""The page cache's memory: the tailer's position, each site's generation, each page's version. SQLite.

Position and index change in one transaction. After a power loss the last ones may be missing (`sqlite.py`); the tailer
then reads those binlog events once more.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Collection
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pressroom.pagecache import sqlite
from pressroom.pagecache.binlog.positions import Place, Position
from pressroom.pagecache.invalidator import undecided, variations
from pressroom.pagecache.invalidator.undecided import Undecided
from pressroom.pagecache.invalidator.variations import Variations
from pressroom.pagecache.matching import dependencies
from pressroom.pagecache.matching.dependencies import Dependencies
from pressroom.pagecache.matching.reads import Reads
from pressroom.pagecache.outcomes import OUTCOMES, RANDOM
from pressroom.pagecache.sql.schema import Schema

SCHEMA_VERSION = 12
_SCHEMA = """
CREATE TABLE place (
    only INTEGER PRIMARY KEY CHECK (only = 1),
    file TEXT NOT NULL, offset INTEGER NOT NULL, gtid TEXT NOT NULL, boot TEXT NOT NULL
);
CREATE TABLE sites (
    site TEXT PRIMARY KEY,
    generation INTEGER NOT NULL,
    dropped_at REAL, dropped_why TEXT, dropped_file INTEGER, dropped_offset INTEGER
) WITHOUT ROWID;
CREATE TABLE pages (
    id INTEGER PRIMARY KEY,
    site TEXT NOT NULL, key TEXT NOT NULL,
    generation INTEGER NOT NULL,      -- in which it is stored (an older one means known, but not stored)
    mtime INTEGER NOT NULL,           -- seconds, growing with every version, for nginx's ETag is made of it
    kind TEXT NOT NULL,               -- 'page', 'typed' or 'redirect'
    size INTEGER NOT NULL, digest TEXT NOT NULL,
    fence_file INTEGER NOT NULL, fence_offset INTEGER NOT NULL,
    rendered_at REAL NOT NULL, render_seconds REAL NOT NULL, queries INTEGER NOT NULL,
    valid_until REAL, valid_why TEXT NOT NULL,  -- Unix time up to which it is right by the clock, and why
    view TEXT NOT NULL,               -- what kind of page it is, as the recorder names it
    due INTEGER NOT NULL DEFAULT 0,
    taken_at REAL, taken_why TEXT,    -- when it was last taken out alone, and why
    turn_at REAL NOT NULL,            -- when its turn in the audit came last (a render counts as one)
    UNIQUE (site, key)
);
CREATE INDEX pages_by_turn ON pages (site, generation, turn_at);
CREATE TABLE audits (
    site TEXT PRIMARY KEY,
    since REAL NOT NULL,
    right INTEGER NOT NULL DEFAULT 0, violation INTEGER NOT NULL DEFAULT 0, random INTEGER NOT NULL DEFAULT 0,
    overtaken INTEGER NOT NULL DEFAULT 0, failed INTEGER NOT NULL DEFAULT 0,
    random_page TEXT, random_why TEXT -- the last one
) WITHOUT ROWID;
CREATE INDEX pages_by_expiry ON pages (valid_until) WHERE valid_until IS NOT NULL;
"""


@dataclass(frozen=True)
class PageRow:
    """One version of one page. Times in Unix seconds; ``size`` in bytes of the plain body."""

    site: str
    key: str
    generation: int
    mtime: int
    kind: str
    size: int
    digest: str
    fence: Position
    rendered_at: float
    render_seconds: float
    queries: int
    valid_until: float | None
    valid_why: str = ""
    view: str = ""
    taken_at: float | None = None
    taken_why: str | None = None
    due: bool = False


@dataclass(frozen=True)
class SiteRow:
    """A site's generation and what ended the one before."""

    site: str
    generation: int
    dropped_at: float | None
    dropped_why: str | None
    dropped_by: Position | None


_PAGE_COLUMNS = (
    "site, key, generation, mtime, kind, size, digest, fence_file, fence_offset,"
    " rendered_at, render_seconds, queries, valid_until, valid_why, view, taken_at, taken_why, due"
)


class Index:
    """All reads and writes of the index. One thread at a time: its owner holds a lock around it."""

    def __init__(self, path: Path, schema_of: Callable[[str], Schema]) -> None:
        """`schema_of` tells a site's tables."""
        self._path = path
        self._db = sqlite.opened(path)
        # It waits for the disk, and others for the lock: see checkpoint.
        self._db.execute("PRAGMA wal_autocheckpoint=0")
        if sqlite.version(self._db) != SCHEMA_VERSION:
            # Another version's index is worth less than a render of its pages.
            sqlite.create_anew(
                self._db, _SCHEMA + dependencies.SCHEMA + variations.SCHEMA + undecided.SCHEMA, SCHEMA_VERSION
            )
        self.dependencies = Dependencies(self._db, schema_of)
        self.variations = Variations(self._db)
        self.undecided = Undecided(self._db)

    def checkpoint(self) -> None:
        """Move the log into the database, by a connection of its own: for any thread, and without anybody's lock."""
        other = sqlite3.connect(self._path)
        try:
            other.execute("PRAGMA wal_checkpoint(PASSIVE)")
        finally:
            other.close()

    def close(self) -> None:
        self._db.close()

    def transaction(self) -> AbstractContextManager[None]:
        return sqlite.transaction(self._db)

    def place(self) -> Place | None:
        row = self._db.execute("SELECT file, offset, gtid, boot FROM place").fetchone()
        return Place(*row) if row else None

    def set_place(self, place: Place) -> None:
        self._db.execute(
            "INSERT OR REPLACE INTO place VALUES (1, ?, ?, ?, ?)",
            (place.file, place.offset, place.gtid, place.boot),
        )

    def site(self, site: str) -> SiteRow:
        """The site's row; generation 0 for a site that was never seen."""
        row = self._db.execute(
            "SELECT site, generation, dropped_at, dropped_why, dropped_file, dropped_offset FROM sites WHERE site=?",
            (site,),
        ).fetchone()
        if row is None:
            return SiteRow(site, 0, None, None, None)
        site, generation, at, why, file, offset = row
        return SiteRow(site, generation, at, why, None if file is None else Position(file, offset))

    def next_generation(self, site: str, at: float, why: str, by: Position | None) -> int:
        """Begin a new generation: all stored pages of the site are no longer stored. Returns its number."""
        generation = self.site(site).generation + 1
        self._db.execute(
            "INSERT OR REPLACE INTO sites VALUES (?, ?, ?, ?, ?, ?)",
            (site, generation, at, why, *(by if by is not None else (None, None))),
        )
        return generation

    def forget_site(self, site: str) -> None:
        self.dependencies.forget_site(site)
        self.variations.forget(site)
        self._db.execute("DELETE FROM pages WHERE site=?", (site,))
        self._db.execute("DELETE FROM audits WHERE site=?", (site,))
        self._db.execute("DELETE FROM sites WHERE site=?", (site,))

    def sites(self) -> list[str]:
        return [name for (name,) in self._db.execute("SELECT site FROM sites ORDER BY site")]

    def put_page(self, row: PageRow, reads: Reads) -> None:
        """Remember a version of a page, and what it was made from."""
        (number,) = self._db.execute(
            "INSERT INTO pages (site, key, generation, mtime, kind, size, digest, fence_file, fence_offset,"
            " rendered_at, render_seconds, queries, valid_until, valid_why, view, turn_at)"
            " VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)"
            " ON CONFLICT (site, key) DO UPDATE SET generation=excluded.generation, mtime=excluded.mtime,"
            " kind=excluded.kind, size=excluded.size, digest=excluded.digest, fence_file=excluded.fence_file,"
            " fence_offset=excluded.fence_offset, rendered_at=excluded.rendered_at,"
            " render_seconds=excluded.render_seconds, queries=excluded.queries, valid_until=excluded.valid_until,"
            " valid_why=excluded.valid_why, view=excluded.view, due=0, turn_at=excluded.turn_at"
            " RETURNING id",
            (
                row.site, row.key, row.generation, row.mtime, row.kind, row.size, row.digest,
                row.fence.file, row.fence.offset, row.rendered_at, row.render_seconds, row.queries,
                row.valid_until, row.valid_why, row.view, row.rendered_at,
            ),
        ).fetchone()  # fmt: skip
        self.dependencies.put(row.site, number, reads)

    def numbered(self, site: str, numbers: Collection[int], generation: int) -> dict[int, PageRow]:
        """Of the pages with these numbers, those that are stored in this generation."""
        rows = {}
        for number in numbers:
            found = self._db.execute(
                f"SELECT {_PAGE_COLUMNS} FROM pages WHERE id=? AND site=? AND generation=?", (number, site, generation)
            ).fetchone()
            if found:
                rows[number] = _page(found)
        return rows

    def number_of(self, site: str, key: str) -> int | None:
        row = self._db.execute("SELECT id FROM pages WHERE site=? AND key=?", (site, key)).fetchone()
        return int(row[0]) if row else None

    def page(self, site: str, key: str) -> PageRow | None:
        row = self._db.execute(f"SELECT {_PAGE_COLUMNS} FROM pages WHERE site=? AND key=?", (site, key)).fetchone()
        return _page(row) if row else None

    def pages(self, site: str, *, generation: int | None = None, since: Position | None = None) -> list[PageRow]:
        """All known pages of a site, or those stored in one generation; with a fence at this position or later."""
        where: str = ""
        values: list[object] = [site]
        if generation is not None:
            where, values = f"{where} AND generation=?", [*values, generation]
        if since is not None:
            where, values = f"{where} AND (fence_file, fence_offset) >= (?, ?)", [*values, *since]
        rows = self._db.execute(f"SELECT {_PAGE_COLUMNS} FROM pages WHERE site=?{where} ORDER BY key", values)
        return [_page(row) for row in rows]

    def count_reading(self, site: str, generation: int, read: int) -> int:
        """How many of the pages that are stored in this generation made this read."""
        # CROSS JOIN: in this order. SQLite's own begins with the pages, and compares each with each.
        query = (
            "SELECT COUNT(DISTINCT g.id) FROM set_reads s CROSS JOIN page_sets p ON p.of = s.of"
            " CROSS JOIN pages g ON g.id = p.page WHERE s.read=? AND g.site=? AND g.generation=?"
        )
        return int(self._db.execute(query, (read, site, generation)).fetchone()[0])

    def count(self, site: str, generation: int) -> int:
        return int(
            self._db.execute("SELECT count(*) FROM pages WHERE site=? AND generation=?", (site, generation)).fetchone()[
                0
            ]
        )

    def carry(self, site: str, key: str, generation: int) -> None:
        """The page is stored in this generation too, as it is."""
        self._db.execute("UPDATE pages SET generation=? WHERE site=? AND key=?", (generation, site, key))

    def unstore(self, site: str, key: str, why: str | None = None, at: float | None = None) -> None:
        """The page is known, but not stored any more; `why` when something took it out."""
        self._db.execute("UPDATE pages SET generation=-1, valid_until=NULL WHERE site=? AND key=?", (site, key))
        if why is not None:
            self._db.execute("UPDATE pages SET taken_at=?, taken_why=? WHERE site=? AND key=?", (at, why, site, key))

    def expired(self, now: float) -> list[tuple[str, str, bool]]:
        """Site and key of stored pages whose valid-until has passed, and whether they have been due before."""
        return [
            (site, key, bool(due))
            for site, key, due in self._db.execute(
                "SELECT p.site, p.key, p.due FROM pages p JOIN sites s"
                " ON s.site = p.site AND s.generation = p.generation WHERE p.valid_until <= ?",
                (now,),
            )
        ]

    def set_due(self, site: str, key: str, until: float) -> None:
        """It is to be rendered anew; until then it stays, but not beyond this time."""
        self._db.execute("UPDATE pages SET due=1, valid_until=? WHERE site=? AND key=?", (until, site, key))

    # -- the audit -----------------------------------------------------------------------------------------

    def longest_unchecked(self, site: str | None = None) -> tuple[str, str, float] | None:
        """Site and key of the stored page (of a site, or of all) whose turn came last longest ago, and when it did."""
        one, values = ("", ()) if site is None else (" AND s.site=?", (site,))
        row = self._db.execute(
            "SELECT p.site, p.key, p.turn_at FROM sites s JOIN pages p ON p.site=s.site AND p.generation=s.generation"
            " WHERE p.turn_at = (SELECT min(turn_at) FROM pages WHERE site=s.site AND generation=s.generation)"
            f"{one} ORDER BY p.turn_at LIMIT 1",
            values,
        ).fetchone()
        return (str(row[0]), str(row[1]), float(row[2])) if row else None

    def put_check(self, site: str, key: str, outcome: str, why: str, at: float) -> None:
        """A page's turn came. Raises ValueError for an outcome that there is not."""
        if outcome not in OUTCOMES:
            raise ValueError(f"no outcome: {outcome!r}")
        self._db.execute("UPDATE pages SET turn_at=? WHERE site=? AND key=?", (at, site, key))
        self._db.execute(
            f"INSERT INTO audits (site, since, {outcome}) VALUES (?, ?, 1)"
            f" ON CONFLICT (site) DO UPDATE SET {outcome} = {outcome} + 1",
            (site, at),
        )
        if outcome == RANDOM:
            self._db.execute("UPDATE audits SET random_page=?, random_why=? WHERE site=?", (key, why, site))

    def audit_figures(self, site: str) -> dict[str, Any]:
        """The columns of `audits` by name; empty when no page's turn has come yet."""
        cursor = self._db.execute("SELECT * FROM audits WHERE site=?", (site,))
        row = cursor.fetchone()
        return dict(zip((column[0] for column in cursor.description), row, strict=True)) if row else {}


def _page(row: tuple[Any, ...]) -> PageRow:
    site, key, generation, mtime, kind, size, digest, file, offset, *rest = row
    rest[-1] = bool(rest[-1])
    return PageRow(site, key, generation, mtime, kind, size, digest, Position(file, offset), *rest)
