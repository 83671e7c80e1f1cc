"""Who leaves prepared transactions (XA) without end is held, and nobody else, in a real server."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from itertools import count
from pathlib import Path
from typing import Any

import pymysql
import pytest
from pymysql.cursors import Cursor

from pressroom.database import holds
from pressroom.database.holds import Holds
from pressroom.database.prepared import Prepared
from tests.conftest import until

from .conftest import PREFIX, Connect

_LOCKED = 4151  # ER_ACCOUNT_HAS_BEEN_LOCKED, which pymysql has no name for


@pytest.fixture(autouse=True)
def few_are_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(holds, "_MOST", 20)
    monkeypatch.setattr(holds, "_HELD", 0.5)


@pytest.fixture(autouse=True)
def nothing_is_left(root: Cursor, connect: Connect) -> Iterator[None]:
    """Before their databases go."""
    for name in ("s1", "s2"):
        root.execute(f"CREATE TABLE {name}.t (id BIGINT AUTO_INCREMENT PRIMARY KEY)")
    yield
    _end_all(root)


def _end_all(root: Cursor) -> None:
    prepared = Prepared()
    until(lambda: prepared.look(root) == 0 == root.execute("XA RECOVER"))


_numbers = count()


def _leave(socket: Path, site: str) -> None:
    """As often as somebody who does nothing else: three threads of Python are few, so each takes its time meanwhile."""
    name = f"left-{next(_numbers)}"
    connection = pymysql.connect(unix_socket=str(socket), user=f"{PREFIX}-{site}", database=site, autocommit=True)
    writes = (f"XA START '{name}'", "INSERT INTO t VALUES ()", "SELECT SLEEP(0.03)")
    for statement in (*writes, f"XA END '{name}'", f"XA PREPARE '{name}'"):
        connection.query(statement)
    connection.close()


def _come_and_go(socket: Path, site: str) -> None:
    """With what was committed, and with what was not."""
    connection = pymysql.connect(unix_socket=str(socket), user=f"{PREFIX}-{site}", database=site)
    connection.query("INSERT INTO t VALUES ()")
    connection.commit()
    connection.query("INSERT INTO t VALUES ()")
    connection.close()


@contextmanager
def _again_and_again(does: Callable[[Path, str], None], socket: Path, site: str) -> Iterator[None]:
    """Until it is refused, or the end."""
    stopping = threading.Event()

    def work() -> None:
        with suppress(pymysql.err.MySQLError):
            while not stopping.is_set():
                does(socket, site)

    threads = [threading.Thread(target=work) for _ in range(3)]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        stopping.set()
        for thread in threads:
            thread.join()


def _is_held(connect: Connect, site: str) -> bool:
    try:
        connect(site).close()
    except pymysql.err.OperationalError as error:
        if error.args[0] == _LOCKED:
            return True
        raise
    return False


def _look(held: Holds, root: Cursor) -> None:
    """As the governor does: who asks more often is told by InnoDB what it told before."""
    time.sleep(0.25)
    held.look(root)


def _until_held(held: Holds, root: Cursor, connect: Connect, *, is_held: bool = True) -> None:
    end = time.monotonic() + 15.0
    while _is_held(connect, "s1") is not is_held:
        assert time.monotonic() < end, "it is not held" if is_held else "it is not let go"
        _look(held, root)


def test_who_leaves_many_is_held_until_they_are_ended_and_nobody_else_is(
    mariadb: Path, root: Cursor, connect: Connect
) -> None:
    held = Holds(PREFIX)
    with _again_and_again(_come_and_go, mariadb, "s2"):
        with _again_and_again(_leave, mariadb, "s1"):
            _until_held(held, root, connect)
        time.sleep(0.6)
        held.look(root)
        assert _is_held(connect, "s1"), "many are left still"
        assert not _is_held(connect, "s2")
        _end_all(root)
        # Not by one look: what was under way when it was held may have had it held once more, a moment ago.
        _until_held(held, root, connect, is_held=False)


def test_a_connection_that_is_open_ends_with_its_account(mariadb: Path, root: Cursor, connect: Connect) -> None:
    """A program that changes its user would go on with it."""
    mine = connect("s1")
    held = Holds(PREFIX)
    with _again_and_again(_leave, mariadb, "s1"):
        _until_held(held, root, connect)
    with pytest.raises(pymysql.err.MySQLError):
        mine.query("SELECT 1")


def test_a_new_governor_lets_go_whom_that_of_before_held(root: Cursor, connect: Connect) -> None:
    root.execute(f"ALTER USER '{PREFIX}-s1'@localhost ACCOUNT LOCK")
    held = Holds(PREFIX)
    held.look(root)
    assert _is_held(connect, "s1")
    time.sleep(0.6)
    held.look(root)
    assert not _is_held(connect, "s1")


def test_many_that_are_left_already_are_nobodys_who_just_writes(mariadb: Path, root: Cursor, connect: Connect) -> None:
    with _again_and_again(_leave, mariadb, "s1"):
        until(lambda: root.execute("XA RECOVER") > 25)
    held = Holds(PREFIX)
    with _again_and_again(_come_and_go, mariadb, "s2"):
        for _ in range(6):
            time.sleep(held.look(root))
    assert not _is_held(connect, "s2")
    assert not _is_held(connect, "s1")


def test_a_site_that_is_deleted_meanwhile_is_forgotten(root: Cursor, connect: Connect) -> None:
    root.execute(f"ALTER USER '{PREFIX}-s1'@localhost ACCOUNT LOCK")
    held: Any = Holds(PREFIX)
    held.look(root)
    root.execute(f"DROP USER '{PREFIX}-s1'@localhost")
    time.sleep(0.6)
    held.look(root)
    assert not held._held
    root.execute(f"CREATE USER '{PREFIX}-s1'@localhost")
