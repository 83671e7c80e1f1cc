"""What transactions do to one site: which pages are out, or held until their writer asks."""

from __future__ import annotations

import functools
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import pymysql
import structlog

from pressroom.pagecache.binlog.positions import (
    STRUCTURE,
    VISITOR,
    WRITER,
    Place,
    Position,
    RowChange,
    Transaction,
    Write,
)
from pressroom.pagecache.invalidator.held import Held, Touch
from pressroom.pagecache.invalidator.quiet import QuietRows, identity
from pressroom.pagecache.invalidator.renders import Render, Renders
from pressroom.pagecache.invalidator.stock import Stock, Taken
from pressroom.pagecache.matching.changes import Change, RecentChanges
from pressroom.pagecache.matching.dependencies import Dependencies
from pressroom.pagecache.matching.history import History, Noted, told_pages, told_rows
from pressroom.pagecache.matching.reads import Analyst, Statement
from pressroom.pagecache.matching.touches import Touched, Touches
from pressroom.pagecache.sql.schema import Schema
from pressroom.system.budget import Allowance

_log = structlog.get_logger(__name__)

# So much of the tailer's time may be taken to tell exactly what a site's changes touch: a share, and seconds that are
# saved up. In a bulk change (an import of 10,000 posts) it runs out: more pages go then, and no change waits for them.
_EXACT_SHARE, _EXACT_SAVED = 0.2, 2.0
# The same of reading how a site's tables are made, ten milliseconds each time: who makes tables in a loop has no pages
# stored meanwhile.
_TABLES_SHARE, _TABLES_SAVED = 0.1, 0.3
# Seconds after which a change in such a crowd is late: all pages go, and what is in line is older than the new ones.
_LATE = 0.1
# Transactions of one render that are told one by one however late it is: a site's program may lend others its mark.
_MOST_BY_RENDER = 50


@dataclass(frozen=True)
class Parts:
    """What the changes of all sites work with; ``clock`` in Unix seconds."""

    stock: Stock
    dependencies: Dependencies
    touches: Touches
    renders: Renders
    clock: Callable[[], float]


class SiteChanges:
    """What is going on in one site. Not thread-safe; the invalidator holds its lock."""

    def __init__(self, site: str, parts: Parts) -> None:
        self.recent = RecentChanges()
        self.history = History()
        self.held: Held | None = None
        self.quiet = QuietRows()
        self._exactness = Allowance(_EXACT_SHARE, _EXACT_SAVED)
        self._tables = Allowance(_TABLES_SHARE, _TABLES_SAVED)
        self._site = site
        self._parts = parts

    def analyst(self) -> Analyst | None:
        """None while the site's tables cannot be looked at, or have been too often."""
        if not self._parts.dependencies.knows(self._site) and self._tables.left() <= 0:
            return None
        began = time.perf_counter()
        try:
            return self._parts.dependencies.analyst(self._site)
        except (pymysql.err.Error, OSError) as error:
            _log.warning("schema_unknown", site=self._site, error=str(error))
            return None
        finally:
            self._tables.spend(time.perf_counter() - began)

    def apply(self, writes: list[Write], transaction: Transaction, before: Place | None) -> Taken | None:
        """Take out what the transaction touches, or hold it; `writes` are those to this site.

        `before` is a place of the binlog from which the transaction is read once more after a crash.
        """
        if transaction.prepared:
            return self._apply_prepared(transaction)
        rows = [row for row in transaction.rows if row.database == self._site]
        statements = any(write.table is None for write in writes)
        if any(row.table == STRUCTURE for row in rows):
            self._parts.dependencies.forget_schema(self._site)
            # To read the schema anew after each CREATE TABLE of an installation would hold up the barrier for nothing.
            statements = statements or not self._is_stocked()
        elif statements:
            self._parts.dependencies.forget_schema(self._site)
        analyst = None if statements else self.analyst()
        if analyst is not None:
            known = analyst.schema.tables.keys() | {row.table for row in rows if row.is_unknown}
            tables = {row.table for row in rows}
            if {write.table for write in writes} <= known & tables:
                rows += [RowChange.unknown(self._site, child) for child in analyst.schema.changed_with(tables)]
                return self._apply_rows(writes, rows, transaction, analyst.schema, before)
        return self._apply_to_all(writes, transaction, before)

    def _apply_to_all(self, writes: list[Write], transaction: Transaction, before: Place | None) -> Taken | None:
        """What is not known row by row."""
        stock, end = self._parts.stock.site(self._site), transaction.end
        self.recent.all_changed(end)
        if not self._may_touch(end):
            return None
        why = _why("a write to", writes)
        now = self._parts.clock()
        author = _author(writes, None)
        self.history.add(
            Noted(transaction.sequence, end, now, author, (why,), 0, page_count=stock.stored, all_pages=why)
        )
        if all(write.author == WRITER and write.table is not None for write in writes):
            self._hold(before, end, why).all_until = end
            return None
        self.drop(why, end)
        return Taken(self._site, why)

    def _apply_prepared(self, transaction: Transaction) -> Taken | None:
        """Pages that were made after it may not have its rows either."""
        stock, end = self._parts.stock.site(self._site), transaction.end
        if not stock.stored:
            return None
        why, now = "a transaction was prepared (XA)", self._parts.clock()
        self.history.add(
            Noted(transaction.sequence, end, now, _BESIDE, (why,), 0, page_count=stock.stored, all_pages=why)
        )
        self.drop(why, end)
        return Taken(self._site, why)

    def _apply_rows(
        self,
        writes: list[Write],
        rows: Sequence[RowChange],
        transaction: Transaction,
        schema: Schema,
        before: Place | None,
    ) -> Taken | None:
        parts, end = self._parts, transaction.end
        author = parts.renders.author(self._site, writes)
        if author is not None:
            author.changes += 1
            author.wrote |= {(row.table,) for row in rows}
            author.wrote |= {identity(row, schema) for row in rows if not row.is_unknown}
            rows = self.quiet.loud(rows, schema, parts.clock(), author.page)
            if not rows:
                return None
            author.wrote_to = end
        elif all(write.author == VISITOR for write in writes):
            rows = self.quiet.without(rows, schema, parts.clock())
            if not rows:
                return None
        change = Change(end, author.ticket if author else None, rows)
        self.recent.add(change, parts.renders.oldest_place(self._site))
        if not self._may_touch(end):
            return None
        waits = all(write.author == WRITER for write in writes)
        if (author is None or author.changes > _MOST_BY_RENDER) and self._is_late(transaction):
            return self._apply_to_all(writes, transaction, before)
        why = _why("a render wrote to" if author else "a write to", writes)
        pages: dict[str, Touch] = {}
        taken: list[Taken] = []

        def take_out(touched: Touched) -> None:
            more = self._pages_of(touched, end, author)
            pages.update(more)
            if more and not waits:
                taken.append(parts.stock.take_out_pages(self._site, _whys(more), why, end))

        touched = self._touched(rows, transaction, take_out if not waits else _left, bound=author is None)
        if touched.nearly_all:
            return self._apply_to_nearly_all(writes, transaction, before, touched)
        take_out(touched)
        self.history.add(
            Noted(
                transaction.sequence,
                end,
                parts.clock(),
                _author(writes, author),
                told_rows(rows, schema),
                len(rows),
                len(touched.rows) + touched.unchanged,
                touched.unchanged,
                told_pages(_whys(pages)),
                len(pages),
                by_render=author is not None,
            )
        )
        if waits and pages:
            self._hold(before, end, why).add(pages)
        if not taken:
            return None
        if not self._is_stocked():
            self.held = None
        return functools.reduce(Taken.and_then, taken)

    def _pages_of(self, touched: Touched, end: Position, author: Render | None) -> dict[str, Touch]:
        """The stored ones, by key; neither what is newer than the change, nor the page of the render that made it."""
        return {
            page.key: Touch(end, self._parts.touches.why(self._site, touched, number), touched.pages[number])
            for number, page in self._parts.stock.numbered(self._site, touched.pages).items()
            if page.fence < end and not (author and page.key == author.key)
        }

    def _apply_to_nearly_all(
        self, writes: list[Write], transaction: Transaction, before: Place | None, touched: Touched
    ) -> Taken | None:
        """The few others are not told from them. Those made since are right."""
        end = transaction.end
        now = self._parts.clock()
        read = next(iter(touched.rows), None)
        why = _why("a write to", writes) if read is None else self._parts.touches.why_read(self._site, touched, read)
        stored, author = self._parts.stock.site(self._site).stored, _author(writes, None)
        count = len(transaction.rows)
        self.history.add(Noted(transaction.sequence, end, now, author, (why,), count, page_count=stored, all_pages=why))
        if all(write.author == WRITER for write in writes):
            self._hold(before, end, why).all_until = end
            return None
        right = self._parts.stock.made_since(self._site, end)
        kept = self._parts.stock.drop(self._site, why, end, right)
        if not kept:
            self.held = None
        return Taken(self._site, why, None, kept)

    def _touched(
        self, rows: Sequence[RowChange], transaction: Transaction, at_once: Callable[[Touched], None], *, bound: bool
    ) -> Touched:
        """`bound`: where nearly all pages are concerned, they need not be told one by one."""
        began = time.perf_counter()
        is_nearly_all = (lambda read: self._parts.stock.is_nearly_all(self._site, read)) if bound else None
        ask = self._exactness.left() > 0
        touched = self._parts.touches.find(
            self._site, rows, transaction.end, is_nearly_all, came=transaction.came, ask=ask, at_once=at_once
        )
        self._exactness.spend(time.perf_counter() - began)
        return touched

    def _is_late(self, transaction: Transaction) -> bool:
        """Whether this site's own changes are more than the tailer can follow: visitors would get ever older pages."""
        waited = 0.0 if transaction.came is None else time.monotonic() - transaction.came
        return waited > _LATE and self._exactness.left() <= 0

    def _is_stocked(self) -> bool:
        return self._parts.stock.site(self._site).stored > 0

    def _may_touch(self, end: Position) -> bool:
        """Whether a page is stored that is older than what ends here."""
        oldest = self._parts.stock.site(self._site).oldest_fence
        return self._is_stocked() and (oldest is None or oldest < end)

    def _hold(self, before: Place | None, end: Position, why: str) -> Held:
        if self.held is None:
            self.held = Held(before, end, why)
        self.held.end, self.held.why = end, why
        return self.held

    def settle(self) -> Taken | None:
        """Take out what is held, but for pages that were rendered after it, or are right once more."""
        held = self.held  # until the end: should this fail, the writer is not answered, and its gate closes
        if held is None:
            return None
        stock = self._parts.stock
        stored = stock.stored(self._site)
        if held.all_until is not None:
            right = [page for page in stored if held.is_right(page)]
            taken = Taken(self._site, held.why, None, stock.drop(self._site, held.why, held.end, right))
        else:
            stale = {page.key: touch for page in stored if (touch := held.touch_of(page)) is not None}
            reads = {read for touch in stale.values() for read in touch.reads}
            same = self._parts.touches.unchanged(self._site, reads, held.end)
            whys = {key: touch.why for key, touch in stale.items() if not touch.reads <= same}
            taken = stock.take_out_pages(self._site, whys, held.why, held.end)
        self.held = None
        return taken

    def is_overtaken(self, render: Render, fence: Position, reads: Sequence[Statement], analyst: Analyst) -> bool:
        """Whether a page that read this would not be right: for others' changes since its fence, or for what its own
        render wrote after it had read. Not where each of its renders writes to that table: it would never be stored.
        """
        if self.recent.overtook(fence, render.ticket, reads, analyst):
            return True
        own = self.recent.own(fence, render.ticket)
        own = [row for row in own if not self.quiet.repeats((row.table,), render.page)]
        if not own:
            return False
        touched = [read for read in reads if analyst.template(read.template) and analyst.any_touched([read], own)]
        return bool(touched) and not self._parts.touches.still_give(self._site, touched, render.wrote_to or fence)

    def start_at(self, place: Position) -> None:
        """What changed before this place is not known, nor the tables; places that are may be of another binlog."""
        self._parts.dependencies.forget_schema(self._site)
        self.recent = RecentChanges()
        self.recent.all_changed(place)

    def drop(self, why: str, by: Position | None = None) -> None:
        """Take all pages out."""
        self._parts.stock.drop(self._site, why, by)
        self.held = None  # not before: `is_held` is asked meanwhile, and its writer would be answered


_BESIDE = "an SQL client, the command line or an event"


def _author(writes: list[Write], render: Render | None) -> str:
    if render is not None:
        return f"the render of {render.key}"
    told = {WRITER: "an editor's request", VISITOR: "a visitor's page view"}
    authors = {write.author for write in writes}
    return told.get(authors.pop() or "", _BESIDE) if len(authors) == 1 else _BESIDE


def _left(touched: Touched) -> None:
    """It is held as a whole."""


def _whys(pages: Mapping[str, Touch]) -> dict[str, str]:
    return {key: touch.why for key, touch in pages.items()}


def _why(what: str, writes: list[Write]) -> str:
    return f"{what} " + ", ".join(sorted({write.table or "(statement)" for write in writes}))
