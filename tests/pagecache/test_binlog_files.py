"""The binlog's files by the heads of their events, as a real server writes them."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from pathlib import Path

import pymysql
import pytest

from pressroom.pagecache.binlog.files import gtid_at, head_at
from pressroom.pagecache.binlog.master import Master
from pressroom.pagecache.binlog.positions import Place

Ask = Callable[..., tuple[object, ...]]


@pytest.fixture
def ask(mariadb: Path) -> Iterator[Ask]:
    """One row that a statement gives."""
    connection = pymysql.connect(unix_socket=str(mariadb), user="root", autocommit=True)
    with connection, connection.cursor() as cursor:

        def one(statement: str, *values: object) -> tuple[object, ...]:
            cursor.execute(statement, values)
            return cursor.fetchone() or ()

        for statement in (
            "CREATE OR REPLACE DATABASE s1",
            "FLUSH BINARY LOGS",
            "CREATE TABLE s1.t (id INT AUTO_INCREMENT PRIMARY KEY, n INT DEFAULT 0, text LONGTEXT)",
        ):
            one(statement)
        yield one
        one("DROP DATABASE s1")


def _end(ask: Ask) -> tuple[str, int]:
    file, offset, *_ = ask("SHOW MASTER STATUS")
    return str(file), int(str(offset))


def test_the_servers_own_answer_and_ours(mariadb: Path, ask: Ask) -> None:
    folder, compared = mariadb.parent / "data", 0
    for statement in ("INSERT INTO s1.t VALUES ()", "UPDATE s1.t SET n=n+1", "ALTER TABLE s1.t ADD x INT"):
        for place in (_end(ask), (ask(statement), _end(ask))[1]):
            assert gtid_at(folder / place[0], place[1]) == ask("SELECT BINLOG_GTID_POS(%s, %s)", *place)[0]
            compared += 1
    file, end = _end(ask)
    assert compared == 6
    assert gtid_at(folder / file, end - 1) is None and gtid_at(folder / file, end + 1) is None
    ask("FLUSH BINARY LOGS")
    before = ask("SELECT @@GLOBAL.gtid_binlog_pos")[0]
    file, begins = _end(ask)
    assert gtid_at(folder / file, begins) == before, "of the files before this"


def test_a_place_behind_a_wide_row_is_this_servers(mariadb: Path, ask: Ask) -> None:
    """MariaDB does not know it: to find it, it would read an event that is larger than a session's packet."""
    ask("INSERT INTO s1.t (text) VALUES (REPEAT('x', 9 * 1024 * 1024))")
    ask("UPDATE s1.t SET n=n+1")
    file, end = _end(ask)
    assert ask("SELECT BINLOG_GTID_POS(%s, %s)", file, end) == (None,)
    master = Master(mariadb, "root", mariadb.parent / "data")
    place = master.newest_place()
    assert (place.file, place.offset, place.gtid) == (file, end, ask("SELECT @@GLOBAL.gtid_binlog_pos")[0])
    assert master.has(place)
    assert not master.has(Place(file, end, "0-7-999999", "")), "another history"
    assert not master.has(Place(file, end - 1, place.gtid, "")) and not master.has(Place("binlog.999999", 4, "", ""))


@pytest.mark.parametrize(
    "text",
    [b"", b"\xfebi", b"\xfebin", b"\xfebin" + bytes(40), b"\xfebin" + struct.pack("<IBIIIH", 0, 2, 1, 3, 0, 0) * 3],
)
def test_what_is_no_binlog(tmp_path: Path, text: bytes) -> None:
    file = tmp_path / "binlog.000001"
    file.write_bytes(text)
    assert gtid_at(file, 30) is None and head_at(file, 4) is None
