"""What the object cache saves on pages that never come from the page store.

    sudo .venv/bin/python -m bench.object_cache --root var --domain news.localhost [--rounds 60]
    … --cart '/?add-to-cart=12' --page shop=/shop/ --page cart=/cart/     (as somebody with a cart, not logged in)

The node's object cache must be on (`pressroom settings --set php.object_cache_mb=32`). Two PHP-FPM masters are started
beside the site's own, as its user and by its configuration, one with the cache and one without. Each page is asked for
over FastCGI by both in turns, in random order. Printed are the medians, and the ratio of a round's time without by its
time with the cache (median and quartiles; above 1 the cache is faster), for the time that passed and for processor time
(PHP-FPM and MariaDB), which other work on the machine disturbs less. Statements are MariaDB's own count,
with the connection's and the daemons' among them. Run it while nothing else changes or visits the node's sites.
"""

from __future__ import annotations

import argparse
import os
import random
import re
import socket
import statistics
import struct
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pymysql

from pressroom.model.site import NodeSettings, Site
from pressroom.operations import sites
from pressroom.operations.node import Node, open_node
from pressroom.stack import nginx, php

_CPU_OF_PROCESS = 2  # CPUCLOCK_SCHED, linux/posix-timers.h
_CHANGING = re.compile(rb"[0-9a-f]{10}|\d+")  # nonces, times, counters
_WARM_UP = 5


@dataclass(frozen=True)
class Page:
    """What is asked for: path with query, the cookies, further FastCGI parameters."""

    name: str
    path: str
    cookie: str
    more: tuple[tuple[str, str], ...] = ()


class Origin:
    """A PHP-FPM master like the site's own, with or without the object cache."""

    def __init__(self, node: Node, site: Site, name: str, settings: NodeSettings) -> None:
        self.node, self.site, self._name, self._settings = node, site, name, settings
        self.place = node.layout.site(site.name)
        self._folder = self.place.private / "tmp"
        self._socket = self._own(self.place.web_socket)
        self._config = self._own(Path("fpm.conf"))
        self._pid = 0

    @contextmanager
    def running(self) -> Iterator[None]:
        user = self.place.unix_user
        text = php.fpm_config(self.site, self.place, self._settings)
        for path in self.place.php_sockets:
            text = text.replace(str(php.fpm_name(path)), str(self._own(path)))
        self._config.write_text(text)
        options = [word for setting in php.master_settings(self.place, self._settings) for word in ("-d", setting)]
        argv = ["/usr/sbin/php-fpm8.2", "--nodaemonize", "--fpm-config", str(self._config), *options]
        master = subprocess.Popen(
            ["setpriv", f"--reuid={user}", f"--regid={user}", "--clear-groups", *argv], cwd=self.place.public
        )
        self._pid = master.pid
        try:
            while not self._socket.exists():
                time.sleep(0.01)
            yield
        finally:
            master.terminate()
            master.wait()
            for path in (self._config, *map(self._own, self.place.php_sockets)):
                path.unlink(missing_ok=True)

    def _own(self, path: Path) -> Path:
        """A file of that name for this master alone; sockets are made by it, as nobody hands it any."""
        return self._folder / f"{self._name}-{path.name}"

    def cpu_seconds(self) -> float:
        """Processor time so far of PHP-FPM with its workers, and of MariaDB."""
        children = Path(f"/proc/{self._pid}/task/{self._pid}/children").read_text().split()
        pids = [self._pid, self.node.engine.pids()["mariadb"], *map(int, children)]
        return sum(time.clock_gettime(~pid << 3 | _CPU_OF_PROCESS) for pid in pids)

    def ask(self, page: Page) -> bytes:
        """The answer with its headers. Raises RuntimeError when it is not a 200."""
        url = urlsplit(page.path)
        script = url.path if url.path.endswith(".php") else "/index.php"
        parameters = {
            "REQUEST_METHOD": "GET", "REQUEST_URI": page.path, "QUERY_STRING": url.query, "HTTP_COOKIE": page.cookie,
            "SCRIPT_FILENAME": str(self.place.public) + script, "SCRIPT_NAME": script, "DOCUMENT_URI": script,
            "DOCUMENT_ROOT": str(self.place.public), "SERVER_PROTOCOL": "HTTP/1.1", "REQUEST_SCHEME": "http",
            "REMOTE_ADDR": "127.0.0.1", "SERVER_NAME": self.site.domain,
            "HTTP_HOST": nginx.host(self.site, self._settings), "SERVER_PORT": str(self._settings.http.port),
            "SERVER_SOFTWARE": "nginx", "HTTP_USER_AGENT": "Mozilla/5.0 bench", "GATEWAY_INTERFACE": "CGI/1.1",
            "REDIRECT_STATUS": "200", **dict(page.more),
        }  # fmt: skip
        answer = fastcgi(self._socket, parameters)
        if b"\r\nStatus: " in b"\r\n" + answer.split(b"\r\n\r\n")[0]:
            raise RuntimeError(f"{page.name}: {answer[:400]!r}")
        return answer


def fastcgi(path: Path, parameters: dict[str, str]) -> bytes:
    """One request over a connection of its own, as nginx makes it (fastcgi-archives.github.io, Specification 3)."""
    pairs = b"".join(
        struct.pack(">II", len(name) | 1 << 31, len(value.encode()) | 1 << 31) + name.encode() + value.encode()
        for name, value in parameters.items()
    )
    answer = b""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(str(path))
        connection.sendall(
            _record(1, struct.pack(">HB5x", 1, 0)) + _record(4, pairs) + _record(4, b"") + _record(5, b"")
        )
        with connection.makefile("rb") as stream:
            while True:
                _, kind, _, length, padding = struct.unpack(">BBHHBx", stream.read(8))
                content = stream.read(length + padding)[:length]
                if kind == 6:
                    answer += content
                elif kind == 3:
                    return answer


def _record(kind: int, content: bytes) -> bytes:
    return struct.pack(">BBHHBx", 1, kind, 1, len(content), 0) + content


@contextmanager
def browser(node: Node, site: Site) -> Iterator[httpx.Client]:
    settings = node.state.settings()
    base, host = f"http://127.0.0.1:{settings.http.port}", nginx.host(site, settings)
    with httpx.Client(base_url=base, headers={"Host": host}, timeout=120) as client:
        yield client


def _cookie(client: httpx.Client) -> str:
    return "; ".join(f"{cookie.name}={cookie.value}" for cookie in client.cookies.jar)


def pages_of_an_editor(node: Node, site: Site) -> list[Page]:
    with browser(node, site) as client:
        link = sites.login_link(node, site.domain)
        client.get(link[link.index("/wp-login") :])
        nonce = client.get("/wp-admin/admin-ajax.php?action=rest-nonce").text
        found = client.get("/wp-json/wp/v2/posts?per_page=1&_fields=link", headers={"X-WP-Nonce": nonce}).json()
        cookie = _cookie(client)
    return [
        Page("front page", "/", cookie),
        Page("article", "/" + found[0]["link"].split("/", 3)[3], cookie),
        Page("dashboard", "/wp-admin/index.php", cookie),
        Page("posts list", "/wp-admin/edit.php", cookie),
        Page("REST posts", "/wp-json/wp/v2/posts?per_page=20", cookie, (("HTTP_X_WP_NONCE", nonce),)),
    ]


def pages_of_a_buyer(node: Node, site: Site, add: str, paths: list[str]) -> list[Page]:
    with browser(node, site) as client:
        client.get(add)
        cookie = _cookie(client)
    return [Page(name, path, cookie) for name, _, path in (page.partition("=") for page in paths)]


def statement_counter(node: Node) -> Callable[[], int]:
    cursor = pymysql.connect(unix_socket=str(node.layout.mariadb_socket), user="root").cursor()

    def count() -> int:
        cursor.execute("SHOW GLOBAL STATUS LIKE 'Questions'")
        return int((cursor.fetchone() or ("", 0))[1])

    return count


def measure(without: Origin, with_it: Origin, page: Page, rounds: int, questions: Callable[[], int]) -> None:
    origins, bodies, statements = {"without": without, "with": with_it}, {}, {}
    for name, origin in origins.items():
        for _ in range(_WARM_UP):
            before = questions()
            bodies[name] = _CHANGING.sub(b"", origin.ask(page).partition(b"\r\n\r\n")[2])
            statements[name] = questions() - before - 1
    if bodies["without"] != bodies["with"]:
        print(f"({page.name}: the answers differ, {len(bodies['without'])} and {len(bodies['with'])} bytes)")
    passed: dict[str, list[float]] = {name: [] for name in origins}
    cpu: dict[str, list[float]] = {name: [] for name in origins}
    for _ in range(rounds):
        for name in random.sample(list(origins), len(origins)):
            began, used = time.perf_counter(), origins[name].cpu_seconds()
            origins[name].ask(page)
            passed[name].append(time.perf_counter() - began)
            cpu[name].append(origins[name].cpu_seconds() - used)
    print(
        f"{page.name:10} {statements['without']:4} -> {statements['with']:3} statements  "
        f"time {_compared(passed)}   processor {_compared(cpu)}"
    )


def _compared(seconds: dict[str, list[float]]) -> str:
    without, with_it = (statistics.median(seconds[name]) * 1000 for name in ("without", "with"))
    low, middle, high = statistics.quantiles(a / b for a, b in zip(seconds["without"], seconds["with"], strict=True))
    return f"{without:6.1f} -> {with_it:6.1f} ms, {middle:4.2f} ({low:4.2f} to {high:4.2f})"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--root", type=Path, default=Path("var"))
    parser.add_argument("--domain", default="news.localhost")
    parser.add_argument("--rounds", type=int, default=60)
    parser.add_argument("--cart", help="path that puts something into a cart")
    parser.add_argument("--page", action="append", default=[], help="NAME=PATH, for somebody with that cart")
    arguments = parser.parse_args()
    os.umask(0o022)
    node = open_node(arguments.root)
    site, on = node.state.site(arguments.domain), node.state.settings()
    if not on.php.object_cache_mb:
        parser.error("the object cache is off: pressroom settings --set php.object_cache_mb=32")
    off = on.model_copy(update={"php": on.php.model_copy(update={"object_cache_mb": 0})})
    if arguments.cart:
        pages = pages_of_a_buyer(node, site, arguments.cart, arguments.page)
    else:
        pages = pages_of_an_editor(node, site)
    without, with_it = Origin(node, site, "b0", off), Origin(node, site, "b1", on)
    with without.running(), with_it.running():
        questions = statement_counter(node)
        for page in pages:
            measure(without, with_it, page, arguments.rounds, questions)


if __name__ == "__main__":
    main()
