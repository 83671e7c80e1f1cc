"""Observations in which everything is as it should be, made from what is wanted."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path

from pressroom.control import desired
from pressroom.control.files import SeenFile, WantedDirectory, WantedFile
from pressroom.control.observe import ObservedNode, ObservedSite
from pressroom.model.layout import Layout
from pressroom.model.site import NodeSettings, Site
from pressroom.stack import walls
from tests.stack import examples

LAYOUT = Layout(Path("/srv/pressroom"))
SETTINGS = examples.settings()
SITE = examples.site()
PLACE = LAYOUT.site(SITE.name)
RESOLVERS = ["192.0.2.53"]


def seen_file(file: WantedFile) -> SeenFile:
    return SeenFile(file.mode, file.owner, file.group, hashlib.sha256(file.text.encode()).hexdigest())


def _paths(directories: Iterable[WantedDirectory], files: Iterable[WantedFile]) -> dict[Path, SeenFile | None]:
    paths: dict[Path, SeenFile | None] = {d.path: SeenFile(d.mode, d.owner, d.group, None) for d in directories}
    paths.update({file.path: seen_file(file) for file in files})
    return paths


def node_as_wanted(settings: NodeSettings = SETTINGS) -> ObservedNode:
    programs = [
        desired.mariadb_program(LAYOUT),
        desired.governor_program(LAYOUT, settings),
        desired.helper_program(LAYOUT),
        *desired.daemon_programs(LAYOUT, settings),
        desired.firewall_program(LAYOUT, settings),
        desired.nginx_program(LAYOUT),
    ]
    files = [*desired.node_files(LAYOUT, settings), *desired.node_nginx_files(LAYOUT, settings)]
    return ObservedNode(
        users=frozenset(name for name, _ in desired.node_users(LAYOUT)),
        paths=_paths(desired.node_directories(LAYOUT), files),
        has_data=True,
        programs={program.name: program for program in programs},
        running=frozenset(program.name for program in programs),
        ready=frozenset({desired.INVALIDATOR, desired.RENDERER}),
        accounts=frozenset({LAYOUT.platform_user, LAYOUT.database_user}),
        has_authority=True,
        walls=walls.network_rules(LAYOUT, settings, RESOLVERS)[1],
        resolvers=tuple(RESOLVERS),
    )


def site_as_wanted(site: Site = SITE, settings: NodeSettings = SETTINGS) -> ObservedSite:
    place = LAYOUT.site(site.name)
    files = [
        *desired.site_files(site, place, settings, pauses=False),
        *desired.site_nginx_files(site, place),
    ]
    paths = _paths(desired.site_directories(place), files)
    for path in desired.site_private_directories(place):
        paths[path] = SeenFile(0o700, place.unix_user, place.unix_user, None)
    return ObservedSite(
        has_user=True,
        paths=paths,
        planted=site.core,
        has_database=True,
        account=walls.account_caps(settings),
        installed=True,
        program=desired.site_program(place, settings),
        running=True,
        scan_program=desired.scan_program(place, settings),
        certified=frozenset({site.domain, *site.aliases}),
    )
