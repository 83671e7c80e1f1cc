"""From what should be and what is to what must be done. Pure: no I/O here; tested by tables."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from pressroom.control import desired
from pressroom.control.actions import (
    Action,
    AwaitInvalidator,
    AwaitMariaDB,
    AwaitRenderer,
    DefineProgram,
    DropPages,
    EnsureDatabase,
    EnsureGovernorAccount,
    EnsurePlatformAccount,
    EnsureUser,
    ExchangeCore,
    InstallWordPress,
    IssueCertificate,
    LimitSpace,
    MakeAuthority,
    MakeDataDirectory,
    MakeDirectory,
    MakeImage,
    MakeUserDirectory,
    MountImage,
    Plan,
    PlantCore,
    PutUpWalls,
    RemoveDatabase,
    RemoveImage,
    RemovePath,
    RemoveProgram,
    RemoveUser,
    RepairCore,
    StartProgram,
    SwapNginxFiles,
    WriteFile,
    WriteRoster,
    WriteUserFile,
)
from pressroom.control.files import (
    SeenFile,
    WantedDirectory,
    WantedFile,
    directory_is_right,
    file_is_right,
)
from pressroom.control.observe import ObservedNode, ObservedSite
from pressroom.engine.protocol import Program
from pressroom.model.layout import Layout, SiteLayout
from pressroom.model.site import NodeSettings, Site
from pressroom.stack import walls
from pressroom.system import space

Paths = dict[Path, SeenFile | None]


def plan_node(layout: Layout, settings: NodeSettings, seen: ObservedNode) -> Plan:
    """Everything that is not a site's."""
    actions: list[Action] = []
    for name, joins in desired.node_users(layout):
        if name not in seen.users:
            actions.append(EnsureUser(name, joins, reason="the node's parts run as users of their own"))
    actions += _directories(desired.node_directories(layout), seen.paths)
    actions += _files(desired.node_files(layout, settings), seen.paths)
    rules, name = walls.network_rules(layout, settings, list(seen.resolvers))
    if seen.walls != name:
        actions.append(PutUpWalls(rules, reason="no site may reach this machine, or another's network"))
    if not seen.has_data:
        actions.append(
            MakeDataDirectory(
                layout.mariadb_data, layout.etc / "mariadb.cnf", layout.database_user, reason="there is no data yet"
            )
        )
    actions += _program(desired.mariadb_program(layout), seen)
    if seen.accounts is None:
        actions.append(AwaitMariaDB(reason="the accounts are in it"))
    if seen.accounts is None or layout.platform_user not in seen.accounts:
        actions.append(EnsurePlatformAccount(layout.platform_user, reason="the daemons follow the binlog"))
    if seen.accounts is None or layout.database_user not in seen.accounts:
        actions.append(EnsureGovernorAccount(layout.database_user, reason="the governor looks after the sites' share"))
    actions += _program(desired.governor_program(layout, settings), seen)
    ready = set(seen.ready)
    for program in desired.daemon_programs(layout, settings):
        actions += _program(program, seen)
        if seen.programs.get(program.name) != program:
            ready.discard(program.name)  # it is started anew
    if seen.programs.get(desired.HELPER) != (helper := desired.helper_program(layout)):
        actions.append(DefineProgram(helper, reason="the control plane asks it for what only root may"))
    if settings.https.port is not None and not seen.has_authority:
        actions.append(
            MakeAuthority(layout.authority, layout.authority_certificate, reason="it signs the sites' certificates")
        )
    actions += _nginx(desired.node_nginx_files(layout, settings), seen.paths)
    actions += _program(desired.firewall_program(layout, settings), seen)
    if desired.INVALIDATOR not in ready:
        actions.append(AwaitInvalidator(reason="it checks the store before nginx serves it"))
    actions += _program(desired.nginx_program(layout), seen)
    if desired.RENDERER not in ready:
        actions.append(AwaitRenderer(reason="it is just starting"))
    return Plan(tuple(actions))


def _program(program: Program, seen: ObservedNode) -> list[Action]:
    known = seen.programs.get(program.name)
    if known != program:
        return [DefineProgram(program, reason="it is new" if known is None else "its definition has changed")]
    if program.name not in seen.running:
        return [StartProgram(program.name, reason="it is down")]
    return []


def plan_site(
    site: Site, place: SiteLayout, settings: NodeSettings, seen: ObservedSite, *, roster: str | None, pauses: bool
) -> Plan:
    """One site, from nothing or from anywhere on the way. `roster` is the text to write, None when it is right.

    nginx comes last: until WordPress is installed, nobody outside can reach its installer.
    """
    user = place.unix_user
    actions: list[Action] = []
    if not seen.has_user:
        actions.append(EnsureUser(user, reason="a site's PHP runs as a user of its own"))
    actions += _space(place, settings, seen)
    actions += _directories(desired.site_directories(place), seen.paths)
    for path in desired.site_private_directories(place):
        if seen.paths.get(path) is None:
            actions.append(MakeUserDirectory(path, user, reason="PHP needs it"))
    if seen.planted is None:
        actions.append(
            PlantCore(
                site.core,
                place.public,
                user,
                place.node.web_user,
                place.planted_marker,
                reason="there is no whole WordPress yet",
            )
        )
    files = _files(desired.site_files(site, place, settings, pauses=pauses), seen.paths)
    actions += files
    written = {action.path for action in files if isinstance(action, WriteFile)}
    if seen.installed and place.public / "wp-config.php" in written:
        actions.append(DropPages(site.name, reason="wp-config.php has changed, and pages are made by it"))
    actions += _database(place, settings, seen)
    actions += _site_programs(place, settings, seen)
    if seen.planted is not None and seen.planted != site.core:
        actions.append(
            ExchangeCore(
                site.name,
                seen.planted,
                site.core,
                place.public,
                desired.site_program_name(site.name),
                place.planted_marker,
                reason="another core is wanted",
            )
        )
    if roster is not None:
        actions.append(WriteRoster(place.node.roster, roster, reason="the sites have changed"))
    names = (site.domain, *site.aliases)
    if settings.https.port is not None and seen.certified != frozenset(names):
        reason = "it is missing, ends soon, or is for other names"
        actions.append(IssueCertificate(place.certificate, names, place.node.authority, reason=reason))
    actions += _nginx(desired.site_nginx_files(site, place), seen.paths)
    return Plan(tuple(actions))


def _database(place: SiteLayout, settings: NodeSettings, seen: ObservedSite) -> list[Action]:
    """With its account, and what WordPress puts into it."""
    actions: list[Action] = []
    caps = walls.account_caps(settings)
    if not seen.has_database or seen.account != caps:
        reason = "its caps have changed" if seen.has_database and seen.account else "there is none yet"
        actions.append(EnsureDatabase(place.name, place.unix_user, caps, reason=reason))
    if not seen.installed:
        actions.append(InstallWordPress(place.name, place.installed_marker, reason="the database is empty"))
    return actions


def _site_programs(place: SiteLayout, settings: NodeSettings, seen: ObservedSite) -> list[Action]:
    actions: list[Action] = []
    program, scan = desired.site_program(place, settings), desired.scan_program(place, settings)
    if seen.program != program:
        actions.append(DefineProgram(program, reason="the site's PHP"))
    elif not seen.running:
        actions.append(StartProgram(program.name, reason="it is down"))
    if seen.scan_program != scan:
        actions.append(DefineProgram(scan, reason="it looks at the site's files"))
    return actions


def plan_repair(site: Site, place: SiteLayout) -> Plan:
    """Put a site's core right, whatever was done to it."""
    program = desired.site_program_name(site.name)
    user, web = place.unix_user, place.node.web_user
    return Plan((RepairCore(site.name, site.core, place.public, user, web, program, reason="it was asked for"),))


def _space(place: SiteLayout, settings: NodeSettings, seen: ObservedSite) -> list[Action]:
    """A bound for what lies in its home: by quotas where the disk has them, else, if wanted, by its own file system."""
    most = walls.site_space(settings)
    if seen.room.by == space.QUOTAS and seen.room.most != most:
        return [LimitSpace(place.unix_user, most, reason="one site must leave space for the others")]
    actions: list[Action] = []
    is_wanted = seen.has_image or (settings.tenants.images and seen.planted is None)
    if is_wanted and seen.room.by == space.NOTHING:
        if not seen.has_image:
            actions.append(MakeImage(place.image, most, reason="one site must leave space for the others"))
        actions.append(MountImage(place.image, place.home, place.gate.parent, reason="the site lives in it"))
    return actions


def plan_removal(site: Site, place: SiteLayout, *, roster: str) -> Plan:
    """Take a site away without rest, outermost first. Every step may have been done before."""
    reason = f"{site.domain} is deleted"
    node = place.node
    nginx_files = tuple((path, None) for path in (place.nginx_map, place.nginx_names))
    return Plan(
        (
            SwapNginxFiles(nginx_files, reason=reason),
            RemoveProgram(desired.site_program_name(site.name), reason=reason),
            RemoveProgram(desired.scan_program_name(site.name), reason=reason),
            WriteRoster(node.roster, roster, reason=reason),
            RemoveDatabase(site.name, place.unix_user, reason=reason),
            RemovePath(place.fpm_config, reason=reason),
            RemovePath(place.certificate, reason=reason),
            RemoveImage(place.image, place.home, place.gate.parent, reason=reason),
            RemovePath(place.gate.parent, reason=reason),
            RemovePath(place.object_versions.parent, reason=reason),
            RemovePath(place.home, reason=reason),
            RemovePath(place.store, reason=reason),
            RemovePath(place.pictures, reason=reason),
            RemovePath(node.mail / site.name, reason=reason),
            RemovePath(node.log / f"php-{site.name}.log", reason=reason),
            RemovePath(node.log / f"scan-{site.name}.log", reason=reason),
            RemovePath(place.installed_marker, reason=reason),
            RemovePath(place.planted_marker, reason=reason),
            RemoveUser(place.unix_user, reason=reason),
        )
    )


def _directories(wanted: Iterable[WantedDirectory], paths: Paths) -> list[Action]:
    actions: list[Action] = []
    for directory in wanted:
        seen = paths.get(directory.path)
        if not directory_is_right(directory, seen):
            reason = "it is missing" if seen is None else "its mode or owner is wrong"
            actions.append(
                MakeDirectory(directory.path, directory.mode, directory.owner, directory.group, reason=reason)
            )
    return actions


def _files(wanted: Iterable[WantedFile], paths: Paths) -> list[Action]:
    actions: list[Action] = []
    for file in wanted:
        seen = paths.get(file.path)
        if file_is_right(file, seen):
            continue
        reason = "it is missing" if seen is None else "it has changed"
        if file.user is not None:
            actions.append(WriteUserFile(file.path, file.text, file.user, reason=reason))
        else:
            actions.append(WriteFile(file.path, file.text, file.mode, file.owner, file.group, reason=reason))
    return actions


def _nginx(wanted: Iterable[WantedFile], paths: Paths) -> list[SwapNginxFiles]:
    changed = tuple((file.path, file.text) for file in wanted if not file_is_right(file, paths.get(file.path)))
    return [SwapNginxFiles(changed, reason="its configuration has changed")] if changed else []
