"""What is asked of a real MariaDB about a site's tables waits for nobody."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pymysql
import pytest

from pressroom.pagecache.binlog import master
from pressroom.pagecache.binlog.master import Master
from tests.conftest import until

_MADE = "CREATE TABLE slowly SELECT SLEEP(2) AS a"


@pytest.fixture
def busy(mariadb: Path) -> Iterator[Master]:
    """A site's database in which a table is being made, for two seconds."""

    def connected() -> pymysql.connections.Connection[pymysql.cursors.Cursor]:
        return pymysql.connect(unix_socket=str(mariadb), user="root", autocommit=True)

    def make() -> None:
        with connected() as tenant, tenant.cursor() as cursor:
            cursor.execute("USE slow")
            cursor.execute(_MADE)

    with connected() as root, root.cursor() as cursor:
        cursor.execute("CREATE OR REPLACE DATABASE slow")
        cursor.execute("CREATE TABLE slow.wp_posts (ID bigint PRIMARY KEY)")
        making = threading.Thread(target=make)
        making.start()

        def is_made() -> bool:
            return bool(
                cursor.execute(
                    "SELECT 1 FROM information_schema.PROCESSLIST"
                    " WHERE INFO LIKE 'CREATE TABLE slowly%' AND STATE='User sleep'"
                )
            )

        until(is_made)
        yield Master(mariadb, "root", mariadb.parent / "data")
        making.join()
        cursor.execute("DROP DATABASE slow")


def _asked(busy: Master) -> float:
    began = time.monotonic()
    with pytest.raises(pymysql.err.Error) as told:  # not known now, so anything may have changed
        busy.schema("slow")
    assert told.value.args[0] in (1205, 1969), told.value
    return time.monotonic() - began


def test_a_table_that_is_being_made_is_not_waited_for(busy: Master) -> None:
    assert _asked(busy) < 0.4


def test_without_the_locks_bound_it_is_for_as_long_as_a_statement_may_take(
    busy: Master, monkeypatch: pytest.MonkeyPatch
) -> None:
    bound = "lock_wait_timeout=0, "
    assert bound in master._NO_WAITING
    monkeypatch.setattr(master, "_NO_WAITING", master._NO_WAITING.replace(bound, ""))
    assert _asked(busy) > 0.45


def test_without_any_it_would_be(busy: Master, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(master, "_NO_WAITING", "SET @a=1")
    monkeypatch.setattr(master, "_PATIENCE", 10.0)
    began = time.monotonic()
    assert busy.schema("slow").tables.keys() == {"wp_posts", "slowly"}
    assert time.monotonic() - began > 1.0


_CHANGES = {
    "altered": ("ALTER TABLE child ADD word text", "ALTER TABLE child DROP word"),
    "emptied": ("TRUNCATE child",),
    "named anew": ("RENAME TABLE child TO other, other TO child",),
}


@contextmanager
def _changing(mariadb: Path, statements: tuple[str, ...]) -> Iterator[Master]:
    """A site's database in which a table is changed all the time."""
    ended = threading.Event()

    def connected() -> pymysql.connections.Connection[pymysql.cursors.Cursor]:
        return pymysql.connect(unix_socket=str(mariadb), user="root", autocommit=True)

    def change() -> None:
        with connected() as tenant, tenant.cursor() as cursor:
            cursor.execute("USE changing")
            while not ended.is_set():
                for statement in statements:
                    cursor.execute(statement)

    with connected() as root, root.cursor() as cursor:
        cursor.execute("CREATE OR REPLACE DATABASE changing")
        cursor.execute("USE changing")
        cursor.execute("CREATE TABLE parent (id int PRIMARY KEY)")
        cursor.execute(
            "CREATE TABLE child (id int PRIMARY KEY, of int, FOREIGN KEY (of) REFERENCES parent (id) ON DELETE CASCADE)"
        )
        cursor.execute("CREATE VIEW broken AS SELECT id FROM parent")
        cursor.execute("ALTER TABLE parent RENAME COLUMN id TO number")
        changing = threading.Thread(target=change)
        changing.start()
        try:
            yield Master(mariadb, "root", mariadb.parent / "data")
            assert changing.is_alive(), "it is not changed"
        finally:
            ended.set()
            changing.join()
            cursor.execute("DROP DATABASE changing")


def _half(asked: Master, times: int = 150) -> int:
    """How often a schema was told in which a table, or what its foreign key changes, is missing."""
    half = 0
    for _ in range(times):
        try:
            told = asked.schema("changing")
        except pymysql.err.OperationalError as error:
            assert error.args[0] in (1205, 1969), error
        else:
            half += "child" not in told.tables or ("parent", "child") not in told.cascading
    return half


@pytest.mark.parametrize("how", _CHANGES)
def test_a_table_that_is_being_changed_is_never_left_out(mariadb: Path, how: str) -> None:
    """MariaDB does leave it out, with a warning. An invalid view is a warning too, and no matter."""
    with _changing(mariadb, _CHANGES[how]) as asked:
        assert _half(asked) == 0
    with _changing(mariadb, ("DO 1",)) as asked:
        assert asked.schema("changing").tables.keys() == {"parent", "child"}


@pytest.mark.parametrize("how", _CHANGES)
def test_without_a_look_at_the_warnings_it_is(mariadb: Path, how: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(master, "_LEFT_OUT", ())
    with _changing(mariadb, _CHANGES[how]) as asked:
        assert _half(asked) > 0


def test_what_is_under_way(mariadb: Path) -> None:
    """What has written and has not ended, though its connection has: the prepared ones. Not who reads."""
    asked = Master(mariadb, "root", mariadb.parent / "data")
    with _said(mariadb) as root:
        root.execute("CREATE OR REPLACE DATABASE s1")
        root.execute("CREATE TABLE s1.stock (id INT PRIMARY KEY)")
        root.execute("START TRANSACTION WITH CONSISTENT SNAPSHOT")
        root.execute("SELECT * FROM s1.stock")
        before = asked.under_way()
        with _said(mariadb) as tenant:
            tenant.execute("SELECT CONNECTION_ID()")
            number = tenant.fetchone()
            for word in ("XA START 'x'", "INSERT INTO s1.stock VALUES (1)", "XA END 'x'", "XA PREPARE 'x'"):
                tenant.execute(word)
            mine = asked.under_way()
        until(lambda: not root.execute("SELECT 1 FROM information_schema.PROCESSLIST WHERE ID=%s", number))
        kept = asked.under_way()
        root.execute("COMMIT")
        root.execute("XA COMMIT 'x'")
    assert before == asked.under_way() == frozenset()
    assert mine == kept and len(mine) == 1


def test_what_is_under_way_is_of_now(mariadb: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """MariaDB keeps what it found for as long as somebody reads it again and again."""
    asked = Master(mariadb, "root", mariadb.parent / "data")
    with _said(mariadb) as root, _said(mariadb) as tenant:
        root.execute("CREATE OR REPLACE DATABASE s1")
        root.execute("CREATE TABLE s1.stock (id INT PRIMARY KEY)")
        tenant.execute("BEGIN")
        root.execute(_UNDER_WAY)
        tenant.execute("INSERT INTO s1.stock VALUES (1)")
        assert len(asked.under_way()) == 1
        monkeypatch.setattr("time.sleep", lambda seconds: root.execute(_UNDER_WAY))
        root.execute(_UNDER_WAY)
        tenant.execute("COMMIT")
        with pytest.raises(pymysql.err.OperationalError):
            asked.under_way()


_UNDER_WAY = "SELECT * FROM information_schema.INNODB_TRX"


@contextmanager
def _said(socket: Path) -> Iterator[pymysql.cursors.Cursor]:
    connection = pymysql.connect(unix_socket=str(socket), user="root", autocommit=True)
    with connection, connection.cursor() as cursor:
        yield cursor
