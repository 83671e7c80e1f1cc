"""Brings the state database to today's schema, by Alembic's migrations."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

from pressroom.model.errors import Drifted

# The newest migration; a test compares it with Alembic's own head.
HEAD = "0001"


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
    command.upgrade(config, "head")


def _revision(path: Path) -> str | None:
    with closing(sqlite3.connect(path)) as database:
        try:
            row = database.execute("SELECT version_num FROM alembic_version").fetchone()
        except sqlite3.OperationalError:
            return None
        except sqlite3.DatabaseError as error:
            raise Drifted(
                f"the node's state in {path} cannot be read: {error}", hint="put that file back from a backup"
            ) from error
    return str(row[0]) if row else None
