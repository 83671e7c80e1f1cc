"""The one hand that orders publishing and invalidating.

Every change of the index, the store and the generations goes through an `Invalidator`, under its lock. It holds the
coarse rule of today: any write to a site's database drops all pages of that site. What a finer rule needs (which
page read what) would be asked where `_apply_to_site` decides.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass, field

import structlog

from pressroom.model.errors import NoSpace
from pressroom.pagecache.gate import Gates
from pressroom.pagecache.index import Index, PageRow, Place, SiteRow
from pressroom.pagecache.positions import WRITER, Position, Transaction, Write
from pressroom.pagecache.renders import Render, Renders
from pressroom.pagecache.store import NotStorable, PageStore, Staged, page_path

_log = structlog.get_logger(__name__)

# What renders themselves write (counters, transients, oEmbed) drops the other pages, but the same table not again
# within this time: else two pages with a view counter would throw each other out for ever. Seconds.
OWN_WRITES_QUIET = 600.0


@dataclass(frozen=True)
class Rendered:
    """What a render brings: its fence, the staged files and the page's figures."""

    fence: Position
    staged: Staged
    size: int
    digest: str
    render_seconds: float
    queries: int
    valid_until: float | None = None


@dataclass(frozen=True)
class Outcome:
    """What became of a page: stored with this mtime, or refused, in a few words."""

    refused: str | None
    mtime: int | None = None


CHANGED = "changed"  # the refusal of a page that was overtaken by a write; rendering it again is worth it


@dataclass
class _Held:
    """A change whose writer has not asked yet; ``before`` is the tailer's place that does not include it."""

    before: Place | None
    end: Position
    why: str


@dataclass
class _SiteState:
    row: SiteRow
    stored: int
    oldest_fence: Position | None
    last_change: Position | None = None
    held: _Held | None = None
    quiet: dict[str, float] = field(default_factory=dict)


class Invalidator:
    """Decides what is stored. Thread-safe.

    Calls `dropped(site, why, kept)` after a drop, with the keys of the pages that are right all the same, and
    `held(site)` when a change is held: its writer waits at the barrier before its answer leaves, and until then the old
    pages are right. Whoever is told must see to it that `settle` follows, soon.
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
        self.dropped: Callable[[str, str, Collection[str]], None] = lambda site, why, kept: None
        self.held: Callable[[str], None] = lambda site: None

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
        """Take out what a transaction touches; returns the sites whose pages were dropped."""
        dropped, held = [], []
        with self._lock:
            for site, writes in _by_database(transaction).items():
                state = self._sites.get(site)
                if state is None:
                    continue
                was_held = state.held is not None
                if self._apply_to_site(site, writes, transaction.end):
                    dropped.append(site)
                elif state.held is not None and not was_held:
                    held.append(site)
            server = self._place.gtid.split("-")[1] if self._place else "0"
            self._place = Place(file, transaction.end.offset, f"0-{server}-{transaction.sequence}", self._boot)
            if dropped:
                self._save_place()
        for site in dropped:
            self.dropped(site, "a change in the database", ())
        for site in held:
            self.held(site)
        return dropped

    def _apply_to_site(self, site: str, writes: list[Write], end: Position) -> bool:
        state = self._sites[site]
        author = self._renders.author(site, writes)
        if author is not None:
            now = self._clock()
            tables = {write.table or "" for write in writes}
            loud = any(now - state.quiet.get(table, 0.0) >= OWN_WRITES_QUIET for table in tables)
            if not loud:
                return False
            for table in tables:
                state.quiet[table] = now
            author.wrote_to = end
        else:
            state.last_change = end
        if state.stored == 0 or (state.oldest_fence is not None and end <= state.oldest_fence):
            return False
        why = "a render wrote to " if author else "a write to "
        why += ", ".join(sorted({w.table or "(statement)" for w in writes}))
        if all(write.author == WRITER and write.table is not None for write in writes):
            state.held = _Held(state.held.before if state.held else self._place, end, why)
            return False
        self._drop(site, why, end)
        return True

    def is_held(self, site: str) -> bool:
        """Whether a change of the site waits for `settle`."""
        with self._lock:
            state = self._sites.get(site)
            return state is not None and state.held is not None

    def settle(self, site: str) -> None:
        """Take out what a held change touches: all pages but those that were rendered after it."""
        with self._lock:
            state = self._sites.get(site)
            if state is None or state.held is None:
                return
            held = state.held
            fresh = [
                page
                for page in self._index.pages(site, generation=state.row.generation)
                if state.last_change is None or page.fence >= state.last_change
            ]
            kept = self._drop(site, held.why, held.end, fresh)
        self.dropped(site, "a change in the database", kept)

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
                self._end(ticket)
            self._state(site)
            return self._renders.begin(site, key).ticket

    def abandon(self, ticket: str) -> None:
        """The render came to nothing."""
        with self._lock:
            self._end(ticket)

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
                self._end(ticket)

    def _publish(self, render: Render, page: Rendered) -> Outcome:
        state = self._state(render.site)
        if self._changed_since(state, render, page.fence):
            return Outcome(CHANGED)
        old = self._index.page(render.site, render.key)
        stands = old is not None and old.generation == state.row.generation
        if not stands and state.stored >= self._max_pages:
            return Outcome("the site has as many stored pages as it may")
        now = self._clock()
        # Nothing but its own writes has come since its fence: it is right up to the last of them.
        fence = max(page.fence, render.wrote_to or page.fence)
        row = PageRow(
            render.site, render.key, state.row.generation,
            max(int(now), old.mtime + 1 if old else 0),
            page.staged.kind, page.size, page.digest, fence, now, page.render_seconds, page.queries,
            page.valid_until,
        )  # fmt: skip
        with self._index.transaction():
            self._index.put_page(row)
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

    def _changed_since(self, state: _SiteState, render: Render, fence: Position) -> bool:
        if state.last_change is not None and state.last_change > fence:
            return True
        return self._renders.another_wrote_after(render, fence)

    def recompress(self, site: str, key: str, mtime: int, staged: Staged) -> bool:
        """Put better compressed files beside a page that is still the same version."""
        with self._lock:
            state = self._state(site)
            row = self._index.page(site, key)
            if row is None or row.generation != state.row.generation or row.mtime != mtime:
                return False
            self._store.put_beside(site, row.generation, key, staged, row.mtime)
            return True

    def _end(self, ticket: str) -> None:
        render = self._renders.end(ticket)
        if render is not None and render.wrote_to is not None and render.site in self._sites:
            state = self._state(render.site)
            state.last_change = max(state.last_change or render.wrote_to, render.wrote_to)

    # -- taking out ----------------------------------------------------------------------------------------

    def drop(self, site: str, why: str) -> None:
        """Take all pages of a site out; renders under way are not published."""
        with self._lock:
            state = self._state(site)
            self._renders.end_all(site)
            state.quiet.clear()
            self._drop(site, why, None)
        self.dropped(site, why, ())

    def files_changed(self, site: str, why: str) -> bool:
        """The site's code has changed: as `drop`, but nothing happens where nothing is stored or being rendered."""
        with self._lock:
            state = self._sites.get(site)
            if state is None or not (self._renders.end_all(site) + state.stored):
                return False
            self._drop(site, why, None)
        self.dropped(site, why, ())
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

    def take_out_expired(self) -> None:
        """Take out what has reached its valid-until."""
        with self._lock:
            expired = self._index.expired(self._clock())
            for site, key in expired:
                self.take_out(site, key)
        for site in {site for site, _ in expired}:
            self.dropped(site, "valid until now", ())

    def reopen(self, site: str) -> None:
        """Open a gate that the site's PHP closed: only over an empty store."""
        with self._lock:
            self._renders.end_all(site)
            if self._state(site).stored:
                self._drop(site, "the invalidator did not answer in time", None)
            if not self._gates.open(site):
                return
        self.dropped(site, "the gate was closed", ())

    def _drop(self, site: str, why: str, by: Position | None, keep: Collection[PageRow] = ()) -> list[str]:
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
        return [page.key for page in kept]

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


def _by_database(transaction: Transaction) -> dict[str, list[Write]]:
    databases: dict[str, list[Write]] = {}
    for write in transaction.writes:
        databases.setdefault(write.database, []).append(write)
    return databases
