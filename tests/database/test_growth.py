"""Bounds of databases and of the binlog, in a real server."""

from __future__ import annotations

from pathlib import Path

import pymysql
import pytest
from pymysql.cursors import Cursor

from pressroom.database.growth import Growth, size_of
from tests.database.conftest import PREFIX, Connect

MEGABYTE = 2**20


@pytest.fixture
def data(root: Cursor) -> Path:
    root.execute("SELECT @@datadir")
    ((folder,),) = root.fetchall()
    return Path(folder)


def _growth(data: Path, *, database: int = 4 * MEGABYTE, binlog: int = 1000 * MEGABYTE) -> Growth:
    return Growth(data, PREFIX, database=database, binlog=binlog)


def test_a_database_that_is_too_large_takes_no_new_rows(root: Cursor, connect: Connect, data: Path) -> None:
    growth, site, neighbour = _growth(data), connect("s1").cursor(), connect("s2").cursor()
    for cursor in (site, neighbour):
        cursor.execute("CREATE TABLE t (n INT PRIMARY KEY AUTO_INCREMENT, x MEDIUMTEXT)")
        cursor.execute("INSERT INTO t (x) VALUES ('little')")
    growth.look(root)
    site.execute("INSERT INTO t (x) SELECT REPEAT('x', 100000) FROM seq_1_to_100")
    site.execute("INSERT INTO t (x) VALUES ('nobody has looked yet')")
    assert size_of(data / "s1") > 4 * MEGABYTE > size_of(data / "s2")
    growth.look(root)
    with pytest.raises(pymysql.err.OperationalError):
        site.execute("INSERT INTO t (x) VALUES ('more')")  # its connection has ended
    again = connect("s1").cursor()
    for statement in ("INSERT INTO t (x) VALUES ('more')", "UPDATE t SET x = 'other'", "CREATE TABLE u (n INT)"):
        with pytest.raises(pymysql.err.OperationalError, match="denied"):
            again.execute(statement)
    assert again.execute("SELECT n FROM t") == 102
    neighbour.execute("INSERT INTO t (x) VALUES ('goes on')")

    again.execute("DELETE FROM t WHERE n > 50")
    again.execute("TRUNCATE t")
    growth.look(root)
    back = connect("s1").cursor()
    back.execute("INSERT INTO t (x) VALUES ('there is room again')")


def test_looking_again_changes_nothing(root: Cursor, connect: Connect, data: Path) -> None:
    connection = connect("s2")
    for _ in range(2):
        _growth(data).look(root)
    connection.cursor().execute("SELECT 1")


def test_the_oldest_binlogs_go(root: Cursor, connect: Connect, data: Path) -> None:
    site = connect("s1").cursor()
    site.execute("CREATE TABLE t (x MEDIUMTEXT)")
    for _ in range(4):
        root.execute("FLUSH BINARY LOGS")
        site.execute("INSERT INTO t SELECT REPEAT('x', 100000) FROM seq_1_to_10")
    before = _binlogs(root)
    _growth(data, database=100 * MEGABYTE).look(root)
    assert _binlogs(root).keys() == before.keys()
    _growth(data, database=100 * MEGABYTE, binlog=int(2.5 * MEGABYTE)).look(root)
    after = _binlogs(root)
    assert list(after) == list(before)[-len(after) :] and 1 < len(after) < len(before)
    assert sum(after.values()) < 4 * MEGABYTE


def _binlogs(root: Cursor) -> dict[str, int]:
    root.execute("SHOW BINARY LOGS")
    return {str(row[0]): int(row[1]) for row in root.fetchall()}
