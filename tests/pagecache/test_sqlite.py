"""A damaged database is put aside, and keeps nobody from working."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from pressroom.pagecache import sqlite


def test_a_damaged_one_is_put_aside(tmp_path: Path) -> None:
    path = tmp_path / "index.db"
    path.write_bytes(b"no database" * 1000)
    database = sqlite.opened(path)
    sqlite.create_anew(database, "CREATE TABLE a (b)", 3)
    assert sqlite.version(database) == 3
    assert (tmp_path / "index.damaged").read_bytes().startswith(b"no database")


def test_where_the_machine_is_at_fault_nothing_is_put_aside(tmp_path: Path) -> None:
    path = tmp_path / "index.db"
    path.mkdir()
    with pytest.raises(sqlite3.OperationalError):
        sqlite.opened(path)
    assert path.is_dir()


def test_a_transaction_that_fails_leaves_nothing(tmp_path: Path) -> None:
    database = sqlite.opened(tmp_path / "index.db")
    sqlite.create_anew(database, "CREATE TABLE a (b); CREATE TABLE c (d)", 1)
    with pytest.raises(KeyError), sqlite.transaction(database):
        database.execute("INSERT INTO a VALUES (1)")
        raise KeyError
    assert database.execute("SELECT * FROM a").fetchall() == []


def test_the_log_of_a_burst_is_given_back(tmp_path: Path) -> None:
    path = tmp_path / "index.db"
    log = Path(f"{path}-wal")
    database = sqlite.opened(path)
    database.execute("PRAGMA wal_autocheckpoint=0")
    sqlite.create_anew(database, "CREATE TABLE a (b)", 1)
    database.execute("INSERT INTO a VALUES (randomblob(40000000))")
    assert log.stat().st_size > 40_000_000
    database.execute("PRAGMA wal_checkpoint(PASSIVE)")
    database.execute("INSERT INTO a VALUES (1)")
    assert log.stat().st_size < 20_000_000
