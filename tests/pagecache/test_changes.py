"""What is kept of recent changes, and what a render is compared with."""

from __future__ import annotations

import pytest

from pressroom.pagecache.binlog.positions import Position, RowChange
from pressroom.pagecache.invalidator.quiet import identity
from pressroom.pagecache.matching.changes import ALWAYS_KEPT, MOST_KEPT, MOST_KEPT_IDLE, Change, RecentChanges
from pressroom.pagecache.matching.reads import Analyst, statement
from pressroom.pagecache.sql import template
from pressroom.pagecache.sql.schema import Column, Schema, Table

SCHEMA = Schema(
    {
        "t": Table({"id": Column("bigint", "PRI"), "text": Column("longtext")}),
        "u": Table({"x": Column("int")}),
        "options": Table({"id": Column("bigint", "PRI"), "name": Column("varchar", "UNI")}),
    }
)
ANALYST = Analyst(SCHEMA)
ONE = (statement("SELECT text FROM t WHERE id = 1"),)


@pytest.fixture(autouse=True)
def unhurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """Python may look for garbage just while the one statement is analysed, once for all tests."""
    monkeypatch.setattr(template, "LONGEST_ANALYSIS", 5.0)


def _change(end: int, number: int = 1, *, ticket: str | None = None, size: int = 1) -> Change:
    return Change(Position(1, end), ticket, [RowChange("s1", "t", None, {"id": number, "text": "x" * size})])


def _overtook(recent: RecentChanges, fence: int, ticket: str = "mine") -> bool:
    return recent.overtook(Position(1, fence), ticket, ONE, ANALYST)


def test_what_was_read_is_overtaken_by_what_came_after_the_fence() -> None:
    recent = RecentChanges()
    recent.add(_change(100), None)
    recent.add(_change(200, number=2), None)
    assert _overtook(recent, 99)
    assert not _overtook(recent, 100)


def test_a_render_does_not_overtake_itself() -> None:
    recent = RecentChanges()
    recent.add(_change(100, ticket="mine"), None)
    assert not _overtook(recent, 50)
    assert _overtook(recent, 50, ticket="another")


def test_what_is_not_known_row_by_row_overtakes_all_before_it() -> None:
    recent = RecentChanges()
    recent.all_changed(Position(1, 100))
    recent.all_changed(Position(1, 50))
    assert _overtook(recent, 99) and not _overtook(recent, 100)


def test_all_is_kept_that_a_render_under_way_may_need() -> None:
    recent = RecentChanges()
    for end in range(100, 100 + 2 * ALWAYS_KEPT):
        recent.add(_change(end, number=2), Position(1, 100))
    assert not _overtook(recent, 100)


def test_without_a_render_little_is_kept() -> None:
    """What is forgotten counts as a change of everything, for fences from before it."""
    recent = RecentChanges()
    for end in range(100, 100 + 2 * ALWAYS_KEPT):
        recent.add(_change(end, number=2), None)
    assert _overtook(recent, 100) and not _overtook(recent, 99 + ALWAYS_KEPT)
    recent.add(_change(1000, number=2, size=MOST_KEPT_IDLE), None)
    assert _overtook(recent, 999) and not _overtook(recent, 1000)


def test_a_render_does_not_make_it_keep_without_end() -> None:
    recent = RecentChanges()
    for end in range(100, 120):
        recent.add(_change(end, number=2, size=MOST_KEPT // 10), Position(1, 100))
    assert _overtook(recent, 105) and not _overtook(recent, 115)


def test_a_row_that_is_deleted_and_written_anew_is_known_by_its_unique_column() -> None:
    gone, new = (
        RowChange("s1", "options", {"id": 1, "name": "a"}, None),
        RowChange("s1", "options", None, {"id": 2, "name": "a"}),
    )
    assert identity(gone, SCHEMA) == identity(new, SCHEMA)
    assert identity(new, SCHEMA) != identity(RowChange("s1", "options", None, {"id": 2, "name": "b"}), SCHEMA)
    unnamed = [RowChange("s1", "options", None, {"id": number, "name": None}) for number in (3, 4)]
    assert identity(unnamed[0], SCHEMA) != identity(unnamed[1], SCHEMA)


def test_a_row_is_known_by_its_primary_key_or_by_its_table() -> None:
    rows = [RowChange("s1", "t", None, {"id": 1, "text": text}) for text in "ab"]
    assert identity(rows[0], SCHEMA) == identity(rows[1], SCHEMA) != identity(_change(1, number=2).rows[0], SCHEMA)
    keyless = [RowChange("s1", "u", {"x": x}, None) for x in (1, 2)]
    assert identity(keyless[0], SCHEMA) == identity(keyless[1], SCHEMA) == ("u",)
