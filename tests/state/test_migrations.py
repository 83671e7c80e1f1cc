"""The schema: from nothing, reopened, interrupted, from the future; and that code and migrations say the same."""

from __future__ import annotations

import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine

from pressroom.model.errors import Drifted
from pressroom.model.trail import Actor, Line, verify
from pressroom.state import migrate as migrations
from pressroom.state.migrate import HEAD, migrate
from pressroom.state.store import StateStore
from pressroom.state.tables import Base


def _revision(database: Path) -> str:
    with closing(sqlite3.connect(database)) as connection:
        return str(connection.execute("SELECT version_num FROM alembic_version").fetchone()[0])


def _run(code: str, *arguments: Path | str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", code, *map(str, arguments)], capture_output=True, text=True, timeout=60
    )


def test_migrations_from_nothing_reach_the_head(database: Path, store: StateStore) -> None:
    assert _revision(database) == HEAD
    assert store.sites() == []


def test_the_head_is_alembics_own() -> None:
    config = Config()
    config.set_main_option("script_location", str(Path(migrations.__file__).parent / "migrations"))
    assert ScriptDirectory.from_config(config).get_heads() == [HEAD]


def test_the_tables_in_code_are_those_that_the_migrations_make(database: Path, store: StateStore) -> None:
    engine = create_engine(f"sqlite:///{database}")
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True, "compare_server_default": True})
        assert compare_metadata(context, Base.metadata) == []
    engine.dispose()


def test_code_and_migrations_agree_in_what_alembic_does_not_compare(
    tmp_path: Path, database: Path, store: StateStore
) -> None:
    """AUTOINCREMENT and ON DELETE are why numbers stay unique and aliases go with their site."""
    fresh = tmp_path / "fresh.db"
    engine = create_engine(f"sqlite:///{fresh}")
    Base.metadata.create_all(engine)
    engine.dispose()
    for path in (database, fresh):
        with closing(sqlite3.connect(path)) as connection:
            rows = connection.execute("SELECT name, upper(sql) FROM sqlite_master WHERE type = 'table'")
            sql = {name: str(text) for name, text in rows}
            assert "AUTOINCREMENT" in sql["sites"], path
            assert "ON DELETE CASCADE" in sql["aliases"], path


def test_reopening_does_not_load_alembic(database: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from pressroom.state.store import StateStore\n"
        "StateStore(Path(sys.argv[1])).sites(); print('alembic' in sys.modules)"
    )
    assert _run(code, database).stdout.strip() == "True"
    assert _run(code, database).stdout.strip() == "False"


def test_a_newer_schema_is_refused_and_left_as_it_is(database: Path, store: StateStore) -> None:
    with closing(sqlite3.connect(database)) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
        connection.commit()
    with pytest.raises(Drifted, match=r"newer Pressroom.*9999"):
        StateStore(database)
    assert _revision(database) == "9999"


def test_what_is_no_database_is_refused_and_left_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "state.db"
    path.write_text("this is a shopping list\n" * 100)
    with pytest.raises(Drifted):
        StateStore(path)
    assert path.read_text() == "this is a shopping list\n" * 100


# Alembic's own table is the first that is made, and its row the last statement.
@pytest.mark.parametrize("statement", ["CREATE TABLE alembic_version", "CREATE TABLE aliases", "INSERT INTO alembic"])
def test_a_migration_that_is_killed_halfway_is_made_again(tmp_path: Path, statement: str) -> None:
    code = (
        "import os, sys\n"
        "from pathlib import Path\n"
        "from sqlalchemy import Engine, event\n"
        "from pressroom.state.migrate import migrate\n"
        "@event.listens_for(Engine, 'after_cursor_execute')\n"
        "def end(connection, cursor, statement, *_):\n"
        "    if sys.argv[2] in statement: os.kill(os.getpid(), 9)\n"
        "migrate(Path(sys.argv[1]))\n"
    )
    database = tmp_path / "state.db"
    assert _run(code, database, statement).returncode == -9
    assert StateStore(database).sites() == []
    assert _revision(database) == HEAD


def test_the_audit_of_an_earlier_state_is_chained(database: Path, store: StateStore) -> None:
    config = Config()
    config.set_main_option("script_location", str(Path(migrations.__file__).parent / "migrations"))
    config.attributes["path"] = database
    command.downgrade(config, "0002")
    with closing(sqlite3.connect(database)) as connection, connection:
        for number, name in ((4, "up"), (7, "site create a.example")):  # as SQLAlchemy wrote them
            row = (number, f"2026-11-0{number} 09:00:00.123456", "ada", name, "3 changes")
            connection.execute("INSERT INTO audit VALUES (?, ?, ?, ?, ?)", row)
    trail = StateStore(database).trail
    trail.append(Line("2026-11-09T09:00:00+00:00", "done", Actor("ben"), "down"))
    rows = trail.rows()
    assert verify(rows, []).fault is None and len(rows) == 3
    first = Line.read(rows[0].text)
    assert (first.at, first.actor.person, first.command, first.detail) == (
        "2026-11-04T09:00:00.123456+00:00", "ada", "up", "3 changes",
    )  # fmt: skip


def test_two_that_open_it_at_once_both_find_it_whole(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from pressroom.state.migrate import migrate; migrate(Path(sys.argv[1]))"
    )
    argv = [sys.executable, "-c", code, str(tmp_path / "state.db")]
    both = [subprocess.Popen(argv) for _ in range(2)]
    assert [process.wait(60) for process in both] == [0, 0]
    assert StateStore(tmp_path / "state.db").sites() == []


def test_a_database_that_is_up_to_date_is_only_read(tmp_path: Path, database: Path, store: StateStore) -> None:
    copy = tmp_path / "copy.db"
    shutil.copy(database, copy)
    before = copy.stat().st_mtime_ns
    migrate(copy)
    assert copy.stat().st_mtime_ns == before
