"""An invalidator over a real index, store and gates, told the time and the binlog by the test."""

from __future__ import annotations

import itertools
from pathlib import Path

from pressroom.pagecache.binlog.positions import Place, Position, RowChange, Transaction, Write
from pressroom.pagecache.invalidator.gate import Gates
from pressroom.pagecache.invalidator.index import Index
from pressroom.pagecache.invalidator.invalidator import Invalidator
from pressroom.pagecache.invalidator.stock import Outcome, Taken
from pressroom.pagecache.matching.reads import UNRECORDED, Reads
from pressroom.pagecache.sql.schema import Column, Schema, Table
from pressroom.pagecache.store import PAGE, PageStore
from tests.pagecache.staging import rendered

FILE = "binlog.000001"
BOOT = "boot-1"
_PLAIN = Table({"ID": Column("bigint", "PRI")})
SCHEMA = Schema(dict.fromkeys(("wp_posts", "wp_options", "wp_postmeta", "wp_counter", "wp_views", "wp_terms"), _PLAIN))


class World:
    """Positions are offsets in one binlog file; the clock stands still until it is moved."""

    def __init__(self, folder: Path, *, max_pages: int = 100, sites: tuple[str, ...] = ("s1", "s2")) -> None:
        self.folder = folder
        self.now = 1_700_000_000.0
        self.max_pages = max_pages
        self.names = list(sites)
        self.drops: list[tuple[str, str]] = []
        self.holds: list[str] = []
        self.taken: list[Taken] = []
        self.schema = SCHEMA
        self._sequence = itertools.count(100)
        for site in sites:
            (folder / "gates" / site).mkdir(parents=True)
        self.start()
        self.cache.start_at(Place(FILE, 1000, "0-7-99", ""), "the page cache is new")
        self.write("another-database", 1000)  # from now on the place bears the boot's name
        for site in sites:
            self.gates.open(site)
        self.drops.clear()
        self.taken.clear()

    def start(self, boot: str = BOOT) -> int:
        """The daemon's start, again too; returns the number of files removed."""
        self.index = Index(self.folder / "index.db", lambda site: self.schema)
        self.store = PageStore(self.folder / "store")
        self.gates = Gates(self.folder / "gates")
        self.cache = Invalidator(self.index, self.store, self.gates, max_pages=self.max_pages, clock=lambda: self.now)
        self.cache.taken = self._on_taken
        self.cache.held = self.holds.append
        self.cache.attend(self.names)
        return self.cache.recover(self.names, boot)

    def _on_taken(self, taken: Taken) -> None:
        self.drops.append((taken.site, taken.why))
        self.taken.append(taken)

    def stop(self) -> None:
        self.cache.save_place()
        self.index.close()

    def publish(self, ticket: str, fence: int, body: bytes = b"text", reads: Reads = UNRECORDED) -> Outcome:
        return self.cache.publish(ticket, rendered(self.folder / "staging", body, Position(1, fence), reads))

    def render(
        self, site: str, key: str, fence: int = 1000, body: bytes = b"text", reads: Reads = UNRECORDED
    ) -> Outcome:
        """A page that may have read anything, unless `reads` says what."""
        return self.publish(self.cache.begin(site, key), fence, body, reads)

    def write(self, site: str, end: int, *tables: str | None, mark: str | None = None) -> list[str]:
        """A transaction that wrote row 1 to each of these tables (None: a statement), ending at this offset."""
        names = tables or ("wp_posts",)
        writes = frozenset(Write(site, table, mark) for table in names)
        rows = tuple(RowChange(site, table, None, {"ID": 1}) for table in names if table)
        return self.cache.apply(Transaction(next(self._sequence), Position(1, end), writes, rows), FILE)

    def is_stored(self, site: str, key: str) -> bool:
        """Both memories must say the same: the index, and the file that nginx would read."""
        says = self.cache.page(site, key)[1]
        generation = self.store.current(site)
        there = generation is not None and self.store.plain_file(site, generation, key, PAGE).exists()
        assert says == there, f"index {says}, disk {there}"
        return says

    def stored(self, site: str) -> int:
        return self.cache.sites()[site][1]
