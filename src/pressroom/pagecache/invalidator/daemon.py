"""The invalidator's process: ``python -m pressroom.pagecache.invalidator.daemon --root ROOT``.

One thread tails the binlog, one follows the sites' files; the event loop serves the barrier (sites' PHP) and the
control socket (renderer, CLI), watches the gates and saves the place.
"""

from __future__ import annotations

import argparse
import asyncio
import pwd
import resource
import sqlite3
import sys
import threading
import time
from collections.abc import Iterable
from pathlib import Path

import pymysql
import structlog

from pressroom.model.layout import Layout
from pressroom.pagecache.binlog.master import Master
from pressroom.pagecache.binlog.positions import Position, PositionGone
from pressroom.pagecache.binlog.tailer import Tailer
from pressroom.pagecache.invalidator.barrier import BarrierServer, PassedCommits, PassedFiles, boot_id
from pressroom.pagecache.invalidator.code_watch import CodeWatch
from pressroom.pagecache.invalidator.gate import Gates
from pressroom.pagecache.invalidator.index import Index
from pressroom.pagecache.invalidator.invalidator import Invalidator
from pressroom.pagecache.invalidator.objects import ObjectVersions
from pressroom.pagecache.invalidator.picture_store import PictureStore
from pressroom.pagecache.invalidator.requests import PRIVATE, Requests
from pressroom.pagecache.invalidator.stock import Taken
from pressroom.pagecache.invalidator.swap import Swaps
from pressroom.pagecache.invalidator.told_scanner import ToldScanner
from pressroom.pagecache.matching.rerun import Rerun
from pressroom.pagecache.roster import Roster
from pressroom.pagecache.store import PageStore
from pressroom.system import messages
from pressroom.system.daemon import collect_garbage_every, run_until_stopped

_log = structlog.get_logger("invalidator")
# Seconds for which one thread keeps Python to itself while another wants it: the tailer's many short waits for MariaDB
# must not each cost Python's usual five milliseconds while a page is published.
_TURN = 0.0005
_TICK = 0.5  # seconds between looks at the roster and the gates
_CATCHING_UP = 0.3  # seconds in which what is committed now should have been passed
# Seconds between looks for garbage, which stop all threads for 30 to 80 ms. While pages are published Python would look
# every four seconds, and find some ten objects.
_GARBAGE = 900.0
_LATELY = 3600.0  # seconds, for figures
# Seconds until it is tried again to follow the binlog: at first or after it went well for so long, and at the most.
_SOON, _STEADY, _LATER = 0.1, 10.0, 2.0


class InvalidatorDaemon:
    """Puts the parts together and keeps them running."""

    def __init__(self, layout: Layout, *, max_pages: int, objects: bool = False) -> None:
        """`objects`: the sites have object caches, whose versions are to be raised."""
        self._layout = layout
        self._roster = Roster(layout.roster)
        self._gates = Gates(layout.gates)
        self._master = Master(layout.mariadb_socket, layout.platform_user, layout.binlogs)
        self._invalidator = Invalidator(
            Index(layout.index_database, self._master.schema),
            PageStore(layout.store),
            self._gates,
            max_pages=max_pages,
            rerun=Rerun(self._master.settings),
        )
        self._visible = Rerun(self._master.settings)
        self._objects = (
            ObjectVersions(layout.objects, self._visible.reaches, self._invalidator.undecided) if objects else None
        )
        self._invalidator.taken = self._on_taken
        self._invalidator.due = self._on_due
        self._invalidator.held = self._on_hold
        self._swaps = Swaps(self._invalidator.is_held, self._invalidator.settle, self._ask_renderer)
        self._commits = PassedCommits()
        self._code = CodeWatch(
            layout, self._on_code, self._on_cookie, self._invalidator.is_rendering,
            touched=self._on_file, unseen=self._on_unseen,
        )  # fmt: skip
        self._pictures = PictureStore(layout, self._code.watches, self._on_picture)
        self._scanner = ToldScanner(layout)
        self._files = PassedFiles(self._code.cookies_come)
        self._watchers = messages.Watchers()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stopping = threading.Event()
        self._caught_up = threading.Event()
        self._barrier = BarrierServer(
            self._commits, self._caught_up.is_set, self._newest, self._site_of, self._swaps.settled, self._files
        )

    # -- the tailer's thread -------------------------------------------------------------------------------

    def _tail(self) -> None:
        pause, lost = 0.0, ""  # why it must begin again
        while not self._stopping.wait(pause):
            began = time.monotonic()
            try:
                if lost:
                    self._start_again(lost)
                    lost = ""
                self._follow()
            except PositionGone as error:
                lost = f"the binlog's place was lost: {error}"
            except (pymysql.err.Error, OSError) as error:
                _log.warning("database_lost", error=str(error))
            except Exception as error:  # noqa: BLE001 (a fault of ours: without this thread pages go stale in silence)
                _log.exception("tailer_failed")
                lost = f"a fault of the tailer: {error!r}"
            if self._stopping.is_set():
                return
            self._tell(0)  # the next server may begin to count anew
            pause = _SOON if time.monotonic() - began > _STEADY else min(max(_SOON, pause * 2), _LATER)

    def _follow(self) -> None:
        place = self._invalidator.place
        if place is None:
            raise PositionGone("the page cache is new")
        if not self._master.has(place):
            raise PositionGone("it is not on this server")
        self._tell(self._invalidator.passed)
        self._invalidator.connect()
        settings, number = self._master.settings, self._master.tailer_id
        tailer = Tailer(settings, number, self._master.binlogs, place.file, place.offset)
        _log.info("following", file=place.file, offset=place.offset)
        self._caught_up.set()
        try:
            for transaction in tailer.transactions():
                dropped = self._invalidator.apply(transaction, tailer.file)
                if self._objects is not None:
                    self._objects.passed(transaction)
                self._tell(transaction.sequence)
                if dropped:
                    _log.info("dropped", sites=dropped, sequence=transaction.sequence, end=transaction.end)
                if self._stopping.is_set():
                    return
        finally:
            self._caught_up.clear()
            tailer.close()

    def _start_again(self, why: str) -> None:
        _log.warning("starting_again", why=why)
        place = self._master.newest_place()
        self._visible.forget()
        # Asked after the place is known: what is prepared later comes by the binlog.
        self._invalidator.start_at(place, why, undecided=bool(self._master.under_way()))
        if self._objects is not None:
            self._objects.start_at(Position.parse(place.file, place.offset))
        self._tell(self._invalidator.passed)

    def _tell(self, passed: int) -> None:
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._commits.advance, passed)

    def _on_code(self, site: str, file: str) -> None:
        if self._objects is not None:
            self._objects.forget(site)
        if self._invalidator.files_changed(site, f"a file changed: {file}"):
            _log.info("dropped", sites=[site], file=file)

    def _on_cookie(self, site: str, cookie: str) -> None:
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._files.came, site, cookie)

    def _on_file(self, site: str, path: Path, is_folder: bool) -> None:
        self._pictures.changed(site, path, is_folder=is_folder)
        self._scanner.tell(site, path)

    def _on_unseen(self, site: str) -> None:
        self._pictures.check(site)

    def _on_picture(self, site: str, path: str) -> None:
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._watchers.tell, {"site": site, "picture": path})

    def _on_taken(self, taken: Taken) -> None:
        if self._loop is not None:
            keys = None if taken.keys is None else sorted(taken.keys)
            message = {"site": taken.site, "keys": keys, "kept": sorted(taken.kept), "settled": taken.settled}
            self._loop.call_soon_threadsafe(self._watchers.tell, message)

    def _on_due(self, site: str, keys: list[str]) -> None:
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._watchers.tell, {"site": site, "due": keys})

    def _on_hold(self, site: str) -> None:
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._swaps.was_held, site)

    async def _ask_renderer(self, site: str, seconds: float) -> bool:
        keys = await asyncio.to_thread(self._invalidator.held_keys, site)
        self._watchers.tell({"site": site, "swap": seconds, "keys": keys})
        return bool(self._watchers)

    # -- the event loop ------------------------------------------------------------------------------------

    async def run(self) -> None:
        self._loop = asyncio.get_running_loop()
        sites = self._roster.sites()
        self._invalidator.attend(list(sites))
        if self._objects is not None:
            if (place := self._invalidator.place) is not None:
                self._objects.resume_at(Position.parse(place.file, place.offset))
            self._objects.attend(list(sites))
        removed = self._invalidator.recover(list(sites), boot_id())
        _log.info("recovered", sites=len(sites), files_removed=removed)
        threading.Thread(target=self._tail, name="tailer", daemon=True).start()
        threading.Thread(target=self._code.run, args=(self._stopping,), name="code watch", daemon=True).start()
        await self._attend_barrier(sites)
        requests = Requests(
            self._invalidator, self._swaps, self._commits, self._pictures,
            caught_up=self._caught_up.is_set, look=self._look, figures=self._figures,
        )  # fmt: skip
        await messages.serve(self._layout.invalidator_socket, requests.answer, self._watchers, private=PRIVATE)
        try:
            await run_until_stopped(self._tick(), collect_garbage_every(_GARBAGE))
        finally:
            self._stopping.set()
            self._invalidator.save_place()
        _log.info("stopped")

    async def _attend_barrier(self, sites: Iterable[str]) -> None:
        self._barrier.attend({site: self._layout.site(site).barrier_socket for site in sites})

    async def _newest(self) -> int:
        try:
            return await asyncio.to_thread(self._master.newest_sequence)
        except pymysql.err.Error as error:
            raise ConnectionError(str(error)) from error

    def _site_of(self, uid: int) -> str | None:
        try:
            name = pwd.getpwuid(uid).pw_name
        except KeyError:
            return None
        return name.removeprefix(f"{self._layout.prefix}-") if name.startswith(f"{self._layout.prefix}-s") else None

    async def _tick(self) -> None:
        """Roster, gates, expiry, place, old generations."""
        while True:
            await asyncio.sleep(_TICK)
            try:
                await asyncio.to_thread(self._look)
            except (OSError, ValueError, KeyError, sqlite3.OperationalError, pymysql.err.Error) as error:
                _log.warning("look_failed", error=str(error))

    def _look(self) -> None:
        sites = self._roster.sites()
        self._invalidator.attend(list(sites))
        if self._loop is not None:  # at once: who makes a site asks for this look before WordPress writes
            asyncio.run_coroutine_threadsafe(self._attend_barrier(sites), self._loop).result()
        self._code.attend(list(sites), self._invalidator.oldest_page)
        if self._objects is not None:
            self._objects.attend(list(sites))
        self._invalidator.expire()
        self._invalidator.save_place()
        self._invalidator.sweep()
        if closed := [site for site in sites if not self._gates.is_open(site)]:
            self._reopen(closed)
        for site in self._invalidator.look_at_undecided(self._master.under_way):
            if self._objects is not None:
                self._objects.forget(site)

    def _reopen(self, closed: list[str]) -> None:
        """Only when all that is committed by now has been passed, for the closer's own commit is among it.

        That is waited for: where others write all the time, something newer is always under way.
        """
        newest = self._master.newest_sequence()
        ends = time.monotonic() + _CATCHING_UP
        while not (reached := self._caught_up.is_set() and self._invalidator.passed >= newest):
            if time.monotonic() > ends:
                break
            time.sleep(0.01)
        for site in closed:
            if not reached:
                self._invalidator.empty_behind_gate(site)
                continue
            if self._objects is not None:  # who gave up meanwhile may have changed what has not passed yet
                self._objects.forget(site)
            if self._invalidator.reopen(site):
                _log.info("gate_opened", site=site)

    def _figures(self, only: str | None) -> messages.Message:
        """Of all sites, or of one: who goes through them asks for each by itself."""
        place = self._invalidator.place
        sites = {
            site: {
                "generation": row.generation,
                "stored": stored,
                "dropped_at": row.dropped_at,
                "dropped_why": row.dropped_why,
                "unwatched": self._code.why_not(site),
                "varies": self._invalidator.variations(site),
                "taken_by_renders": self._invalidator.taken_by_renders(site, _LATELY),
                "gate": "open" if self._gates.is_open(site) else "closed",
            }
            for site, (row, stored) in self._invalidator.sites().items()
            if only in (None, site)
        }
        return {
            "caught_up": self._caught_up.is_set(),
            "file": place.file if place else None,
            "offset": place.offset if place else None,
            "passed": self._invalidator.passed,
            "barrier_seconds": [round(seconds, 5) for seconds in list(self._barrier.recent)],  # it grows
            "sites": sites,
        }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--root", type=Path, required=True)
    parser.add_argument("--max-pages", type=int, default=5000, help="stored pages a site at the most")
    parser.add_argument("--objects", action="store_true", help="the sites have object caches")
    arguments = parser.parse_args()
    sys.setswitchinterval(_TURN)
    daemon = InvalidatorDaemon(Layout(arguments.root), max_pages=arguments.max_pages, objects=arguments.objects)
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))  # a socket for each site, and connections to it
    asyncio.run(daemon.run())


if __name__ == "__main__":
    main()
