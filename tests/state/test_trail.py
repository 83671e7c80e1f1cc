"""The audit trail in the database: one chain, whoever appends, and whoever is killed at it."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from pressroom.model.trail import Actor, Line, verify
from pressroom.state.store import StateStore

LINE = Line("2026-11-28T12:00:00+00:00", "done", Actor("ada"), "site create a.example")
_APPEND = """\
import sys
from pathlib import Path
from pressroom.model.trail import Actor, Line
from pressroom.state.store import StateStore
trail = StateStore(Path(sys.argv[1])).trail
print("ready", flush=True)
sys.stdin.readline()
for number in range(20):
    trail.append(Line("2026", "done", Actor(sys.argv[2]), f"command {number}"))
"""


def test_lines_are_numbered_and_chained(database: Path, store: StateStore) -> None:
    first, second = store.trail.append(LINE), store.trail.append(LINE)
    assert (first.number, second.number) == (1, 2)
    assert Line.read(second.text).previous == first.hash
    assert StateStore(database).trail.rows() == [first, second]
    assert store.trail.rows(after=1) == [second]
    assert verify(store.trail.rows(), []).fault is None


def test_four_at_once_make_one_chain(database: Path, store: StateStore) -> None:
    crowd = [
        subprocess.Popen([sys.executable, "-c", _APPEND, database, name], stdin=-1, stdout=-1, text=True)
        for name in ("ada", "ben", "cy", "di")
    ]
    for process in crowd:
        assert process.stdout is not None and process.stdout.readline() == "ready\n"
    for process in crowd:
        assert process.stdin is not None
        process.stdin.write("\n")
        process.stdin.flush()
    for process in crowd:
        process.communicate(timeout=60)
        assert process.returncode == 0
    rows = store.trail.rows()
    assert len(rows) == 80 and verify(rows, []).fault is None
    assert {Line.read(row.text).actor.person for row in rows} == {"ada", "ben", "cy", "di"}


# Before and after the line is written, and before the transaction ends.
@pytest.mark.parametrize("moment", ["SELECT", "INSERT", "COMMIT"])
def test_who_is_killed_while_he_appends_leaves_a_whole_chain(database: Path, store: StateStore, moment: str) -> None:
    store.trail.append(LINE)
    code = (
        "import os, sys\n"
        "from pathlib import Path\n"
        "from sqlalchemy import Engine, event\n"
        "from pressroom.model.trail import Actor, Line\n"
        "from pressroom.state.store import StateStore\n"
        "trail = StateStore(Path(sys.argv[1])).trail\n"
        "def end(*arguments):\n"
        "    if sys.argv[2] in (arguments[2] if len(arguments) > 1 else 'COMMIT'): os.kill(os.getpid(), 9)\n"
        "event.listen(Engine, 'after_cursor_execute', end)\n"
        "event.listen(Engine, 'commit', end)\n"
        "trail.append(Line('2026', 'done', Actor('ada'), 'up'))\n"
    )
    done = subprocess.run([sys.executable, "-c", code, str(database), moment], timeout=60, check=False)
    assert done.returncode == -9
    store.trail.append(LINE)
    rows = store.trail.rows()
    assert [row.number for row in rows] == [1, 2]
    assert verify(rows, []).fault is None


@pytest.mark.parametrize(
    ("statement", "number"),
    [
        ("UPDATE audit SET text = replace(text, 'a.example', 'b.example') WHERE number = 2", 2),
        ("UPDATE audit SET hash = 'x' WHERE number = 2", 2),
        ("DELETE FROM audit WHERE number = 2", 2),
        ("UPDATE audit SET number = number + 10 WHERE number > 1", 2),
        ("DELETE FROM audit WHERE number = 1", 1),
        ("INSERT INTO audit VALUES (5, '{}', 'x')", 5),
    ],
)
def test_what_somebody_does_by_sql_is_found(database: Path, store: StateStore, statement: str, number: int) -> None:
    for _ in range(4):
        store.trail.append(LINE)
    with closing(sqlite3.connect(database)) as connection, connection:
        connection.execute(statement)
    fault = verify(store.trail.rows(), []).fault
    assert fault is not None and fault.number == number
