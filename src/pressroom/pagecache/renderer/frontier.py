"""Which page to render next. Pure: times are given, nothing is fetched.

A site's pages are known by their keys. A page that a visitor has just missed comes first, then the pages most wanted,
then the others in the order of their rank (front page, what it links to, the rest). Sites take turns; every other page
is one that somebody waits for, whose turn ever it is.
"""

from __future__ import annotations

import heapq
import itertools
from collections import Counter, OrderedDict
from collections.abc import Collection
from dataclasses import dataclass, field
from enum import Enum

FRONT, ENTRANCE, LINKED, REST = 0, 1, 2, 3
# A site whose renders are overtaken by writes, one after the other, is left alone for a while, twice as long each time.
# Seconds.
_FIRST_PAUSE, _LONGEST_PAUSE = 0.05, 2.0
_FEW = 3  # pages; a change of so few is no beginning of a larger one
_FIRST_RETRY, _LONGEST_RETRY = 0.1, 5.0
_SOON = 0.1  # seconds; a visitor does not wait for a page whose site is left alone for longer
_REFUSED_FOR = (
    5.0  # seconds in which a page is not made again; what made it one that may not be stored may have changed
)


class _State(Enum):
    QUEUED = "queued"
    RENDERING = "rendering"
    STORED = "stored"
    REFUSED = "refused"


@dataclass
class _Page:
    rank: int
    state: _State
    order: int
    wanted: float = 0.0
    urgent: bool = False
    again: bool = False
    why: str = ""
    refused_at: float = 0.0


@dataclass
class _Site:
    pages: dict[str, _Page] = field(default_factory=dict)
    heap: list[tuple[bool, float, int, int, str]] = field(default_factory=list)
    not_before: float = 0.0
    reserved_until: float = 0.0
    taken_at: float = 0.0
    overtaken: int = 0
    failed: int = 0


@dataclass(frozen=True)
class Job:
    """One page to render. ``urgent``: somebody waits for it."""

    site: str
    key: str
    rank: int
    urgent: bool = False


class Frontier:
    """The queue of all sites. For one event loop."""

    def __init__(self, max_pages: int) -> None:
        self._max_pages = max_pages
        self._sites: OrderedDict[str, _Site] = OrderedDict()
        self._order = itertools.count()
        self._urgent_first = False

    def attend(self, sites: list[str]) -> list[str]:
        """These are the sites there are; returns those that are new."""
        for gone in set(self._sites) - set(sites):
            del self._sites[gone]
        new = [site for site in sites if site not in self._sites]
        for site in new:
            self._sites[site] = _Site()
        return new

    def want(self, site: str, key: str, rank: int, *, urgent: bool = False) -> None:
        """Make a page known, and queue it unless it is stored. `urgent`: a visitor has just missed it."""
        home = self._sites.get(site)
        if home is None:
            return
        page = home.pages.get(key)
        if page is None:
            if len(home.pages) >= self._max_pages:
                return
            page = home.pages[key] = _Page(rank, _State.QUEUED, next(self._order), urgent=urgent)
            self._push(home, key, page)
            return
        page.rank = min(page.rank, rank)
        if urgent and page.state is not _State.RENDERING:
            # Missed though it counts as stored: it was taken out behind our back.
            home.not_before, home.failed = 0.0, 0  # the visitor got an answer, so the origin works
            if page.urgent and page.state is _State.QUEUED:
                return
            page.urgent = True
            page.state = _State.QUEUED
            self._push(home, key, page)

    def missed(self, site: str, key: str, now: float) -> None:
        """A visitor has missed this page. One that may not be stored is not made again at each visit."""
        home = self._sites.get(site)
        page = home.pages.get(key) if home else None
        if home is None:
            return
        known = page is not None and page.state is _State.REFUSED and home.taken_at < page.refused_at
        if not known or page is None or now >= page.refused_at + _REFUSED_FOR:
            self.want(site, key, LINKED, urgent=True)

    def hasten(self, site: str, key: str, now: float) -> bool:
        """A visitor waits for this page: it is the next to be made. False when none is about to be stored."""
        home = self._sites.get(site)
        page = home.pages.get(key) if home else None
        if home is None or page is None or page.state is _State.REFUSED or home.not_before > now + _SOON:
            return False
        if page.state is not _State.RENDERING and not (page.urgent and page.state is _State.QUEUED):
            page.urgent = True
            page.state = _State.QUEUED  # also if it counts as stored: it has just been taken out
            self._push(home, key, page)
        if not home.overtaken and not home.failed:  # the pause after a change is for who does not hurry
            home.not_before = 0.0
        return True

    def stored_already(self, site: str, key: str, rank: int) -> None:
        """The index says that this page is stored."""
        home = self._sites.get(site)
        if home is not None and key not in home.pages:
            home.pages[key] = _Page(rank, _State.STORED, next(self._order))

    def demand(self, site: str, key: str, hits: int) -> None:
        """Count visitors' requests of a page."""
        home = self._sites.get(site)
        if home is not None and key in home.pages:
            home.pages[key].wanted += hits

    def forget_some_demand(self) -> None:
        """Halve all counts, so that yesterday's news gives way to today's."""
        for home in self._sites.values():
            for page in home.pages.values():
                page.wanted /= 2

    def most_wanted(self, site: str, count: int, until: float, keys: Collection[str] | None = None) -> list[Job]:
        """Of these pages (None: all) those that visitors ask for most, to be made at once.

        `next` leaves the site alone until then, or until pages are taken out, but for pages that visitors wait for.
        """
        home = self._sites.get(site)
        if home is None:
            return []
        home.reserved_until = until
        ready = [
            (key, page)
            for key in (home.pages if keys is None else home.pages.keys() & set(keys))
            if (page := home.pages[key]).state in (_State.STORED, _State.QUEUED)
        ]
        chosen = heapq.nsmallest(count, ready, key=lambda entry: (-entry[1].wanted, entry[1].rank, entry[1].order))
        for _, page in chosen:
            page.state, page.urgent, page.again = _State.RENDERING, False, False
        return [Job(site, key, page.rank, urgent=True) for key, page in chosen]

    def drawn(self, site: str, chance: float) -> str | None:
        """One of the site's stored pages: which is up to `chance` (from 0 up to 1), in proportion to demand."""
        home = self._sites.get(site)
        stored = [(key, page.wanted) for key, page in home.pages.items() if page.state is _State.STORED] if home else []
        left = chance * sum(wanted for _, wanted in stored)
        for key, wanted in stored:
            left -= wanted
            if left < 0:
                return key
        return None

    def due(self, site: str, keys: Collection[str]) -> None:
        """These pages are stored, but it is time to render them anew."""
        home = self._sites.get(site)
        if home is None:
            return
        for key in home.pages.keys() & set(keys):
            page = home.pages[key]
            if page.state is _State.STORED:
                page.state = _State.QUEUED
                self._push(home, key, page)

    def put_back(self, job: Job) -> None:
        """It was not rendered after all."""
        home, page = self._find(job)
        if page is not None and home is not None:
            page.state = _State.QUEUED
            self._push(home, job.key, page)

    def taken(
        self,
        site: str,
        now: float,
        keys: Collection[str] | None = None,
        kept: Collection[str] = (),
        *,
        settled: bool = False,
    ) -> None:
        """These pages of the site (None: all but the kept ones) were taken out: they are wanted again.

        More changes may follow at once, unless they are `settled` or of few pages: the site is left alone for a moment.
        """
        home = self._sites.get(site)
        if home is None:
            return
        home.reserved_until = 0.0
        home.taken_at = now
        if not settled and (keys is None or len(keys) > _FEW):
            home.not_before = max(home.not_before, now + _FIRST_PAUSE)
        for key in home.pages if keys is None else home.pages.keys() & set(keys):
            page = home.pages[key]
            if key in kept and page.state is _State.STORED:
                continue
            if page.state is _State.RENDERING:
                page.again = True
            elif page.state is not _State.QUEUED:
                page.state = _State.QUEUED
                self._push(home, key, page)

    def next(self, now: float, *, urgent: bool = False) -> Job | None:
        """The next page (`urgent`: that somebody waits for), None when there is nothing to do at this time."""
        ready = [
            site
            for site, home in self._sites.items()
            if home.heap and self._ready_at(home) <= now and (not urgent or self._is_urgent(home))
        ]
        self._urgent_first = not self._urgent_first
        if self._urgent_first:  # a stable sort: among equals by turn
            ready.sort(key=lambda site: not self._is_urgent(self._sites[site]))
        for site in ready:
            home = self._sites[site]
            key = self._first(home)
            if key is not None:
                heapq.heappop(home.heap)
                self._sites.move_to_end(site)
                page = home.pages[key]
                job = Job(site, key, page.rank, page.urgent)
                page.state, page.urgent, page.again = _State.RENDERING, False, False
                return job
        return None

    def _is_urgent(self, home: _Site) -> bool:
        key = self._first(home)
        return key is not None and home.pages[key].urgent

    def _ready_at(self, home: _Site) -> float:
        """A visitor waits for no editor's window."""
        return home.not_before if self._is_urgent(home) else max(home.not_before, home.reserved_until)

    def wake_at(self, *, urgent: bool = False) -> float | None:
        """When a paused site with such work as `next` gives may go on; None when none is paused."""
        times = [
            self._ready_at(home) for home in self._sites.values() if home.heap and (not urgent or self._is_urgent(home))
        ]
        return min(times, default=None)

    def is_idle(self, now: float) -> bool:
        """Whether nothing can be rendered at this time. A site that is left alone for a while does not count."""
        wake_at = self.wake_at()
        return wake_at is None or wake_at > now

    def stored(self, job: Job) -> None:
        home, page = self._find(job)
        if page is None or home is None:
            return
        home.overtaken = home.failed = 0
        self._settle(home, job.key, page, _State.STORED)

    def taken_meanwhile(self, job: Job) -> bool:
        """Whether the page was taken out while it is rendered; told once."""
        _, page = self._find(job)
        told = page is not None and page.again
        if page is not None:
            page.again = False
        return told

    def again(self, job: Job) -> None:
        """When this render has come to its end, the page is rendered once more."""
        _, page = self._find(job)
        if page is not None:
            page.again = True

    def refused(self, job: Job, why: str, now: float) -> None:
        """The page may not be stored; it is made again after the next drop, or when it is missed some seconds later."""
        home, page = self._find(job)
        if page is not None and home is not None:
            home.failed = 0
            page.why = why
            page.refused_at = now
            self._settle(home, job.key, page, _State.REFUSED)

    def overtaken(self, job: Job, now: float) -> None:
        """A write came between the render's reads and its end."""
        home, page = self._find(job)
        if page is None or home is None:
            return
        home.overtaken += 1
        if home.overtaken > 1:
            home.not_before = now + _pause(_FIRST_PAUSE, _LONGEST_PAUSE, home.overtaken - 1)
        page.state = _State.QUEUED
        self._push(home, job.key, page)

    def failed(self, job: Job, now: float) -> None:
        """The origin did not answer, or answered 5xx."""
        home, page = self._find(job)
        if page is None or home is None:
            return
        home.failed += 1
        home.not_before = now + _pause(_FIRST_RETRY, _LONGEST_RETRY, home.failed - 1)
        page.state = _State.QUEUED
        self._push(home, job.key, page)

    def forget(self, job: Job) -> None:
        """There is no such page (any more)."""
        home, page = self._find(job)
        if home is None or page is None:
            return
        if page.again:
            self._settle(home, job.key, page, _State.REFUSED)
        else:
            del home.pages[job.key]

    def state_of(self, site: str, key: str) -> tuple[str, str]:
        """A page's state, and for a refused one why; "unknown" for a page that nobody asked for."""
        home = self._sites.get(site)
        page = home.pages.get(key) if home else None
        if page is None:
            return "unknown", ""
        return page.state.value, page.why if page.state is _State.REFUSED else ""

    def refusals(self, site: str) -> list[tuple[str, int, str]]:
        """Why pages may not be stored: each reason with the number of pages, most first, and one of them."""
        home = self._sites.get(site)
        refused = [(page.why, key) for key, page in home.pages.items() if page.state is _State.REFUSED] if home else []
        counted = Counter(why for why, _ in refused)
        examples = dict(reversed(refused))
        return [(why, count, examples[why]) for why, count in counted.most_common()]

    def figures(self, site: str) -> dict[str, int]:
        """How many pages are in which state."""
        home = self._sites.get(site)
        states = [page.state for page in home.pages.values()] if home else []
        return {state.value: states.count(state) for state in _State}

    def _settle(self, home: _Site, key: str, page: _Page, state: _State) -> None:
        page.state = state
        if page.again:
            page.again = False
            page.state = _State.QUEUED
            self._push(home, key, page)

    def _find(self, job: Job) -> tuple[_Site | None, _Page | None]:
        home = self._sites.get(job.site)
        return home, home.pages.get(job.key) if home else None

    def _push(self, home: _Site, key: str, page: _Page) -> None:
        heapq.heappush(home.heap, (not page.urgent, -page.wanted, page.rank, page.order, key))

    def _first(self, home: _Site) -> str | None:
        """The key on top of the heap, without what is not queued any more."""
        while home.heap:
            key = home.heap[0][-1]
            page = home.pages.get(key)
            if page is not None and page.state is _State.QUEUED:
                return key
            heapq.heappop(home.heap)
        return None


def _pause(first: float, longest: float, doublings: int) -> float:
    return min(first * 2.0 ** min(doublings, 60), longest)  # a float ends at 1024 doublings; an import makes more
