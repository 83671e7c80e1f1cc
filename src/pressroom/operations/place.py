"""Where a node is to be: whether the rights, the folder, the ports and the space for it are there."""

from __future__ import annotations

import errno
import os
import socket
from pathlib import Path

from pressroom.control import desired
from pressroom.engine import keeper
from pressroom.engine.protocol import Program
from pressroom.model.errors import Conflict, NoRights, NoSpace, PortTaken
from pressroom.model.layout import Layout
from pressroom.model.site import NodeSettings
from pressroom.operations.node import Node, require_root
from pressroom.system import files

# MariaDB's logs, a core and some pages: below this there is no sense in beginning.
_SPACE_TO_BEGIN = 1_000_000_000


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
        for entry in own_entries(layout)
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
    return runs(desired.nginx_program(layout))


def runs(program: Program) -> bool:
    """The same of a program that a keeper holds."""
    kept = keeper.kept_by(program.argv)
    return kept is not None and (keeper.living(*kept) is not None or bool(keeper.workers_left(kept[0], kept[1][0])))


def own_entries(layout: Layout) -> list[Path]:
    """The entries of the root folder that a node makes, `control` last; what else lies there is somebody's."""
    names = {
        d.path.relative_to(layout.root).parts[0] for d in desired.node_directories(layout) if d.path != layout.root
    }
    ordered = [*sorted(names - {layout.control.name}), layout.control.name]
    return [layout.root / name for name in ordered if os.path.lexists(layout.root / name)]
