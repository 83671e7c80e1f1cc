"""Checks the promise in production (contract point 9): stored pages are rendered afresh and compared, all the time.

A page that is not right is taken out at once, and what is known about it is kept (`evidence`).
"""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import pymysql
import structlog

from pressroom.model.errors import PressroomError
from pressroom.model.layout import Layout
from pressroom.pagecache.binlog.master import Master
from pressroom.pagecache.binlog.positions import Position
from pressroom.pagecache.binlog.span import changes_of, name_of
from pressroom.pagecache.outcomes import FAILED, OVERTAKEN, RANDOM, RIGHT, VIOLATION
from pressroom.pagecache.renderer.comparison import difference, settled
from pressroom.pagecache.renderer.evidence import LARGEST, Evidence, Violation
from pressroom.pagecache.renderer.renderer import Fresh, Renderer
from pressroom.pagecache.renderer.response import STORABLE
from pressroom.pagecache.roster import RosterSite
from pressroom.pagecache.store import PageStore
from pressroom.system.budget import Budget
from pressroom.system.messages import Message

_log = structlog.get_logger("audit")
WHY = "the audit: it differs from a fresh render"
# Before a difference counts, what is under way is waited for: changed files are seen within the first, changes of the
# database are passed and settled within the second, or nothing is said about the page. Seconds.
_FILES_ARE_SEEN, _CHANGES_ARE_SETTLED = 0.5, 5.0
_POLL = 0.05
_YIELD = 0.2  # seconds between looks whether the renderer has time
_REST = 2.0  # seconds, when there is nothing to check, or nobody who answers
_VISIT = 60.0  # seconds; a check wakes a site that sleeps, so its pages are checked together

Page = tuple[str, str]  # site and key
Ask = Callable[[Message], Awaitable[Message]]


@dataclass(frozen=True)
class Checked:
    """``why``: the first lines that differ (of two fresh renders, for a random page); ``folder`` has the evidence."""

    outcome: str
    why: str = ""
    folder: str = ""


class Auditor:
    """Checks one page."""

    def __init__(self, layout: Layout, renderer: Renderer, ask: Ask) -> None:
        """`ask` asks the invalidator."""
        self._store = PageStore(layout.store)
        self._master = Master(layout.mariadb_socket, layout.platform_user, layout.binlogs)
        self._evidence = Evidence(layout.audit)
        self._renderer = renderer
        self._ask = ask

    async def check(self, site: RosterSite, key: str) -> Checked:
        """Raises ConnectionError when the invalidator is not there."""
        checked = await self._check(site, key)
        told = {"site": site.name, "key": key, "outcome": checked.outcome, "why": checked.why}
        await self._ask({"op": "checked", **told})
        if checked.outcome == RANDOM:
            _log.info("random_page", **told)
        return checked

    async def _check(self, site: RosterSite, key: str) -> Checked:
        page = await self._page(site, key)
        bodies = await asyncio.to_thread(self._bodies, page) if page else []
        if page is None or not bodies:
            return Checked(OVERTAKEN)
        fresh = await self._renderer.fresh(site, key)
        if fresh is None:
            return Checked(FAILED)
        wrong = next((body for body in bodies if settled(body) != settled(fresh.body)), None)
        if wrong is None and fresh.status in STORABLE:
            return Checked(RIGHT)
        again = await self._renderer.fresh(site, key)
        place = await self._settled(site)
        now = await self._page(site, key)
        if place is None or now is None or now["mtime"] != page["mtime"]:
            return Checked(OVERTAKEN)
        if again is None:
            return Checked(FAILED)
        if settled(again.body) != settled(fresh.body):
            return Checked(RANDOM, await asyncio.to_thread(difference, fresh.body, again.body))
        return await self._violation(site, now, wrong if wrong is not None else bodies[0], fresh, place)

    async def _page(self, site: RosterSite, key: str) -> dict[str, Any] | None:
        """The page's row; None when it is not stored, or stays a while though its time is over."""
        page = (await self._ask({"op": "page", "site": site.name, "key": key}))["page"]
        over = page and (page["due"] or (page["valid_until"] is not None and page["valid_until"] <= time.time()))
        return page if page and page["stored"] and not over else None

    def _bodies(self, page: dict[str, Any]) -> list[bytes]:
        return self._store.bodies(page["site"], page["generation"], page["key"], page["kind"])

    async def _settled(self, site: RosterSite) -> tuple[str, int] | None:
        """Wait until all that is committed by now has been passed and no change is held; the tailer's place then."""
        await asyncio.sleep(_FILES_ARE_SEEN)
        until = time.monotonic() + _CHANGES_ARE_SETTLED
        try:
            newest = await asyncio.to_thread(self._master.newest_sequence)
        except (pymysql.err.Error, OSError):
            return None
        while time.monotonic() < until:
            here = await self._ask({"op": "place", "site": site.name})
            if here["caught_up"] and here["passed"] >= newest and not here["held"]:
                file, offset = here["place"]
                return str(file), int(offset)
            await asyncio.sleep(_POLL)
        return None

    async def _violation(
        self, site: RosterSite, page: dict[str, Any], stored: bytes, fresh: Fresh, place: tuple[str, int]
    ) -> Checked:
        await self._ask({"op": "take_out", "site": site.name, "key": page["key"], "why": WHY})
        first = (
            await asyncio.to_thread(difference, stored, fresh.body)
            or f"status {fresh.status}: it may not be stored any more"
        )
        folder = ""
        try:
            folder = await asyncio.to_thread(self._keep, site, page, stored, fresh, place)
        except (PressroomError, OSError) as error:
            _log.error("no_evidence_kept", site=site.name, key=page["key"], error=str(error))
        _log.error("stored_page_was_wrong", domain=site.domain, key=page["key"], evidence=folder, difference=first)
        return Checked(VIOLATION, first, folder)

    def _keep(self, site: RosterSite, page: dict[str, Any], stored: bytes, fresh: Fresh, place: tuple[str, int]) -> str:
        fence = Position(*page["fence"])
        binlog, extent = changes_of(self._master, site.name, fence, *place, size=LARGEST)
        violation = Violation(
            site.name, site.domain, page["key"], time.time(), page["rendered_at"],
            (name_of(fence, place[0]), fence.offset), place, extent, fresh.status,
        )  # fmt: skip
        parts: dict[str, str | bytes] = {
            "stored": stored,
            "fresh": fresh.body,
            "difference.diff": difference(stored, fresh.body, lines=10_000, width=10_000) + "\n",
            "reads.txt": "".join(f"{read}\n" for read in page["reads"]),
            "binlog.jsonl": binlog,
        }
        return self._evidence.keep(violation, parts)


class ContinuousAudit:
    """Lets each page's turn come, within a budget, while the renderer has nothing else to do."""

    def __init__(
        self,
        budget: Budget,
        *,
        check: Callable[[Page], Awaitable[object]],
        is_idle: Callable[[], bool],
        wanted: Callable[[], Page | None],
        unchecked: Callable[[str | None], Awaitable[Page | None]],
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`wanted` draws a page by demand, `unchecked` gives the one whose turn came last longest ago, of a site
        or of all.
        """
        self.budget = budget
        self._check = check
        self._is_idle = is_idle
        self._wanted = wanted
        self._unchecked = unchecked
        self._sleep = sleep
        self._clock = clock
        self._visited: Page | None = None  # the first page of the visit
        self._visit_ends = 0.0

    async def run(self) -> None:
        """For ever."""
        for turn in itertools.count():
            while (pause := self.budget.pause()) or not self._is_idle():
                await self._sleep(pause or _YIELD)
            began = self._clock()
            try:
                page = (self._wanted() if turn % 2 else None) or await self._next()
                if page is not None:
                    await self._check(page)
            except (ConnectionError, KeyError) as error:  # the invalidator is away, or the site is
                page = None
                _log.info("not_checked", error=repr(error))
            except Exception:  # noqa: BLE001 (a fault of ours: without this task the promise is unchecked in silence)
                page = None
                _log.exception("check_failed")
            self.budget.spent(self._clock() - began)
            if page is None:
                await self._sleep(_REST)

    async def _next(self) -> Page | None:
        if self._visited is not None and self._clock() < self._visit_ends:
            page = await self._unchecked(self._visited[0])
            if page is not None and page != self._visited:  # else all of its pages had their turn
                return page
        self._visited = await self._unchecked(None)
        self._visit_ends = self._clock() + _VISIT
        return self._visited
