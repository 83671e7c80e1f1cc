"""What is stored: the index's rows and the store's files, changed together, the row first (contract point 8).

No decisions are made here, but for how many pages a site may have. Not thread-safe: the invalidator holds its lock.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any

from pressroom.model.errors import NoSpace
from pressroom.pagecache.binlog.positions import Place, Position
from pressroom.pagecache.invalidator.index import Index, PageRow, SiteRow
from pressroom.pagecache.matching.reads import Reads, Statement
from pressroom.pagecache.store import NotStorable, PageStore, Staged, page_path

# From this share of the stored pages on, a new generation that begins with the others is the cheaper way.
_NEARLY_ALL = 0.9
_LONGEST_WHY = 500
_MOST_EXPLAINED = 1_000  # pages that are told why each of them went when nearly all of a site do; others wait meanwhile


@dataclass(frozen=True)
class Rendered:
    """What a render brings: its fence, the staged files, what it read and the page's figures."""

    fence: Position
    staged: Staged
    size: int
    digest: str
    render_seconds: float
    queries: int
    reads: Reads
    valid_until: float | None = None
    valid_why: str = ""
    view: str = ""


@dataclass(frozen=True)
class Outcome:
    """What became of a page: stored with this mtime, or refused, in a few words. ``same``: it is stored as it was."""

    refused: str | None
    mtime: int | None = None
    same: bool = False


@dataclass(frozen=True)
class Taken:
    """Pages that are not stored any more: these, or (``keys`` None) all of the site but the ``kept`` ones.

    ``settled``: whoever changed what they show has come to the end of it.
    """

    site: str
    why: str
    keys: frozenset[str] | None = None
    kept: frozenset[str] = frozenset()
    settled: bool = False

    def and_then(self, later: Taken) -> Taken:
        """These and those that were taken out after them."""
        if later.keys is None:
            return later
        keys = None if self.keys is None else self.keys | later.keys
        return Taken(self.site, later.why, keys, self.kept - later.keys)


@dataclass
class SiteStock:
    """One site: its generation, how many pages are stored, and the oldest fence among them."""

    row: SiteRow
    stored: int
    oldest_fence: Position | None


class Stock:
    """The pages of all sites."""

    def __init__(self, index: Index, store: PageStore, *, max_pages: int, clock: Callable[[], float]) -> None:
        self._index = index
        self._store = store
        self._max_pages = max_pages
        self._clock = clock
        self._sites: dict[str, SiteStock] = {}
        self._swept: dict[str, int] = {}  # the generation whose forerunners are gone from disk
        self._place_saved = index.place()
        # Saved with each change; whoever follows the binlog says what it is.
        self.place_to_keep: Callable[[], Place | None] = index.place

    # -- sites ---------------------------------------------------------------------------------------------

    def attend(self, sites: list[str]) -> list[str]:
        """These are the sites there are: new ones are looked after from now on. Returns those that are forgotten."""
        for site in sites:
            if site not in self._sites:
                self._sites[site] = self._load(site)
        gone = {*self._sites, *self._index.sites()}.difference(sites)
        for site in gone:
            self._sites.pop(site, None)
            self._swept.pop(site, None)
            with self._index.transaction():
                self._index.forget_site(site)
            self._store.remove_site(site)
        return sorted(gone)

    def _load(self, site: str) -> SiteStock:
        row = self._index.site(site)
        if row.generation == 0:
            with self._index.transaction():
                self._index.next_generation(site, self._clock(), "the site is new", None)
            row = self._index.site(site)
            self._store.begin(site, row.generation)
        pages = self._index.pages(site, generation=row.generation)
        return SiteStock(row, len(pages), min((page.fence for page in pages), default=None))

    def recover(self, site: str, *, same_boot: bool) -> int:
        """Make the store what the index says; returns the number of files removed.

        Files of unknown versions go. When the machine has been started since, the content of each page is compared
        with its digest too: what was never synced to disk may be half there.
        """
        here = self.site(site)
        generation = here.row.generation
        if self._store.current(site) != generation:
            self._store.switch(site, generation)
        known = {}
        pages = self._index.pages(site, generation=generation)
        for page in pages:
            if self._is_there(page) if same_boot else self._is_whole(page):
                known[page_path(page.key)] = (page.mtime, 0 if page.kind == "redirect" else page.size)
        removed = self._store.remove_strangers(site, generation, known)
        for page in pages:
            if page_path(page.key) not in known:
                with self._index.transaction():
                    self._index.unstore(site, page.key)
                here.stored -= 1
        return removed

    def _is_there(self, page: PageRow) -> bool:
        return self._store.is_there(page.site, page.generation, page.key, page.kind)

    def _is_whole(self, page: PageRow) -> bool:
        return self._store.is_whole(page.site, page.generation, page.key, page.kind, page.digest)

    def names(self) -> list[str]:
        return list(self._sites)

    def has(self, site: str) -> bool:
        return site in self._sites

    def site(self, site: str) -> SiteStock:
        """Raises KeyError for a site that there is not (any more): a late render must not bring its folder back."""
        return self._sites[site]

    def forget_unused_reads(self) -> None:
        """A few of what no page reads any more."""
        with self._index.transaction():
            self._index.dependencies.sweep()

    def sweep(self, site: str, generation: int) -> None:
        """Remove the generations before this one from disk; slow, and needs no lock."""
        if self._swept.get(site) != generation:
            self._store.sweep(site, generation)
            self._swept[site] = generation

    def tidy(self) -> None:
        """Let the index's log go, and the space of pages that were taken out; slow, and needs no lock."""
        self._index.checkpoint()
        self._store.free_space()

    # -- the tailer's place --------------------------------------------------------------------------------

    def save_place(self) -> None:
        """Save the tailer's place if it has moved; reading events twice is harmless."""
        if self.place_to_keep() is not self._place_saved:
            with self._index.transaction():
                self._put_place()

    def _put_place(self) -> None:
        """Inside a transaction of the index."""
        place = self.place_to_keep()
        if place is not None:
            self._index.set_place(place)
        self._place_saved = place

    # -- pages ---------------------------------------------------------------------------------------------

    def page(self, site: str, key: str) -> tuple[PageRow | None, bool]:
        """A page's last version, and whether it is stored now."""
        row = self._index.page(site, key)
        here = self._sites.get(site)
        return row, row is not None and here is not None and row.generation == here.row.generation

    def reads_of(self, site: str, key: str) -> list[Statement]:
        """What the page's last version was made from."""
        number = self._index.number_of(site, key)
        return [] if number is None else self._index.dependencies.reads_of(number)

    def unanalysed(self, site: str) -> dict[str, int]:
        """Statements that count as having read anything, and how many stored pages each would take out."""
        found = self._index.dependencies.unanalysed(site)
        counts = {text: len(self.numbered(site, pages)) for text, pages in found.items()}
        return {text: count for text, count in counts.items() if count}

    def pages(self, site: str) -> list[tuple[PageRow, bool]]:
        """All that are known, and whether they are stored now."""
        generation = self.site(site).row.generation
        return [(row, row.generation == generation) for row in self._index.pages(site)]

    def stored(self, site: str) -> list[PageRow]:
        return self._index.pages(site, generation=self.site(site).row.generation)

    def is_nearly_all(self, site: str, read: int) -> bool:
        """Whether nearly all stored pages made this read."""
        here = self.site(site)
        return self._index.count_reading(site, here.row.generation, read) > _NEARLY_ALL * here.stored

    def made_since(self, site: str, position: Position) -> list[PageRow]:
        """Stored pages whose reads belong to a later state."""
        return self._index.pages(site, generation=self.site(site).row.generation, since=position)

    def of_view(self, site: str, view: str) -> list[PageRow]:
        return [page for page in self.stored(site) if page.view == view]

    def numbered(self, site: str, numbers: Collection[int]) -> dict[int, PageRow]:
        """The stored ones of the pages with these numbers."""
        return self._index.numbered(site, numbers, self.site(site).row.generation)

    def put(self, site: str, key: str, page: Rendered, fence: Position) -> Outcome:
        """Store a page, or say why not."""
        here = self.site(site)
        old, stands = self.page(site, key)
        if not stands and here.stored >= self._max_pages:
            return Outcome("the site has as many stored pages as it may")
        now = self._clock()
        same = stands and old is not None and self._store.is_same(site, old.generation, key, page.staged)
        mtime = old.mtime if same and old is not None else max(int(now), old.mtime + 1 if old else 0)
        row = PageRow(
            site, key, here.row.generation, mtime, page.staged.kind, page.size,
            page.digest, fence, now, page.render_seconds, page.queries, page.valid_until, page.valid_why, page.view,
        )  # fmt: skip
        with self._index.transaction():
            self._index.put_page(row, page.reads)
            self._put_place()
        if same:
            return Outcome(None, mtime, same=True)
        try:
            self._store.put(site, row.generation, key, page.staged, row.mtime)
        except (NoSpace, NotStorable, OSError) as error:
            with self._index.transaction():
                self._index.unstore(site, key)
            here.stored -= 1 if stands else 0
            return Outcome(f"not stored: {error}")
        here.stored += 0 if stands else 1
        here.oldest_fence = fence if here.oldest_fence is None else min(here.oldest_fence, fence)
        return Outcome(None, row.mtime)

    def recompress(self, site: str, key: str, mtime: int, staged: Staged) -> bool:
        """Put better compressed files beside a page that is still the same version."""
        row, stands = self.page(site, key)
        if row is None or not stands or row.mtime != mtime:
            return False
        self._store.put_beside(site, row.generation, key, staged, row.mtime)
        return True

    def take_out(self, site: str, key: str, why: str | None = None) -> bool:
        """Take one page out. False when it is not stored."""
        row, stands = self.page(site, key)
        if row is None or not stands:
            return False
        self._take_out(site, {key: why})
        return True

    def take_out_pages(self, site: str, pages: Mapping[str, str], why: str, by: Position | None) -> Taken:
        """Take out these pages (each key with its own reason), for a change that ends at `by`."""
        if len(pages) > _NEARLY_ALL * self.site(site).stored:
            others = [page for page in self.stored(site) if page.key not in pages]
            kept = self.drop(site, why, by, others)
            if len(pages) <= _MOST_EXPLAINED:
                self._unstore(site, pages)
            return Taken(site, why, None, kept)
        self._take_out(site, pages)
        return Taken(site, why, frozenset(pages))

    def _take_out(self, site: str, keys: Mapping[str, str | None]) -> None:
        here = self.site(site)
        self._unstore(site, keys)
        for key in keys:
            self._store.take_out(site, here.row.generation, key)
        here.stored -= len(keys)

    def _unstore(self, site: str, keys: Mapping[str, str | None]) -> None:
        with self._index.transaction():
            for key, why in keys.items():
                self._index.unstore(site, key, why and why[:_LONGEST_WHY], self._clock())
            self._put_place()

    def drop(self, site: str, why: str, by: Position | None, keep: Collection[PageRow] = ()) -> frozenset[str]:
        """Begin a new generation that holds the pages of `keep` alone; returns their keys."""
        here = self.site(site)
        old = here.row.generation
        with self._index.transaction():
            generation = self._index.next_generation(site, self._clock(), why[:_LONGEST_WHY], by)
            for page in keep:
                self._index.carry(site, page.key, generation)
            self._put_place()
        lost = self._store.begin(site, generation, old, [(page.key, page.kind) for page in keep])
        if lost:
            with self._index.transaction():
                for key in lost:
                    self._index.unstore(site, key)
        kept = [page for page in keep if page.key not in lost]
        here.row = self._index.site(site)
        here.stored = len(kept)
        here.oldest_fence = min((page.fence for page in kept), default=None)
        return frozenset(page.key for page in kept)

    # -- the audit -----------------------------------------------------------------------------------------

    def longest_unchecked(self, site: str | None = None) -> tuple[str, str, float] | None:
        """Site, key and time of the stored page whose turn in the audit came last longest ago."""
        return self._index.longest_unchecked(site)

    def put_check(self, site: str, key: str, outcome: str, why: str) -> None:
        """A page's turn in the audit came; nothing is kept of a site that there is not any more."""
        if site in self._sites:
            with self._index.transaction():
                self._index.put_check(site, key, outcome, why[:_LONGEST_WHY], self._clock())

    def audit_figures(self, site: str) -> dict[str, Any]:
        return self._index.audit_figures(site)

    # -- the clock -----------------------------------------------------------------------------------------

    def expire(self, grace: float) -> tuple[dict[str, list[str]], dict[str, list[str]]]:
        """Keys by site: of pages that have just reached their valid-until, and of those taken out for it, since they
        were not rendered anew within the grace (seconds).
        """
        due: dict[str, list[str]] = {}
        overdue: dict[str, list[str]] = {}
        for site, key, was_due in self._index.expired(self._clock()):
            (overdue if was_due else due).setdefault(site, []).append(key)
        if due:
            with self._index.transaction():
                for site, keys in due.items():
                    for key in keys:
                        self._index.set_due(site, key, self._clock() + grace)
        for site, keys in overdue.items():
            for key in keys:
                self.take_out(site, key)
        return due, overdue
