"""What the tailer says of real transactions."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import pymysql
import pytest
from pymysqlreplication.row_event import TableMapEvent

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
        tailer = Tailer({"unix_socket": str(mariadb), "user": "root"}, 4712, str(file), int(offset))
        transaction = next(tailer.transactions())
        tailer.close()
    assert {write.table for write in transaction.writes} == {"reserved"}
    assert [row.table for row in transaction.rows] == ["reserved"]


def test_since_when_a_change_waits_to_be_read(mariadb: Path) -> None:
    """One that came while the one before was worked on has waited for it; one that was waited for has not."""
    connection = pymysql.connect(unix_socket=str(mariadb), user="root", autocommit=True)
    with connection, connection.cursor() as cursor:
        cursor.execute("CREATE OR REPLACE DATABASE s1")
        cursor.execute("CREATE TABLE s1.line (id INT PRIMARY KEY)")
        cursor.execute("SHOW MASTER STATUS")
        file, offset = (cursor.fetchone() or ())[:2]
        tailer = Tailer({"unix_socket": str(mariadb), "user": "root"}, 4714, str(file), int(offset))
        transactions = tailer.transactions()
        cursor.execute("INSERT INTO s1.line VALUES (1)")
        next(transactions)
        working = time.monotonic()
        for number in (2, 3):
            cursor.execute("INSERT INTO s1.line VALUES (%s)", (number,))
        time.sleep(0.05)
        in_line = [next(transactions).came for _ in range(2)]
        begun: list[float] = []

        def later() -> None:
            time.sleep(0.1)
            begun.append(time.monotonic())
            cursor.execute("INSERT INTO s1.line VALUES (4)")

        thread = threading.Thread(target=later)
        thread.start()
        awaited = next(transactions).came
        thread.join()
        tailer.close()
    assert all(came is not None and came <= working for came in in_line), (in_line, working)
    assert awaited is not None and begun[0] <= awaited <= time.monotonic()


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
        tailer = Tailer({"unix_socket": str(mariadb), "user": "root"}, 4713, str(file), int(offset))
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
