"""Brings the state database to today's schema, by Alembic's migrations."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterator
from pathlib import Path

from sqlalchemy.exc import DBAPIError

from pressroom.model.errors import Busy, Drifted, NoRights, NoSpace
from pressroom.system import files

# The newest migration; a test compares it with Alembic's own head.
HEAD = "0003"


def migrate(path: Path) -> None:
    """Raises Drifted for a database of a newer Pressroom, and for what is no database."""
    revision = _revision(path)
    if revision == HEAD:
        return
    # Alembic takes a fifth of a second to load: only when there is something to do.
    from alembic import command
    from alembic.config import Config
    from alembic.script import ScriptDirectory

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    config.attributes["path"] = path
    if revision is not None and revision not in {
        s.revision for s in ScriptDirectory.from_config(config).walk_revisions()
    }:
        raise Drifted(
            f"the state in {path} was written by a newer Pressroom (its schema is {revision}, ours {HEAD})",
            hint="use that version again, or a newer one",
        )
    with explained(path):
        command.upgrade(config, "head")


def _revision(path: Path) -> str | None:
    with explained(path), files.as_owner_of(path.parent), contextlib.closing(sqlite3.connect(path)) as database:
        try:
            row = database.execute("SELECT version_num FROM alembic_version").fetchone()
        except sqlite3.OperationalError as error:
            if "no such table" in str(error):
                return None
            raise
    return str(row[0]) if row else None


@contextlib.contextmanager
def explained(path: Path) -> Iterator[None]:
    """Turn what SQLite says into what a user can do."""
    try:
        yield
    except (DBAPIError, sqlite3.DatabaseError) as error:
        origin = error.orig if isinstance(error, DBAPIError) else error
        code = getattr(origin, "sqlite_errorcode", 0) & 0xFF  # its primary code, see sqlite.org/rescode.html
        if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
            raise Busy(
                f"another command is writing {path}", hint="wait until it is done, then run this again"
            ) from error
        if code == sqlite3.SQLITE_FULL:
            raise NoSpace(f"no space left to write {path}", hint="free some space on that disk") from error
        if code in (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM):
            raise NoRights(f"not allowed to write {path}", hint="run the command as root (or with sudo)") from error
        if code in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
            raise Drifted(
                f"the node's state in {path} cannot be read: {origin}", hint="put that file back from a backup"
            ) from error
        raise
