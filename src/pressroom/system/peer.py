"""Who is at the other end of a Unix socket, as the kernel says it (SO_PEERCRED, unix(7))."""

from __future__ import annotations

import socket
import struct
from typing import NamedTuple


class Peer(NamedTuple):
    pid: int
    uid: int


def peer_of(connection: socket.socket) -> Peer:
    """Of a connection whoever connected; at the client's end whoever called listen()."""
    pid, uid, _ = struct.unpack(
        "3i", connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
    )
    return Peer(pid, uid)
