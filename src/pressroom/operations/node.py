"""The node: its parts put together, brought up, taken down, looked at."""

from __future__ import annotations

import errno
import os
import re
import shutil
import socket
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import pressroom
from pressroom.control import desired
from pressroom.control.actions import Plan
from pressroom.control.asking import AskedHands
from pressroom.control.hands import Hands, Progress, silent
from pressroom.control.maker import Maker
from pressroom.database.mariadb import MariaDB
from pressroom.engine import keeper
from pressroom.engine.protocol import Engine, Program
from pressroom.model.errors import Conflict, InvalidInput, NoRights, NoSpace, NotFound, NotRunning, PortTaken
from pressroom.model.layout import Layout
from pressroom.model.masking import CommandLine, Words
from pressroom.model.names import Domain
from pressroom.model.site import NodeSettings, SiteStatus
from pressroom.model.trail import Actor, Sealed
from pressroom.operations.recording import Change, Recorder
from pressroom.pagecache.roster import RosterSite
from pressroom.stack import nginx
from pressroom.state.store import StateStore
from pressroom.state.trail import Trail
from pressroom.system import files, images, messages, network, quotas, users
from pressroom.system.actor import present_actor
from pressroom.system.cgroups import Cgroups
from pressroom.system.door import Door, closed_parent
from pressroom.system.lock import named_lock

# MariaDB's logs, a core and some pages: below this there is no sense in beginning.
_SPACE_TO_BEGIN = 1_000_000_000
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
    if os.geteuid() == 0:
        require_root()
    elif not users.is_me(node.layout.control_user):
        raise NoRights(
            "this changes users and servers of the machine, which only root may",
            hint="run the command again with sudo",
        )


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


def wanted_settings(node: Node, port: int | None, https_port: int | None = None) -> NodeSettings:
    """The node's settings, or a new node's, with the ports that were asked for."""
    settings = node.state.settings() if node.exists() else NodeSettings()
    http, https = settings.http, settings.https
    if port is not None:
        http = http.model_copy(update={"port": port})
    if https_port is not None:
        https = https.model_copy(update={"port": https_port})
    return settings.model_copy(update={"http": http, "https": https})


def require_place(node: Node, *, port: int | None = None, https_port: int | None = None) -> None:
    """Before anything is made: the rights, a root folder of the node's own, a free port, enough space.

    Raises NoRights, Conflict, PortTaken, NoSpace.
    """
    require_root()
    strangers = [] if node.exists() else _strangers(node)
    if strangers:
        raise Conflict(
            f"{node.root} holds what is no part of a node: {', '.join(strangers)}",
            hint="choose a folder that is empty, or not there yet, with --root",
        )
    require_room(node, wanted_settings(node, port, https_port))


def _strangers(node: Node) -> list[str]:
    """What stands where a node would put its own, and `clean` would take away. An `up` cut short leaves a lock."""
    layout = node.layout
    return [
        entry.name
        for entry in _own_entries(layout)
        if entry.is_symlink()
        or not entry.is_dir()
        or any(below not in (layout.lock, layout.state_database) for below in entry.iterdir())
    ]


def require_room(node: Node, settings: NodeSettings, *, runs: bool = False) -> None:
    """Before the first step: free ports and enough space. `runs`: our nginx is known to hold the present ports.

    Raises Conflict, PortTaken, NoSpace.
    """
    free = files.free_bytes(node.root)
    if free < _SPACE_TO_BEGIN:
        raise NoSpace(
            f"only {free // 1_000_000} MB are free below {node.root}, and a node needs {_SPACE_TO_BEGIN // 1_000_000}",
            hint="free some space, or choose another disk with --root",
        )
    listen, ports = settings.http.listen, {"--port": settings.http.port, "--https-port": settings.https.port}
    if ports["--port"] == ports["--https-port"]:
        raise Conflict(f"port {settings.http.port} cannot be both HTTP's and HTTPS's", hint="choose two ports")
    ours: set[int | None] = set()
    held = runs or _nginx_is_ours(node.layout)
    if held and node.exists() and (now := node.state.settings()).http.listen == listen:
        ours = {now.http.port, now.https.port}
    for option, port in ports.items():
        if port is not None and port not in ours:
            _require_free(listen, port, option)


def _require_free(listen: str, port: int, option: str) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("" if listen == "*" else listen, port))
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                raise PortTaken(
                    f"port {port} is taken by another program",
                    hint=f"end that program, or choose another port: {option} {port + 1}",
                ) from error
            raise NoRights(
                f"cannot listen on {listen}:{port}: {error.strerror}", hint="choose another port or address"
            ) from error


def _nginx_is_ours(layout: Layout) -> bool:
    """Whether it runs, or has been killed and left workers, which end when it is started again."""
    return _runs(desired.nginx_program(layout))


def _runs(program: Program) -> bool:
    """The same of a program that a keeper holds."""
    kept = keeper.kept_by(program.argv)
    return kept is not None and (keeper.living(*kept) is not None or bool(keeper.workers_left(kept[0], kept[1][0])))


def plan_up(node: Node) -> Plan:
    """What `up` would do for the node itself."""
    return node.maker.plan_node(node.state.settings())


def up(node: Node, *, port: int | None = None, https_port: int | None = None) -> int:
    """Bring the node and all its sites to what they should be. Returns the number of changes made."""
    require_place(node, port=port, https_port=https_port)
    files.make_directory(node.root)
    settings = wanted_settings(node, port, https_port)
    prepare(node)
    if node.state.settings() != settings:
        node.state.save_settings(settings)
    if not node.engine.alive():
        node.engine.boot()
    return make(node)


def make(node: Node) -> int:
    """The same of one that runs."""
    settings, roster = node.state.settings(), node.roster()
    changes = node.hands.make_node(settings).changes
    again: list[str] = []
    for site in node.state.sites():
        if site.status is not SiteStatus.DELETING:
            done = node.hands.make_site(site, settings, roster)
            changes += done.changes
            again += [site.name] if done.dropped else []
    if again:
        # nginx takes a new configuration over on its own time; until then renders were made at the old address.
        wait_for_answer(node)
    for name in again:
        drop = {"op": "drop", "site": name, "why": "the settings that its pages are made by have changed"}
        messages.ask(node.layout.invalidator_socket, drop, what="invalidator")
    return changes


def prepare(node: Node) -> None:
    """Desired state, which says that here is a node; and the folders that programs need which the engine starts before
    any plan: all whose owner is there already.
    """
    give_state(node.layout)
    state = StateStore(node.layout.state_database)
    for directory in desired.node_directories(node.layout):
        if users.user_exists(directory.owner) and users.group_exists(directory.group):
            files.make_directory(directory.path, mode=directory.mode, owner=directory.owner, group=directory.group)
    for place in (node.layout.site(site.name) for site in state.sites()):
        if place.image.exists():
            images.mount_site(place.image, place.home, place.gate.parent)


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
    for place in (layout.authority, layout.made / "installed", layout.made / "planted"):
        if (control / place.name).exists():
            (control / place.name).rename(place)
    files.make_file(layout.state_database, mode=0o600)
    for entry in control.iterdir():
        os.chown(entry, files.user_id(user), files.group_id(user), follow_symlinks=False)
    files.make_directory(control, mode=0o700, owner=user, group=user)


def down(node: Node) -> None:
    """End all processes of the node. Stored pages are not served any more; nothing is lost."""
    require_root()
    if node.exists():
        node.engine.shutdown()


def clean(node: Node) -> list[str]:
    """Remove all that this node made on the machine, and nothing else. Returns what was removed.

    Where no node is, nothing is touched. What says that here is one goes last: `clean` cut short can be run again.
    """
    require_root()
    if not node.exists():
        return []
    removed = []
    down(node)
    names = [f"{node.layout.prefix}-{site.name}" for site in node.state.sites()]
    for name in [*names, *(name for name, _ in reversed(desired.node_users(node.layout)))]:
        if users.user_exists(name):
            quotas.lift(node.root, name)
            users.remove_user(name)
            removed.append(f"user {name}")
    for folder in (node.layout.gates, node.layout.sites):
        images.unmount_below(folder)
    for entry in _own_entries(node.layout):
        if entry.is_dir() and not entry.is_symlink():
            shutil.rmtree(entry)
        else:
            entry.unlink()
        removed.append(str(entry))
    network.remove_rules(node.layout.prefix)
    Cgroups(node.layout.prefix).remove_all()
    node.door.shut()
    if node.root.exists() and not any(node.root.iterdir()):
        try:
            node.root.rmdir()
            removed.append(str(node.root))
        except OSError as error:
            if error.errno != errno.EBUSY:  # a mount point stays, empty
                raise
    return removed


def _own_entries(layout: Layout) -> list[Path]:
    """The entries of the root folder that a node makes, `control` last; what else lies there is somebody's."""
    names = {
        d.path.relative_to(layout.root).parts[0] for d in desired.node_directories(layout) if d.path != layout.root
    }
    ordered = [*sorted(names - {layout.control.name}), layout.control.name]
    return [layout.root / name for name in ordered if os.path.lexists(layout.root / name)]


@dataclass(frozen=True)
class Part:
    """One part of the node for `status` and `doctor`."""

    name: str
    state: str
    detail: str = ""


def status(node: Node) -> list[Part]:
    """Each program of the node with its state. Raises NotRunning when the node was never made."""
    if not node.exists():
        raise NotRunning(f"there is no node at {node.root}", hint="make one: pressroom up")
    wanted = [desired.MARIADB, desired.INVALIDATOR, desired.RENDERER, desired.CRON, desired.MAIL, desired.SCANNER]
    wanted += [desired.GOVERNOR, desired.FIREWALL, desired.HELPER, desired.NGINX]
    wanted += [desired.site_program_name(site.name) for site in node.state.sites()]
    if not node.hands.alive():
        kept = [desired.firewall_program(node.layout, node.state.settings()), desired.nginx_program(node.layout)]
        running = {program.name for program in kept if _runs(program)}
        return [Part("engine", "stopped")] + [
            Part(name, "running" if name in running else "stopped") for name in wanted
        ]
    states = node.hands.programs()
    parts = [Part("engine", "running")]
    for name in wanted:
        state = states.get(name)
        parts.append(Part(name, state.name.lower() if state else "absent"))
    return parts


def wait_for_answer(node: Node, patience: float = 10.0) -> None:
    """Until nginx answers on its port. Raises NotRunning."""
    settings = node.state.settings()
    until = time.monotonic() + patience
    while True:
        with socket.socket() as probe:
            probe.settimeout(1)
            if probe.connect_ex((nginx.loopback(settings), settings.http.port)) == 0:
                return
        if time.monotonic() > until:
            raise NotRunning("nginx does not answer", hint="read its log: pressroom logs nginx")
        time.sleep(0.02)
