"""Transactions that are prepared (XA) and left behind are rolled back, in a real server."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pymysql.cursors import Cursor

from pressroom.database.mariadb import MariaDB
from pressroom.database.prepared import Prepared
from tests.conftest import until

from .conftest import PREFIX, Connect


@pytest.fixture(autouse=True)
def nothing_is_left(root: Cursor, connect: Connect) -> Iterator[None]:
    yield
    prepared = Prepared()
    prepared.look(root)
    prepared.look(root)


def _prepare(connect: Connect, root: Cursor, name: str, value: int, *, leave: bool = True) -> Any:
    """Over a connection of its own."""
    connection = connect("s1")
    number = connection.thread_id()
    quoted = name.replace("'", "''")
    for statement in (
        "CREATE TABLE IF NOT EXISTS one (value INT PRIMARY KEY)", f"XA START '{quoted}','branch',7",
        f"INSERT INTO one VALUES ({value})", f"XA END '{quoted}','branch',7", f"XA PREPARE '{quoted}','branch',7",
    ):  # fmt: skip
        connection.query(statement)
    if leave:
        connection.close()
        until(lambda: _is_let_go(root, number))
    return connection


def _is_let_go(root: Cursor, number: int) -> bool:
    """By InnoDB, last of all; who is rolled back before that is lost to all (docs/security.md)."""
    time.sleep(0.15)  # MariaDB tells what it found before, while it is asked within a tenth of a second
    return not root.execute("SELECT 1 FROM information_schema.INNODB_TRX WHERE trx_mysql_thread_id=%s", (number,))


def _left(root: Cursor) -> int:
    return root.execute("XA RECOVER")


def test_those_that_are_left_behind_end_at_the_second_look(root: Cursor, connect: Connect) -> None:
    for number, name in enumerate(("a", "it's", "a\\\\b", "\N{SNOWMAN}")):
        _prepare(connect, root, name, number)
    prepared = Prepared()
    assert (prepared.look(root), _left(root)) == (0, 4)  # somebody may be about to take them up
    assert (prepared.look(root), _left(root)) == (4, 0)
    assert root.execute("SELECT value FROM s1.one") == 0


def test_one_that_has_written_nothing_ends_too(root: Cursor, connect: Connect) -> None:
    connection = connect("s1")
    for statement in ("XA START 'empty'", "XA END 'empty'", "XA PREPARE 'empty'"):
        connection.query(statement)
    connection.close()
    prepared = Prepared()
    until(lambda: prepared.look(root) == 1)
    assert _left(root) == 0


def test_who_is_there_decides_himself(root: Cursor, connect: Connect) -> None:
    """At any later time."""
    mine = _prepare(connect, root, "mine", 1, leave=False)
    _prepare(connect, root, "left", 2)
    prepared = Prepared()
    assert [prepared.look(root) for _ in range(4)] == [0, 1, 0, 0]
    mine.query("XA COMMIT 'mine','branch',7")
    assert root.execute("SELECT value FROM s1.one") == 1


def test_a_site_that_has_left_one_can_be_removed(mariadb: Path, root: Cursor, connect: Connect) -> None:
    """What it changed stays locked as long as it is prepared."""
    _prepare(connect, root, "locks", 1)
    prepared = Prepared()
    prepared.look(root)
    prepared.look(root)
    root.execute("SET GLOBAL innodb_lock_wait_timeout=2")
    try:
        MariaDB(mariadb).remove_site("s1", f"{PREFIX}-s1")
        assert root.execute("SHOW DATABASES LIKE 's1'") == 0
    finally:
        root.execute("SET GLOBAL innodb_lock_wait_timeout=DEFAULT")
