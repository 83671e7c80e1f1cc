"""A throw-away MariaDB, a tiny HTTP server in nginx's place on its Unix socket, and the real daemon."""

from __future__ import annotations

import json
import signal
import socketserver
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import TypeAlias

import pymysql
import pytest

from pressroom.cron import schedule
from pressroom.model.layout import Layout
from pressroom.system import files, process
from tests.conftest import until

LATER = 3600
LOOKS = 1.0  # seconds from look to look, for tests that are about something else
# The daemon with other constants of its schedule, which are its first argument.
_HASTY = (
    "import json, sys; from pressroom.cron import daemon, schedule;"
    " vars(schedule).update(json.loads(sys.argv.pop(1))); daemon.main()"
)
Connection: TypeAlias = "pymysql.Connection[pymysql.cursors.Cursor]"


def schedule_value(due: int) -> str:
    """The option as WordPress writes it with one event."""
    event = 'a:1:{s:4:"hook";a:1:{s:1:"k";a:2:{s:8:"schedule";b:0;s:4:"args";a:0:{}}}}'
    return f'a:2:{{i:{due};{event}s:7:"version";i:2;}}'


class FakeNginx:
    """Answers wp-cron.php as WordPress does: the site's next event is moved on, then the answer goes out."""

    def __init__(self, path: Path, node: Node) -> None:
        self.requests: list[tuple[str, str, float]] = []
        self.status = 200
        self.answers_first = False  # as PHP-FPM does by fastcgi_finish_request; the test plays the rest
        self.holding: threading.Event | None = None
        self.at_once = self.most_at_once = 0
        self._lock = threading.Lock()
        self._path, self._node = path, node
        self._server: socketserver.BaseServer | None = None

    def start(self) -> None:
        fake = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                fake.take(self.headers["Host"], self.path)
                self.send_response(fake.status)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, format: str, *arguments: object) -> None:
                pass

        class Server(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
            daemon_threads = True

        self._path.unlink(missing_ok=True)
        self._server = Server(str(self._path), Handler)
        self._path.chmod(0o666)
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def take(self, host: str, path: str) -> None:
        with self._lock:
            self.requests.append((host, path, time.time()))
            self.at_once += 1
            self.most_at_once = max(self.most_at_once, self.at_once)
        if self.holding is not None:
            self.holding.wait(20)
        if self.status == 200 and not self.answers_first:
            self._node.schedule(host.partition(".")[0], int(time.time()) + LATER)
        with self._lock:
            self.at_once -= 1

    def hosts(self) -> list[str]:
        return [host for host, _, _ in self.requests]

    def stop(self) -> None:
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
            self._server = None
            self._path.unlink(missing_ok=True)


class Node:
    """One root folder with its sites' databases and its cron daemon."""

    def __init__(self, layout: Layout, socket: Path) -> None:
        self.layout = layout
        self.nginx = FakeNginx(layout.internal_http_socket, self)
        self.daemon: subprocess.Popen[bytes] | None = None
        self.sites: list[str] = []
        self._socket = socket
        self._log = layout.log / "cron.log"
        self.root_connection = self.connect()

    def connect(self) -> Connection:
        return pymysql.connect(unix_socket=str(self._socket), user="root", autocommit=True)

    def sql(self, statement: str, *values: object) -> None:
        with self.connect() as connection, connection.cursor() as cursor:
            cursor.execute(statement, values or None)

    def add_site(self, name: str, due: int | None, *, table: bool = True) -> None:
        self.sql(f"DROP DATABASE IF EXISTS {name}")  # another test's
        self.sql(f"CREATE DATABASE {name}")
        self.sites.append(name)
        if table:
            self.sql(
                f"CREATE TABLE {name}.wp_options (option_id bigint AUTO_INCREMENT PRIMARY KEY,"
                " option_name varchar(191) UNIQUE, option_value longtext NOT NULL)"
            )
        if due is not None:
            self.schedule(name, due)
        self.write_roster(self.sites)

    def schedule(self, name: str, due: int) -> None:
        self.set_option(name, "cron", schedule_value(due))

    def set_option(self, name: str, option: str, value: str) -> None:
        self.sql(f"REPLACE INTO {name}.wp_options (option_name, option_value) VALUES (%s, %s)", option, value)

    def write_roster(self, names: list[str]) -> None:
        rows = [
            {
                "name": name,
                "domain": f"{name}.localhost",
                "host_header": f"{name}.localhost:8080",
                "table_prefix": "wp_",
            }
            for name in names
        ]
        files.write(self.layout.roster, json.dumps(rows), mode=0o644)

    def database_up(self) -> None:
        self.layout.mariadb_socket.symlink_to(self._socket)

    def database_down(self) -> None:
        """For the daemon: its connection is cut and the socket is gone."""
        self.layout.mariadb_socket.unlink()
        with self.root_connection.cursor() as cursor:
            cursor.execute("SELECT id FROM information_schema.processlist WHERE user = %s", (self.account,))
            for (number,) in cursor.fetchall():
                cursor.execute(f"KILL {number}")

    @property
    def account(self) -> str:
        return self.layout.platform_user

    def start(self, **constants: float) -> None:
        """`constants`: of `cron.schedule`, where they are to be others."""
        assert constants.keys() <= vars(schedule).keys()
        how = ["-c", _HASTY, json.dumps(constants)] if constants else ["-m", "pressroom.cron.daemon"]
        argv = [sys.executable, *how, "--root", str(self.layout.root)]
        with self._log.open("ab") as log:
            self.daemon = subprocess.Popen(
                argv, stderr=log, stdin=subprocess.DEVNULL, user=self.account, group=self.account, extra_groups=[]
            )
        until(lambda: '"started"' in self.log() or "roster" in self.log())

    def stop(self) -> float:
        """Seconds that the daemon took to end after SIGTERM; it must end with 0."""
        assert self.daemon is not None
        began = time.monotonic()
        self.daemon.send_signal(signal.SIGTERM)
        assert self.daemon.wait(10) == 0, self.log()
        self.daemon = None
        return time.monotonic() - began

    def log(self) -> str:
        return self._log.read_text() if self._log.exists() else ""

    def close(self) -> None:
        print(self.log())  # pytest shows it when the test has failed
        if self.daemon is not None:
            self.daemon.kill()
            self.daemon.wait()
        if self.nginx.holding is not None:
            self.nginx.holding.set()
        self.nginx.stop()
        for name in self.sites:
            self.sql(f"DROP DATABASE {name}")
        self.sql(f"DROP USER '{self.account}'@localhost")
        self.root_connection.close()


@pytest.fixture
def node(mariadb: Path) -> Iterator[Node]:
    root = Path(tempfile.mkdtemp(prefix="cron.", dir="/var/tmp"))
    root.chmod(0o755)
    layout = Layout(root)
    for folder in (layout.mariadb_run, layout.platform_run, layout.etc, layout.log):
        files.make_directory(folder)
    node = Node(layout, mariadb)
    try:
        process.run(["useradd", "--system", "--no-create-home", "--shell", "/usr/sbin/nologin", node.account])
        node.sql(f"CREATE USER '{node.account}'@localhost IDENTIFIED VIA unix_socket")
        node.sql(f"GRANT SELECT ON *.* TO '{node.account}'@localhost")
        node.database_up()
        node.nginx.start()
        yield node
    finally:
        node.close()
        process.run(["userdel", node.account])
        files.remove_tree(root)
