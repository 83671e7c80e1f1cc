"""Asks the root helper for what only root may: the hands of a control plane that is not root."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pressroom.control import requests as r
from pressroom.control.hands import Done, Progress, silent
from pressroom.engine.protocol import ProgramState
from pressroom.model import errors
from pressroom.model.errors import NotRunning
from pressroom.model.layout import Layout
from pressroom.model.site import NodeSettings, Site
from pressroom.model.trail import Sealed
from pressroom.model.walls import Space
from pressroom.pagecache.roster import RosterSite
from pressroom.system import files, messages
from pressroom.system.space import Room
from pressroom.wordpress.folders import DebianSource
from pressroom.wordpress.sources import parse_source

_PATIENCE = 900.0  # seconds without a word


@dataclass
class AskedHands:
    """Implements Hands. Each call is a connection of its own."""

    layout: Layout
    progress: Progress = silent

    def alive(self) -> bool:
        try:
            return bool(self._ask(r.Programs())["alive"])
        except NotRunning:
            return False

    def programs(self) -> dict[str, ProgramState]:
        answer = self._ask(r.Programs())
        return {name: ProgramState(state) for name, state in answer["programs"].items()}

    def make_node(self, settings: NodeSettings) -> Done:
        return self._done(r.MakeNode(settings=settings))

    def make_site(self, site: Site, settings: NodeSettings, roster: Sequence[RosterSite]) -> Done:
        listed = tuple(map(r.ListedSite.of, roster))
        return self._done(r.MakeSite(site=r.WantedSite.of(site), settings=settings, roster=listed))

    def remove_site(self, site: Site, settings: NodeSettings, roster: Sequence[RosterSite]) -> Done:
        listed = tuple(map(r.ListedSite.of, roster))
        return self._done(r.RemoveSite(site=r.WantedSite.of(site), settings=settings, roster=listed))

    def repair_core(self, site: Site, settings: NodeSettings) -> Done:
        return self._done(r.RepairCore(site=r.WantedSite.of(site), settings=settings))

    def renew_certificate(self, site: Site, settings: NodeSettings) -> Done:
        return self._done(r.RenewCertificate(site=r.WantedSite.of(site), settings=settings))

    def keep_core(self, source: str) -> str:
        """It is fetched and unpacked without root's rights; the helper copies what belongs to a core."""
        given = parse_source(source)
        if isinstance(given, DebianSource):
            return str(self._ask(r.KeepCore(incoming=None))["core"])
        with _folder_in(self.layout.incoming) as folder:
            given.fetch(folder)
            return str(self._ask(r.KeepCore(incoming=folder.name))["core"])

    def write_login(self, site: Site, settings: NodeSettings, wanted: dict[str, Any]) -> None:
        self._ask(r.WriteLogin(site=r.WantedSite.of(site), settings=settings, **wanted))

    def forget_logins(self, site: Site, settings: NodeSettings) -> None:
        self._ask(r.ForgetLogins(site=r.WantedSite.of(site), settings=settings))

    def room(self, site: str) -> tuple[Room, int]:
        answer = self._ask(r.RoomOf(site=site))
        spaces = (None if one is None else Space(**one) for one in (answer["used"], answer["most"]))
        return Room(answer["by"], *spaces), int(answer["database"])

    def copy_trail(self, rows: Sequence[Sealed], *, anyway: bool) -> int | None:
        last: int | None = self._ask(r.CopyTrail(rows=tuple(map(r.CopiedLine.of, rows)), anyway=anyway))["last"]
        return last

    def _done(self, request: r.Request) -> Done:
        answer = self._ask(request)
        return Done(answer["changes"], answer["dropped"])

    def _ask(self, request: r.Request) -> dict[str, Any]:
        try:
            with socket.socket(socket.AF_UNIX) as connection:
                connection.settimeout(_PATIENCE)
                connection.connect(str(self.layout.helper_socket))
                connection.sendall(messages.encode(r.encode(request)))
                with connection.makefile("rb") as lines:
                    return self._answer(lines)
        except OSError as error:
            raise NotRunning(
                f"the root helper does not answer ({error.strerror or error})", hint="as root: pressroom up"
            ) from error

    def _answer(self, lines: Iterator[bytes]) -> dict[str, Any]:
        for line in lines:
            told: dict[str, Any] = json.loads(line)
            if "change" in told:
                self.progress(told["change"], told["reason"])
            elif told["ok"]:
                return told
            else:
                raise errors.told(told)
        raise NotRunning("the root helper ended before it was done", hint="its log: pressroom logs helper")


@contextlib.contextmanager
def _folder_in(parent: Path) -> Iterator[Path]:
    """An empty one, for as long as it is needed."""
    with files.explained(parent):
        parent.mkdir(mode=0o700, exist_ok=True)
        folder = Path(tempfile.mkdtemp(prefix=f"core_{os.getpid()}_", dir=parent))
    try:
        yield folder
    finally:
        files.remove_tree(folder)
