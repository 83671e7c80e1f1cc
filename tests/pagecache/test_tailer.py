"""What the tailer says of real transactions."""

from __future__ import annotations

import itertools
import threading
import time
import tracemalloc
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pymysql
import pytest
from pymysql.constants import CR
from pymysqlreplication.row_event import TableMapEvent

from pressroom.pagecache.binlog.master import Master
from pressroom.pagecache.binlog.positions import Place, Position, PositionGone, RowChange, Transaction, Write
from pressroom.pagecache.binlog.tailer import Tailer


def test_a_table_that_was_locked_and_not_written(mariadb: Path) -> None:
    """A shop's checkout reserves what it sells so: INSERT … SELECT … FOR UPDATE."""
    connection = pymysql.connect(unix_socket=str(mariadb), user="root", autocommit=True)
    with connection, connection.cursor() as cursor:
        cursor.execute("DROP DATABASE IF EXISTS s1")
        cursor.execute("CREATE DATABASE s1")
        cursor.execute("CREATE TABLE s1.stock (id INT PRIMARY KEY, number INT)")
        cursor.execute("CREATE TABLE s1.reserved (id INT PRIMARY KEY, number INT)")
        cursor.execute("INSERT INTO s1.stock VALUES (1, 5)")
        cursor.execute("SHOW MASTER STATUS")
        place = cursor.fetchone()
        assert place is not None
        file, offset = place[:2]
        cursor.execute(
            "INSERT INTO s1.reserved SELECT 1, 2 FROM DUAL"
            " WHERE (SELECT number FROM s1.stock WHERE id=1 FOR UPDATE) > 1"
        )
        tailer = Tailer(
            {"unix_socket": str(mariadb), "user": "root"}, 4712, mariadb.parent / "data", str(file), int(offset)
        )
        transaction = next(tailer.transactions())
        tailer.close()
    assert {write.table for write in transaction.writes} == {"reserved"}
    assert [row.table for row in transaction.rows] == ["reserved"]


@pytest.fixture
def line(mariadb: Path) -> Iterator[tuple[Iterator[Transaction], Callable[..., None], Tailer]]:
    """Transactions as they are handed on, a way to say statements, and the tailer."""
    connection = pymysql.connect(unix_socket=str(mariadb), user="root", autocommit=True)
    with connection, connection.cursor() as cursor:

        def say(*statements: str) -> None:
            for statement in statements:
                cursor.execute(statement)

        say("CREATE OR REPLACE DATABASE s1", "CREATE TABLE s1.line (id INT PRIMARY KEY)", "SHOW MASTER STATUS")
        file, offset = (cursor.fetchone() or ())[:2]
        tailer = Tailer(
            {"unix_socket": str(mariadb), "user": "root"}, 4714, mariadb.parent / "data", str(file), int(offset)
        )
        yield tailer.transactions(), say, tailer
        tailer.close()


Line = tuple[Iterator[Transaction], Callable[..., None], Tailer]


def insert(*numbers: int, by: str = "") -> list[str]:
    return [f"INSERT INTO s1.line VALUES ({number}){by}" for number in numbers]


def test_since_when_a_change_waits_to_be_read(line: Line) -> None:
    """One that came while the one before was worked on has waited for it; one that was waited for has not."""
    transactions, say, _ = line
    say(*insert(1))
    next(transactions)
    working = time.monotonic()
    say(*insert(2), *insert(3, by="/*pressroom:writer*/"))
    time.sleep(0.05)
    in_line = [next(transactions).came for _ in range(2)]
    begun: list[float] = []

    def later() -> None:
        time.sleep(0.1)
        begun.append(time.monotonic())
        say(*insert(4))

    thread = threading.Thread(target=later)
    thread.start()
    awaited = next(transactions).came
    thread.join()
    assert all(came is not None and came <= working for came in in_line), (in_line, working)
    assert awaited is not None and begun[0] <= awaited <= time.monotonic()


def _numbers(transaction: Transaction) -> list[object]:
    return [row.after["id"] for row in transaction.rows if row.after and "id" in row.after]


def test_what_stands_in_line_is_taken_together(line: Line) -> None:
    """But for what somebody waits for, what is a render's, what is not known by rows, and another file's."""
    transactions, say, tailer = line
    say(*insert(1))
    first = next(transactions)
    say(*insert(2, 3, 4), *insert(5, by="/*pressroom:writer*/"), *insert(6, by="/*pressroom:0123456789*/"))
    say(*insert(7, 8), "USE s1", "ALTER TABLE line ADD COLUMN word INT")
    say("INSERT INTO s1.line VALUES (9, 0)", "FLUSH BINARY LOGS", "INSERT INTO s1.line VALUES (10, 0)")
    time.sleep(0.05)
    came: list[Transaction] = []
    files: list[str] = []
    while not came or 10 not in _numbers(came[-1]):
        came.append(next(transactions))
        files.append(tailer.file)
    assert [_numbers(one) for one in came] == [[2, 3, 4], [5], [6], [7, 8], [], [9], [10]]
    assert [one.sequence - first.sequence for one in came] == [3, 4, 5, 7, 8, 9, 10]
    assert [one.end.file for one in came] == [int(file.rpartition(".")[2]) for file in files]
    assert came[-1].end.file == first.end.file + 1
    assert all(early.end < late.end for early, late in itertools.pairwise(came))


def test_what_is_prepared_ends_with_that(line: Line) -> None:
    """Its rows are seen later, when somebody says so: that is a transaction of its own. One phase is as any other."""
    transactions, say, _ = line
    say(*insert(1))
    first = next(transactions)
    say("CREATE OR REPLACE DATABASE s2", "USE s2")
    next(transactions)
    say("XA START 'a', X'00FF27', 77", *insert(2), "XA END 'a', X'00FF27', 77", "XA PREPARE 'a', X'00FF27', 77")
    say("XA COMMIT 'a', X'00FF27', 77", "XA START 'b'", *insert(3), "XA END 'b'", "XA PREPARE 'b'", "XA ROLLBACK 'b'")
    say("XA START 'c'", *insert(4), "XA END 'c'", "XA COMMIT 'c' ONE PHASE", *insert(5, by="/*pressroom:writer*/"))
    came = [next(transactions)]
    while 5 not in _numbers(came[-1]):
        came.append(next(transactions))
    told = {
        one.sequence - first.sequence: (
            one.prepared,
            _numbers(one),
            {(write.database, write.table) for write in one.writes},
        )
        for one in came
    }
    told.pop(5, None)  # that it was taken back may be taken together with what follows
    assert told == {
        2: (True, [], {("s1", None)}),
        3: (False, [], set()),
        4: (True, [], {("s1", None)}),
        6: (False, [4], {("s1", "line")}),
        7: (False, [5], {("s1", "line")}),
    }


def test_of_a_large_event_of_rows_little_is_kept(line: Line) -> None:
    transactions, say, _ = line
    _make_wide(say, 6)
    for _ in range(2):
        next(transactions)
    say("UPDATE s1.wide SET n=n+1")  # one of 192 MB
    tracemalloc.start()
    try:
        read = next(transactions)
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert read.rows == (RowChange.unknown("s1", "wide"),)
    assert most < 120 * 2**20, "it is kept as a whole"


def test_a_statement_larger_than_a_packet(line: Line) -> None:
    """MariaDB writes a prepared statement's values into its text, as escaped: so it has no bound but memory."""
    transactions, say, _ = line
    say("SET @quotes=REPEAT('\\'', 9 * 1024 * 1024)")
    say("PREPARE large FROM 'INSERT INTO s1.line VALUES (LENGTH(?) - LENGTH(?) + 7) /*pressroom:writer*/'")
    say("EXECUTE large USING @quotes, @quotes", *insert(8))
    assert [_numbers(next(transactions)) for _ in range(2)] == [[7], [8]]


def test_a_connection_that_is_lost_is_the_callers_to_make_again(line: Line) -> None:
    """The library would go on by itself: on whichever server is there now, at a place of which it has four bytes."""
    transactions, say, tailer = line
    say(*insert(1))
    assert _numbers(next(transactions)) == [1]
    kill = threading.Timer(0.5, say, [f"KILL {tailer._stream._stream_connection.thread_id()}", *insert(2)])
    kill.start()
    with pytest.raises(pymysql.err.OperationalError) as lost:
        next(transactions)
    kill.join()
    assert lost.value.args[0] == CR.CR_SERVER_LOST_EXTENDED


def _make_wide(say: Callable[..., None], number: int) -> None:
    """A row of so many times 16 MB, in three transactions of which the binlog has the first two."""
    columns = [f"c{column}" for column in range(number)]
    say(f"CREATE TABLE s1.wide (id INT PRIMARY KEY, n INT, {','.join(f'{name} LONGTEXT' for name in columns)})")
    say("INSERT INTO s1.wide (id, n) VALUES (1, 1)", "SET sql_log_bin=0")
    say(*[f"UPDATE s1.wide SET {name}=REPEAT('x', 16 * 1024 * 1024 - 1000)" for name in columns], "SET sql_log_bin=1")


@pytest.mark.long
def test_what_mariadb_cannot_send_is_skipped(line: Line, mariadb: Path) -> None:
    """A row before and after that is more than a gigabyte: any site may have one, and it was all sites' binlog."""
    transactions, say, _ = line
    master = Master(mariadb, "root", mariadb.parent / "data")
    _make_wide(say, 34)
    for _ in range(2):
        next(transactions)
    say("BEGIN", "INSERT INTO s1.line VALUES (1)", "UPDATE s1.wide SET n=n+1", "INSERT INTO s1.line VALUES (2)")
    say("COMMIT", "INSERT INTO s1.line VALUES (3)")
    skipped, behind = next(transactions), next(transactions)
    assert master.has(Place(f"binlog.{skipped.end.file:06d}", skipped.end.offset, f"0-7-{skipped.sequence}", ""))
    assert Write("s1", None, None) in skipped.writes
    assert (skipped.sequence + 1, _numbers(behind)) == (behind.sequence, [3])
    assert skipped.end > Position(skipped.end.file, 2**30)


def test_no_more_than_fifty_rows_are_taken_together(line: Line) -> None:
    transactions, say, _ = line
    say(*insert(*range(120)))
    assert [len(next(transactions).rows) for _ in range(3)] == [50, 50, 20]


def test_what_is_here_is_handed_on_at_once(line: Line) -> None:
    """And not only when the next one has come: of that there may be the beginning, or a word of the server's."""
    transactions, say, _ = line
    say(*insert(1))
    assert _numbers(next(transactions)) == [1]
    say(*insert(2))
    time.sleep(2.5)  # the server has said behind it that it is still there
    began = time.monotonic()
    assert _numbers(next(transactions)) == [2]
    say(*insert(3))
    assert _numbers(next(transactions)) == [3]
    assert time.monotonic() - began < 1


def test_a_table_is_read_once_until_it_is_made_otherwise(mariadb: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    parsed: list[str] = []
    parse = TableMapEvent.__init__

    def counted(event: TableMapEvent, *given: object, **options: object) -> None:
        parse(event, *given, **options)
        parsed.append(event.table)

    monkeypatch.setattr(TableMapEvent, "__init__", counted)
    connection = pymysql.connect(unix_socket=str(mariadb), user="root", autocommit=True)
    with connection, connection.cursor() as cursor:
        cursor.execute("DROP DATABASE IF EXISTS s1")
        cursor.execute("CREATE DATABASE s1")
        cursor.execute("CREATE TABLE s1.twins (id INT PRIMARY KEY, first VARCHAR(20), second VARCHAR(20))")
        cursor.execute("INSERT INTO s1.twins VALUES (1, 'a', 'b')")
        cursor.execute("SHOW MASTER STATUS")
        file, offset = (cursor.fetchone() or ())[:2]
        cursor.execute("UPDATE s1.twins SET first='c'")
        cursor.execute("UPDATE s1.twins SET first='d'")
        cursor.execute("UPDATE s1.twins SET second='7'")
        cursor.execute("ALTER TABLE s1.twins CHANGE first late VARCHAR(20), CHANGE second early INT, ADD more INT")
        cursor.execute("UPDATE s1.twins SET late='e', more=5")
        tailer = Tailer(
            {"unix_socket": str(mariadb), "user": "root"}, 4713, mariadb.parent / "data", str(file), int(offset)
        )
        seen = []
        for transaction in tailer.transactions():
            seen += [row.after for row in transaction.rows if row.after is not None]
            if len(seen) == 4:
                break
        tailer.close()
    assert seen == [
        {"id": 1, "first": "c", "second": "b"},
        {"id": 1, "first": "d", "second": "b"},
        {"id": 1, "first": "d", "second": "7"},
        {"id": 1, "late": "e", "early": 7, "more": 5},
    ]
    assert parsed == ["twins", "twins"]


def test_places_in_a_file_of_more_than_four_gigabytes() -> None:
    """MariaDB tells them in four bytes, and what is committed together it does not tear apart."""
    tailer: Any = Tailer({}, 4715, Path("/nowhere"), "binlog.000001", 4)
    places = []
    for file, told in (("1", 2**32 - 10), ("1", 5), ("1", 5), ("1", 900), ("1", 7), ("2", 4), ("2", 300)):
        tailer._stream = SimpleNamespace(log_file=f"binlog.00000{file}", log_pos=told)
        tailer._move()
        places.append(tuple(tailer._place))
    high = 2**32
    assert places == [
        (1, high - 10), (1, high + 5), (1, high + 5), (1, high + 900), (1, 2 * high + 7), (2, 4), (2, 300),
    ]  # fmt: skip
    with pytest.raises(PositionGone):
        Tailer({}, 4716, Path("/nowhere"), "binlog.000001", high + 5)
