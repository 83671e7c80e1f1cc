"""What a tenant's recorder may say: at worst its own pages go with any change, and nobody else waits for it."""

from __future__ import annotations

import json
import time
from collections.abc import Callable

import pytest

from pressroom.pagecache.binlog.positions import STRUCTURE, Position, RowChange, Transaction, Write
from pressroom.pagecache.matching import dependencies
from pressroom.pagecache.matching import reads as reads_module
from pressroom.pagecache.matching.reads import ANYTHING, MOST_READS, UNRECORDED, Analyst, Reads, reads_from, statement
from pressroom.pagecache.renderer.response import LONGEST_RECORD, Incomplete, split
from pressroom.pagecache.sql import template
from pressroom.pagecache.sql.schema import Schema
from pressroom.system.budget import Allowance
from tests.pagecache.cache_world import FILE, World
from tests.pagecache.test_dependencies import SITE

_POSTS = "SELECT ID FROM wp_posts WHERE"
_MANY = [f"a{number}" for number in range(12)]
# Each would take seconds, minutes or all of the stack.
STATEMENTS = {
    "comments that do not end": "SELECT 1 " + "/* " * 80_000,
    "all joined with all": "SELECT a0.ID FROM " + " JOIN ".join(f"wp_posts {one}" for one in _MANY) + " WHERE "
    + " AND ".join(f"{one}.ID={other}.ID" for one in _MANY for other in _MANY if one < other),
    "the same joins again and again": "SELECT a0.ID FROM wp_posts a0 JOIN wp_posts a1 JOIN wp_posts a2 WHERE "
    + " AND ".join(["a0.ID=a1.ID AND a1.ID=a2.ID AND a2.ID=a0.ID"] * 300),
    "parentheses a hundred thousand deep": f"{_POSTS} {'(' * 100_000}ID=1{')' * 100_000}",
    "parentheses a million deep": f"{_POSTS} {'(' * 1_000_000}ID=1{')' * 1_000_000}",
    "subqueries a hundred deep": f"{_POSTS} ID IN ({_POSTS} " * 100 + "1=1" + ")" * 100,
    "five hundred alternatives": f"{_POSTS} " + " OR ".join(f"ID={number}" for number in range(500)),
    "columns without end": "SELECT " + ", ".join(f"ID AS b{n}" for n in range(18_000)) + " FROM wp_posts",
    "not, sixty thousand times": f"{_POSTS} {'NOT ' * 60_000}ID=1",
    "signs without end": f"{_POSTS} ID={'- ' * 100_000}1",
    "a list that is none": f"{_POSTS} ID IN ({'1,' * 60_000}ID)",
    "megabytes": f"{_POSTS} post_title='{'x' * 4_000_000}'",
    "a number without end": f"{_POSTS} ID={'1' * 4_000}",
    "half a character": f"{_POSTS} post_title='\ud800' AND `\udcff`=1",
    "a NUL": f"{_POSTS} post_title='\0' AND ID=\0",
}  # fmt: skip


@pytest.fixture
def site(world: World) -> World:
    world.schema = SITE
    for name in world.names:
        world.index.dependencies.forget_schema(name)
    return world


def _seconds(work: Callable[[], object]) -> float:
    began = time.thread_time()
    work()
    return time.thread_time() - began


def test_a_number_beyond_all_bounds_is_a_read_of_anything() -> None:
    assert statement("SELECT 1 FROM wp_posts WHERE ID = 1e99999999999999999999") == ANYTHING


@pytest.mark.parametrize("text", STATEMENTS.values(), ids=STATEMENTS)
def test_no_statement_takes_long(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    analyst = Analyst(SITE)
    taken = _seconds(lambda: analyst.template(statement(text).template))
    assert taken < 0.8, f"{taken:.1f} s"


def test_what_takes_long_would_without_its_bounds(monkeypatch: pytest.MonkeyPatch) -> None:
    few = STATEMENTS["all joined with all"].replace("wp_posts a9 JOIN wp_posts a10 JOIN ", "")
    monkeypatch.setattr(template, "LONGEST_ANALYSIS", 2.0)
    assert _seconds(lambda: Analyst(SITE).template(statement(few).template)) > 1.0
    monkeypatch.setattr(template, "LONGEST_TEMPLATE", 10**9)
    columns = STATEMENTS["columns without end"]
    assert _seconds(lambda: Analyst(SITE).template(statement(columns[:100_000] + " FROM wp_posts").template)) > 0.2


def _plain(statements: list[str]) -> dict[str, object]:
    return {"statements": [[text, ""] for text in statements], "options": [], "meta": []}


def test_a_page_that_reads_without_end_may_have_read_anything() -> None:
    assert reads_from(_plain([f"{_POSTS} ID={number}" for number in range(MOST_READS + 1)])) is UNRECORDED
    assert len(reads_from(_plain([f"{_POSTS} ID={number}" for number in range(MOST_READS)]))) == MOST_READS


_AS_MANY = 40_000  # reads that fit into the longest record


def _published(site: World, count: int) -> float:
    """Seconds that a page with so many reads takes of the one hand's time."""
    record = _plain([f"SELECT {number}" for number in range(count)])
    assert len(json.dumps(record, separators=(",", ":"))) < LONGEST_RECORD
    reads = reads_from(record)
    return _seconds(lambda: site.render("s1", "/", reads=reads))


def test_so_many_reads_hold_nobody_up(site: World) -> None:
    assert _published(site, MOST_READS) < 0.15
    assert _published(site, _AS_MANY) < 0.05


def test_without_a_bound_they_would(site: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reads_module, "MOST_READS", 10**9)
    assert _published(site, _AS_MANY) > 0.2


@pytest.mark.parametrize("name", ["s2.wp_posts", "`s2`.`wp_posts`", "mysql.global_priv", "s2 . wp_posts"])
def test_another_database_is_not_asked(name: str, site: World) -> None:
    analyst = Analyst(SITE)
    assert analyst.template(statement(f"SELECT * FROM {name}", "digest").template) is None
    assert reads_from({"statements": [], "options": [[name, ["x"]]], "meta": []}) is UNRECORDED


def test_who_names_anothers_tables_and_pages_concerns_them_not(site: World) -> None:
    """A render is published for the site of its ticket; what it read is looked for in that site's database."""
    forged = (statement("SELECT * FROM s2.wp_posts"), statement(f"{_POSTS} ID=1"), ANYTHING)
    site.render("s2", "/theirs/", reads=(statement(f"{_POSTS} ID=1"),))
    site.render("s1", "/theirs/", body=b"forged", reads=forged)
    site.render("s1", "/s2/theirs/", body=b"forged", reads=forged)
    generation = site.store.current("s2") or 0
    assert site.store.plain_file("s2", generation, "/theirs/", "page").read_bytes() == b"text"
    site.write("s1", 2000)
    assert site.is_stored("s2", "/theirs/") and not site.is_stored("s1", "/theirs/")
    site.render("s1", "/theirs/", 2000, reads=forged)
    site.write("s2", 3000)
    assert site.is_stored("s1", "/theirs/") and not site.is_stored("s2", "/theirs/")


def _kinds(page: int, count: int = 1000) -> Reads:
    """Statements of as many kinds, none of which another page has."""
    return tuple(statement(f"SELECT a{page}x{n}.ID FROM wp_posts a{page}x{n}") for n in range(count))


def test_statements_of_ever_new_kinds_hold_nobody_up(site: World) -> None:
    slowest = 0.0
    for page in range(12):
        slowest = max(slowest, _seconds(lambda page=page: site.render("s1", f"/{page}/", reads=_kinds(page))))  # type: ignore[misc]
        slowest = max(slowest, _seconds(lambda page=page: site.write("s2", 2000 + page)))  # type: ignore[misc]
    assert slowest < 1.0
    row, stored = site.cache.page("s1", "/11/")
    assert stored and row is not None
    assert row.valid_until == site.now + 300 and "no time" in row.valid_why, "it is looked at again soon"
    site.write("s1", 3000)
    assert not site.is_stored("s1", "/11/"), "until then any change counts"


def test_without_that_bound_they_do(site: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reads_module, "_ANALYSIS_SAVED", 1000.0)
    site.index.dependencies.forget_site("s1")
    assert _seconds(lambda: site.render("s1", "/", reads=_kinds(0, 5000))) > 1.0


def test_a_new_table_each_time_gives_no_time_back(site: World) -> None:
    """The allowance is the site's, not its schema's: DDL in a loop."""
    analyst = site.index.dependencies.analyst("s1")
    analyst._allowance.spend(100.0)
    site.index.dependencies.forget_schema("s1")
    assert not site.index.dependencies.analyst("s1").has_time


def _make_tables(site: World, rounds: int = 300) -> int:
    """Tables are made in a loop, and pages in between; how often somebody asked how they are made."""
    asked = 0

    def schema(database: str) -> Schema:
        nonlocal asked
        asked += 1
        time.sleep(0.01)
        return SITE

    site.index.dependencies._schema_of = schema
    for end in range(2000, 2000 + rounds):
        site.render("s1", "/", end, reads=(statement(f"{_POSTS} ID=1"),))
        rows = (RowChange.unknown("s1", "looped"), RowChange.unknown("s1", STRUCTURE))
        writes = frozenset({Write("s1", "looped", None)})
        site.cache.apply(Transaction(end, Position(1, end), writes, rows), FILE)
    return asked


def test_tables_that_are_made_in_a_loop_hold_nobody_up(site: World) -> None:
    assert 10 < _make_tables(site) < 60
    site.write("s1", 3000)
    assert not site.is_stored("s1", "/")


def test_without_a_bound_they_do(site: World) -> None:
    site.cache._sites["s1"]._tables = Allowance(1.0, 1000.0)
    assert _make_tables(site) > 150


def test_a_site_has_so_many_kinds_of_statements_and_no_more(site: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dependencies, "_MOST_TEMPLATES", 10)
    site.render("s1", "/few/", reads=_kinds(0, 10))
    site.render("s1", "/more/", reads=_kinds(1, 5))
    site.render("s2", "/", reads=_kinds(0, 10))
    assert ANYTHING in site.cache.reads_of("s1", "/more/")
    assert ANYTHING not in site.cache.reads_of("s1", "/few/") + site.cache.reads_of("s2", "/")
    site.write("s1", 2000, "wp_options")
    assert site.is_stored("s1", "/few/") and not site.is_stored("s1", "/more/")


def _changed(site: World) -> float:
    """Seconds that a change takes where a site's pages have asked statements of five thousand kinds."""
    site.render("s1", "/", reads=_kinds(0, 5000))
    return _seconds(lambda: site.write("s1", 2000))


def test_with_so_many_kinds_a_change_holds_nobody_up(site: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """With time to analyse them all, as a site has that takes an hour for it."""
    monkeypatch.setattr(reads_module, "_ANALYSIS_SAVED", 1000.0)
    site.index.dependencies.forget_site("s1")
    assert _changed(site) < 0.25


def test_with_all_kinds_it_would(site: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reads_module, "_ANALYSIS_SAVED", 1000.0)
    monkeypatch.setattr(dependencies, "_MOST_TEMPLATES", 10**9)
    site.index.dependencies.forget_site("s1")
    assert _changed(site) > 0.55


@pytest.mark.parametrize(
    "record",
    [
        b'{"fence": ["\xff\xfe", 1], "queries": 1}',
        b'{"fence": ["x", 1], "queries": 1, "view": "\xc3\x28"}',
        b"\xff" * 9,
    ],
)
def test_a_record_of_broken_bytes_is_none(record: bytes) -> None:
    with pytest.raises(Incomplete):
        split(b"body" + record + b"%010d" % len(record) + b"ticket", "ticket")


def test_half_a_character_in_a_name_is_no_way_in(site: World) -> None:
    """JSON may hold one; the index, whose text is UTF-8, not."""
    reads = reads_from(
        json.loads(json.dumps(_plain(["SELECT `\ud800` FROM wp_posts", f"{_POSTS} post_title='\ud800'"])))
    )
    site.render("s1", "/", reads=reads)
    site.write("s1", 2000)
    assert not site.is_stored("s1", "/")
