"""The renderer's process: ``python -m pressroom.pagecache.renderer.daemon --root ROOT``.

Keeps the store full: renders what the frontier puts first, several pages at once, at a low priority so that visitors
go first. Learns of drops from the invalidator, of misses from nginx, of demand from the access logs.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import pwd
import random
import shutil
import time
from collections import deque
from dataclasses import asdict
from pathlib import Path

import structlog

from pressroom.model.layout import Layout
from pressroom.pagecache.invalidator.gate import Gates
from pressroom.pagecache.outcomes import VIOLATION
from pressroom.pagecache.renderer.audit import Auditor, Checked, ContinuousAudit, Page
from pressroom.pagecache.renderer.demand import MissSocket
from pressroom.pagecache.renderer.evidence import Evidence
from pressroom.pagecache.renderer.frontier import ENTRANCE, FRONT, LINKED, REST, Frontier, Job
from pressroom.pagecache.renderer.latency import LatencyHistory
from pressroom.pagecache.renderer.pictures import Pictures
from pressroom.pagecache.renderer.recompression import Recompressions
from pressroom.pagecache.renderer.renderer import Made, Renderer
from pressroom.pagecache.renderer.response import links
from pressroom.pagecache.renderer.visits import Visits
from pressroom.pagecache.renderer.waiting import WaitingRoom
from pressroom.pagecache.roster import Roster, RosterSite
from pressroom.pagecache.store import PAGE
from pressroom.system import messages
from pressroom.system.budget import Budget
from pressroom.system.daemon import run_until_stopped

_log = structlog.get_logger("renderer")
# Where a site's pages are found: the front page, and the lists that WordPress makes for machines.
_ENTRANCES = (("/", FRONT), ("/wp-sitemap.xml", ENTRANCE), ("/robots.txt", ENTRANCE), ("/feed/", ENTRANCE))
_NICENESS = 10
_TICK = 0.5  # seconds between looks at the roster
_HANGS_TICK, _HANGS_AFTER = 2.0, 8.0  # seconds between looks at the invalidator, and for it to answer
_GONE_AFTER = 30.0  # seconds for which it may be started again and again
_DEMAND_HALF_LIFE = 600.0
_MADE_MEANWHILE = 100  # pages at the most while an editor waits; mostly the time ends before
_AFTER_A_MISS = 1.0  # seconds in which nothing is checked
_PICTURE_TICK = 0.1
_OVERDUE = 120.0  # seconds; a site that is written to all the time leaves nothing at rest
_KEPT_FOR_RECOMPRESSION = 64 * 1024 * 1024  # bytes of bodies waiting; beyond it pages keep the quick form


class RendererDaemon:
    """Puts the parts together and keeps them running."""

    def __init__(self, layout: Layout, *, max_pages: int, concurrency: int, audit_share: float) -> None:
        self._layout = layout
        self._concurrency = concurrency
        self._roster = Roster(layout.roster)
        self._frontier = Frontier(max_pages)
        self._staging = layout.store / "staging"
        self._renderer = Renderer(layout.internal_http_socket, layout.invalidator_socket, self._staging)
        self._work = asyncio.Event()
        self._recompressions = Recompressions(_KEPT_FOR_RECOMPRESSION)
        self._pictures = Pictures(layout, self._ask)
        self._rests_until = 0.0
        self._visits = Visits(layout.visits, LatencyHistory(layout.latency_database), self._frontier.demand)
        self._rendering = 0
        self._missed_at = 0.0
        self._waiting = WaitingRoom(pwd.getpwnam(layout.web_user).pw_uid, self._hasten)
        self._auditor = Auditor(layout, self._renderer, self._ask)
        self._evidence = Evidence(layout.audit)
        self._budget = Budget(audit_share) if audit_share else None
        self._counts = {"stored": 0, "refused": 0, "overtaken": 0, "failed": 0, "gone": 0}

    async def run(self) -> None:
        os.nice(_NICENESS)
        shutil.rmtree(self._staging, ignore_errors=True)
        self._staging.mkdir(parents=True)
        misses = MissSocket(self._layout.miss_socket)
        asyncio.get_running_loop().add_reader(misses, self._on_misses, misses)
        await messages.serve(self._layout.renderer_socket, self._answer)
        await self._waiting.serve(self._layout.waiting_socket)
        parts = [self._watch(), self._visits.run(), self._forget_demand(), self._recompressor(), self._make_pictures()]
        parts.append(self._watch_the_invalidator())
        parts += [self._worker(urgent=urgent) for urgent in (False, True) for _ in range(self._concurrency)]
        if self._budget is not None:
            audit = ContinuousAudit(
                self._budget, check=self._check, is_idle=self._is_idle, wanted=self._wanted, unchecked=self._unchecked
            )
            parts.append(audit.run())
        try:
            await run_until_stopped(*parts)
        finally:
            await self._renderer.close()
            await self._pictures.close()

    # -- what there is to do -------------------------------------------------------------------------------

    async def _watch(self) -> None:
        """Learn the sites, their stored pages and each drop; start over when the invalidator does."""
        while True:
            self._frontier.attend([])
            try:
                watching = asyncio.create_task(self._hear_drops())
                try:
                    while not watching.done():
                        await self._greet_new_sites()
                        await asyncio.wait([watching], timeout=_TICK)
                    watching.result()
                finally:
                    watching.cancel()
            except (ConnectionError, OSError) as error:
                _log.warning("invalidator_lost", error=str(error))
            await asyncio.sleep(_TICK)

    async def _hear_drops(self) -> None:
        swaps: set[asyncio.Task[None]] = set()
        async for message in messages.watch(self._layout.invalidator_socket):
            if "due" in message:
                self._frontier.due(message["site"], message["due"])
            elif "picture" in message:
                self._pictures.want(message["site"], [message["picture"]])
            elif "swap" in message:
                swap = asyncio.create_task(self._swap(message["site"], message["swap"], message["keys"]))
                swaps.add(swap)
                swap.add_done_callback(swaps.discard)
            else:
                keys = None if message["keys"] is None else set(message["keys"])
                kept, settled = set(message["kept"]), bool(message["settled"])
                self._frontier.taken(message["site"], time.monotonic(), keys, kept, settled=settled)
            self._work.set()

    async def _watch_the_invalidator(self) -> None:
        """While it hangs, changes made by plain SQL would not be seen; killed, it is started anew.

        Supervision gives up on a program that ends again and again: then nothing of its store is served any more.
        """
        there: float | None = None
        while True:
            await asyncio.sleep(_HANGS_TICK)
            try:
                if await messages.end_if_frozen(self._layout.invalidator_socket, _HANGS_AFTER):
                    _log.warning("invalidator_killed", because="it did not answer", seconds=_HANGS_AFTER)
                there = time.monotonic()
            except OSError:
                if there is not None and time.monotonic() - there > _GONE_AFTER:
                    there = None  # once: it opens them itself when it is back, and has dropped what is old
                    self._close_gates()

    def _close_gates(self) -> None:
        gates = Gates(self._layout.gates)
        for site in self._roster.sites():
            with contextlib.suppress(OSError):
                gates.close(site)
        _log.warning("gates_closed", because="the invalidator is gone", seconds=_GONE_AFTER)

    async def _greet_new_sites(self) -> None:
        sites = list(self._roster.sites())
        self._evidence.attend(sites)
        self._visits.attend(sites)
        for site in self._frontier.attend(sites):
            answer = await self._ask({"op": "pages", "site": site})
            for page in answer.get("pages", []):
                if page["stored"]:
                    self._frontier.stored_already(site, page["key"], LINKED)
                    self._pictures.look_through(site, page["key"])
                else:
                    self._frontier.want(site, page["key"], LINKED)
            for key, rank in _ENTRANCES:
                self._frontier.want(site, key, rank)
            self._work.set()

    async def _ask(self, request: messages.Message) -> messages.Message:
        connection = messages.Connection(self._layout.invalidator_socket)
        try:
            return await connection.ask(request)
        finally:
            connection.close()

    def _on_misses(self, misses: MissSocket) -> None:
        for site, key in misses.misses():
            self._missed_at = time.monotonic()
            self._frontier.missed(site, key, time.monotonic())
            self._work.set()

    def _hasten(self, site: str, key: str) -> bool:
        """A visitor would wait for this page."""
        self._missed_at = time.monotonic()
        self._work.set()
        return self._frontier.hasten(site, key, time.monotonic())

    async def _forget_demand(self) -> None:
        while True:
            await asyncio.sleep(_DEMAND_HALF_LIFE)
            self._frontier.forget_some_demand()

    # -- doing it ------------------------------------------------------------------------------------------

    async def _worker(self, *, urgent: bool) -> None:
        """`urgent`: for pages that somebody waits for, so that they need not wait until others are made."""
        while True:
            job = self._frontier.next(time.monotonic(), urgent=urgent)
            site = self._roster.sites().get(job.site) if job else None
            if job is None or site is None:
                await self._wait_for_work(urgent=urgent)
                continue
            await self._make(site, job)

    async def _make(self, site: RosterSite, job: Job) -> None:
        self._rendering += 1
        try:
            made = await self._renderer.render(site, job)
        except (ConnectionError, KeyError) as error:
            made = Made("failed", f"invalidator: {error}")
        except Exception as error:  # noqa: BLE001 (a fault of ours with one page must not end the others' renders)
            made = Made("failed", f"a fault: {error!r}")
            _log.exception("render_fault", site=job.site, key=job.key)
        finally:
            self._rendering -= 1
        self._waiting.settled(job.site, job.key, stored=made.outcome == "stored")  # first: somebody waits
        if made.outcome == "stored":
            await self._see_whether_it_stands(job)
        self._settle(site, job, made)

    async def _see_whether_it_stands(self, job: Job) -> None:
        """What was taken out while the page was made was its old version, mostly: then it need not be made again."""
        while self._frontier.taken_meanwhile(job):
            with contextlib.suppress(ConnectionError):
                if (await self._ask({"op": "stands", "site": job.site, "key": job.key})).get("stored"):
                    continue
            self._frontier.again(job)
            return

    async def _swap(self, name: str, seconds: float, keys: list[str] | None) -> None:
        """An editor waits: make the pages that the change touches, those wanted most first, and say when they are made.

        A page that comes out as it was stays the version that it is.
        """
        until = time.monotonic() + seconds
        site = self._roster.sites().get(name)
        jobs = deque(self._frontier.most_wanted(name, _MADE_MEANWHILE, until, keys))

        async def work() -> None:
            while jobs:
                job = jobs.popleft()
                if site is None or time.monotonic() >= until:
                    self._frontier.put_back(job)
                else:
                    await self._make(site, job)

        await asyncio.gather(*(work() for _ in range(self._concurrency)))
        with contextlib.suppress(ConnectionError):
            await self._ask({"op": "swapped", "site": name})

    async def _wait_for_work(self, *, urgent: bool) -> None:
        self._work.clear()
        wake_at = self._frontier.wake_at(urgent=urgent)
        pause = None if wake_at is None else max(0.005, wake_at - time.monotonic())
        try:
            await asyncio.wait_for(self._work.wait(), pause)
        except TimeoutError:
            return

    def _settle(self, site: RosterSite, job: Job, made: Made) -> None:
        now = time.monotonic()
        self._counts[made.outcome] += 1
        if made.outcome == "stored":
            self._frontier.stored(job)
            self._follow_links(site, job, made)
            if made.kind == PAGE:
                self._pictures.look_through(job.site, job.key)
            self._recompressions.stored(job, made)
        elif made.outcome == "overtaken":
            self._frontier.overtaken(job, now)
            self._follow_links(site, job, made)
        elif made.outcome == "failed":
            self._frontier.failed(job, now)
            _log.warning("render_failed", site=job.site, key=job.key, why=made.why)
        elif made.outcome == "gone":
            self._frontier.forget(job)
        else:
            self._frontier.refused(job, made.why, now)
            _log.info("not_stored", site=job.site, key=job.key, why=made.why)
        self._work.set()

    def _follow_links(self, site: RosterSite, job: Job, made: Made) -> None:
        rank = LINKED if job.rank in (FRONT, ENTRANCE) else REST
        base = f"http://{site.host}{job.key}"
        for key in links(made.body, made.content_type, base, site.host, feeds=job.rank == FRONT):
            self._frontier.want(job.site, key, ENTRANCE if key.startswith("/wp-sitemap") else rank)

    async def _recompressor(self) -> None:
        """Better compression, when there is nothing else to do."""
        while True:
            await asyncio.sleep(0.05)
            if self._rendering or not self._recompressions.is_due():
                continue
            if not self._frontier.is_idle(time.monotonic()) and not self._recompressions.is_due(_OVERDUE):
                continue
            job, made = self._recompressions.take()
            try:
                await self._renderer.recompress(job.site, job.key, made)
            except (ConnectionError, OSError) as error:
                _log.warning("recompression_failed", site=job.site, key=job.key, error=str(error))

    async def _make_pictures(self) -> None:
        """Other forms of pictures, when there is nothing else to do."""
        while True:
            if not self._pictures or not self._is_idle():
                await asyncio.sleep(_PICTURE_TICK)
                continue
            try:
                await self._pictures.step(self._roster.sites())
            except (ConnectionError, OSError) as error:
                _log.warning("pictures_wait", error=str(error))
                await asyncio.sleep(_TICK)

    # -- the audit -----------------------------------------------------------------------------------------

    def _is_idle(self) -> bool:
        now = time.monotonic()
        busy = (
            self._rendering
            or self._recompressions.is_due()
            or now < max(self._missed_at + _AFTER_A_MISS, self._rests_until)
        )
        return not busy and self._frontier.is_idle(now)

    def _wanted(self) -> Page | None:
        """A page of one of the sites, by demand."""
        site = random.choice([*self._roster.sites()] or [""])
        key = self._frontier.drawn(site, random.random())
        return None if key is None else (site, key)

    async def _unchecked(self, site: str | None) -> Page | None:
        page = (await self._ask({"op": "unchecked", "site": site}))["page"]
        return (page[0], page[1]) if page else None

    async def _check(self, page: Page) -> Checked:
        """Raises KeyError for a site that there is not (any more)."""
        checked = await self._auditor.check(self._roster.sites()[page[0]], page[1])
        if checked.outcome == VIOLATION:
            self._frontier.want(*page, LINKED, urgent=True)
            self._work.set()
        return checked

    # -- the control socket --------------------------------------------------------------------------------

    async def _answer(self, request: messages.Message) -> messages.Message:
        if request.get("op") == "want":
            with contextlib.suppress(ConnectionError):  # the site may be new; without the invalidator it waits its turn
                await self._greet_new_sites()
        elif request.get("op") == "latency":
            told = await self._visits.told(str(request["site"]), float(request["since"]), float(request["until"]))
            return {"ok": True, **told}
        return await self._audit(request) if request.get("op") == "audit" else self._tell(request)

    async def _audit(self, request: messages.Message) -> messages.Message:
        """``audit``: check one page now."""
        try:
            return {"ok": True, **asdict(await self._check((str(request["site"]), str(request["key"]))))}
        except KeyError as error:
            return {"ok": False, "why": f"bad request: {error!r}"}

    def _tell(self, request: messages.Message) -> messages.Message:
        """``status``: figures of one site; ``want``: queue keys of one site; ``page``: the state of one; ``rest``: for
        so many seconds, do nothing that nobody asked for.
        """
        site = str(request.get("site"))
        if request.get("op") == "rest":
            self._rests_until = time.monotonic() + float(request["seconds"])
        if request.get("op") == "want":
            for key in request.get("keys", []):
                self._frontier.want(site, str(key), LINKED, urgent=True)
            self._work.set()
        if request.get("op") == "page":
            state, why = self._frontier.state_of(site, str(request.get("key")))
            return {"ok": True, "state": state, "why": why}
        return {
            "ok": True,
            "pages": self._frontier.figures(site),
            "refusals": self._frontier.refusals(site),
            "recompress": len(self._recompressions),
            "pictures": self._pictures.waiting(site),
            "waiting": self._waiting.visitors(),
            "since_start": dict(self._counts),
            "audit_seconds": round(self._budget.spent_seconds, 3) if self._budget else None,
        }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--root", type=Path, required=True)
    parser.add_argument("--max-pages", type=int, default=5000, help="known pages a site at the most")
    parser.add_argument("--concurrency", type=int, default=2, help="renders at once")
    parser.add_argument("--audit-percent", type=float, default=2.0, help="of one core, for checking pages; 0: none")
    arguments = parser.parse_args()
    daemon = RendererDaemon(
        Layout(arguments.root),
        max_pages=arguments.max_pages,
        concurrency=arguments.concurrency,
        audit_share=arguments.audit_percent / 100,
    )
    asyncio.run(daemon.run())


if __name__ == "__main__":
    main()
