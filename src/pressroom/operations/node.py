"""The node: its parts put together, who may change it, and the record of each change."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import pressroom
from pressroom.control.asking import AskedHands
from pressroom.control.hands import Hands, Progress, silent
from pressroom.control.maker import Maker
from pressroom.database.mariadb import MariaDB
from pressroom.engine.protocol import Engine
from pressroom.model.errors import InvalidInput, NoRights, NotFound, NotRunning
from pressroom.model.layout import Layout
from pressroom.model.masking import CommandLine, Words
from pressroom.model.names import Domain
from pressroom.model.site import SiteStatus
from pressroom.model.trail import Actor, Sealed
from pressroom.operations.recording import Change, Recorder
from pressroom.pagecache.roster import RosterSite
from pressroom.stack import nginx
from pressroom.state.store import StateStore
from pressroom.state.trail import Trail
from pressroom.system import files, users
from pressroom.system.actor import present_actor
from pressroom.system.door import Door, closed_parent
from pressroom.system.lock import named_lock

_ROOT_PATH = re.compile(r"/[A-Za-z0-9._/+-]*\Z")


@dataclass
class Node:
    """One node below one root folder. Opening it changes nothing on disk. ``actor``: whose changes they are; None: who
    runs this process.
    """

    root: Path
    progress: Progress = silent
    pauses: bool = False
    actor: Actor | None = None

    @cached_property
    def door(self) -> Door:
        return Door(self.root)

    @property
    def layout(self) -> Layout:
        """Under the names by which the sites' own users reach it (only root can make such a way)."""
        if os.geteuid() != 0:
            return Layout(self.door.way_if_made(self.root, "root"))
        return self._reachable_layout if self.root.exists() else Layout(self.root)

    @cached_property
    def _reachable_layout(self) -> Layout:
        prefix, code = Path(sys.prefix), Path(pressroom.__file__).parent.parent
        python = self.door.way_to(prefix, "venv") / "bin" / "python"
        way = self.door.way_to(code, "code")
        return Layout(self.door.way_to(self.root, "root"), python, None if way == code else way)

    @cached_property
    def state(self) -> StateStore:
        """Raises NotRunning where no node is: looking must not make one."""
        if not self.exists():
            raise NotRunning(f"there is no node at {self.root}", hint="make one: pressroom up, or name another --root")
        return StateStore(self.layout.state_database)

    @cached_property
    def maker(self) -> Maker:
        """Root's own hands, of a node whose root folder is there: only then it is known by which name it is reached."""
        return Maker(self.layout, self.progress, self.pauses)

    @property
    def hands(self) -> Hands:
        """Those that this process has: its own, or the root helper's."""
        return self.maker if os.geteuid() == 0 else self._asked_hands

    @cached_property
    def _asked_hands(self) -> AskedHands:
        return AskedHands(self.layout, self.progress)

    @property
    def engine(self) -> Engine:
        return self.maker.engine

    @property
    def database(self) -> MariaDB:
        return self.maker.database

    @contextmanager
    def locked(self, command: str) -> Iterator[None]:
        """Commands that change something go one at a time. Raises Busy, which says who holds the lock."""
        if not self.layout.control.exists():
            files.make_directory(self.root)
            files.make_directory(self.layout.control, mode=0o700)
        with named_lock(self.layout.lock, command):
            if os.geteuid() == 0 and self.exists():
                give_state(self.layout)
            yield

    @contextmanager
    def recorded(self, words: Words, *, site: str = "") -> Iterator[Change]:
        """For a command that changes something: rights, and lines in the audit trail of its beginning and its outcome.

        `words` are what the user typed, `site` is a domain of the site that it is about.
        """
        require_rights(self)
        recorder = Recorder(self._trail, self._copy_trail, self.actor or present_actor())
        with recorder.recorded(CommandLine.of(words), self.canonical_domain(site)) as change:
            yield change

    @contextmanager
    def changing(self, words: Words, *, site: str = "", ask: Callable[[], object] = lambda: None) -> Iterator[Change]:
        """The same for one that needs a running node and the lock. `ask` comes before the lock: people take time."""
        with self.recorded(words, site=site) as change:
            require_running(self)
            change.ask(ask)
            with self.locked(CommandLine.of(words).text):
                yield change

    def _trail(self) -> Trail | None:
        return self.state.trail if self.exists() else None

    def _copy_trail(self, rows: Sequence[Sealed], *, anyway: bool) -> int | None:
        return self.hands.copy_trail(rows, anyway=anyway)

    def canonical_domain(self, domain: str) -> str:
        """The site's own domain for an alias of it; what is no site's is written as domains are, if it is one."""
        with suppress(NotFound, NotRunning):
            return self.state.site(domain).domain if domain else ""
        with suppress(InvalidInput):
            return str(Domain.parse(domain))
        return domain

    def exists(self) -> bool:
        with files.explained(self.layout.state_database):
            return self.layout.state_database.exists()

    def roster(self) -> list[RosterSite]:
        """What the daemons are told of all sites."""
        settings = self.state.settings()
        return [
            RosterSite(
                site.name,
                site.domain,
                nginx.host(site, settings),
                pictures=site.settings.pictures,
                core=site.core,
                scan=site.settings.scan,
            )
            for site in self.state.sites()
            if site.status is not SiteStatus.DELETING
        ]


def open_node(root: Path, *, progress: Progress = silent, pauses: bool = False) -> Node:
    """A node by its root folder. Raises InvalidInput for a path that no configuration could hold."""
    root = Path(os.path.abspath(root))  # noqa: PTH100 (links stay as the user wrote them)
    if not _ROOT_PATH.match(str(root)):
        raise InvalidInput(
            f"the root folder {root} has characters that the servers' configurations cannot hold",
            hint="choose a path of letters, digits, '.', '_', '-' and '/' with --root",
        )
    if root.exists() and not root.is_dir():
        raise InvalidInput(f"{root} is no folder", hint="name the folder of a node, or of a new one, with --root")
    node = Node(root, progress, pauses)
    if not Layout(root).socket_path_fits():
        raise InvalidInput(
            f"the root folder {root} is too deep: its sockets' names would be longer than Unix allows",
            hint="choose a shorter path with --root, for example /srv/pressroom",
        )
    return node


def require_rights(node: Node) -> None:
    """Raises NoRights unless the command is root's, or the control user's."""
    if not users.is_me(node.layout.control_user):
        require_root()


def require_root() -> None:
    """Raises NoRights unless the command can make users, own ports' files and be reached by sites' users."""
    if os.geteuid() != 0:
        raise NoRights(
            "this changes users and servers of the machine, which only root may",
            hint="run the command again with sudo",
        )
    base = Path(os.path.realpath(sys.executable))
    if closed_parent(base) is not None:
        raise NoRights(
            f"the daemons' users cannot run {base}, which lies in a closed folder",
            hint="make .venv from the system's Python: rm -r .venv, then /usr/bin/python3 bootstrap.py",
        )


def require_running(node: Node) -> None:
    """Raises NotRunning."""
    try:
        if node.exists() and node.hands.alive():
            return
    except NotRunning:
        pass
    raise NotRunning("the node is not running", hint="start it: pressroom up")


def give_state(layout: Layout) -> None:
    """Its folder and what is in it are the control user's from the first, but for what is root's alone and lay there
    once. As long as the folder is root's, nobody else can have put anything there.
    """
    control, user = layout.control, layout.control_user
    users.ensure_user(user)
    if control.exists() and control.stat().st_uid != 0:
        return
    files.make_directory(control, mode=0o700)
    for folder in (layout.keys, layout.made):
        files.make_directory(folder, mode=0o700)
    for place in (layout.authority, *(layout.made / name for name in ("installed", "planted", "newsroom-filled"))):
        if (control / place.name).exists():
            (control / place.name).rename(place)
    StateStore(layout.state_database)
    files.make_file(layout.lock, mode=0o600)
    for entry in control.iterdir():
        os.chown(entry, files.user_id(user), files.group_id(user), follow_symlinks=False)
    files.make_directory(control, mode=0o700, owner=user, group=user)
