"""The scanner's process: ``python -m pressroom.integrity.daemon --root ROOT``, as the platform's user.

It decides when a site is looked at and keeps what is found; the looking itself is done by a worker behind that site's
walls (`worker.py`). The invalidator tells it by datagrams which files changed.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import socket
import time
from dataclasses import asdict
from pathlib import Path

import structlog

from pressroom.integrity.ledger import Kept, Ledger, Taken
from pressroom.integrity.places import may_concern, unit_of
from pressroom.integrity.published import Published
from pressroom.integrity.roster import ScannedSite, ScanRoster
from pressroom.integrity.scanner import Scanner
from pressroom.integrity.sources import Sources
from pressroom.integrity.turns import Turns
from pressroom.model.errors import PressroomError, answer_of
from pressroom.model.layout import Layout
from pressroom.system import messages
from pressroom.system.daemon import log_as_json, run_until_stopped
from pressroom.system.messages import Message

_log = structlog.get_logger("scanner")
_TICK = 1.0  # seconds
_MOST_DATAGRAMS = 1000  # in one go
_LONGEST_DATAGRAM = 65536
_SHARE = 0.05  # of one core, for daily looks


class ScannerDaemon:
    """Joins the turns to the clock, to the roster, and to those who ask."""

    def __init__(self, layout: Layout, *, ours: frozenset[str]) -> None:
        self._layout = layout
        self._roster = ScanRoster(layout.roster)
        self._ledger = Ledger(layout.scans / "scans.db")
        self._scanner = Scanner(layout, self._ledger, Sources(layout.cores, Published()), ours=ours)
        self._turns = Turns(_SHARE)
        self._rests_until = 0.0

    async def run(self) -> None:
        changes = _listening(self._layout.changes_socket)
        asyncio.get_running_loop().add_reader(changes, self._on_changes, changes)
        await messages.serve(self._layout.scanner_socket, self._answer)
        _log.info("started", sites=len(self._roster.sites()))
        await run_until_stopped(self._cycles())

    async def _cycles(self) -> None:
        while True:
            await asyncio.sleep(_TICK)
            try:
                await self._cycle()
            except (OSError, ValueError, KeyError) as error:  # the roster, while it cannot be read
                _log.warning("cycle_failed", error=repr(error))

    async def _cycle(self) -> None:
        sites = self._roster.sites()
        self._scanner.attend(set(sites))
        now = time.time()
        self._turns.attend({name: None if (at := self._at(name)) is None else now - at for name in sites})
        if time.monotonic() < self._rests_until:
            return
        turn = self._turns.next(is_idle=os.getloadavg()[0] < (os.cpu_count() or 1))
        if turn is None or turn.site not in sites:
            return
        seconds, failed = 0.0, False
        try:
            seconds = await self._scanner.look(sites[turn.site], turn.units)
        except PressroomError:
            failed = True
        self._turns.looked(turn, seconds, failed=failed)

    def _at(self, site: str) -> float | None:
        scan = self._ledger.scan(site)
        return None if scan is None else scan.at

    def _on_changes(self, changes: socket.socket) -> None:
        """Each datagram is a site and a path in its document root which something befell."""
        for _ in range(_MOST_DATAGRAMS):
            try:
                told = messages.decode(changes.recv(_LONGEST_DATAGRAM))
                if may_concern(path := str(told["path"])):
                    self._turns.changed(str(told["site"]), unit_of(path))
            except BlockingIOError:
                return
            except (ValueError, KeyError) as error:
                _log.warning("bad_change", error=repr(error))

    # -- who asks ----------------------------------------------------------------------------------------------

    async def _answer(self, request: Message) -> Message:
        """``scan``: look at a site now; ``findings``: what is known; ``take``, ``restore``, ``discard``, ``accept``: as
        `Scanner`'s; ``status``: a line for each site; ``rest``: for so many seconds, do nothing that nobody asked for.
        """
        try:
            return {"ok": True, **await self._do(request)}
        except PressroomError as error:
            return answer_of(error)
        except (KeyError, TypeError, ValueError) as error:
            return {"ok": False, "kind": "InvalidInput", "error": f"bad request: {error!r}", "hint": "report this"}

    async def _do(self, request: Message) -> Message:
        if request["op"] == "status":
            return {"sites": {name: self._line(site) for name, site in self._roster.sites().items()}}
        if request["op"] == "rest":
            self._rests_until = time.monotonic() + float(request["seconds"])
            return {}
        site = self._roster.sites()[str(request["site"])]
        if request["op"] == "scan":
            await self._scanner.look(site)
        if request["op"] == "take":
            return {"taken": _plain_taken(await self._scanner.take(site, str(request["what"])))}
        if request["op"] == "restore":
            return {"taken": _plain_taken(await self._scanner.restore(site, str(request["what"])))}
        if request["op"] == "discard":
            return {"taken": _plain_taken(await self._scanner.discard(site, str(request["what"])))}
        if request["op"] == "accept":
            return {"finding": _plain(self._scanner.accept(site, str(request["what"])))}
        return self._known(site)

    def _known(self, site: ScannedSite) -> Message:
        scan = self._ledger.scan(site.name)
        known = self._ledger.baselines(site.name)
        return {
            "scan": None if scan is None else asdict(scan),
            "findings": [_plain(kept) for kept in self._scanner.findings(site)],
            "quarantine": [_plain_taken(taken) for taken in self._ledger.taken(site.name)],
            "extensions": [
                {"place": place, "version": one.version, "source": one.source, "since": one.since}
                for place, one in sorted(known.items())
            ],
        }

    def _line(self, site: ScannedSite) -> Message:
        scan = self._ledger.scan(site.name)
        return {
            "at": None if scan is None else scan.at,
            "trouble": None if scan is None else scan.trouble,
            "findings": len(self._scanner.findings(site)),
        }


def _plain(kept: Kept) -> Message:
    return {**asdict(kept.found), "since": kept.since}


def _plain_taken(taken: Taken) -> Message:
    return asdict(taken)


def _listening(path: Path) -> socket.socket:
    with contextlib.suppress(FileNotFoundError):
        path.unlink()
    changes = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    changes.setblocking(False)
    changes.bind(str(path))
    path.chmod(0o600)
    return changes


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--root", type=Path, required=True)
    parser.add_argument(
        "--ours", action="append", default=[], help="SHA-256 of a file that the platform puts into sites"
    )
    arguments = parser.parse_args()
    log_as_json()
    asyncio.run(ScannerDaemon(Layout(arguments.root), ours=frozenset(arguments.ours)).run())


if __name__ == "__main__":
    main()
