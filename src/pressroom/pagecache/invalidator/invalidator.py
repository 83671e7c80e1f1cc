"""The one hand that orders publishing and invalidating.

Every change of what is stored goes through an `Invalidator`, under its lock. A row that changed takes out the pages
that may have read it (`site_changes`, `touches`); a table that was changed as a whole (DDL, a transaction too large to
look at) those that read the table; what is not known by tables takes out all pages of its site.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

from pressroom.model.layout import SITE_NAME
from pressroom.pagecache.binlog.positions import Place, Position, Transaction, Write
from pressroom.pagecache.invalidator.gate import Gates
from pressroom.pagecache.invalidator.index import Index, PageRow, SiteRow
from pressroom.pagecache.invalidator.renders import Render, Renders
from pressroom.pagecache.invalidator.site_changes import Parts, SiteChanges
from pressroom.pagecache.invalidator.stock import Outcome, Rendered, Stock, Taken
from pressroom.pagecache.invalidator.undecided import ANY
from pressroom.pagecache.matching.history import Noted
from pressroom.pagecache.matching.reads import Analyst, Statement
from pressroom.pagecache.matching.rerun import Rerun
from pressroom.pagecache.matching.touches import Touches
from pressroom.pagecache.store import PageStore, Staged

# For so long a page stays that has reached its valid-until and is not rendered anew yet. Seconds.
GRACE = 600.0
# So long a page is valid that asks MariaDB for the time. Seconds.
ASKS_FOR_THE_TIME = 300.0

_NOT_IN_TIME = "the invalidator did not answer in time"
_CLOSED = "the gate is closed"
_UNDECIDED = "a transaction is prepared (XA) and not decided"
_DECIDED = "a transaction that was prepared (XA) is decided"

CHANGED = "changed"  # the refusal of a page that was overtaken by a write; rendering it again is worth it


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
        rerun: Rerun | None = None,
    ) -> None:
        """`rerun` asks MariaDB again what a change may have changed; without it, it counts as changed."""
        self._index = index
        self._variations = index.variations
        self._undecided = index.undecided
        self._stock = Stock(index, store, max_pages=max_pages, clock=clock)
        self._stock.place_to_keep = self._place_to_keep
        self._gates = gates
        self._clock = clock
        self._lock = threading.RLock()
        self._renders = Renders(clock)
        touches = Touches(index.dependencies, rerun)
        self._parts = Parts(self._stock, index.dependencies, touches, self._renders, clock)
        self._sites: dict[str, SiteChanges] = {}
        self._place: Place | None = index.place()
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
        with self._lock:
            self._boot = boot
            same_boot = self._place is not None and self._place.boot == boot
            return sum(self._stock.recover(site, same_boot=same_boot) for site in sites)

    # -- following the binlog ------------------------------------------------------------------------------

    @property
    def place(self) -> Place | None:
        return self._place

    @property
    def passed(self) -> int:
        """Sequence number of the last transaction that has been applied."""
        return int(self._place.gtid.rpartition("-")[2] or 0) if self._place else 0

    def connect(self) -> None:
        """To MariaDB, so that the first change need not wait for it. Raises pymysql's errors."""
        with self._lock:
            self._parts.touches.connect()

    def start_at(self, place: Place, why: str, *, undecided: bool = False) -> None:
        """Follow from here; what came before is not known, so all pages are dropped.

        `undecided`: transactions are under way that may have been prepared (XA) before it, by any site.
        """
        with self._lock:
            if undecided:
                self._undecided.add(ANY)
            for site in self._sites:
                self._renders.end_all(site)
                self._sites[site].drop(why)
                self._sites[site].start_at(Position.parse(place.file, place.offset))
            self._place = place
            self._stock.save_place()
            sites = list(self._sites)
        for site in sites:
            self.taken(Taken(site, why))

    def apply(self, transaction: Transaction, file: str) -> list[str]:
        """Take out what a transaction touches; returns the sites that lost pages."""
        lost: list[Taken] = []
        held: list[str] = []
        with self._lock:
            for site, writes in _by_database(transaction).items():
                if transaction.prepared and SITE_NAME.fullmatch(site):
                    self._undecided.add(site)
                changes = self._sites.get(site)
                if changes is None:
                    continue
                was_held = changes.held is not None
                taken = changes.apply(writes, transaction, self._place)
                if taken is not None:
                    lost.append(taken)
                elif changes.held is not None and not was_held:
                    held.append(site)
            server = self._place.gtid.split("-")[1] if self._place else "0"
            self._place = Place(file, transaction.end.offset, f"0-{server}-{transaction.sequence}", self._boot)
            if lost:
                self._stock.save_place()
        for taken in lost:
            self.taken(taken)
        for site in held:
            self.held(site)
        return [taken.site for taken in lost]

    def is_held(self, site: str) -> bool:
        """Whether a change of the site waits for `settle`, or its pages are on their way out.

        Without the lock: who asks may not wait for the disk.
        """
        changes = self._sites.get(site)
        return changes is not None and changes.held is not None

    def held_keys(self, site: str) -> list[str] | None:
        """The pages that a held change touches; None for all of the site's."""
        with self._lock:
            changes = self._sites.get(site)
            held = changes.held if changes else None
            return [] if held is None else list(held.pages) if held.all_until is None else None

    def settle(self, site: str) -> None:
        """Take out what a held change touches, but for pages that were rendered after it, or are right once more.

        Where that fails (a full disk) the gate closes, for the writer who would close it may be gone.
        """
        with self._lock:
            changes = self._sites.get(site)
            try:
                taken = changes.settle() if changes else None
            except Exception:
                self._gates.close(site)
                raise
        if taken is not None:
            self.taken(replace(taken, settled=True))

    def undecided(self) -> frozenset[str]:
        """The sites of which rows have come that may be seen at any time."""
        with self._lock:
            return self._undecided.sites()

    def look_at_undecided(self, under_way: Callable[[], frozenset[int]]) -> list[str]:
        """Free the sites whose prepared transactions are decided: all of them may have changed from now on.

        `under_way` asks MariaDB (`Master.under_way`).
        """
        with self._lock:
            waits = self._undecided.due(self._clock())
        if not waits:
            return []
        now = under_way()
        with self._lock:
            ended = self._undecided.ended(waits, now)
            sites = [site for site in self._sites if ANY in ended or site in ended]
            for site in sites:
                self._renders.end_all(site)  # they may have read the rows from before
                if self._stock.site(site).stored:
                    self._sites[site].drop(_DECIDED)
            self._undecided.note(waits, now, self._clock())  # at last: whatever ends this, it is done once more
        for site in sites:
            self.taken(Taken(site, _DECIDED))
        return sites

    def save_place(self) -> None:
        """Called now and then, since reading events twice is harmless."""
        with self._lock:
            self._stock.save_place()

    def _place_to_keep(self) -> Place | None:
        """The tailer's place; while a change is held, the one before it: after a crash it must be read once more."""
        before = [one.held.before for one in self._sites.values() if one.held and one.held.before]
        return min(before, key=lambda place: Position.parse(place.file, place.offset), default=self._place)

    # -- rendering and publishing --------------------------------------------------------------------------

    def begin(self, site: str, key: str, page: str | None = None) -> str:
        """A ticket for one render. It marks the render's own writes, and the render is published by it.

        An audit's or a probe's is no version of its `page` (`key` is empty): nobody publishes it, so its writes count
        for every page.
        """
        with self._lock:
            for ticket in self._renders.overdue():
                self._renders.end(ticket)
            self._stock.site(site)
            place = Position.parse(self._place.file, self._place.offset) if self._place else None
            return self._renders.begin(site, key, place, key if page is None else page).ticket

    def abandon(self, ticket: str, *, gone: bool) -> None:
        """The render came to nothing. `gone`: there is no such page for everybody (any more)."""
        with self._lock:
            render = self._end(ticket)
            if gone and render is not None and render.site in self._sites:
                self.take_out(render.site, render.key)

    def _end(self, ticket: str) -> Render | None:
        render = self._renders.end(ticket)
        if render is not None and render.site in self._sites:
            self._sites[render.site].quiet.rendered(render.page, render.wrote)
        return render

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
        if (differs := self._variations.of_view(render.site, page.view)) is not None:
            self._stock.take_out(render.site, render.key)
            return Outcome(differs)
        if render.site in self._undecided:
            return Outcome(_UNDECIDED)
        changes = self._sites[render.site]
        analyst = changes.analyst()
        if analyst is None or changes.is_overtaken(render, page.fence, page.reads, analyst):
            return Outcome(CHANGED)
        if why := _right_for_long(page.reads, analyst):
            soon = self._clock() + ASKS_FOR_THE_TIME
            if page.valid_until is None or soon < page.valid_until:
                page = replace(page, valid_until=soon, valid_why=why)
        # Nothing but its own writes has come since its fence: it is right up to the last of them.
        fence = max(page.fence, render.wrote_to or page.fence)
        return self._stock.put(render.site, render.key, page, fence)

    def recompress(self, site: str, key: str, mtime: int, staged: Staged) -> bool:
        """Put better compressed files beside a page that is still the same version."""
        with self._lock:
            return self._stock.recompress(site, key, mtime, staged)

    # -- what is not the same for everybody ----------------------------------------------------------------

    def refused(self, site: str, key: str) -> str | None:
        """Why a render of this page is not worth it now; None when it is."""
        with self._lock:
            if site in self._undecided:
                return _UNDECIDED
            return self._variations.refused(site, key) if self._gates.is_open(site) else _CLOSED

    def look_at_view(self, site: str, key: str, view: str) -> tuple[str | None, bool]:
        """Why pages of this view are not stored, or whether this one is to be probed before it is."""
        with self._lock:
            why = self._variations.of_view(site, view)
            if why is not None:
                self._variations.refuse(site, key, why)
            return why, why is None and self._variations.wants_probe(site, view)

    def was_probed(self, ticket: str, view: str, why: str | None) -> None:
        """`why` the page differs from visitor to visitor: all of its view are taken out (view empty: it alone)."""
        with self._lock:
            render = self._renders.get(ticket)
            if render is None or render.site not in self._sites:
                return  # the code has changed meanwhile: what the old one did says nothing
            site, key = render.site, render.key
            if view:
                self._variations.was_probed(site, view)
            if why is None:
                return
            with self._index.transaction():
                self._variations.learn(site, view, key, why)
            self._variations.refuse(site, key, why)
            pages = self._stock.of_view(site, view) if view else []
            row, stands = self._stock.page(site, key)
            if row is not None and stands and row not in pages:
                pages.append(row)
            if not pages:
                return
            taken = self._stock.take_out_pages(site, {page.key: why for page in pages}, why, None)
        self.taken(taken)

    def variations(self, site: str) -> list[tuple[str, str]]:
        """What is known to differ from visitor to visitor: an example page each, and why."""
        with self._lock:
            return self._variations.all_of(site)

    def _learn_anew(self, site: str) -> None:
        with self._index.transaction():
            self._variations.forget(site)

    # -- taking out ----------------------------------------------------------------------------------------

    def drop(self, site: str, why: str) -> None:
        """Take all pages of a site out; renders under way are not published."""
        with self._lock:
            self._gates.renew(site)
            self._renders.end_all(site)
            self._sites[site].quiet.forget()
            self._learn_anew(site)
            self._sites[site].drop(why)
        self.taken(Taken(site, why))

    def files_changed(self, site: str, why: str) -> bool:
        """The site's code has changed: as `drop`, but none goes where nothing is stored or being rendered."""
        with self._lock:
            self._gates.renew(site)  # first: who begins from now on shall not trust what PHP remembers
            if self._stock.has(site):
                self._learn_anew(site)
            if not self._stock.has(site) or not (self._renders.end_all(site) + self._stock.site(site).stored):
                return False
            self._sites[site].drop(why)
        self.taken(Taken(site, why))
        return True

    def oldest_page(self, site: str) -> float | None:
        """When the oldest stored page was rendered (Unix seconds); None when none is stored."""
        with self._lock:
            return min((page.rendered_at for page in self._stock.stored(site)), default=None)

    def take_out(self, site: str, key: str, why: str | None = None) -> bool:
        """Take one page out. False when it is not stored."""
        with self._lock:
            return self._stock.take_out(site, key, why)

    def expire(self) -> None:
        """What has reached its valid-until is due; what was not rendered anew by the end of the grace, is taken out."""
        with self._lock:
            due, overdue = self._stock.expire(GRACE)
        for site, keys in due.items():
            self.due(site, keys)
        for site, keys in overdue.items():
            self.taken(Taken(site, "valid until now", frozenset(keys)))

    def empty_behind_gate(self, site: str) -> None:
        """Behind a closed gate nothing is served, and all goes before it opens: what is stored only costs time."""
        with self._lock:
            if not self._gates.is_open(site) and self._stock.site(site).stored:
                self._sites[site].drop(_NOT_IN_TIME)

    def reopen(self, site: str) -> bool:
        """Open a gate that the site's PHP closed, or a new site's: only over an empty store. Whether it is open now."""
        with self._lock:
            self._renders.end_all(site)
            if self._stock.site(site).stored or self.is_held(site):
                self._sites[site].drop(_NOT_IN_TIME)
            if not self._gates.open(site):
                return False
        self.taken(Taken(site, "the gate was closed"))
        return True

    # -- sites and figures ---------------------------------------------------------------------------------

    def attend(self, sites: list[str]) -> None:
        """These are the sites there are: new ones are looked after from now on, others are forgotten."""
        with self._lock:
            for site in self._stock.attend(sites):
                self._sites.pop(site, None)
                self._undecided.forget(site)
            for site in sites:
                self._sites.setdefault(site, SiteChanges(site, self._parts))

    def sites(self) -> dict[str, tuple[SiteRow, int]]:
        """Each site's row and its number of stored pages."""
        with self._lock:
            stocks = {site: self._stock.site(site) for site in self._stock.names()}
            return {site: (stock.row, stock.stored) for site, stock in stocks.items()}

    def page(self, site: str, key: str) -> tuple[PageRow | None, bool]:
        """A page's last version, and whether it is stored now."""
        with self._lock:
            return self._stock.page(site, key)

    def reads_of(self, site: str, key: str) -> list[Statement]:
        """What the page's last version was made from."""
        with self._lock:
            return self._stock.reads_of(site, key)

    def unanalysed(self, site: str) -> dict[str, int]:
        """Statements that count as having read anything, and how many stored pages made them."""
        with self._lock:
            return self._stock.unanalysed(site) if self._stock.has(site) else {}

    def change(self, site: str, sequence: int | None) -> Noted | None:
        """One of the last changes that met stored pages, by its sequence number; None: the last of all."""
        with self._lock:
            changes = self._sites.get(site)
            if changes is None:
                return None
            return changes.history.last() if sequence is None else changes.history.find(sequence)

    def taken_by_renders(self, site: str, seconds: float) -> tuple[int, str | None]:
        """How many pages the site's own renders have taken out lately by what they wrote, and the newest such write."""
        with self._lock:
            changes = self._sites.get(site)
            return changes.history.taken_by_renders(self._clock() - seconds) if changes else (0, None)

    def pages(self, site: str) -> list[tuple[PageRow, bool]]:
        """All that are known, and whether they are stored now."""
        with self._lock:
            return self._stock.pages(site)

    def longest_unchecked(self, site: str | None = None) -> tuple[str, str, float] | None:
        """Site, key and time of the stored page (of a site, or of all) whose turn in the audit came longest ago."""
        with self._lock:
            return self._stock.longest_unchecked(site)

    def put_check(self, site: str, key: str, outcome: str, why: str) -> None:
        """Count what came of an audit's check of a page."""
        with self._lock:
            self._stock.put_check(site, key, outcome, why)

    def audit_figures(self, site: str) -> dict[str, Any]:
        with self._lock:
            return self._stock.audit_figures(site)

    def sweep(self) -> None:
        """Remove old generations from disk, and from the index what no page reads; the slow part without the lock."""
        with self._lock:
            self._stock.forget_unused_reads()
        self._stock.tidy()
        for site, (row, _) in self.sites().items():
            self._stock.sweep(site, row.generation)


def _right_for_long(reads: Iterable[Statement], analyst: Analyst) -> str:
    """Why not; empty where nothing speaks against it."""
    if any(template.clock for read in reads if (template := analyst.template(read.template))):
        return "a statement asks for the time"
    return "" if analyst.has_time else "there was no time to look at all its statements"


def _by_database(transaction: Transaction) -> dict[str, list[Write]]:
    databases: dict[str, list[Write]] = {}
    for write in transaction.writes:
        databases.setdefault(write.database, []).append(write)
    return databases
