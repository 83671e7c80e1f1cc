"""What a tenant may do in its own database is its own pages' concern: large transactions, views, triggers.

Real statements in a real binlog.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pymysqlreplication.row_event import RowsEvent

from pressroom.pagecache.binlog import group
from pressroom.pagecache.binlog.group import Group
from pressroom.pagecache.matching.reads import Statement, meta, option, statement
from pressroom.pagecache.sql.schema import Schema
from tests.pagecache.cache_world import World
from tests.pagecache.followed import Followed
from tests.wall_table import Seen

_TABLES = [
    "CREATE TABLE wp_posts (ID bigint PRIMARY KEY, post_title varchar(80))",
    "INSERT INTO wp_posts VALUES (1, 'before')",
    "CREATE TABLE wp_options (option_id bigint PRIMARY KEY, option_name varchar(80), option_value text)",
    "INSERT INTO wp_options VALUES (1, 'blogname', 'before')",
    "CREATE TABLE wp_postmeta (meta_id bigint AUTO_INCREMENT PRIMARY KEY, post_id bigint, meta_key varchar(255),"
    " meta_value longtext, KEY post_id (post_id))",
]
_ARTICLE = statement("SELECT ID, post_title FROM wp_posts WHERE ID = 1")
_NAME = option("wp_options", "blogname")
_MOOD = meta("wp_postmeta", "post_id", 7, "mood")

_LARGE = ("a large transaction before a neighbour's change", "512 KB and 200 rows of a transaction are looked at")
_VIEW = ("what a view shows in a core table's place, changed", "what is no table may show anything")
_TRIGGER = ("what a trigger on a core table writes elsewhere", "rows are followed whichever statement wrote them")


@pytest.fixture
def line(world: World, mariadb: Path) -> Iterator[Followed]:
    line = Followed(world, mariadb, _TABLES)
    yield line
    line.close()


def _stored(line: Followed, *reads: Statement) -> None:
    for site in line.world.names:
        line.render(site, reads)


def _kept(line: Followed) -> list[str]:
    line.follow()
    return [site for site in line.world.names if line.world.is_stored(site, "/")]


# -- a large transaction -----------------------------------------------------------------------------------------

# By its bytes, and by its rows.
_KINDS = {"8 MB": ("REPEAT('x', 400)", "seq_1_to_20000"), "20,000 rows": ("''", "seq_1_to_20000")}


def _neighbour_waits(line: Followed, kind: str) -> float:
    """Seconds of the processor until the change is passed that stands behind the transaction."""
    _stored(line, _MOOD)
    value, rows = _KINDS[kind]
    line.say(
        f"INSERT INTO s1.wp_postmeta (post_id, meta_key, meta_value) SELECT seq, 'large', {value} FROM {rows}",
        "INSERT INTO s2.wp_postmeta (post_id, meta_key, meta_value) VALUES (7, 'mood', 'glad')",
    )
    seconds = line.follow()
    print(f"{seconds:.3f} s")
    assert "s2" not in _kept(line)
    return seconds


@pytest.mark.parametrize("kind", _KINDS)
def test_a_large_transaction_holds_nobody_up(kind: str, line: Followed, seen: Seen) -> None:
    assert _neighbour_waits(line, kind) < 0.25
    seen.kept_out(*_LARGE)


@pytest.mark.parametrize("kind", _KINDS)
def test_without_its_bounds_it_does(kind: str, line: Followed, monkeypatch: pytest.MonkeyPatch, seen: Seen) -> None:
    monkeypatch.setattr(group, "MOST_DECODED", 10**12)
    monkeypatch.setattr(group, "MOST_ROWS", 10**12)
    assert _neighbour_waits(line, kind) > 0.4
    seen.came_through(*_LARGE)


# -- views and triggers --------------------------------------------------------------------------------------------

_LAY = ["USE s1", "RENAME TABLE wp_posts TO own_posts", "CREATE VIEW wp_posts AS SELECT * FROM own_posts"]
_CHANGE = "UPDATE s1.{} SET post_title='after' WHERE ID=1"


def test_a_view_in_a_core_tables_place_takes_its_own_sites_pages_out(line: Followed) -> None:
    _stored(line, _ARTICLE)
    line.say(*_LAY)
    assert _kept(line) == ["s2"]


@pytest.mark.parametrize("by", ["wp_posts", "own_posts"])
def test_what_a_view_shows_is_followed(by: str, line: Followed, seen: Seen) -> None:
    line.say(*_LAY)
    line.follow()
    _stored(line, _ARTICLE)
    assert _kept(line) == ["s1", "s2"]
    line.say(_CHANGE.format(by))
    assert _kept(line) == ["s2"]
    seen.kept_out(*_VIEW)


def test_were_a_view_taken_for_a_table_its_page_would_be_stale(line: Followed, seen: Seen) -> None:
    line.say(*_LAY)
    line.follow()
    schema = line.master.schema("s1")
    known = Schema({**schema.tables, "wp_posts": schema.tables["own_posts"]})
    line.world.index.dependencies._schema_of = lambda site: known
    _stored(line, _ARTICLE)
    line.say(_CHANGE.format("wp_posts"))
    assert _kept(line) == ["s1", "s2"]
    seen.came_through(*_VIEW)


def _with_trigger(line: Followed, writes_to: str) -> list[str]:
    """Whose pages stay when an article is changed; they show a name that a trigger writes."""
    line.say(
        f"CREATE TRIGGER s1.elsewhere AFTER UPDATE ON s1.wp_posts FOR EACH ROW"
        f" UPDATE {writes_to}.wp_options SET option_value=NEW.post_title"
    )
    line.follow()
    _stored(line, _NAME)
    assert _kept(line) == ["s1", "s2"]
    line.say(_CHANGE.format("wp_posts"))
    return _kept(line)


def test_what_a_trigger_writes_is_followed(line: Followed, seen: Seen) -> None:
    assert _with_trigger(line, "s1") == ["s2"]
    seen.kept_out(*_TRIGGER)


def test_were_it_let_into_anothers_database_that_would_be_followed_too(line: Followed) -> None:
    """MariaDB lets none in: `test_attacks_database.py`."""
    assert _with_trigger(line, "s2") == ["s1"]


def test_were_rows_those_of_the_statements_table_a_page_would_be_stale(
    line: Followed, monkeypatch: pytest.MonkeyPatch, seen: Seen
) -> None:
    add = Group.add

    def add_articles(group: Group, event: Any, here: Any) -> Any:
        return None if isinstance(event, RowsEvent) and event.table != "wp_posts" else add(group, event, here)

    monkeypatch.setattr(Group, "add", add_articles)
    assert _with_trigger(line, "s1") == ["s1", "s2"]
    seen.came_through(*_TRIGGER)
