"""Looks at what is there, for as much as one plan needs. Reads only."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from pressroom.control import desired
from pressroom.control.desired import CERTIFICATE_MODE
from pressroom.control.files import SeenFile, look
from pressroom.database.mariadb import MariaDB
from pressroom.engine.protocol import Engine, Program, ProgramState
from pressroom.model.errors import NotRunning
from pressroom.model.layout import Layout, SiteLayout
from pressroom.model.site import NodeSettings, Site
from pressroom.model.walls import AccountCaps
from pressroom.stack.certificates import Authority
from pressroom.system import enclosure, messages, network, space, users
from pressroom.system.space import Room


@dataclass(frozen=True)
class ObservedNode:
    """The node as it is. ``users``: those that are in all their groups. ``running`` holds programs that run or are
    being started, ``ready`` those that answer.

    ``walls`` names the rules for the sites' networks that are in force, ``resolvers`` the machine's name servers.
    """

    users: frozenset[str] = frozenset()
    paths: dict[Path, SeenFile | None] = field(default_factory=dict)
    has_data: bool = False
    programs: dict[str, Program] = field(default_factory=dict)
    running: frozenset[str] = frozenset()
    ready: frozenset[str] = frozenset()
    accounts: frozenset[str] | None = None
    has_authority: bool = False
    walls: str | None = None
    resolvers: tuple[str, ...] = ()


@dataclass(frozen=True)
class ObservedSite:
    """One site as it is. ``planted`` is the core that its document root was built from completely, ``certified`` the
    host names that its certificate is good for.
    """

    has_user: bool = False
    paths: dict[Path, SeenFile | None] = field(default_factory=dict)
    room: Room = field(default_factory=Room)
    has_image: bool = False
    planted: str | None = None
    has_database: bool = False
    account: AccountCaps | None = None
    installed: bool = False
    program: Program | None = None
    running: bool = False
    scan_program: Program | None = None
    certified: frozenset[str] = frozenset()


def observe_node(layout: Layout, settings: NodeSettings, engine: Engine, database: MariaDB) -> ObservedNode:
    states = engine.states() if engine.alive() else {}
    wanted: list[Path] = [d.path for d in desired.node_directories(layout)]
    wanted += [f.path for f in desired.node_files(layout, settings)]
    wanted += [f.path for f in desired.node_nginx_files(layout, settings)]
    return ObservedNode(
        users=frozenset(name for name, joins in desired.node_users(layout) if users.is_member(name, joins)),
        paths=_look_at(wanted),
        has_data=(layout.mariadb_data / "mysql" / "global_priv.frm").exists(),
        programs=engine.definitions() if engine.alive() else {},
        running=frozenset(name for name, state in states.items() if _runs(state)),
        ready=ready_daemons(layout),
        accounts=_accounts(layout, database) if database.alive() else None,
        has_authority=_authority(layout) is not None and layout.authority_certificate.exists(),
        walls=network.rules_in_force(layout.prefix),
        resolvers=tuple(enclosure.resolvers()),
    )


def _accounts(layout: Layout, database: MariaDB) -> frozenset[str]:
    """Those that are as they should be: what a later version needs more, is given to the platform's by the same way."""
    lacking = set() if database.may_follow(layout.platform_user) else {layout.platform_user}
    return frozenset(database.accounts() - lacking)


def observe_site(
    site: Site, place: SiteLayout, settings: NodeSettings, engine: Engine, database: MariaDB, *, pauses: bool
) -> ObservedSite:
    name = desired.site_program_name(site.name)
    has_user = users.user_exists(place.unix_user)
    wanted: list[Path] = [d.path for d in desired.site_directories(place)]
    wanted += desired.site_private_directories(place)
    wanted += [f.path for f in desired.site_files(site, place, settings, pauses=pauses)]
    wanted += [f.path for f in desired.site_nginx_files(site, place)]
    return ObservedSite(
        has_user=has_user,
        paths=_look_at(wanted),
        room=space.room(place.home, place.unix_user),
        has_image=place.image.exists(),
        planted=_planted(place),
        has_database=site.name in database.databases(),
        account=database.caps(place.unix_user),
        installed=place.installed_marker.exists(),
        program=engine.definition(name),
        running=_runs(engine.status(name).state),
        scan_program=engine.definition(desired.scan_program_name(site.name)),
        certified=_certified(place),
    )


def ready_daemons(layout: Layout) -> frozenset[str]:
    """The invalidator, when it has caught up with the binlog; the renderer, when it answers."""
    ready = set()
    try:
        if messages.ask(layout.invalidator_socket, {"op": "status"}, what="invalidator").get("caught_up"):
            ready.add(desired.INVALIDATOR)
    except NotRunning:
        pass
    try:
        messages.ask(layout.renderer_socket, {"op": "status"}, what="renderer")
        ready.add(desired.RENDERER)
    except NotRunning:
        pass
    return frozenset(ready)


def _authority(layout: Layout) -> Authority | None:
    try:
        return Authority.read(layout.authority.read_text())
    except (OSError, ValueError):
        return None


def _certified(place: SiteLayout) -> frozenset[str]:
    authority = _authority(place.node)
    try:
        text = place.certificate.read_text()
    except OSError:
        return frozenset()
    if place.certificate.stat().st_mode & 0o777 != CERTIFICATE_MODE:  # of a time when nginx's workers read none
        return frozenset()
    return frozenset() if authority is None else authority.names(text, datetime.now(UTC))


def _planted(place: SiteLayout) -> str | None:
    try:
        return place.planted_marker.read_text().strip()
    except FileNotFoundError:
        return None


def _look_at(paths: Iterable[Path]) -> dict[Path, SeenFile | None]:
    return {path: look(path) for path in paths}


def _runs(state: ProgramState) -> bool:
    return state in (ProgramState.RUNNING, ProgramState.STARTING, ProgramState.ASLEEP)
