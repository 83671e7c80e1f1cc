"""A throw-away node with the Unix users of two sites and the real daemon."""

from __future__ import annotations

import json
import os
import pwd
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from pressroom.mail.msmtp import msmtprc
from pressroom.mail.settings import MailSettings, Relay, settings_path, settings_text
from pressroom.model.layout import Layout
from pressroom.stack.php import sendmail
from pressroom.system import files, process


def until(true: Callable[[], bool], *, seconds: float = 15.0) -> None:
    """Wait for a condition that another process brings about."""
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "it did not come about in time"
        time.sleep(0.02)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Node:
    """One root folder, its users, and its mail daemon."""

    def __init__(self, layout: Layout) -> None:
        self.layout = layout
        self.daemon: subprocess.Popen[bytes] | None = None
        self.log_file = layout.log / "mail.log"
        self.users: list[str] = []
        self.core = layout.platform_user

    def add_user(self, name: str) -> None:
        process.run(["useradd", "--system", "--no-create-home", "--shell", "/usr/sbin/nologin", name])
        self.users.append(name)

    def uid(self, site: str) -> int:
        return pwd.getpwnam(self.layout.site(site).unix_user).pw_uid

    def start(self) -> None:
        argv = [sys.executable, "-m", "pressroom.mail.daemon", "--root", str(self.layout.root), "--first-pause", "0.2"]
        with self.log_file.open("ab") as log:
            self.daemon = subprocess.Popen(
                argv, stderr=log, stdin=subprocess.DEVNULL, user=self.core, group=self.core, extra_groups=[]
            )
        until(self._listens)

    def _listens(self) -> bool:
        """The daemon of this start: those of before left their sockets."""
        return self.log().count('"listening"') > self.log().count('"stopped"')

    def stop(self) -> float:
        """Seconds that the daemon took to end after SIGTERM; it must end with 0."""
        assert self.daemon is not None
        began = time.monotonic()
        self.daemon.send_signal(signal.SIGTERM)
        assert self.daemon.wait(10) == 0
        self.daemon = None
        return time.monotonic() - began

    def log(self) -> str:
        return self.log_file.read_text() if self.log_file.exists() else ""

    def configure(self, relay: Relay | None, *, hourly_limit: int = 200) -> None:
        settings = MailSettings(relay=relay, hourly_limit=hourly_limit)
        files.write(settings_path(self.layout), settings_text(settings), mode=0o640, group=self.core)

    def send(self, user: str, message: str | bytes, *arguments: str, at: str = "s1") -> process.Completed:
        """As PHP's mail() does: msmtp, as that Unix user, at the socket of the site `at`."""
        argv = [*sendmail(self.layout.site(at)).split(), *arguments]
        return process.run(argv, user=user, stdin=message, check=False)

    def send_as(self, site: str, message: str | bytes, *arguments: str) -> process.Completed:
        return self.send(self.layout.site(site).unix_user, message, *arguments, at=site)

    def tell(self, *sites: str) -> None:
        """The list of sites, for the daemon."""
        files.write(self.layout.roster, json.dumps([{"name": site} for site in sites]))

    def connect_as(self, uid: int, at: str = "s1") -> socket.socket:
        """A raw connection whose peer the kernel takes for `uid`."""
        client = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        client.settimeout(20)
        os.seteuid(uid)
        try:
            client.connect(str(self.layout.site(at).mail_socket))
        finally:
            os.seteuid(0)
        return client

    def queued(self) -> int:
        return len([path for path in (self.layout.mail / "spool").iterdir() if not path.name.startswith(".")])


@pytest.fixture
def node() -> Iterator[Node]:
    root = Path(tempfile.mkdtemp(prefix="mail.", dir="/var/tmp"))
    root.chmod(0o755)
    node = Node(Layout(root))
    for folder in (node.layout.etc, node.layout.log):
        files.make_directory(folder)
    files.write(node.layout.etc / "msmtprc", msmtprc())
    node.tell("s1", "s2")
    try:
        for user in (node.core, node.layout.site("s1").unix_user, node.layout.site("s2").unix_user):
            node.add_user(user)
        files.make_directory(node.layout.mail, mode=0o700, owner=node.core)
        for folder in (node.layout.platform_run, *(node.layout.objects / site for site in ("s1", "s2"))):
            files.make_directory(folder, mode=0o755, owner=node.core)
        yield node
    finally:
        print(node.log())  # pytest shows it when the test has failed
        if node.daemon is not None:
            node.daemon.kill()
            node.daemon.wait()
        for user in node.users:
            process.run(["userdel", user], check=False)
        with suppress(FileNotFoundError):
            files.remove_tree(root)


@pytest.fixture
def running(node: Node) -> Node:
    node.start()
    return node
