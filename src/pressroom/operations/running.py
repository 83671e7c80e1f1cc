"""The node brought up, taken down, looked at, removed."""

from __future__ import annotations

import errno
import shutil
import socket
import time
from dataclasses import dataclass

from pressroom.control import desired
from pressroom.control.actions import Plan
from pressroom.engine.protocol import ProgramState
from pressroom.model.errors import NotRunning
from pressroom.model.site import SiteStatus
from pressroom.operations.node import Node, give_state, require_root
from pressroom.operations.place import own_entries, require_place, runs, wanted_settings
from pressroom.stack import nginx
from pressroom.state.store import StateStore
from pressroom.system import files, images, messages, mounts, network, quotas, users
from pressroom.system.cgroups import Cgroups


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
    """Desired state, which says that here is a node; the folders that programs need which the engine starts before
    any plan: all whose owner is there already; and what is mounted.
    """
    give_state(node.layout)
    state = StateStore(node.layout.state_database)
    for directory in desired.node_directories(node.layout):
        if users.user_exists(directory.owner) and users.group_exists(directory.group):
            files.make_directory(directory.path, mode=directory.mode, owner=directory.owner, group=directory.group)
    if not mounts.is_mounted(node.layout.gates):
        mounts.unmount_below(node.layout.gates)  # or they would be hidden, and still be listed
    mounts.bind_without_links(node.layout.gates, node.layout.gates)
    for place in (node.layout.site(site.name) for site in state.sites()):
        if place.image.exists():
            images.mount_site(place.image, place.home, place.gate.parent)


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
        mounts.unmount_below(folder)
    mounts.unmount(node.layout.gates)
    for entry in own_entries(node.layout):
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
        running = {program.name for program in kept if runs(program)}
        return [Part("engine", "stopped")] + [
            Part(name, "running" if name in running else "stopped") for name in wanted
        ]
    states = node.hands.programs()
    parts = [Part("engine", "running")]
    for name in wanted:
        state = states.get(name)
        if name == desired.HELPER and state is ProgramState.STOPPING:
            state = ProgramState.ASLEEP  # it ends whenever nobody has asked for a while
        parts.append(Part(name, state.name.lower() if state else "absent"))
    return parts


def wait_for_answer(node: Node, patience: float = 10.0) -> None:
    """Until nginx answers on its ports: it takes a new configuration over on its own time. Raises NotRunning."""
    settings = node.state.settings()
    waited_for = [port for port in (settings.http.port, settings.https.port) if port is not None]
    until = time.monotonic() + patience
    while waited_for:
        with socket.socket() as probe:
            probe.settimeout(1)
            if probe.connect_ex((nginx.loopback(settings), waited_for[0])) == 0:
                waited_for.pop(0)
                continue
        if time.monotonic() > until:
            raise NotRunning(
                f"nginx does not answer on port {waited_for[0]}", hint="read its log: pressroom logs nginx"
            )
        time.sleep(0.02)
