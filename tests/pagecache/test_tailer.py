"""What the tailer says of real transactions."""

from __future__ import annotations

from pathlib import Path

import pymysql

from pressroom.pagecache.tailer import Tailer


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
