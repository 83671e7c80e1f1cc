"""A real nginx with the node's own configuration, in a throw-away folder, with nothing behind it; and raw requests."""

from __future__ import annotations

import contextlib
import gzip
import json
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import brotli

from pressroom.model.layout import Layout
from pressroom.model.site import HttpSettings, NodeSettings, Site, SiteSettings
from pressroom.pagecache.invalidator.gate import Gates
from pressroom.pagecache.store import PAGE, REDIRECT, TYPED, PageStore, Staged
from pressroom.stack import nginx
from pressroom.system import files, mounts
from tests.conftest import find_free_port
from tests.stack import examples

_USER = "www-data"  # nginx's workers; the node's own web user is made by the control plane, which is not here
MTIME = 1_700_000_000
Changes = Sequence[tuple[str, str]]


@dataclass(frozen=True)
class Answer:
    """One response; header names in lower case."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def cache(self) -> str:
        return self.headers.get("x-pressroom-cache", "")

    @property
    def is_hit(self) -> bool:
        return self.cache == "hit"


class WebServer:
    """nginx, the store and the gates of two sites. PHP's sockets lead nowhere, so that a miss is a 503."""

    def __init__(self, layout: Layout, port: int, *, proxies: str | None = None, without: Changes = ()) -> None:
        self.layout = layout
        self.port = port
        self.settings = NodeSettings(http=HttpSettings(listen="127.0.0.1", port=port, proxies=proxies))
        self._without = without
        self.site = examples.site("s1", "news.example.org", ("www.news.example.org",))
        self.neighbour = replace(
            examples.site("s2", "other.example.org"),
            settings=SiteSettings.model_validate({"xmlrpc": True, "authors": True}),
        )
        self.store = PageStore(layout.store)
        self.gates = Gates(layout.gates)

    def write(self) -> None:
        layout = self.layout
        for folder in (layout.etc / "nginx" / "sites", layout.log / "nginx", layout.run / "nginx"):
            folder.mkdir(parents=True)
        for folder in (layout.platform_run, layout.public_run):
            folder.mkdir(parents=True)
        node = nginx.node_config(layout, self.settings).replace(f"user {layout.web_user};", f"user {_USER};")
        texts = {
            layout.nginx_config: node,
            **{layout.etc / "nginx" / name: text for name, text in nginx.scripts().items()},
            layout.nginx_servers: nginx.servers_config(layout, self.settings),
            layout.nginx_fastcgi: nginx.fastcgi_config(layout, self.settings),
        }
        for old, new in self._without:
            assert any(old in text for text in texts.values()), f"{old!r} is nowhere"
            texts = {file: text.replace(old, new) for file, text in texts.items()}
        for file, text in texts.items():
            files.write(file, text)
        layout.gates.mkdir()
        mounts.bind_without_links(layout.gates, layout.gates)
        for site in (self.site, self.neighbour):
            self._write_site(site)

    def _write_site(self, site: Site) -> None:
        place = self.layout.site(site.name)
        place.public.mkdir(parents=True)
        place.gate.parent.mkdir(parents=True)
        files.write(place.nginx_map, nginx.site_map(site))
        files.write(place.nginx_names, nginx.site_names(site))
        self.store.switch(site.name, 1)
        self.gates.open(site.name)

    def put(self, key: str, body: bytes, *, kind: str = PAGE, head: object = None, site: str = "s1") -> None:
        """Lay a page into the store, with its compressed forms."""
        folder = Path(tempfile.mkdtemp(dir=self.layout.store))
        try:
            if kind in (TYPED, REDIRECT):
                (folder / "head").write_text(json.dumps(head))
            if kind in (PAGE, TYPED):
                stem = "page" if kind == PAGE else "body"
                (folder / stem).write_bytes(body)
                (folder / f"{stem}.br").write_bytes(brotli.compress(body))
                (folder / f"{stem}.gz").write_bytes(gzip.compress(body))
            self.store.put(site, 1, key, Staged(folder, kind), MTIME)
        finally:
            shutil.rmtree(folder)

    def clear(self) -> None:
        """Empty both stores and document roots, and open the gates."""
        for site in (self.site, self.neighbour):
            for folder in (self.layout.site(site.name).public, self.store.folder / site.name / "g1"):
                shutil.rmtree(folder)
                folder.mkdir()
            self.gates.open(site.name)

    def get(self, target: str, *headers: str, method: str = "GET", host: str = "news.example.org") -> Answer:
        lines = [f"{method} {target} HTTP/1.1", f"Host: {host}", *headers, "Connection: close", "", ""]
        return self.send("\r\n".join(lines).encode("latin-1"))

    def send(self, request: bytes) -> Answer:
        """Send these bytes and read the one answer to the connection's end."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=10) as connection:
            connection.sendall(request)
            data = b""
            # A server that refuses what it has not read to the end resets the connection behind its answer.
            with contextlib.suppress(ConnectionResetError):
                while part := connection.recv(65536):
                    data += part
        return _parse(data)


def _parse(data: bytes) -> Answer:
    head, _, body = data.partition(b"\r\n\r\n")
    status, *lines = head.decode("latin-1").split("\r\n")
    headers: dict[str, str] = {}
    for line in lines:
        name, _, value = line.partition(":")
        headers[name.lower()] = value.strip()
    if headers.get("transfer-encoding") == "chunked":
        body = _joined(body)
    return Answer(int(status.split(" ")[1]), headers, body)


def _joined(chunks: bytes) -> bytes:
    body = b""
    while chunks:
        size, _, rest = chunks.partition(b"\r\n")
        length = int(size, 16)
        body, chunks = body + rest[:length], rest[length + 2 :] if length else b""
    return body


@contextlib.contextmanager
def running_web_server(*, proxies: str | None = None, without: Changes = ()) -> Iterator[WebServer]:
    """`without`: words of nginx's files, each with what stands there instead: a wall that is taken away."""
    root = Path(tempfile.mkdtemp(prefix="pressroom-web-", dir="/var/tmp"))
    root.chmod(0o755)
    server = WebServer(Layout(root), find_free_port(), proxies=proxies, without=without)
    try:
        server.write()
        argv = ["/usr/sbin/nginx", "-c", str(server.layout.nginx_config), "-e", str(server.layout.log / "nginx.log")]
        process = subprocess.Popen([*argv, "-g", "daemon off;"], stdin=subprocess.DEVNULL)
        try:
            _await_answer(server, process)
            yield server
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(10)
    finally:
        mounts.unmount(server.layout.gates)
        shutil.rmtree(root)


def _await_answer(server: WebServer, process: subprocess.Popen[bytes]) -> None:
    end = time.monotonic() + 10
    while True:
        assert process.poll() is None, (server.layout.log / "nginx.log").read_text()
        try:
            server.get("/")
        except ConnectionRefusedError:
            assert time.monotonic() < end, "nginx did not come up"
            time.sleep(0.01)
        else:
            return
