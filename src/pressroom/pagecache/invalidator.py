"""The one hand that orders publishing and invalidating.

Every change of the index, the store and the generations goes through an `Invalidator`, under its lock. A row that
changed takes out the pages that may have read it (`dependencies`); what is not known row by row (DDL, a transaction too
large to look at) takes out all pages of its site.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field

import pymysql
import structlog

from pressroom.model.errors import NoSpace
from pressroom.pagecache.changes import Change, RecentChanges, identity
from pressroom.pagecache.gate import Gates
from pressroom.pagecache.index import Index, PageRow, Place, SiteRow
from pressroom.pagecache.positions import WRITER, Position, RowChange, Transaction, Write
from pressroom.pagecache.reads import Analyst, Reads
from pressroom.pagecache.renders import Render, Renders
from pressroom.pagecache.sql.schema import Schema
from pressroom.pagecache.store import NotStorable, PageStore, Staged, page_path

_log = structlog.get_logger(__name__)

# What renders themselves write (counters, transients) takes out the other pages that read it, but the same row not
# again within this time: else two pages that show each other's counters would throw each other out for ever. Seconds.
OWN_WRITES_QUIET = 600.0
# For so long a page stays that has reached its valid-until and is not rendered anew yet. Seconds.
GRACE = 600.0
# So long a page is valid that asks MariaDB for the time. Seconds.
ASKS_FOR_THE_TIME = 300.0
_MOST_QUIET_ROWS = 10_000
# From this share of the stored pages on, a new generation that begins with the others is the cheaper way.
_NEARLY_ALL = 0.9


@dataclass(frozen=True)
class Rendered:
    """What a render brings: its fence, the staged files and the page's figures."""

    fence: Position
    staged: Staged
    size: int
    digest: str
    render_seconds: float
    queries: int
    reads: Reads
    valid_until: float | None = None


@dataclass(frozen=True)
class Outcome:
    """What became of a page: stored with this mtime, or refused, in a few words."""

    refused: str | None
    mtime: int | None = None


CHANGED = "changed"  # the refusal of a page that was overtaken by a write; rendering it again is worth it


@dataclass(frozen=True)
class Taken:
    """Pages that are not stored any more: these, or (``keys`` None) all of the site but the ``kept`` ones."""

    site: str
    why: str
    keys: frozenset[str] | None = None
    kept: frozenset[str] = frozenset()


@dataclass
class _Held:
    """Changes whose writers have not asked yet; ``before`` is the tailer's place that includes none of them.

    ``pages`` are those that were touched, by key, with the end of what touched them; None for all.
    """

    before: Place | None
    end: Position
    why: str
    pages: dict[str, Position] | None


@dataclass
class _SiteState:
    row: SiteRow
    stored: int
    oldest_fence: Position | None
    recent: RecentChanges = field(default_factory=RecentChanges)
    held: _Held | None = None
    quiet: dict[tuple[object, ...], float] = field(default_factory=dict)


class Invalidator:
    """Decides what is stored. Thread-safe.

    Calls `taken` after pages were taken out, and `held(site)` when a change is held: its writer waits at the barrier
    before its answer leaves, and until then the old pages are right. Whoever is told must see to it that `settle`
    follows, soon. Calls `due(site, keys)` for pages that the clock wants to be rendered anew.
    """

    def __init__(
        self,
        index: Index,
        store: PageStore,
        gates: Gates,
        *,
        max_pages: int,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._index = index
        self._store = store
        self._gates = gates
        self._max_pages = max_pages
        self._clock = clock
        self._lock = threading.RLock()
        self._renders = Renders(clock)
        self._sites: dict[str, _SiteState] = {}
        self._place: Place | None = index.place()
        self._place_saved = self._place
        self._boot = ""
        self.taken: Callable[[Taken], None] = lambda taken: None
        self.held: Callable[[str], None] = lambda site: None
        self.due: Callable[[str, list[str]], None] = lambda site, keys: None

    # -- starting ------------------------------------------------------------------------------------------

    def recover(self, sites: list[str], boot: str) -> int:
        """Make the store what the index says (contract point 8); returns the number of files removed.

        Files of unknown versions go. When the machine has been started since (`boot` differs), the content of
        each page is compared with its digest too: what was never synced to disk may be half there.
        """
        removed = 0
        same_boot = self._place is not None and self._place.boot == boot
        with self._lock:
            self._boot = boot
            for site in sites:
                state = self._state(site)
                if self._store.current(site) != state.row.generation:
                    self._store.switch(site, state.row.generation)
                known = {}
                for page in self._index.pages(site, generation=state.row.generation):
                    if not (self._is_there(page) if same_boot else self._is_whole(page)):
                        continue
                    size = 0 if page.kind == "redirect" else page.size
                    known[page_path(page.key)] = (page.mtime, size)
                removed += self._store.remove_strangers(site, state.row.generation, known)
                for page in self._index.pages(site, generation=state.row.generation):
                    if page_path(page.key) not in known:
                        with self._index.transaction():
                            self._index.unstore(site, page.key)
                        state.stored -= 1
        return removed

    def _is_there(self, page: PageRow) -> bool:
        return self._store.is_there(page.site, page.generation, page.key, page.kind)

    def _is_whole(self, page: PageRow) -> bool:
        return self._store.is_whole(page.site, page.generation, page.key, page.kind, page.digest)

    # -- following the binlog ------------------------------------------------------------------------------

    @property
    def place(self) -> Place | None:
        return self._place

    @property
    def passed(self) -> int:
        """Sequence number of the last transaction that has been applied."""
        return int(self._place.gtid.rpartition("-")[2] or 0) if self._place else 0

    def start_at(self, place: Place, why: str) -> None:
        """Follow from here; what came before is not known, so all pages are dropped."""
        with self._lock:
            for site in self._sites:
                self._renders.end_all(site)
                self._drop(site, why, None)
            self._place = place
            self._save_place()

    def apply(self, transaction: Transaction, file: str) -> list[str]:
        """Take out what a transaction touches; returns the sites that lost pages."""
        lost: list[Taken] = []
        held: list[str] = []
        with self._lock:
            for site, writes in _by_database(transaction).items():
                state = self._sites.get(site)
                if state is None:
                    continue
                was_held = state.held is not None
                taken = self._apply_to_site(site, writes, transaction)
                if taken is not None:
                    lost.append(taken)
                elif state.held is not None and not was_held:
                    held.append(site)
            server = self._place.gtid.split("-")[1] if self._place else "0"
            self._place = Place(file, transaction.end.offset, f"0-{server}-{transaction.sequence}", self._boot)
            if lost:
                self._save_place()
        for taken in lost:
            self.taken(taken)
        for site in held:
            self.held(site)
        return [taken.site for taken in lost]

    def _apply_to_site(self, site: str, writes: list[Write], transaction: Transaction) -> Taken | None:
        if any(write.table is None for write in writes):
            self._index.dependencies.forget_schema(site)
        elif site not in transaction.undecoded:
            analyst = self._analyst(site)
            rows = [row for row in transaction.rows if row.database == site]
            tables = {write.table for write in writes}
            known = analyst.schema.tables.keys() - analyst.schema.cascading if analyst else set()
            if analyst and tables <= known & {row.table for row in rows}:
                return self._apply_rows(site, writes, rows, transaction.end, analyst.schema)
        return self._apply_to_all(site, writes, transaction.end)

    def _analyst(self, site: str) -> Analyst | None:
        try:
            return self._index.dependencies.analyst(site)
        except (pymysql.err.Error, OSError) as error:
            _log.warning("schema_unknown", site=site, error=str(error))
            return None

    def _apply_to_all(self, site: str, writes: list[Write], end: Position) -> Taken | None:
        """What is not known row by row."""
        state = self._sites[site]
        state.recent.all_changed(end)
        if state.stored == 0 or (state.oldest_fence is not None and end <= state.oldest_fence):
            return None
        why = _why("a write to", writes)
        if all(write.author == WRITER and write.table is not None for write in writes):
            self._hold(state, end, why, None)
            return None
        self._drop(site, why, end)
        return Taken(site, why)

    def _apply_rows(
        self, site: str, writes: list[Write], rows: Sequence[RowChange], end: Position, schema: Schema
    ) -> Taken | None:
        state = self._sites[site]
        author = self._renders.author(site, writes)
        if author is not None:
            rows = self._loud(state, rows, schema)
            if not rows:
                return None
            author.wrote_to = end
        state.recent.add(Change(end, author.ticket if author else None, rows), self._renders.oldest_place(site))
        if not state.stored:
            return None
        numbers = self._index.dependencies.touched(site, rows)
        pages = [
            page
            for page in self._index.numbered(site, numbers, state.row.generation)
            if page.fence < end and not (author and page.key == author.key)
        ]
        if not pages:
            return None
        why = _why("a render wrote to" if author else "a write to", writes)
        if all(write.author == WRITER for write in writes):
            self._hold(state, end, why, {page.key: end for page in pages})
            return None
        return self._take_out_pages(site, pages, why, end)

    def _loud(self, state: _SiteState, rows: Sequence[RowChange], schema: Schema) -> list[RowChange]:
        """Of what a render wrote, the rows that no render has written lately."""
        now = self._clock()
        names = [identity(row, schema) for row in rows]
        loud = [
            row for row, name in zip(rows, names, strict=True) if now - state.quiet.get(name, 0.0) >= OWN_WRITES_QUIET
        ]
        if loud:
            state.quiet.update(dict.fromkeys(names, now))
        if len(state.quiet) > _MOST_QUIET_ROWS:
            state.quiet = {name: at for name, at in state.quiet.items() if now - at < OWN_WRITES_QUIET}
        return loud

    def _hold(self, state: _SiteState, end: Position, why: str, pages: dict[str, Position] | None) -> None:
        held = state.held
        if held is None:
            state.held = _Held(self._place, end, why, pages)
            return
        held.end, held.why = end, why
        held.pages = None if held.pages is None or pages is None else {**held.pages, **pages}

    def is_held(self, site: str) -> bool:
        """Whether a change of the site waits for `settle`."""
        with self._lock:
            state = self._sites.get(site)
            return state is not None and state.held is not None

    def held_keys(self, site: str) -> list[str] | None:
        """The pages that a held change touches; None for all of the site's."""
        with self._lock:
            state = self._sites.get(site)
            held = state.held if state else None
            return [] if held is None else None if held.pages is None else list(held.pages)

    def settle(self, site: str) -> None:
        """Take out what a held change touches, but for pages that were rendered after it."""
        with self._lock:
            state = self._sites.get(site)
            if state is None or state.held is None:
                return
            held, state.held = state.held, None
            stored = self._index.pages(site, generation=state.row.generation)
            if held.pages is None:
                since = state.recent.all_before
                fresh = [page for page in stored if since is None or page.fence >= since]
                taken = Taken(site, held.why, None, self._drop(site, held.why, held.end, fresh))
            else:
                touched = held.pages
                stale = [page for page in stored if page.key in touched and page.fence < touched[page.key]]
                taken = self._take_out_pages(site, stale, held.why, held.end)
        self.taken(taken)

    def save_place(self) -> None:
        """Save the tailer's place if it has moved; called now and then, since reading events twice is harmless."""
        with self._lock:
            if self._place_to_keep() is not self._place_saved:
                self._save_place()

    def _save_place(self) -> None:
        with self._index.transaction():
            self._put_place()

    def _put_place(self) -> None:
        """Inside a transaction of the index."""
        place = self._place_to_keep()
        if place is not None:
            self._index.set_place(place)
        self._place_saved = place

    def _place_to_keep(self) -> Place | None:
        """The tailer's place; while a change is held, the one before it: after a crash it must be read once more."""
        before = [state.held.before for state in self._sites.values() if state.held and state.held.before]
        return min(before, key=lambda place: Position.parse(place.file, place.offset), default=self._place)

    # -- rendering and publishing --------------------------------------------------------------------------

    def begin(self, site: str, key: str) -> str:
        """A ticket for one render. It marks the render's own writes, and the render is published by it."""
        with self._lock:
            for ticket in self._renders.overdue():
                self._renders.end(ticket)
            self._state(site)
            place = Position.parse(self._place.file, self._place.offset) if self._place else None
            return self._renders.begin(site, key, place).ticket

    def abandon(self, ticket: str, *, gone: bool) -> None:
        """The render came to nothing. `gone`: there is no such page for everybody (any more)."""
        with self._lock:
            render = self._renders.end(ticket)
            if gone and render is not None and render.site in self._sites:
                self.take_out(render.site, render.key)

    def is_rendering(self, site: str) -> bool:
        with self._lock:
            return self._renders.any_of(site)

    def publish(self, ticket: str, page: Rendered) -> Outcome:
        """Store a rendered page, or say why not."""
        with self._lock:
            render = self._renders.get(ticket)
            if render is None:
                return Outcome("unknown ticket")
            try:
                return self._publish(render, page)
            finally:
                self._renders.end(ticket)

    def _publish(self, render: Render, page: Rendered) -> Outcome:
        state = self._state(render.site)
        analyst = self._analyst(render.site)
        reads = (*page.reads.own, *page.reads.shared)
        if analyst is None or state.recent.overtook(page.fence, render.ticket, reads, analyst):
            return Outcome(CHANGED)
        old = self._index.page(render.site, render.key)
        stands = old is not None and old.generation == state.row.generation
        if not stands and state.stored >= self._max_pages:
            return Outcome("the site has as many stored pages as it may")
        now = self._clock()
        until = page.valid_until
        if any(template.clock for read in reads if (template := analyst.template(read.template))):
            until = min(until or now + ASKS_FOR_THE_TIME, now + ASKS_FOR_THE_TIME)
        # Nothing but its own writes has come since its fence: it is right up to the last of them.
        fence = max(page.fence, render.wrote_to or page.fence)
        row = PageRow(
            render.site, render.key, state.row.generation,
            max(int(now), old.mtime + 1 if old else 0),
            page.staged.kind, page.size, page.digest, fence, now, page.render_seconds, page.queries,
            until,
        )  # fmt: skip
        with self._index.transaction():
            self._index.put_page(row, page.reads)
            self._put_place()
        try:
            self._store.put(render.site, row.generation, render.key, page.staged, row.mtime)
        except (NoSpace, NotStorable, OSError) as error:
            with self._index.transaction():
                self._index.unstore(render.site, render.key)
            state.stored -= 1 if stands else 0
            return Outcome(f"not stored: {error}")
        state.stored += 0 if stands else 1
        state.oldest_fence = fence if state.oldest_fence is None else min(state.oldest_fence, fence)
        return Outcome(None, row.mtime)

    def recompress(self, site: str, key: str, mtime: int, staged: Staged) -> bool:
        """Put better compressed files beside a page that is still the same version."""
        with self._lock:
            state = self._state(site)
            row = self._index.page(site, key)
            if row is None or row.generation != state.row.generation or row.mtime != mtime:
                return False
            self._store.put_beside(site, row.generation, key, staged, row.mtime)
            return True

    # -- taking out ----------------------------------------------------------------------------------------

    def drop(self, site: str, why: str) -> None:
        """Take all pages of a site out; renders under way are not published."""
        with self._lock:
            state = self._state(site)
            self._renders.end_all(site)
            state.quiet.clear()
            self._drop(site, why, None)
        self.taken(Taken(site, why))

    def files_changed(self, site: str, why: str) -> bool:
        """The site's code has changed: as `drop`, but nothing happens where nothing is stored or being rendered."""
        with self._lock:
            state = self._sites.get(site)
            if state is None or not (self._renders.end_all(site) + state.stored):
                return False
            self._drop(site, why, None)
        self.taken(Taken(site, why))
        return True

    def oldest_page(self, site: str) -> float | None:
        """When the oldest stored page was rendered (Unix seconds); None when none is stored."""
        with self._lock:
            pages = self._index.pages(site, generation=self._state(site).row.generation)
            return min((page.rendered_at for page in pages), default=None)

    def take_out(self, site: str, key: str) -> bool:
        """Take one page out. False when it is not stored."""
        with self._lock:
            state = self._state(site)
            row = self._index.page(site, key)
            if row is None or row.generation != state.row.generation:
                return False
            with self._index.transaction():
                self._index.unstore(site, key)
            self._store.take_out(site, row.generation, key)
            state.stored -= 1
            return True

    def expire(self) -> None:
        """What has reached its valid-until is due; what was not rendered anew by the end of the grace, is taken out."""
        due: dict[str, list[str]] = {}
        overdue: dict[str, list[str]] = {}
        with self._lock:
            for site, key, was_due in self._index.expired(self._clock()):
                (overdue if was_due else due).setdefault(site, []).append(key)
            with self._index.transaction():
                for site, keys in due.items():
                    for key in keys:
                        self._index.set_due(site, key, self._clock() + GRACE)
            for site, keys in overdue.items():
                for key in keys:
                    self.take_out(site, key)
        for site, keys in due.items():
            self.due(site, keys)
        for site, keys in overdue.items():
            self.taken(Taken(site, "valid until now", frozenset(keys)))

    def reopen(self, site: str) -> None:
        """Open a gate that the site's PHP closed: only over an empty store."""
        with self._lock:
            self._renders.end_all(site)
            if self._state(site).stored:
                self._drop(site, "the invalidator did not answer in time", None)
            if not self._gates.open(site):
                return
        self.taken(Taken(site, "the gate was closed"))

    def _take_out_pages(self, site: str, pages: Collection[PageRow], why: str, by: Position) -> Taken:
        state = self._state(site)
        keys = frozenset(page.key for page in pages)
        if len(keys) > _NEARLY_ALL * state.stored:
            others = [page for page in self._index.pages(site, generation=state.row.generation) if page.key not in keys]
            return Taken(site, why, None, self._drop(site, why, by, others))
        with self._index.transaction():
            for key in keys:
                self._index.unstore(site, key, why[:300], self._clock())
            self._put_place()
        for key in keys:
            self._store.take_out(site, state.row.generation, key)
        state.stored -= len(keys)
        return Taken(site, why, keys)

    def _drop(self, site: str, why: str, by: Position | None, keep: Collection[PageRow] = ()) -> frozenset[str]:
        """Begin a new generation that holds the pages of `keep` alone; returns their keys."""
        state = self._state(site)
        state.held = None
        old = state.row.generation
        with self._index.transaction():
            generation = self._index.next_generation(site, self._clock(), why[:300], by)
            for page in keep:
                self._index.carry(site, page.key, generation)
            self._put_place()
        lost = self._store.begin(site, generation, old, [(page.key, page.kind) for page in keep])
        if lost:
            with self._index.transaction():
                for key in lost:
                    self._index.unstore(site, key)
        kept = [page for page in keep if page.key not in lost]
        state.row = self._index.site(site)
        state.stored = len(kept)
        state.oldest_fence = min((page.fence for page in kept), default=None)
        return frozenset(page.key for page in kept)

    # -- sites and figures ---------------------------------------------------------------------------------

    def attend(self, sites: list[str]) -> None:
        """These are the sites there are: new ones are looked after from now on, others are forgotten."""
        with self._lock:
            for site in sites:
                if site not in self._sites:
                    self._sites[site] = self._load(site)
            for site in {*self._sites, *self._index.sites()} - set(sites):
                self._sites.pop(site, None)
                with self._index.transaction():
                    self._index.forget_site(site)
                self._store.remove_site(site)

    def sites(self) -> dict[str, tuple[SiteRow, int]]:
        """Each site's row and its number of stored pages."""
        with self._lock:
            return {site: (state.row, state.stored) for site, state in self._sites.items()}

    def page(self, site: str, key: str) -> tuple[PageRow | None, bool]:
        """A page's last version, and whether it is stored now."""
        with self._lock:
            row = self._index.page(site, key)
            known = self._sites.get(site)
            return row, row is not None and known is not None and row.generation == known.row.generation

    def pages(self, site: str) -> list[tuple[PageRow, bool]]:
        with self._lock:
            generation = self._state(site).row.generation
            return [(row, row.generation == generation) for row in self._index.pages(site)]

    def sweep(self) -> None:
        """Remove old generations from disk; slow and without the lock."""
        for site, (row, _) in self.sites().items():
            self._store.sweep(site, row.generation)

    def _state(self, site: str) -> _SiteState:
        """Raises KeyError for a site that there is not (any more): a late render must not bring its folder back."""
        return self._sites[site]

    def _load(self, site: str) -> _SiteState:
        row = self._index.site(site)
        if row.generation == 0:
            with self._index.transaction():
                self._index.next_generation(site, self._clock(), "the site is new", None)
            row = self._index.site(site)
            self._store.begin(site, row.generation)
        pages = self._index.pages(site, generation=row.generation)
        return _SiteState(row, len(pages), min((p.fence for p in pages), default=None))


def _why(what: str, writes: list[Write]) -> str:
    return f"{what} " + ", ".join(sorted({write.table or "(statement)" for write in writes}))


def _by_database(transaction: Transaction) -> dict[str, list[Write]]:
    databases: dict[str, list[Write]] = {}
    for write in transaction.writes:
        databases.setdefault(write.database, []).append(write)
    return databases
