"""The page cache's memory: what is written together is there together, after any interruption."""

from __future__ import annotations

import signal
import sqlite3
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from pressroom.pagecache.binlog.positions import Place, Position
from pressroom.pagecache.invalidator.index import SCHEMA_VERSION, Index, PageRow
from pressroom.pagecache.matching.reads import UNRECORDED
from pressroom.pagecache.outcomes import FAILED, OUTCOMES, OVERTAKEN, RANDOM, RIGHT, VIOLATION
from pressroom.pagecache.sql.schema import Schema
from pressroom.system import process

PLACE = Place("binlog.000007", 4711, "0-12-99", "boot")
LATER = Place("binlog.000007", 5000, "0-12-100", "boot")


def _row(key: str = "/a/", *, site: str = "s1", generation: int = 1, until: float | None = None) -> PageRow:
    return PageRow(site, key, generation, 1000, "page", 4, "digest", Position(7, 4000), 1000.5, 0.25, 21, until)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "index.db"


class _Killed(BaseException):
    """Stands for a process that ends in the middle."""


def test_what_is_put_is_there_again_after_a_start(path: Path) -> None:
    index = Index(path, lambda site: Schema({}))
    with index.transaction():
        assert index.next_generation("s1", 10.0, "new", None) == 1
        index.put_page(_row(), UNRECORDED)
        index.set_place(PLACE)
    index.close()
    again = Index(path, lambda site: Schema({}))
    assert again.place() == PLACE
    assert again.page("s1", "/a/") == _row()
    assert again.site("s1").generation == 1


def test_a_new_index_knows_nothing(path: Path) -> None:
    index = Index(path, lambda site: Schema({}))
    assert index.place() is None
    assert index.sites() == []
    assert index.page("s1", "/") is None
    row = index.site("s1")
    assert (row.generation, row.dropped_at, row.dropped_why, row.dropped_by) == (0, None, None, None)


def test_a_place_and_a_drop_are_one(path: Path) -> None:
    index = Index(path, lambda site: Schema({}))
    with index.transaction():
        index.next_generation("s1", 10.0, "new", None)
        index.put_page(_row(), UNRECORDED)
        index.set_place(PLACE)
    with pytest.raises(_Killed), index.transaction():
        index.next_generation("s1", 20.0, "a write", Position(7, 5000))
        index.set_place(LATER)
        raise _Killed
    index.close()
    again = Index(path, lambda site: Schema({}))
    assert (again.place(), again.site("s1").generation) == (PLACE, 1)
    assert again.count("s1", 1) == 1
    with again.transaction():
        again.next_generation("s1", 20.0, "a write", Position(7, 5000))
        again.set_place(LATER)
    assert (again.place(), again.site("s1").generation) == (LATER, 2)
    assert again.site("s1").dropped_by == Position(7, 5000)


_KILLED_IN_THE_MIDDLE = """
import os, signal, sys
from pathlib import Path
from pressroom.pagecache.binlog.positions import Place
from pressroom.pagecache.invalidator.index import Index
index = Index(Path(sys.argv[1]), lambda site: None)
with index.transaction():
    index.set_place(Place("binlog.000007", 5000, "0-12-100", "boot"))
    index.next_generation("s1", 20.0, "a write", None)
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_process_that_is_killed_in_the_middle_changes_nothing(path: Path) -> None:
    index = Index(path, lambda site: Schema({}))
    with index.transaction():
        index.set_place(PLACE)
        index.next_generation("s1", 10.0, "new", None)
    index.close()
    killed = process.run([sys.executable, "-c", _KILLED_IN_THE_MIDDLE, path], check=False)
    assert killed.exit_code == -signal.SIGKILL
    again = Index(path, lambda site: Schema({}))
    assert (again.place(), again.site("s1").generation) == (PLACE, 1)


def test_an_error_in_a_transaction_leaves_the_index_usable(path: Path) -> None:
    index = Index(path, lambda site: Schema({}))
    with pytest.raises(sqlite3.IntegrityError), index.transaction():
        index.set_place(LATER)
        index.put_page(PageRow(**{**vars(_row()), "digest": None}), UNRECORDED)
    assert index.place() is None
    with index.transaction():
        index.set_place(PLACE)
    assert index.place() == PLACE


@pytest.mark.parametrize("version", [0, SCHEMA_VERSION + 1])
def test_another_versions_index_is_made_anew(path: Path, version: int) -> None:
    index = Index(path, lambda site: Schema({}))
    with index.transaction():
        index.next_generation("s1", 10.0, "new", None)
        index.put_page(_row(), UNRECORDED)
        index.set_place(PLACE)
    index.close()
    with sqlite3.connect(path) as other:
        other.execute("CREATE TABLE something_else (x)")
        other.execute("ALTER TABLE pages ADD COLUMN extra TEXT")
        other.execute(f"PRAGMA user_version={version}")
    other.close()
    again = Index(path, lambda site: Schema({}))
    assert (again.place(), again.sites(), again.page("s1", "/a/")) == (None, [], None)
    with again.transaction():
        again.put_page(_row(), UNRECORDED)
    again.close()
    assert Index(path, lambda site: Schema({})).page("s1", "/a/") == _row()


def test_the_same_versions_index_is_kept(path: Path) -> None:
    for _ in range(2):
        index = Index(path, lambda site: Schema({}))
        with index.transaction():
            index.next_generation("s1", 10.0, "again", None)
        index.close()
    assert Index(path, lambda site: Schema({})).site("s1").generation == 2


def test_pages_are_counted_by_generation(path: Path) -> None:
    index = Index(path, lambda site: Schema({}))
    for key, generation in (("/b", 2), ("/a", 2), ("/c", 1)):
        index.put_page(_row(key, generation=generation), UNRECORDED)
    index.put_page(_row("/a", site="s2", generation=2), UNRECORDED)
    assert [row.key for row in index.pages("s1")] == ["/a", "/b", "/c"]
    assert [row.key for row in index.pages("s1", generation=2)] == ["/a", "/b"]
    assert index.count("s1", 2) == 2
    index.unstore("s1", "/a")
    assert index.count("s1", 2) == 1
    known = index.page("s1", "/a")
    assert known is not None and known.mtime == 1000, "its time is remembered, so that the next version's is later"


def test_pages_expire_once_and_only_while_they_are_stored(path: Path) -> None:
    index = Index(path, lambda site: Schema({}))
    index.next_generation("s1", 0.0, "new", None)
    index.put_page(_row("/early", until=100.0), UNRECORDED)
    index.put_page(_row("/late", until=200.0), UNRECORDED)
    index.put_page(_row("/never"), UNRECORDED)
    index.put_page(_row("/old", generation=0, until=50.0), UNRECORDED)
    assert index.expired(99.9) == []
    assert index.expired(100.0) == [("s1", "/early", False)]
    index.set_due("s1", "/early", 120.0)
    assert index.expired(110.0) == []
    assert index.expired(120.0) == [("s1", "/early", True)]
    index.unstore("s1", "/early")
    assert index.expired(150.0) == []


def test_a_site_is_forgotten_alone(path: Path) -> None:
    index = Index(path, lambda site: Schema({}))
    for site in ("s1", "s2"):
        index.next_generation(site, 0.0, "new", None)
        index.put_page(_row(site=site), UNRECORDED)
    index.forget_site("s1")
    assert index.sites() == ["s2"]
    assert index.page("s1", "/a/") is None
    assert index.page("s2", "/a/") is not None


# -- the audit -------------------------------------------------------------------------------------------------


def _with_pages(path: Path, *pages: tuple[str, str, float]) -> Index:
    """Site, key, and when it was rendered; generation 1."""
    index = Index(path, lambda site: Schema({}))
    with index.transaction():
        for site in sorted({site for site, _, _ in pages}):
            index.next_generation(site, 0.0, "new", None)
        for site, key, at in pages:
            index.put_page(replace(_row(key, site=site), rendered_at=at), UNRECORDED)
    return index


def test_each_pages_turn_comes(path: Path) -> None:
    index = _with_pages(path, ("s1", "/a/", 3.0), ("s1", "/b/", 1.0), ("s2", "/c/", 2.0))
    turns = []
    for at in range(10, 16):
        page = index.longest_unchecked()
        assert page is not None
        turns.append(page[1])
        with index.transaction():
            index.put_check(page[0], page[1], RIGHT, "", float(at))
    assert turns == ["/b/", "/c/", "/a/"] * 2
    assert index.longest_unchecked("s2") == ("s2", "/c/", 14.0)


def test_what_is_not_stored_has_no_turn(path: Path) -> None:
    index = _with_pages(path, ("s1", "/a/", 1.0), ("s1", "/b/", 2.0), ("s2", "/c/", 3.0))
    with index.transaction():
        index.unstore("s1", "/a/", "gone", 5.0)
    assert index.longest_unchecked() == ("s1", "/b/", 2.0)
    with index.transaction():
        index.next_generation("s1", 6.0, "all", None)
    assert index.longest_unchecked() == ("s2", "/c/", 3.0)
    assert index.longest_unchecked("s1") is None


def test_what_came_of_the_checks_is_counted_for_good(path: Path) -> None:
    index = _with_pages(path, ("s1", "/a/", 1.0), ("s2", "/c/", 1.0))
    assert index.audit_figures("s1") == {}
    with index.transaction():
        for at, outcome in enumerate((RIGHT, RANDOM, RIGHT, VIOLATION, OVERTAKEN, FAILED)):
            index.put_check("s1", "/a/", outcome, f"why {outcome}", 10.0 + at)
    index.close()
    again = Index(path, lambda site: Schema({}))
    figures = again.audit_figures("s1")
    assert [figures[outcome] for outcome in OUTCOMES] == [2, 1, 1, 1, 1]
    assert (figures["since"], figures["random_page"], figures["random_why"]) == (10.0, "/a/", "why random")
    with pytest.raises(ValueError, match="no outcome"), again.transaction():
        again.put_check("s1", "/a/", "right=0, since", "", 1.0)
    with again.transaction():
        again.forget_site("s1")
    assert again.audit_figures("s1") == {} and again.audit_figures("s2") == {}
