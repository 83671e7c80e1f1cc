"""A FastCGI responder that answers with the parameters it was given: what a site's PHP would have been told."""

from __future__ import annotations

import contextlib
import json
import socket
import socketserver
import struct
import threading
from collections.abc import Iterator
from pathlib import Path

_END, _PARAMS, _STDIN, _STDOUT = 3, 4, 5, 6


class _Request(socketserver.BaseRequestHandler):
    """One request a connection, as nginx sends them."""

    request: socket.socket

    def handle(self) -> None:
        with self.request.makefile("rb") as stream:
            parameters = b""
            while True:
                _, kind, number, length, padding, _ = struct.unpack(">BBHHBB", stream.read(8))
                content = stream.read(length)
                stream.read(padding)
                if kind == _PARAMS:
                    parameters += content
                if kind == _STDIN and not length:
                    break
        told = json.dumps(_pairs(parameters)).encode()
        answer = b"Status: 200\r\nContent-Type: application/json\r\nX-Mirror: yes\r\n\r\n" + told
        for at in range(0, len(answer), 60_000):
            self.request.sendall(_record(_STDOUT, number, answer[at : at + 60_000]))
        self.request.sendall(_record(_STDOUT, number, b"") + _record(_END, number, bytes(8)))


class _Server(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    daemon_threads = True
    request_queue_size = 128


def _record(kind: int, number: int, content: bytes) -> bytes:
    return struct.pack(">BBHHBB", 1, kind, number, len(content), 0, 0) + content


def _pairs(data: bytes) -> dict[str, str]:
    found: dict[str, str] = {}
    at = 0
    while at < len(data):
        sizes = []
        for _ in range(2):
            if data[at] < 128:
                sizes.append(data[at])
                at += 1
            else:
                sizes.append(struct.unpack(">I", data[at : at + 4])[0] & 0x7FFFFFFF)
                at += 4
        name, value = data[at : at + sizes[0]], data[at + sizes[0] : at + sum(sizes)]
        found[name.decode("latin-1")] = value.decode("latin-1")
        at += sum(sizes)
    return found


@contextlib.contextmanager
def answering(*sockets: Path) -> Iterator[None]:
    """A responder at each of these sockets, for anybody."""
    servers = []
    for path in sockets:
        path.parent.mkdir(parents=True, exist_ok=True)
        server = _Server(str(path), _Request)
        path.chmod(0o777)
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        servers.append(server)
    try:
        yield
    finally:
        for server, path in zip(servers, sockets, strict=True):
            server.shutdown()
            server.server_close()
            path.unlink()
