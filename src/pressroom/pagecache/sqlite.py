"""How the page cache opens its SQLite databases, and changes them: in WAL mode, a transaction at a time."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_LONGEST_LOG_KEPT = 16 * 2**20  # bytes; what a burst of changes needs more is given back


def opened(path: Path) -> sqlite3.Connection:
    """For any thread, one at a time. A damaged database is put aside (``.damaged``), and a new one is begun.

    ``synchronous=NORMAL``: after a power loss the last transactions may be missing, never one without those before it.
    Raises sqlite3.OperationalError where the machine is at fault (no space, no right to it), not the database.
    """
    try:
        return _connected(path)
    except sqlite3.OperationalError:
        raise
    except sqlite3.DatabaseError:
        path.replace(path.with_suffix(".damaged"))
        for suffix in ("-wal", "-shm"):
            Path(f"{path}{suffix}").unlink(missing_ok=True)
        return _connected(path)


def _connected(path: Path) -> sqlite3.Connection:
    database = sqlite3.connect(path, timeout=30, isolation_level=None, check_same_thread=False)
    database.execute("PRAGMA journal_mode=WAL")
    database.execute("PRAGMA synchronous=NORMAL")
    database.execute(f"PRAGMA journal_size_limit={_LONGEST_LOG_KEPT}")
    version(database)
    return database


def version(database: sqlite3.Connection) -> int:
    """Of its tables, as their owner counts; 0 for a new one."""
    return int(database.execute("PRAGMA user_version").fetchone()[0])


@contextmanager
def transaction(database: sqlite3.Connection) -> Iterator[None]:
    database.execute("BEGIN IMMEDIATE")
    try:
        yield
    except BaseException:
        database.execute("ROLLBACK")
        raise
    database.execute("COMMIT")


def create_anew(database: sqlite3.Connection, schema: str, number: int) -> None:
    """Throw away all tables, and make those of this version."""
    with transaction(database):
        for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type='table'").fetchall():
            database.execute(f"DROP TABLE {name}")
        for statement in schema.split(";"):
            if statement.strip():
                database.execute(statement)
        database.execute(f"PRAGMA user_version={number}")
