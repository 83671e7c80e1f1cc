"""Who has connections to a server: as the kernel says it of a real one."""

from __future__ import annotations

import asyncio
import pwd
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest import mock

import pytest

from pressroom.engine import crowd
from pressroom.engine.activator import Activator
from pressroom.engine.crowd import Crowd
from pressroom.model.layout import Layout
from pressroom.model.walls import Caps
from tests.conftest import until

# Accepts and keeps; connects, so often, and keeps.
_SERVER = """
import os, socket, sys
listener, kept = socket.socket(socket.AF_UNIX), []
listener.bind(sys.argv[1] + ".new")
listener.listen(500)
os.rename(sys.argv[1] + ".new", sys.argv[1])
while True:
    kept.append(listener.accept())
"""
_CLIENT = """
import os, socket, sys, time
os.setuid(int(sys.argv[2]))
kept = []
for _ in range(int(sys.argv[3])):
    kept.append(socket.socket(socket.AF_UNIX))
    kept[-1].connect(sys.argv[1])
time.sleep(60)
"""


@pytest.fixture
def server(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Crowd, Path]]:
    monkeypatch.setattr(crowd, "_FEW", 0)
    folder = tmp_path_factory.mktemp("crowd")
    path, pid_file = folder / "server.sock", folder / "server.pid"
    process = subprocess.Popen([sys.executable, "-c", _SERVER, str(path)])
    pid_file.write_text(f"{process.pid}\n")
    until(path.exists)
    yield Crowd(pid_file), path
    process.kill()
    process.wait()


def _connected(path: Path, user: str, number: int) -> subprocess.Popen[bytes]:
    """By a program of that user, in a network of its own; some are not accepted yet."""
    uid = pwd.getpwnam(user).pw_uid
    for folder in path.parents[:-2]:
        folder.chmod(0o755)
    path.chmod(0o666)
    return subprocess.Popen(["unshare", "--net", sys.executable, "-c", _CLIENT, str(path), str(uid), str(number)])


def test_each_users_connections_are_counted(server: tuple[Crowd, Path]) -> None:
    found, path = server
    clients = [_connected(path, "nobody", 30), _connected(path, "nobody", 5), _connected(path, "games", 7)]
    try:
        until(lambda: (found.connections().get("nobody"), found.connections().get("games")) == (35, 7))
        clients[0].kill()
        # The server has its end still, as MariaDB has it until it looks.
        assert found.connections()["nobody"] == 35
    finally:
        for client in clients:
            client.kill()
            client.wait()


def test_to_look_takes_nothing_away(server: tuple[Crowd, Path]) -> None:
    found, path = server
    with socket.socket(socket.AF_UNIX) as mine:
        mine.connect(str(path))
        until(lambda: found.connections().get("root", 0) > 0)
        before = len(list(Path("/proc/self/fd").iterdir()))
        for _ in range(50):
            found.connections()
        assert len(list(Path("/proc/self/fd").iterdir())) == before
        mine.sendall(b"still open")


def test_few_are_not_looked_at(server: tuple[Crowd, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    found, path = server
    with socket.socket(socket.AF_UNIX) as mine:
        mine.connect(str(path))
        until(lambda: found.connections() != {})
        monkeypatch.setattr(crowd, "_FEW", 10)
        assert found.connections() == {}


def test_of_a_server_that_is_down_there_are_none(tmp_path: Path) -> None:
    assert Crowd(tmp_path / "none.pid").connections() == {}
    (tmp_path / "old.pid").write_text("999999999\n")
    assert Crowd(tmp_path / "old.pid").connections() == {}


def test_a_user_who_has_gone_meanwhile_harms_nobody(tmp_path: Path) -> None:
    """The activator's loop has all sites' programs."""
    everyone: Any = Activator(Layout(tmp_path))
    everyone._crowd = mock.Mock(connections=lambda: {"nobody-of-that-name": 500})
    caps = Caps("s1", 2**30, 100, 1024, connections=40)
    one = mock.Mock()
    one.program = mock.Mock(user="nobody-of-that-name", walls=mock.Mock(caps=caps))
    everyone._programs = {"php-s1": one}
    asyncio.run(everyone._end_crowds())
    one.hold.assert_called_once_with()
