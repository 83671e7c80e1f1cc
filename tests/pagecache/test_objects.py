"""Versions of the sites' object caches: what is raised by what, and when there is none."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from pressroom.pagecache.binlog.positions import Position, Transaction, Write
from pressroom.pagecache.invalidator.objects import ObjectVersions

SITE, OTHER = "s1", "s2"


class Seen:
    """What reads see: all changes up to a place."""

    def __init__(self) -> None:
        self.up_to = Position(1, 1000)

    def __call__(self, place: Position) -> bool:
        return place <= self.up_to


@pytest.fixture
def seen() -> Seen:
    return Seen()


@pytest.fixture
def versions(tmp_path: Path, seen: Seen) -> ObjectVersions:
    for site in (SITE, OTHER):
        (tmp_path / site).mkdir()
    versions = ObjectVersions(tmp_path, seen)
    versions.attend([SITE, OTHER])
    return versions


def _read(folder: Path, site: str = SITE) -> Any:
    file = folder / site / "versions"
    return json.loads(file.read_text()) if file.exists() else None


def _change(sequence: int, *tables: str | None, end: int = 100, site: str = SITE) -> Transaction:
    return Transaction(sequence, Position(1, end), frozenset(Write(site, table, None) for table in tables))


def test_a_change_raises_its_tables_of_its_site(versions: ObjectVersions, tmp_path: Path) -> None:
    before, other = _read(tmp_path), _read(tmp_path, OTHER)
    versions.passed(_change(7, "wp_posts", "wp_postmeta"))
    versions.passed(_change(9, "wp_posts"))
    assert _read(tmp_path) == {"epoch": before["epoch"], "tables": {"wp_posts": 9, "wp_postmeta": 7}}
    assert _read(tmp_path, OTHER) == other


def test_where_it_begins_again_nothing_is_laid_before_what_has_passed_is_visible(tmp_path: Path, seen: Seen) -> None:
    """Guard: a restart while a commit is read, and not seen yet."""
    seen.up_to = Position(1, 50)
    (tmp_path / SITE).mkdir()
    (tmp_path / SITE / "versions").write_text("{}")  # of the process before
    again = ObjectVersions(tmp_path, seen)
    again.resume_at(Position(1, 100))
    again.attend([SITE])
    assert _read(tmp_path) is None
    seen.up_to = Position(1, 100)
    again.attend([SITE])
    assert _read(tmp_path) is not None


def test_a_binlog_that_begins_anew_has_versions_laid_again(
    versions: ObjectVersions, tmp_path: Path, seen: Seen
) -> None:
    seen.up_to = Position(1, 100)
    versions.passed(Transaction(7, Position(123, 4), frozenset({Write(SITE, "wp_posts", None)})))
    versions.attend([SITE, OTHER])
    assert _read(tmp_path) is None
    versions.start_at(Position(1, 50))
    assert _read(tmp_path) is not None


def test_a_site_that_goes_leaves_no_versions(versions: ObjectVersions, tmp_path: Path) -> None:
    versions.attend([OTHER])
    assert _read(tmp_path) is None and _read(tmp_path, OTHER) is not None


def test_after_a_statement_that_may_have_changed_anything_there_is_a_new_epoch_soon(
    versions: ObjectVersions, tmp_path: Path
) -> None:
    before = _read(tmp_path)
    versions.passed(_change(7, None))
    versions.passed(_change(8, "wp_posts"))
    assert _read(tmp_path) is None
    versions.attend([SITE, OTHER])
    assert _read(tmp_path)["epoch"] != before["epoch"] and _read(tmp_path)["tables"] == {}


def test_tables_that_are_made_in_a_loop_cost_no_look(versions: ObjectVersions, seen: Seen) -> None:
    seen.up_to = Position(0, 0)
    looks = []
    versions._is_visible = lambda place: bool(looks.append(place))  # type: ignore[func-returns-value]
    for sequence in range(100):
        versions.passed(_change(sequence, None))
    assert looks == []


def test_changed_code_is_a_new_epoch_of_its_site(versions: ObjectVersions, tmp_path: Path) -> None:
    before, other = _read(tmp_path), _read(tmp_path, OTHER)
    versions.forget(SITE)
    assert _read(tmp_path)["epoch"] != before["epoch"]
    assert _read(tmp_path, OTHER) == other


def test_a_gap_is_a_new_epoch_of_all(versions: ObjectVersions, tmp_path: Path) -> None:
    before = [_read(tmp_path, site)["epoch"] for site in (SITE, OTHER)]
    versions.start_at(Position(1, 100))
    after = [_read(tmp_path, site)["epoch"] for site in (SITE, OTHER)]
    assert not set(before) & set(after)


def test_each_start_is_a_new_epoch(versions: ObjectVersions, tmp_path: Path, seen: Seen) -> None:
    before = _read(tmp_path)
    ObjectVersions(tmp_path, seen).attend([SITE])
    assert _read(tmp_path)["epoch"] != before["epoch"]


def test_while_a_change_is_not_visible_yet_there_is_no_cache(
    versions: ObjectVersions, tmp_path: Path, seen: Seen
) -> None:
    """A row event can be here before its commit is visible: the old row would be kept under the new version."""
    before = _read(tmp_path)
    versions.passed(_change(7, "wp_posts", end=2000))
    assert _read(tmp_path) is None
    versions.passed(_change(8, "wp_options", end=900))
    versions.forget(SITE)
    versions.attend([SITE, OTHER])
    assert _read(tmp_path) is None
    seen.up_to = Position(1, 2000)
    versions.attend([SITE, OTHER])
    assert _read(tmp_path)["epoch"] != before["epoch"]


def test_after_a_gap_too(versions: ObjectVersions, tmp_path: Path) -> None:
    versions.start_at(Position(2, 4))
    assert _read(tmp_path) is None and _read(tmp_path, OTHER) is None


def test_while_rows_may_be_seen_at_any_time_there_is_no_cache(tmp_path: Path, seen: Seen) -> None:
    """They are prepared (XA): what is read meanwhile is from before. Nor of a file that was there at the start."""
    (tmp_path / SITE).mkdir()
    ObjectVersions(tmp_path, seen).attend([SITE])
    before = _read(tmp_path)
    undecided = {SITE}
    again = ObjectVersions(tmp_path, seen, lambda: undecided)
    again.attend([SITE])
    assert _read(tmp_path) is None
    again.passed(_change(7, None))
    again.attend([SITE])
    assert _read(tmp_path) is None
    undecided.clear()
    again.attend([SITE])
    assert _read(tmp_path)["epoch"] != before["epoch"]


def test_a_site_without_its_folder_is_waited_for(versions: ObjectVersions, tmp_path: Path) -> None:
    versions.attend([SITE, "s3"])
    versions.passed(_change(7, "wp_posts", site="s3"))
    (tmp_path / "s3").mkdir()
    versions.attend([SITE, "s3"])
    assert _read(tmp_path, "s3")["tables"] == {}
