"""A site that goes takes along all that it does in MariaDB."""

from __future__ import annotations

import contextlib
import threading
from pathlib import Path

import pymysql
from pymysql.cursors import Cursor

from pressroom.database.mariadb import MariaDB
from tests.conftest import until

from .conftest import PREFIX, Connect

_STATEMENT = "SELECT BENCHMARK(1000000000, SHA2('a', 512))"


def _connections(root: Cursor) -> int:
    return root.execute("SELECT 1 FROM information_schema.PROCESSLIST WHERE USER=%s", (f"{PREFIX}-s1",))


def test_statements_end_and_locks_are_let_go(mariadb: Path, root: Cursor, connect: Connect) -> None:
    """MariaDB goes on with a statement whose client has gone, and waits for a lock before it drops a table."""
    busy, holding = connect("s1"), connect("s1")
    with holding.cursor() as cursor:
        cursor.execute("CREATE TABLE held (id INT)")
        cursor.execute("LOCK TABLES held WRITE")

    def work() -> None:
        with contextlib.suppress(pymysql.err.Error):
            busy.query(_STATEMENT)

    working = threading.Thread(target=work)
    working.start()
    until(lambda: root.execute("SELECT 1 FROM information_schema.PROCESSLIST WHERE INFO=%s", (_STATEMENT,)) == 1)
    root.execute("SET GLOBAL lock_wait_timeout=5")
    try:
        MariaDB(mariadb).remove_site("s1", f"{PREFIX}-s1")
        until(lambda: _connections(root) == 0)
        working.join(10)
        assert not working.is_alive()
        assert root.execute("SHOW DATABASES LIKE 's1'") == 0
        MariaDB(mariadb).remove_site("s1", f"{PREFIX}-s1")  # once more, after an interruption
    finally:
        root.execute("SET GLOBAL lock_wait_timeout=DEFAULT")
