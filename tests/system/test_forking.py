"""A server with a process for each connection: nobody is lost when it is told to end."""

from __future__ import annotations

import os
import signal
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from pressroom.system import forking
from tests.conftest import until


def _echo(connection: socket.socket) -> None:
    connection.sendall(connection.recv(100))


@contextmanager
def _served(
    listener: socket.socket, answer: Callable[[socket.socket], None] = _echo, *, most: int | None = None
) -> Iterator[int]:
    """Its process, which has ended well afterwards."""
    if (server := os.fork()) == 0:
        try:
            forking.serve(listener, answer, most=most)
            os._exit(0)
        finally:
            os._exit(1)
    try:
        yield server
    finally:
        os.kill(server, signal.SIGTERM)
        assert os.waitstatus_to_exitcode(os.waitpid(server, 0)[1]) == 0


@pytest.fixture
def listener(tmp_path: Path) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(tmp_path / "socket"))
        listening.listen(100)
        yield listening


def _connect(listener: socket.socket) -> socket.socket:
    connection = socket.socket(socket.AF_UNIX)
    connection.settimeout(20)
    connection.connect(listener.getsockname())
    return connection


def _children(pid: int) -> list[str]:
    return Path(f"/proc/{pid}/task/{pid}/children").read_text().split()


def test_each_is_answered_and_nothing_is_left_of_who_was(listener: socket.socket) -> None:
    with _served(listener) as server:
        together = [_connect(listener) for _ in range(5)]
        for number, connection in enumerate(reversed(together)):
            connection.sendall(b"%d" % number)
            assert connection.recv(100) == b"%d" % number
            connection.close()
        until(lambda: not _children(server))


def test_no_more_than_so_many_at_once(listener: socket.socket) -> None:
    with _served(listener, most=2) as server:
        slow, other, third = (_connect(listener) for _ in range(3))
        until(lambda: len(_children(server)) == 2)
        third.sendall(b"3")
        third.settimeout(0.2)
        with pytest.raises(TimeoutError):
            third.recv(100)
        third.settimeout(20)
        other.sendall(b"2")
        assert other.recv(100) == b"2" and third.recv(100) == b"3"
        slow.close()


def test_who_is_served_when_it_is_told_to_end_is_served_to_the_end(listener: socket.socket) -> None:
    with _served(listener) as server:
        connection = _connect(listener)
        until(lambda: len(_children(server)) == 1)
        os.kill(server, signal.SIGTERM)
        time.sleep(0.1)
        connection.sendall(b"late")
        assert connection.recv(100) == b"late"


def test_told_to_end_just_when_somebody_came(listener: socket.socket, monkeypatch: pytest.MonkeyPatch) -> None:
    """Guard: SIGTERM ends nothing between accept and fork."""
    fork = os.fork
    parent = os.getpid()

    def slow() -> int:
        if os.getpid() != parent:
            time.sleep(0.3)
        return fork()

    monkeypatch.setattr(os, "fork", slow)
    with _served(listener) as server:
        connection = _connect(listener)
        connection.sendall(b"just")
        time.sleep(0.1)
        os.kill(server, signal.SIGTERM)
        assert connection.recv(100) == b"just"


def test_who_comes_later_waits_for_the_next(listener: socket.socket) -> None:
    with _served(listener), _connect(listener) as first:
        first.sendall(b"first")
        assert first.recv(100) == b"first"
    connection = _connect(listener)
    connection.sendall(b"next")
    with _served(listener):
        assert connection.recv(100) == b"next"


def test_where_there_can_be_no_process_the_next_is_served_all_the_same(
    listener: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Guard: a site at its cap of processes."""
    fork, parent = os.fork, os.getpid()
    refused: list[int] = []

    def full() -> int:
        if os.getpid() != parent and not refused:
            refused.append(1)
            raise BlockingIOError("no process more")
        return fork()

    monkeypatch.setattr(os, "fork", full)
    with _served(listener):
        with _connect(listener) as first:
            assert first.recv(100) == b""
        with _connect(listener) as second:
            second.sendall(b"second")
            assert second.recv(100) == b"second"
