"""Which pages a changed row takes out: those whose reads it may have changed, and no others."""

from __future__ import annotations

import dataclasses
import itertools
import re
import time
from collections.abc import Callable, Iterable

import pytest

from pressroom.pagecache.binlog.positions import STRUCTURE, WRITER, Position, RowChange, Transaction, Write
from pressroom.pagecache.invalidator.invalidator import CHANGED
from pressroom.pagecache.invalidator.quiet import OWN_WRITES_QUIET
from pressroom.pagecache.matching import reads as reads_module
from pressroom.pagecache.matching import touches
from pressroom.pagecache.matching.reads import Analyst, Reads, meta, option, reads_from, statement
from pressroom.pagecache.matching.rerun import Question, Rerun
from pressroom.pagecache.sql import template
from pressroom.pagecache.sql.predicate import Row
from pressroom.pagecache.sql.schema import Column, Schema, Table
from pressroom.pagecache.sql.template import Template
from tests.pagecache.cache_world import FILE, World

_NUMBER, _TEXT = "bigint", "varchar"
SITE = Schema(
    {
        "wp_posts": Table(
            {
                "ID": Column(_NUMBER, "PRI"),
                "post_title": Column(_TEXT),
                "post_status": Column(_TEXT),
                "post_type": Column(_TEXT, "MUL"),
            }
        ),
        "wp_options": Table(
            {"option_id": Column(_NUMBER, "PRI"), "option_name": Column(_TEXT, "UNI"), "option_value": Column(_TEXT)}
        ),
        "wp_postmeta": Table(
            {
                "meta_id": Column(_NUMBER, "PRI"),
                "post_id": Column(_NUMBER, "MUL"),
                "meta_key": Column(_TEXT, "MUL"),
                "meta_value": Column(_TEXT),
            }
        ),
        "parents": Table({"id": Column(_NUMBER, "PRI")}),
        "children": Table({"id": Column(_NUMBER, "PRI")}),
    },
    cascading=frozenset({("parents", "children"), ("children", "wp_posts")}),
)
_ends = itertools.count(2000, 100)


@pytest.fixture
def site(world: World) -> World:
    world.schema = SITE
    for name in world.names:
        world.index.dependencies.forget_schema(name)
    return world


def _post(number: int, **fields: object) -> Row:
    return {"ID": number, "post_title": "A", "post_status": "publish", "post_type": "post", **fields}


def _change(
    world: World, table: str, before: Row | None, after: Row | None, *, mark: str | None = None, site: str = "s1"
) -> int:
    end = next(_ends)
    rows = (RowChange(site, table, before, after),)
    world.cache.apply(Transaction(end, Position(1, end), frozenset({Write(site, table, mark)}), rows), FILE)
    return end


def _stored(world: World, *pages: tuple[str, Reads]) -> None:
    for key, reads in pages:
        assert world.render("s1", key, fence=next(_ends), reads=reads).refused is None


def _kept(world: World) -> list[str]:
    return sorted(page.key for page, stored in world.cache.pages("s1") if stored and world.is_stored("s1", page.key))


def _read(*texts: str) -> Reads:
    return tuple(statement(text) for text in texts)


ONE = _read("SELECT * FROM wp_posts WHERE ID = 1 LIMIT 1")
TWO = _read("SELECT * FROM wp_posts WHERE ID IN (2,3)")
LIST = _read("SELECT ID FROM wp_posts WHERE post_type = 'post' AND post_status = 'publish' LIMIT 0, 10")


def test_a_row_takes_out_the_pages_that_read_it(site: World) -> None:
    _stored(site, ("/one", ONE), ("/two", TWO), ("/list", LIST))
    _change(site, "wp_posts", _post(1), _post(1, post_title="B"))
    assert _kept(site) == ["/list", "/two"]
    assert site.taken[-1].keys == frozenset({"/one"})


def test_a_list_changes_when_a_row_enters_or_leaves_it(site: World) -> None:
    for before, after in (
        (None, _post(9)),
        (_post(9), None),
        (_post(9, post_status="draft"), _post(9)),
        (_post(9), _post(9, post_status="trash")),
    ):
        _stored(site, ("/one", ONE), ("/list", LIST))
        _change(site, "wp_posts", before, after)
        assert _kept(site) == ["/one"], (before, after)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (None, _post(9, post_status="draft")),
        (_post(9), _post(9, post_title="B")),
        (_post(9, post_status="draft"), None),
        (None, _post(9, post_type="revision")),
    ],
)
def test_it_does_not_change_by_rows_that_are_not_in_it_nor_by_columns_it_does_not_read(
    site: World, before: Row | None, after: Row | None
) -> None:
    _stored(site, ("/list", LIST))
    _change(site, "wp_posts", before, after)
    assert _kept(site) == ["/list"] and site.taken == []


def test_options_count_one_by_one_and_by_their_absence(site: World) -> None:
    named = (option("wp_options", "blogname"), option("wp_options", "missing"))
    _stored(site, ("/", named))
    _change(site, "wp_options", None, {"option_id": 5, "option_name": "other", "option_value": "x"})
    assert _kept(site) == ["/"]
    _change(site, "wp_options", None, {"option_id": 6, "option_name": "Missing", "option_value": "x"})
    assert _kept(site) == []


def test_posts_count_by_number_and_column(site: World) -> None:
    posts = {"wp_posts": {"ID": {"*": {"1": ""}, "post_status, post_title": {"2": "", "3": ""}}}}
    _stored(site, ("/", reads_from({"statements": [], "options": [], "meta": [], "rows": posts})))
    _change(site, "wp_posts", _post(2), _post(2, post_type="page"))
    _change(site, "wp_posts", _post(4), _post(4, post_title="B"))
    assert _kept(site) == ["/"]
    _change(site, "wp_posts", None, _post(3))
    assert _kept(site) == [], "it was asked for though it was not there"


def _articles(count: int, *, with_list: int) -> list[tuple[str, Reads]]:
    """Each lists some others in a way of its own; so many of them the newest as well."""
    pages = []
    for number in range(count):
        others = (
            f"SELECT ID FROM wp_posts WHERE post_type = 'post' AND post_status = 'publish' AND ID <> {number + 100}"
        )
        pages.append((f"/{number:02}", (statement(others), *(LIST if number < with_list else ()))))
    return pages


def test_what_nearly_all_pages_show_is_not_looked_up_one_by_one(site: World) -> None:
    _stored(site, *_articles(60, with_list=57), ("/one", ONE))
    _change(site, "wp_posts", None, _post(9))
    assert _kept(site) == [] and site.taken[-1].keys is None
    noted = site.cache.change("s1", None)
    assert noted is not None and re.match("wp_posts ID=9 is new; read by SELECT ID", str(noted.all_pages))


def test_pages_that_were_made_since_stay(site: World) -> None:
    _stored(site, *_articles(60, with_list=60), ("/one", ONE))
    end = next(_ends)
    _stored(site, *_articles(2, with_list=60))
    rows = (RowChange("s1", "wp_posts", None, _post(9)),)
    site.cache.apply(Transaction(end, Position(1, end), frozenset({Write("s1", "wp_posts", None)}), rows), FILE)
    assert _kept(site) == ["/00", "/01"]


def test_where_fewer_show_it_each_is_looked_up(site: World) -> None:
    _stored(site, *_articles(60, with_list=30), ("/one", ONE))
    _change(site, "wp_posts", None, _post(9))
    assert _kept(site) == ["/one"]


def test_more_reads_than_can_be_looked_at_in_time_count_as_all(site: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(touches, "_MOST_LOOKED_AT", 55)
    _stored(site, *_articles(60, with_list=0), ("/one", ONE))
    _change(site, "wp_posts", None, _post(9))
    assert _kept(site) == []


def test_what_most_pages_read_is_asked_first(site: World) -> None:
    again = site.cache._parts.touches._rerun = _Again()
    lists = [
        _digested(f"SELECT ID FROM wp_posts WHERE post_type = 'post' LIMIT {count}", str(count)) for count in "123"
    ]
    _stored(site, ("/a", lists[0]), ("/b", (*lists[1], *lists[2])), ("/c", lists[2]))
    _stored(site, ("/d", (*lists[1], *lists[2])))
    _change(site, "wp_posts", None, _post(9))
    assert again.asked == ["3", "2", "1"]


def test_a_writers_change_of_what_nearly_all_pages_show_holds_all(site: World) -> None:
    _stored(site, *_articles(60, with_list=60))
    _change(site, "wp_posts", None, _post(9), mark=WRITER)
    assert site.cache.held_keys("s1") is None and len(_kept(site)) == 60
    _stored(site, *_articles(1, with_list=60))
    site.cache.settle("s1")
    assert _kept(site) == ["/00"]


def _list(*numbers: int) -> Row:
    inside = "".join(f"i:{key};i:{number};" for key, number in enumerate(numbers))
    value = f"a:{len(numbers)}:{{{inside}}}"
    return {"option_id": 7, "option_name": "sticky_posts", "option_value": value}


@pytest.mark.parametrize(
    ("before", "after", "kept"),
    [
        (_list(), _list(4), True),
        (_list(4), _list(4, 5), True),
        (_list(5, 12, 7), _list(4, 5, 12), True),
        (_list(5, 12, 7), _list(5, 7), False),
        (_list(4), _list(12), False),
        (None, _list(12), False),
        (None, _list(4), True),
        (_list(12), None, False),
        # 12 as a key, as a part of a number, between two others' keys and values
        ({**_list(), "option_value": "a:2:{i:12;i:5;i:5;i:120;}"}, _list(4), True),
        # written by somebody else than WordPress
        ({**_list(), "option_value": 'a:1:{i:0;s:2:"12";}'}, _list(4), False),
        ({**_list(), "option_value": 'a:1:{s:1:"x";i:12;}'}, _list(4), False),
        (_list(4), {**_list(), "option_value": "a:1:{i:0;a:1:{i:0;i:12;}}"}, False),
        (_list(4), {**_list(), "option_value": None}, False),
    ],
)
def test_whether_a_list_holds_a_number(site: World, before: Row | None, after: Row | None, kept: bool) -> None:
    plain = {"statements": [], "options": [], "meta": [], "holds": [["wp_options", "sticky_posts", [12]]]}
    _stored(site, ("/", reads_from(plain)))
    _change(site, "wp_options", before, after)
    assert _kept(site) == (["/"] if kept else [])


def test_a_number_of_rows_is_the_same_when_one_stays_among_them(site: World) -> None:
    counts = "SELECT COUNT(*) FROM wp_posts WHERE post_status IN ('publish', 'private') AND post_type = 'post'"
    _stored(site, ("/", (statement(counts),)))
    _change(site, "wp_posts", _post(9), _post(9, post_status="private"))
    assert _kept(site) == ["/"]
    _change(site, "wp_posts", _post(9), _post(9, post_status="Private"))
    assert _kept(site) == [], "whether it counts still is for the collation to say"


@pytest.mark.parametrize(
    "text",
    [
        "SELECT ID FROM wp_posts WHERE post_status IN ('publish', 'private')",
        "SELECT COUNT(post_status) FROM wp_posts WHERE post_status IN ('publish', 'private')",
        "SELECT COUNT(*) FROM wp_posts WHERE post_status IN ('publish', 'private') GROUP BY post_status",
        "SELECT 1 FROM wp_posts WHERE post_status IN ('publish', 'private') ORDER BY post_status",
        "SELECT 1 FROM wp_posts p JOIN wp_postmeta m ON m.post_id = p.ID WHERE p.post_status IN ('publish', 'private')",
        "SELECT COUNT(*), (SELECT MAX(post_status) FROM wp_posts) FROM wp_posts"
        " WHERE post_status IN ('publish', 'private')",
    ],
)
def test_what_shows_more_than_that_a_row_is_there(site: World, text: str) -> None:
    _stored(site, ("/", (statement(text),)))
    _change(site, "wp_posts", _post(9), _post(9, post_status="private"))
    assert _kept(site) == []


def test_meta_counts_by_object_and_key(site: World) -> None:
    _stored(
        site,
        ("/key", (meta("wp_postmeta", "post_id", 7, "price"),)),
        ("/all", (meta("wp_postmeta", "post_id", 7, None),)),
        ("/other", (meta("wp_postmeta", "post_id", 8, "price"),)),
    )
    _change(site, "wp_postmeta", None, {"meta_id": 1, "post_id": 7, "meta_key": "_edit_lock", "meta_value": "1"})
    assert _kept(site) == ["/key", "/other"]
    _change(site, "wp_postmeta", None, {"meta_id": 2, "post_id": 7, "meta_key": "price", "meta_value": "1"})
    assert _kept(site) == ["/other"]


@pytest.mark.parametrize(
    "text",
    [
        "SELECT SLEEP(1) FROM wp_posts",
        "SELECT 1 FROM a_view",
        "(sent to the connection beside wpdb)",
        "CALL x()",
        "SELECT 'a",
    ],
)
def test_what_cannot_be_analysed_counts_as_anything(site: World, text: str) -> None:
    _stored(site, ("/odd", _read(text)), ("/one", ONE))
    _change(site, "wp_options", None, {"option_id": 5, "option_name": "other", "option_value": "x"})
    assert _kept(site) == ["/one"]


@pytest.mark.parametrize(
    "plain",
    [
        None,
        {},
        {"statements": 5},
        {"statements": [["SELECT 1"]]},
        {"statements": [], "options": [["x; y", ["a"]]], "meta": []},
        {"statements": [], "options": [], "meta": [], "rows": {"wp_posts": {"ID": {"SLEEP(9)": {"1": ""}}}}},
        {"statements": [], "options": [], "meta": [], "rows": {"wp_posts": {"SLEEP(9)": {"ID": {"1": ""}}}}},
        {"statements": [], "options": [], "meta": [], "of_a_newer_recorder": []},
        [],
    ],
)
def test_a_record_that_says_nothing_counts_as_anything(site: World, plain: object) -> None:
    _stored(site, ("/odd", reads_from(plain)))
    _change(site, "wp_posts", None, _post(1))
    assert _kept(site) == []


def test_a_statement_takes_all_out_and_the_tables_are_looked_at_anew(site: World) -> None:
    new = _read("SELECT id FROM new_table WHERE id = 1")
    _stored(site, ("/", new), ("/one", ONE))
    site.schema = Schema({**SITE.tables, "new_table": Table({"id": Column(_NUMBER, "PRI")})})
    site.write("s1", next(_ends), None)
    assert _kept(site) == []
    _stored(site, ("/", new))
    _change(site, "new_table", None, {"id": 2})
    assert _kept(site) == ["/"]


def test_a_table_that_is_not_known_takes_all_out(site: World) -> None:
    _stored(site, ("/one", ONE))
    _change(site, "unknown_table", {"id": 1}, None)
    assert _kept(site) == []


@pytest.mark.parametrize("table", ["parents", "children"])
def test_foreign_keys_change_other_tables_without_a_word(site: World, table: str) -> None:
    _stored(site, ("/one", ONE), ("/option", _read("SELECT option_value FROM wp_options WHERE option_name = 'a'")))
    _change(site, table, {"id": 1}, None)
    assert _kept(site) == ["/option"]


def _as_a_whole(world: World, *tables: str) -> None:
    end = next(_ends)
    writes = frozenset(Write("s1", table, None) for table in tables if table != STRUCTURE)
    rows = tuple(RowChange.unknown("s1", table) for table in tables)
    world.cache.apply(Transaction(end, Position(1, end), writes, rows), FILE)


def test_a_table_that_changed_as_a_whole_takes_out_what_read_it(site: World) -> None:
    option = _read("SELECT option_value FROM wp_options WHERE option_name = 'a'")
    title = (statement("SELECT post_title FROM wp_posts WHERE ID = 9 AND post_status = 'publish'"),)
    unknown = (statement("SELECT * FROM no_table_of_the_site"),)
    _stored(site, ("/one", option), ("/title", title), ("/unknown", unknown))
    _as_a_whole(site, "wp_posts")
    assert _kept(site) == ["/one"]


def _defined(site: World, tables: dict[str, Table]) -> None:
    """A change of the site's tables, which takes all its pages out."""
    site.schema = dataclasses.replace(SITE, tables=tables)
    site.index.dependencies.forget_schema("s1")
    _as_a_whole(site, "wp_posts")
    _as_a_whole(site, "wp_postmeta")
    assert _kept(site) == []


PRICE = _read("SELECT meta_value FROM wp_postmeta WHERE post_id = 5")
_APPLES = {"meta_id": 1, "post_id": "5 apples", "meta_key": "price", "meta_value": "1"}


def test_a_read_is_found_by_other_values_once_its_column_is_of_another_type(site: World) -> None:
    """For MariaDB 5 is '5 apples', where the column holds text."""
    _stored(site, ("/", PRICE))
    columns = {**SITE.tables["wp_postmeta"].columns, "post_id": Column("varchar")}
    _defined(site, {**SITE.tables, "wp_postmeta": Table(columns)})
    _stored(site, ("/", PRICE))
    _change(site, "wp_postmeta", None, _APPLES)
    assert _kept(site) == []


def test_a_read_of_what_is_a_view_now_is_one_of_anything(site: World) -> None:
    _stored(site, ("/", PRICE))
    tables = {name: table for name, table in SITE.tables.items() if name != "wp_postmeta"}
    _defined(site, {**tables, "wp_postmeta_before": SITE.tables["wp_postmeta"]})
    _stored(site, ("/", PRICE))
    _change(site, "wp_postmeta_before", None, {**_APPLES, "post_id": 5})
    assert _kept(site) == []


def test_definitions(site: World) -> None:
    _stored(site, ("/one", ONE), ("/asks", (statement("SHOW TABLES LIKE 'wp_%'"),)))
    _as_a_whole(site, "a_new_table", STRUCTURE)
    assert _kept(site) == ["/one"]


def test_a_table_with_cascades_that_changed_as_a_whole(site: World) -> None:
    _stored(site, ("/one", ONE))
    _as_a_whole(site, "parents")
    assert _kept(site) == []


def test_the_neighbours_rows_are_theirs(site: World) -> None:
    _stored(site, ("/one", ONE))
    _change(site, "wp_posts", _post(1), None, site="s2")
    assert _kept(site) == ["/one"]


# -- asked again ------------------------------------------------------------------------------------------------


class _Again(Rerun):
    """Says that the statements with these digests give what they gave."""

    def __init__(self, *same: str) -> None:
        super().__init__({})
        self.same = same
        self.asked: list[str] = []
        self.until = 0.0
        self.before: Callable[[], object] = lambda: None

    def unchanged(self, database: str, questions: Iterable[Question], since: Position, until: float) -> set[int]:
        self.before()
        self.until = until
        questions = list(questions)
        self.asked += [question.statement.digest for question in questions]
        return {question.number for question in questions if question.statement.digest in self.same}


def _digested(text: str, digest: str) -> Reads:
    return (statement(text, digest),)


def test_a_result_that_is_the_same_keeps_its_pages(site: World) -> None:
    again = site.cache._parts.touches._rerun = _Again("same")
    _stored(site, ("/same", _digested("SELECT ID FROM wp_posts WHERE post_type = 'post' LIMIT 1", "same")))
    _stored(site, ("/other", _digested("SELECT ID FROM wp_posts WHERE post_type = 'post' LIMIT 2", "other")))
    _stored(site, ("/unknown", _digested("SELECT ID FROM wp_posts WHERE post_type = 'post' LIMIT 3", "")))
    _change(site, "wp_posts", None, _post(9))
    assert sorted(again.asked) == ["other", "same"] and _kept(site) == ["/same"]


@pytest.mark.parametrize(("came_ago", "left"), [(-1.0, 1.0 + 0.022), (10.0, 0.008)])
def test_a_change_that_waited_in_line_is_not_asked_about_for_as_long(site: World, came_ago: float, left: float) -> None:
    """There are 50 ms from when it came; what it waited while others were asked about is part of them."""
    again = site.cache._parts.touches._rerun = _Again("same")
    _stored(site, ("/same", _digested("SELECT ID FROM wp_posts WHERE post_type = 'post' LIMIT 1", "same")))
    rows, end = (RowChange("s1", "wp_posts", None, _post(9)),), 100_000
    writes = frozenset({Write("s1", "wp_posts", None)})
    began = time.monotonic()
    site.cache.apply(Transaction(end, Position(1, end), writes, rows, began - came_ago), FILE)
    assert began + left - 1e-6 <= again.until <= time.monotonic() + left
    assert _kept(site) == ["/same"]


@pytest.mark.parametrize("end", ["ORDER BY RAND()", "WHERE ID < UNIX_TIMESTAMP()"])
def test_what_depends_on_chance_or_clock_is_not_asked_again(site: World, end: str) -> None:
    again = site.cache._parts.touches._rerun = _Again("same")
    _stored(site, ("/", _digested(f"SELECT ID FROM wp_posts {end}", "same")))
    _change(site, "wp_posts", None, _post(9))
    assert again.asked == [] and _kept(site) == []


def test_each_page_is_held_against_the_result_that_it_was_made_from(site: World) -> None:
    """A render may be stored before the tailer brings the change that it has read: its result is not the others'."""
    site.cache._parts.touches._rerun = _Again("after")
    text = "SELECT ID FROM wp_posts WHERE post_type = 'post' LIMIT 1"
    _stored(site, ("/old", _digested(text, "before")))
    end = next(_ends)
    assert site.render("s1", "/new", fence=end, reads=_digested(text, "after")).refused is None
    rows = (RowChange("s1", "wp_posts", None, _post(9)),)
    site.cache.apply(Transaction(end, Position(1, end), frozenset({Write("s1", "wp_posts", None)}), rows), FILE)
    assert _kept(site) == ["/new"]


def test_a_page_stays_only_if_all_its_results_do(site: World) -> None:
    site.cache._parts.touches._rerun = _Again("same")
    texts = {"same": "SELECT ID FROM wp_posts LIMIT 1", "not": "SELECT ID FROM wp_posts LIMIT 2"}
    both = tuple(statement(text, digest) for digest, text in texts.items())
    _stored(site, ("/", both))
    _change(site, "wp_posts", None, _post(9))
    assert _kept(site) == []


def test_what_is_as_it_was_when_a_held_change_is_settled_stays(site: World) -> None:
    """An editor's request may change a thing and change it back: a plugin off and on, a list emptied and filled."""
    again = site.cache._parts.touches._rerun = _Again()
    _stored(site, ("/", _digested("SELECT ID FROM wp_posts LIMIT 1", "same")))
    _stored(site, ("/two", _digested("SELECT ID FROM wp_posts LIMIT 2", "other")))
    _change(site, "wp_posts", None, _post(9), mark=WRITER)
    assert site.cache.held_keys("s1") == ["/", "/two"]
    again.same = ("same",)
    site.cache.settle("s1")
    assert _kept(site) == ["/"]


_LIST, _TEN = "SELECT ID FROM wp_posts WHERE post_type = 'post'", "SELECT ID FROM wp_posts LIMIT 10"


def test_what_a_row_changes_beyond_doubt_goes_before_anything_is_asked(site: World) -> None:
    """To ask takes longer than to look."""
    again = site.cache._parts.touches._rerun = _Again("same")
    _stored(site, ("/list", _digested(_LIST, "same")))
    _stored(site, ("/ten", _digested(_TEN, "same")))
    kept: list[list[str]] = []
    again.before = lambda: kept.append(_kept(site))
    _change(site, "wp_posts", None, _post(9))
    assert (kept, again.asked, _kept(site)) == ([["/ten"]], ["same"], ["/ten"])
    assert site.taken[-1].keys == frozenset({"/list"})
    _change(site, "wp_posts", None, _post(9, post_type="page"))
    assert again.asked == ["same", "same"], "a page is in no list of articles"


def test_all_that_one_change_takes_out_is_told_together(site: World) -> None:
    site.cache._parts.touches._rerun = _Again()
    for number in range(8):
        _stored(site, (f"/{number}", ONE))
    _stored(site, ("/list", _digested(_LIST, "list")))
    _stored(site, ("/ten", _digested(_TEN, "ten")))
    count = len(site.taken)
    _change(site, "wp_posts", None, _post(9))
    assert [taken.keys for taken in site.taken[count:]] == [frozenset({"/list", "/ten"})]


def test_of_two_rows_one_may_make_up_for_the_other(site: World) -> None:
    again = site.cache._parts.touches._rerun = _Again("same")
    _stored(site, ("/list", _digested(_LIST, "same")))
    end = next(_ends)
    rows = (RowChange("s1", "wp_posts", None, _post(9)), RowChange("s1", "wp_posts", _post(9), None))
    site.cache.apply(Transaction(end, Position(1, end), frozenset({Write("s1", "wp_posts", None)}), rows), FILE)
    assert again.asked == ["same"] and _kept(site) == ["/list"]


def test_an_editors_change_waits_for_the_editor_even_beyond_doubt(site: World) -> None:
    site.cache._parts.touches._rerun = _Again()
    _stored(site, ("/list", _digested(_LIST, "list")))
    _change(site, "wp_posts", None, _post(9), mark=WRITER)
    assert site.cache.held_keys("s1") == ["/list"] and _kept(site) == ["/list"]
    site.cache.settle("s1")
    assert _kept(site) == []


def test_what_is_older_than_all_pages_is_not_looked_at(site: World) -> None:
    """After a jam of the tailer there are thousands of such changes."""
    again = site.cache._parts.touches._rerun = _Again("same")
    behind = next(_ends)
    _stored(site, ("/", _digested("SELECT ID FROM wp_posts LIMIT 1", "same")))
    newest = next(_ends)
    for end in (behind, newest):
        rows = (RowChange("s1", "wp_posts", None, _post(9)),)
        site.cache.apply(Transaction(end, Position(1, end), frozenset({Write("s1", "wp_posts", None)}), rows), FILE)
        assert again.asked == ([] if end == behind else ["same"])
    assert _kept(site) == ["/"]


def test_in_a_bulk_change_nothing_is_asked_any_more(site: World) -> None:
    again = site.cache._parts.touches._rerun = _Again("same")
    reads = _digested("SELECT ID FROM wp_posts LIMIT 1", "same")
    _stored(site, ("/", reads))
    _change(site, "wp_posts", None, _post(9))
    assert again.asked == ["same"] and _kept(site) == ["/"]
    exactness = site.cache._sites["s1"]._exactness
    exactness.spend(exactness.left() + 10)  # seconds: what a crowd of changes has used up
    _change(site, "wp_posts", None, _post(10))
    assert again.asked == ["same"] and _kept(site) == []


def test_late_in_a_bulk_change_a_render_is_told_one_by_one_but_not_for_ever(site: World) -> None:
    """A program of the site may hold a render, and have others write with its mark."""
    _stored(site, ("/", ONE))
    exactness = site.cache._sites["s1"]._exactness
    ticket = site.cache.begin("s1", "/other")
    kept = []
    for number in range(60):
        exactness.spend(exactness.left() + 10)
        end, came = next(_ends), time.monotonic() - 2
        rows = (RowChange("s1", "wp_posts", _post(9), _post(9, post_title=str(number))),)
        writes = frozenset({Write("s1", "wp_posts", ticket)})
        site.cache.apply(Transaction(end, Position(1, end), writes, rows, came), FILE)
        kept.append(_kept(site))
    assert kept == [["/"]] * 50 + [[]] * 10


@pytest.mark.parametrize(
    ("author", "waited", "spent", "stay"),
    [(None, 2, 0, True), (None, 0, 10, True), (None, 2, 10, False), (WRITER, 2, 10, False)],
)
def test_late_in_a_bulk_change_all_pages_go(
    site: World, author: str | None, waited: float, spent: float, stay: bool
) -> None:
    """Not so what another site's crowd made late, and what a crowd that can be followed did not touch. Who says that he
    will wait for it may say so and not wait.
    """
    _stored(site, ("/", ONE))
    exactness = site.cache._sites["s1"]._exactness
    if spent:
        exactness.spend(exactness.left() + spent)
    end, came = next(_ends), time.monotonic() - waited
    rows = (RowChange("s1", "wp_posts", _post(9), _post(9, post_title="B")),)
    writes = frozenset({Write("s1", "wp_posts", author)})
    site.cache.apply(Transaction(end, Position(1, end), writes, rows, came), FILE)
    site.cache.settle("s1")
    assert _kept(site) == (["/"] if stay else [])


def test_a_held_change_of_a_read_that_was_forgotten_meanwhile(site: World) -> None:
    """A page that was made anew between two changes has other reads, and the old ones are swept."""
    again = site.cache._parts.touches._rerun = _Again()
    text = "SELECT ID FROM wp_posts LIMIT 1"
    _stored(site, ("/", _digested(text, "one")))
    _change(site, "wp_posts", None, _post(9), mark=WRITER)
    _stored(site, ("/", _digested(text, "two")))
    site.cache.sweep()
    _change(site, "wp_posts", None, _post(10), mark=WRITER)
    again.same = ("two",)
    site.cache.settle("s1")
    assert _kept(site) == [] and not site.cache.is_held("s1")


def test_unknown_rows_that_renders_write_are_never_quiet(site: World) -> None:
    """Two of them look alike, and are not the same rows."""
    for _ in range(2):
        _stored(site, ("/one", ONE))
        ticket = site.cache.begin("s1", "/other")
        end = next(_ends)
        rows = (RowChange.unknown("s1", "wp_posts"),)
        site.cache.apply(Transaction(end, Position(1, end), frozenset({Write("s1", "wp_posts", ticket)}), rows), FILE)
        assert _kept(site) == []
        site.cache.abandon(ticket, gone=False)


def test_what_is_known_of_statements_outlives_a_change_of_other_tables(monkeypatch: pytest.MonkeyPatch) -> None:
    analysed: list[str] = []

    def analyse(text: str, schema: Schema) -> Template:
        analysed.append(text)
        return template.analyse(text, schema)

    monkeypatch.setattr(reads_module, "analyse", analyse)
    posts, other = Table({"ID": Column("bigint", "PRI")}), Table({"id": Column("bigint", "PRI")})
    texts = [f"SELECT * FROM {name} WHERE id = :p0" for name in ("posts", "other", "view")]
    analyst = Analyst(Schema({"posts": posts, "other": other}))
    assert [analyst.template(text) is not None for text in texts * 2] == [True, True, False] * 2
    assert analysed == texts
    changed = Schema({"posts": posts, "other": Table({"id": Column("varchar", "PRI")}), "view": other})
    again = Analyst(changed, analyst)
    assert [again.template(text) is not None for text in texts] == [True, True, True]
    assert analysed == [*texts, texts[1], texts[2]]
    Analyst(Schema({"posts": posts}, frozenset({"f"})), analyst).template(texts[0])
    assert analysed[-1] == texts[0], "a stored function may stand in it"


def test_the_reasons_can_be_asked_for(site: World) -> None:
    _stored(site, ("/", (statement("SELECT post_title FROM wp_posts WHERE ID = 9"),)))
    _stored(site, ("/two", (statement("SELECT post_title FROM wp_posts WHERE ID = 8"),)))
    _change(site, "wp_posts", _post(9), _post(9, post_title="B"))
    row, _ = site.cache.page("s1", "/")
    why = "wp_posts ID=9: post_title; read by SELECT post_title FROM wp_posts WHERE ID = 9"
    assert row is not None and row.taken_why == why
    noted = site.cache.change("s1", None)
    assert noted is not None and noted == site.cache.change("s1", noted.sequence)
    assert (noted.rows, noted.count, noted.pages) == (("wp_posts ID=9: post_title",), 1, {"/": why})
    assert (noted.author, noted.asked, noted.unchanged) == ("an SQL client, the command line or an event", 1, 0)
    assert site.cache.change("s1", 1) is None and site.cache.change("s2", None) is None


# -- renders under way -----------------------------------------------------------------------------------------


def test_a_render_is_refused_by_what_it_read_alone(site: World) -> None:
    fence = next(_ends)
    one, two = site.cache.begin("s1", "/one"), site.cache.begin("s1", "/two")
    _change(site, "wp_posts", _post(1), _post(1, post_title="B"))
    assert site.publish(one, fence, reads=ONE).refused == CHANGED
    assert site.publish(two, fence, reads=TWO).refused is None


def test_a_change_before_the_fence_does_not_count(site: World) -> None:
    ticket = site.cache.begin("s1", "/one")
    end = _change(site, "wp_posts", _post(1), _post(1, post_title="B"))
    assert site.publish(ticket, end, reads=ONE).refused is None


def test_the_new_version_is_judged_by_its_own_reads(site: World) -> None:
    _stored(site, ("/", ONE))
    _stored(site, ("/", TWO))
    _change(site, "wp_posts", _post(1), _post(1, post_title="B"))
    assert _kept(site) == ["/"]
    _change(site, "wp_posts", _post(2), _post(2, post_title="B"))
    assert _kept(site) == []


# -- held changes ----------------------------------------------------------------------------------------------


def test_a_writers_change_holds_the_pages_that_it_touches(site: World) -> None:
    _stored(site, ("/one", ONE), ("/two", TWO))
    _change(site, "wp_posts", _post(1), _post(1, post_title="B"), mark=WRITER)
    assert site.cache.held_keys("s1") == ["/one"] and _kept(site) == ["/one", "/two"]
    site.cache.settle("s1")
    assert _kept(site) == ["/two"] and site.taken[-1].keys == frozenset({"/one"})


def test_a_row_that_changes_while_a_change_of_everything_is_held(site: World) -> None:
    """A page that was rendered between the two is older than the second."""
    _stored(site, ("/one", ONE), ("/two", TWO))
    _change(site, "unknown_table", None, {"id": 1}, mark=WRITER)
    _stored(site, ("/one", ONE), ("/two", TWO))
    _change(site, "wp_posts", _post(1), _post(1, post_title="B"), mark=WRITER)
    assert site.cache.held_keys("s1") is None
    site.cache.settle("s1")
    assert _kept(site) == ["/two"]


def test_a_change_that_touches_nothing_is_not_held(site: World) -> None:
    _stored(site, ("/two", TWO))
    _change(site, "wp_posts", _post(1), _post(1, post_title="B"), mark=WRITER)
    assert not site.cache.is_held("s1")


# -- a render's own writes -------------------------------------------------------------------------------------


def _counter(views: int) -> Row:
    return {"meta_id": 3, "post_id": 1, "meta_key": "views", "meta_value": str(views)}


POPULAR = (meta("wp_postmeta", "post_id", 1, "views"),)


def _counts(site: World, number: int, key: str = "/one", reads: Reads = POPULAR) -> str | None:
    """A render that reads a counter and writes it; why it is not stored."""
    ticket = site.cache.begin("s1", key)
    fence = next(_ends)
    _change(site, "wp_postmeta", _counter(number), _counter(number + 1), mark=ticket)
    return site.publish(ticket, fence, reads=reads).refused


def test_own_writes_take_out_others_twice_and_the_same_row_not_again_soon(site: World) -> None:
    for number in range(2):
        _stored(site, ("/popular", POPULAR))
        assert _counts(site, number) == CHANGED
        assert _kept(site) == []
    _stored(site, ("/popular", POPULAR))
    assert _counts(site, 2) is None
    assert _kept(site) == ["/one", "/popular"]
    site.now += OWN_WRITES_QUIET
    assert _counts(site, 3) is None
    assert _kept(site) == ["/one"]


def test_a_page_whose_render_wrote_after_it_had_read_is_made_again(site: World) -> None:
    """WordPress puts the widgets in order when the theme has changed, and shows them from the next request on."""
    assert _counts(site, 1) == CHANGED
    _stored(site, ("/one", POPULAR))
    again = site.cache._parts.touches._rerun = _Again("read last")
    text = "SELECT meta_value FROM wp_postmeta WHERE post_id = 1 AND meta_key = 'views'"
    assert _counts(site, 2, reads=_digested(text, "read first")) == CHANGED
    _stored(site, ("/one", POPULAR))
    assert _counts(site, 3, reads=_digested(text, "read last")) is None
    assert again.asked == ["read first", "read last"]


def test_a_page_that_writes_a_new_row_each_time_is_stored(site: World) -> None:
    """A list of visits, say, that shows the last ones."""
    visits = (statement("SELECT * FROM wp_postmeta WHERE meta_key = 'visit'"),)
    refused = []
    for number in range(4):
        ticket = site.cache.begin("s1", "/")
        fence = next(_ends)
        row = {"meta_id": 100 + number, "post_id": 1, "meta_key": "visit", "meta_value": "now"}
        _change(site, "wp_postmeta", None, row, mark=ticket)
        refused.append(site.publish(ticket, fence, reads=visits).refused)
    assert refused == [CHANGED, CHANGED, None, None]


def test_a_table_in_which_each_page_counts_in_a_row_of_its_own_is_quiet(site: World) -> None:
    most = (statement("SELECT post_id FROM wp_postmeta WHERE meta_key = 'views' ORDER BY meta_value LIMIT 3"),)
    gone = []
    for number in range(14):
        _stored(site, ("/most", most))
        ticket = site.cache.begin("s1", f"/{number}")
        row = {"meta_id": number, "post_id": number, "meta_key": "views", "meta_value": "1"}
        _change(site, "wp_postmeta", None, row, mark=ticket)
        site.cache.abandon(ticket, gone=False)
        gone.append(_kept(site) == [])
    assert gone == [True] * 10 + [False] * 4


def test_what_is_thrown_away_is_a_render_of_its_page(site: World) -> None:
    """A probe's counter is the noise of the page's own renders, and concerns the page itself."""
    _stored(site, ("/one", POPULAR))
    for _ in range(2):
        ticket = site.cache.begin("s1", "", "/one")
        _change(site, "wp_postmeta", _counter(1), _counter(2), mark=ticket)
        site.cache.abandon(ticket, gone=False)
        assert _kept(site) == []
    _stored(site, ("/popular", POPULAR))
    assert _counts(site, 2) is None
    assert _kept(site) == ["/one", "/popular"]


def test_a_quiet_row_is_not_kept_quiet_by_its_company(site: World) -> None:
    """Else a counter that is always written beside something new would never be seen."""
    for number, later in enumerate((0, 0, OWN_WRITES_QUIET / 2, OWN_WRITES_QUIET / 2)):
        _stored(site, ("/popular", POPULAR))
        site.now += later
        ticket = site.cache.begin("s1", "/one")
        end = next(_ends)
        new = {"meta_id": 100 + number, "post_id": 50, "meta_key": "x", "meta_value": "1"}
        rows = (
            RowChange("s1", "wp_postmeta", _counter(number), _counter(number + 1)),
            RowChange("s1", "wp_postmeta", None, new),
        )
        writes = frozenset({Write("s1", "wp_postmeta", ticket)})
        site.cache.apply(Transaction(end, Position(1, end), writes, rows), FILE)
        site.cache.abandon(ticket, gone=False)
        assert ("/popular" in _kept(site)) is (number == 2), number


def test_another_row_of_the_same_table_is_not_quiet(site: World) -> None:
    first = site.cache.begin("s1", "/one")
    _change(site, "wp_postmeta", None, _counter(1), mark=first)
    site.publish(first, next(_ends), reads=ONE)
    other = {"meta_id": 9, "post_id": 2, "meta_key": "views", "meta_value": "1"}
    _stored(site, ("/other", (meta("wp_postmeta", "post_id", 2, "views"),)))
    second = site.cache.begin("s1", "/two")
    _change(site, "wp_postmeta", None, other, mark=second)
    assert _kept(site) == ["/one"]


# -- the index -------------------------------------------------------------------------------------------------


def test_it_is_all_there_after_a_start(site: World) -> None:
    _stored(site, ("/one", ONE), ("/two", TWO))
    site.stop()
    site.start()
    _change(site, "wp_posts", _post(1), None)
    assert _kept(site) == ["/two"]


def test_what_no_page_reads_any_more_is_forgotten(site: World) -> None:
    _stored(site, ("/", ONE), ("/two", TWO))
    _stored(site, ("/", LIST))
    with site.index.transaction():
        site.index.dependencies.sweep()
    db = site.index.dependencies._db
    assert db.execute("SELECT count(*) FROM reads").fetchone() == (2,)
    _change(site, "wp_posts", None, _post(7))
    assert _kept(site) == ["/two"]


def test_versions_and_pages_share_what_is_the_same(site: World) -> None:
    """By sets of reads: a version with one result that is another makes a few rows, not all of them again."""
    prices = [meta("wp_postmeta", "post_id", number, "price") for number in range(1, 301)]
    db = site.index.dependencies._db

    def rows() -> int:
        return int(db.execute("SELECT count(*) FROM set_reads").fetchone()[0])

    _stored(site, ("/", tuple(prices)))
    assert rows() == 300
    _stored(site, ("/two", (*prices, *ONE)))
    assert rows() < 320
    _stored(site, ("/", (dataclasses.replace(prices[0], digest="x"), *prices[1:])))
    assert rows() < 340
    with site.index.transaction():
        site.index.dependencies.sweep()
    _change(site, "wp_postmeta", None, {"meta_id": 2, "post_id": 300, "meta_key": "price", "meta_value": "1"})
    assert _kept(site) == []


def test_a_site_that_is_gone_leaves_no_reads(site: World) -> None:
    _stored(site, ("/", ONE))
    site.cache.attend(["s2"])
    db = site.index.dependencies._db
    for table in ("reads", "read_keys", "sets", "set_reads", "page_sets"):
        assert db.execute(f"SELECT count(*) FROM {table}").fetchone() == (0,), table
