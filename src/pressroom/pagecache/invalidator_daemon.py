"""The invalidator's process: ``python -m pressroom.pagecache.invalidator_daemon --root ROOT``.

One thread tails the binlog, one follows the sites' files; the event loop serves the barrier (sites' PHP) and the
control socket (renderer, CLI), watches the gates and saves the place.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import pwd
import signal
import threading
from pathlib import Path
from typing import Any

import pymysql
import structlog

from pressroom.model.layout import Layout
from pressroom.pagecache import protocol
from pressroom.pagecache.barrier import BarrierServer, PassedCommits, PassedFiles, boot_id
from pressroom.pagecache.code_watch import CodeWatch
from pressroom.pagecache.gate import Gates
from pressroom.pagecache.index import Index
from pressroom.pagecache.invalidator import Invalidator
from pressroom.pagecache.master import Master
from pressroom.pagecache.positions import Position
from pressroom.pagecache.reads import from_plain, text_of
from pressroom.pagecache.rerun import Rerun
from pressroom.pagecache.roster import Roster
from pressroom.pagecache.stock import Rendered, Taken
from pressroom.pagecache.store import PageStore, Staged
from pressroom.pagecache.swap import Swaps
from pressroom.pagecache.tailer import PositionGone, Tailer

_log = structlog.get_logger("invalidator")
_TICK = 0.5  # seconds between looks at the roster and the gates


class InvalidatorDaemon:
    """Puts the parts together and keeps them running."""

    def __init__(self, layout: Layout, *, max_pages: int) -> None:
        self._layout = layout
        self._roster = Roster(layout.roster)
        self._gates = Gates(layout.gates)
        self._master = Master(layout.mariadb_socket, layout.platform_user)
        self._invalidator = Invalidator(
            Index(layout.index_database, self._master.schema),
            PageStore(layout.store),
            self._gates,
            max_pages=max_pages,
            rerun=Rerun(self._master.settings),
        )
        self._invalidator.taken = self._on_taken
        self._invalidator.due = self._on_due
        self._invalidator.held = self._on_hold
        self._swaps = Swaps(self._invalidator.is_held, self._invalidator.settle, self._ask_renderer)
        self._commits = PassedCommits()
        self._code = CodeWatch(layout, self._on_code, self._on_cookie, self._invalidator.is_rendering)
        self._files = PassedFiles(self._code.cookies_come)
        self._watchers: set[asyncio.Queue[protocol.Message]] = set()
        self._barrier: BarrierServer | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stopping = threading.Event()
        self._caught_up = threading.Event()

    # -- the tailer's thread -------------------------------------------------------------------------------

    def _tail(self) -> None:
        pause = 0.1
        while not self._stopping.is_set():
            try:
                self._follow()
                pause = 0.1
            except PositionGone as error:
                self._start_again(f"the binlog's place was lost: {error}")
            except (pymysql.err.Error, OSError) as error:
                self._caught_up.clear()
                _log.warning("database_lost", error=str(error), again_in=pause)
                self._stopping.wait(pause)
                pause = min(pause * 2, 2.0)
            except Exception as error:  # noqa: BLE001 (a fault of ours: without this thread pages go stale in silence)
                self._caught_up.clear()
                _log.exception("tailer_failed")
                self._stopping.wait(pause)
                pause = min(pause * 2, 2.0)
                with contextlib.suppress(pymysql.err.Error, OSError):
                    self._start_again(f"a fault of the tailer: {error!r}")

    def _follow(self) -> None:
        place = self._invalidator.place
        if place is None:
            self._start_again("the page cache is new")
            place = self._invalidator.place
        assert place is not None
        if not self._master.has(place):
            self._start_again("the binlog's place is not on this server")
            return
        self._tell(self._invalidator.passed)
        tailer = Tailer(self._master.settings, self._master.tailer_id, place.file, place.offset)
        _log.info("following", file=place.file, offset=place.offset)
        self._caught_up.set()
        try:
            for transaction in tailer.transactions():
                dropped = self._invalidator.apply(transaction, tailer.file)
                self._tell(transaction.sequence)
                if dropped:
                    _log.info("dropped", sites=dropped, sequence=transaction.sequence, end=transaction.end)
                if self._stopping.is_set():
                    return
        finally:
            tailer.close()

    def _start_again(self, why: str) -> None:
        _log.warning("starting_again", why=why)
        self._invalidator.start_at(self._master.newest_place(), why)
        self._tell(self._invalidator.passed)

    def _tell(self, passed: int) -> None:
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._commits.advance, passed)

    def _on_code(self, site: str, file: str) -> None:
        if self._invalidator.files_changed(site, f"a file changed: {file}"):
            _log.info("dropped", sites=[site], file=file)

    def _on_cookie(self, site: str, cookie: str) -> None:
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._files.came, site, cookie)

    def _on_taken(self, taken: Taken) -> None:
        if self._loop is not None:
            keys = None if taken.keys is None else sorted(taken.keys)
            message = {"site": taken.site, "why": taken.why, "keys": keys, "kept": sorted(taken.kept)}
            self._loop.call_soon_threadsafe(self._spread, message)

    def _on_due(self, site: str, keys: list[str]) -> None:
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._spread, {"site": site, "due": keys})

    def _on_hold(self, site: str) -> None:
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._swaps.was_held, site)

    def _ask_renderer(self, site: str, seconds: float) -> bool:
        self._spread({"site": site, "swap": seconds, "keys": self._invalidator.held_keys(site)})
        return bool(self._watchers)

    def _spread(self, message: protocol.Message) -> None:
        for queue in self._watchers:
            queue.put_nowait(message)

    # -- the event loop ------------------------------------------------------------------------------------

    async def run(self) -> None:
        self._loop = asyncio.get_running_loop()
        sites = self._roster.sites()
        self._invalidator.attend(list(sites))
        removed = self._invalidator.recover(list(sites), boot_id())
        _log.info("recovered", sites=len(sites), files_removed=removed)
        stop = asyncio.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            self._loop.add_signal_handler(number, stop.set)
        threading.Thread(target=self._tail, name="tailer", daemon=True).start()
        threading.Thread(target=self._code.run, args=(self._stopping,), name="code watch", daemon=True).start()
        self._barrier = barrier = BarrierServer(
            self._commits, self._newest, self._site_of, self._swaps.settled, self._files
        )
        await barrier.serve(self._layout.barrier_socket)
        await self._serve_control()
        ticking = asyncio.create_task(self._tick())
        await stop.wait()
        self._stopping.set()
        ticking.cancel()
        self._invalidator.save_place()
        _log.info("stopped")

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
            except (OSError, ValueError, KeyError, pymysql.err.Error) as error:
                _log.warning("look_failed", error=str(error))

    def _look(self) -> None:
        sites = self._roster.sites()
        self._invalidator.attend(list(sites))
        self._code.attend(list(sites), self._invalidator.oldest_page)
        for site in sites:
            if not self._gates.is_open(site):
                self._reopen(site)
        self._invalidator.expire()
        self._invalidator.save_place()
        self._invalidator.sweep()

    def _reopen(self, site: str) -> None:
        """Only when all that is committed by now has been passed, for the closer's own commit is among it."""
        newest = self._master.newest_sequence()
        if self._caught_up.is_set() and self._invalidator.passed >= newest:
            self._invalidator.reopen(site)
            _log.warning("gate_reopened", site=site)

    # -- the control socket --------------------------------------------------------------------------------

    async def _serve_control(self) -> None:
        path = self._layout.invalidator_socket
        path.unlink(missing_ok=True)
        await asyncio.start_unix_server(self._connected, path, limit=protocol.LINE_LIMIT)
        path.chmod(0o600)

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while line := await reader.readline():
                request = protocol.decode(line)
                if request["op"] == "watch":
                    await self._watched(writer)
                    return
                writer.write(protocol.encode(self._answer(request)))
                await writer.drain()
        except (ConnectionError, ValueError):
            pass
        finally:
            writer.close()

    async def _watched(self, writer: asyncio.StreamWriter) -> None:
        queue: asyncio.Queue[protocol.Message] = asyncio.Queue()
        self._watchers.add(queue)
        try:
            while True:
                writer.write(protocol.encode(await queue.get()))
                await writer.drain()
        finally:
            self._watchers.discard(queue)

    def _answer(self, request: protocol.Message) -> protocol.Message:
        try:
            return {"ok": True, **getattr(self, f"_op_{request['op']}")(request)}
        except (KeyError, AttributeError, TypeError, ValueError, OverflowError) as error:
            _log.warning("bad_request", request=request.get("op"), error=repr(error))
            return {"ok": False, "why": f"bad request: {error!r}"}

    def _op_begin(self, request: protocol.Message) -> protocol.Message:
        return {"ticket": self._invalidator.begin(request["site"], request["key"])}

    def _op_abandon(self, request: protocol.Message) -> protocol.Message:
        self._invalidator.abandon(request["ticket"], gone=bool(request.get("gone")))
        return {}

    def _op_publish(self, request: protocol.Message) -> protocol.Message:
        file, offset = request["fence"]
        outcome = self._invalidator.publish(
            request["ticket"],
            Rendered(
                Position.parse(file, offset),
                Staged(Path(request["folder"]), request["kind"]),
                request["size"],
                request["digest"],
                request["render_seconds"],
                request["queries"],
                from_plain(request["reads"]),
                request.get("valid_until"),
                request.get("valid_why") or "",
                request.get("view") or "",
            ),
        )
        return {"refused": outcome.refused, "mtime": outcome.mtime, "same": outcome.same}

    def _op_refused(self, request: protocol.Message) -> protocol.Message:
        return {"why": self._invalidator.refused(request["site"], request["key"])}

    def _op_view(self, request: protocol.Message) -> protocol.Message:
        why, probe = self._invalidator.look_at_view(request["site"], request["key"], request["view"])
        return {"why": why, "probe": probe}

    def _op_varies(self, request: protocol.Message) -> protocol.Message:
        self._invalidator.was_probed(request["ticket"], request["view"], request["why"])
        return {}

    def _op_recompress(self, request: protocol.Message) -> protocol.Message:
        staged = Staged(Path(request["folder"]), request["kind"])
        return {"done": self._invalidator.recompress(request["site"], request["key"], request["mtime"], staged)}

    def _op_take_out(self, request: protocol.Message) -> protocol.Message:
        return {"done": self._invalidator.take_out(request["site"], request["key"], request.get("why"))}

    def _op_drop(self, request: protocol.Message) -> protocol.Message:
        self._invalidator.drop(request["site"], request["why"])
        return {}

    def _op_unchecked(self, request: protocol.Message) -> protocol.Message:
        page = self._invalidator.longest_unchecked()
        return {"page": page[:2] if page else None}

    def _op_checked(self, request: protocol.Message) -> protocol.Message:
        self._invalidator.put_check(request["site"], request["key"], request["outcome"], request["why"])
        return {}

    def _op_audited(self, request: protocol.Message) -> protocol.Message:
        figures = self._invalidator.audit_figures(request["site"])
        return {"figures": figures, "unchecked": self._invalidator.longest_unchecked(request["site"])}

    def _op_place(self, request: protocol.Message) -> protocol.Message:
        """How far the binlog has been followed, and whether a change of the site is held."""
        place = self._invalidator.place
        return {
            "caught_up": self._caught_up.is_set() and place is not None,
            "place": (place.file, place.offset) if place else None,
            "passed": self._invalidator.passed,
            "held": self._invalidator.is_held(request["site"]),
        }

    def _op_alive(self, request: protocol.Message) -> protocol.Message:
        return {}

    def _op_swapped(self, request: protocol.Message) -> protocol.Message:
        self._swaps.rendered(request["site"])
        return {}

    def _op_attend(self, request: protocol.Message) -> protocol.Message:
        self._look()
        return {}

    def _op_status(self, request: protocol.Message) -> protocol.Message:
        place = self._invalidator.place
        sites = {
            site: {
                "generation": row.generation,
                "stored": stored,
                "dropped_at": row.dropped_at,
                "dropped_why": row.dropped_why,
                "unwatched": self._code.why_not(site),
                "varies": self._invalidator.variations(site),
                "gate": "open" if self._gates.is_open(site) else "closed",
            }
            for site, (row, stored) in self._invalidator.sites().items()
        }
        return {
            "caught_up": self._caught_up.is_set(),
            "file": place.file if place else None,
            "offset": place.offset if place else None,
            "passed": self._invalidator.passed,
            "barrier_seconds": [round(seconds, 5) for seconds in self._barrier.recent] if self._barrier else [],
            "sites": sites,
        }

    def _op_page(self, request: protocol.Message) -> protocol.Message:
        row, stored = self._invalidator.page(request["site"], request["key"])
        if row is None:
            return {"page": None}
        reads = self._invalidator.reads_of(request["site"], request["key"])
        return {"page": {**_plain(row), "stored": stored, "reads": sorted({text_of(read) for read in reads})}}

    def _op_unanalysed(self, request: protocol.Message) -> protocol.Message:
        return {"statements": self._invalidator.unanalysed(request["site"])}

    def _op_change(self, request: protocol.Message) -> protocol.Message:
        noted = self._invalidator.change(request["site"], request.get("sequence"))
        return {"change": None if noted is None else {**vars(noted), "end": list(noted.end)}}

    def _op_pages(self, request: protocol.Message) -> protocol.Message:
        rows = self._invalidator.pages(request["site"])
        return {"pages": [{**_plain(row), "stored": stored} for row, stored in rows]}


def _plain(row: Any) -> protocol.Message:
    fields = dict(vars(row))
    fields["fence"] = list(fields["fence"])
    return fields


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--root", type=Path, required=True)
    parser.add_argument("--max-pages", type=int, default=5000, help="stored pages a site at the most")
    arguments = parser.parse_args()
    asyncio.run(InvalidatorDaemon(Layout(arguments.root), max_pages=arguments.max_pages).run())


if __name__ == "__main__":
    main()
