"""On a real WordPress: a change takes out the pages that read it, in whatever way they did, and no others."""

from __future__ import annotations

import re
import sqlite3
import time
from collections.abc import Iterable, Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta

import pytest

from pressroom.model.errors import InvalidInput, NotFound
from pressroom.operations import cache
from pressroom.pagecache.binlog.master import Master
from pressroom.pagecache.binlog.positions import Position
from pressroom.pagecache.matching.dependencies import Dependencies
from pressroom.pagecache.matching.rerun import Rerun
from tests.functional.newspaper import Newspaper

FRONT, ONE, TWO = "/", "/article-1/", "/article-2/"
PAGES = (FRONT, ONE, TWO)
BOUND = 0.5  # seconds; what is changed by plain SQL is seen within it


@pytest.fixture(autouse=True, scope="module")
def quiet(paper: Newspaper) -> Iterator[None]:
    """Without WordPress's events, which write when they are due."""
    paper.node.engine.stop("cron")
    paper.sql("INSERT IGNORE INTO wp_pressroom_test (id, word) VALUES (3, 'start')")
    yield
    paper.sql("UPDATE wp_options SET option_value='' WHERE option_name='pressroom_test_read'")
    paper.php("delete_transient('global_styles_' . get_stylesheet());")
    paper.node.engine.start("cron")


def _read_as(paper: Newspaper, way: str, pages: Iterable[str] = PAGES) -> None:
    """Make all pages read in this way; these are made when it ends, for visitors go first."""
    paper.php(f"update_option('pressroom_test_read', '{way}');")
    for path in pages:
        paper.await_hit(path)


def _hits(paper: Newspaper) -> set[str]:
    with paper.client() as visitor:
        return {path for path in PAGES if visitor.get(path).headers["x-pressroom-cache"] == "hit"}


def _after(paper: Newspaper, statement: str) -> set[str]:
    """Which pages are hits still when the change has been seen (they are rendered anew later than that)."""
    before = {page["key"]: page["mtime"] for page in cache.stored_pages(paper.node, paper.site.domain)}
    paper.sql(statement)
    time.sleep(BOUND)
    after = {page["key"]: page["mtime"] for page in cache.stored_pages(paper.node, paper.site.domain)}
    return {path for path in PAGES if before[path] == after.get(path)}


NUMBER = "(SELECT ID FROM (SELECT ID FROM wp_posts WHERE post_name='article-1') AS x)"


@pytest.mark.parametrize(
    ("statement", "stay"),
    [
        ("INSERT INTO wp_usermeta (user_id, meta_key, meta_value) VALUES (1, 'a_token', 'x')", set(PAGES)),
        ("INSERT INTO wp_options (option_name, option_value) VALUES (UUID(), '1')", set(PAGES)),
        (f"INSERT INTO wp_postmeta (post_id, meta_key, meta_value) VALUES ({NUMBER}, '_edit_lock', '1:1')", set(PAGES)),
        ("INSERT INTO wp_posts (post_type, post_status, post_title, post_content, post_excerpt, to_ping, pinged,"
         " post_content_filtered) VALUES ('post', 'draft', '', '', '', '', '', '')", set(PAGES)),
        (f"INSERT INTO wp_posts (post_type, post_status, post_parent, post_title, post_content, post_excerpt, to_ping,"
         f" pinged, post_content_filtered) VALUES ('revision', 'inherit', {NUMBER}, '', '', '', '', '', '')",
         set(PAGES)),
        ("UPDATE wp_options SET option_value=CONCAT(option_value, '.') WHERE option_name='blogdescription'", set()),
    ],
    ids=["session", "option", "edit lock", "draft", "revision", "tagline"],
)  # fmt: skip
def test_what_goes_and_what_stays(paper: Newspaper, statement: str, stay: set[str]) -> None:
    _read_as(paper, "")
    assert _after(paper, statement) == stay


@pytest.mark.parametrize(
    "way", ["beside-wpdb", "prepared", "own-connection", "own-pdo", "own-wpdb", "function", "view", "temporary"]
)
def test_reads_beside_wpdbs_own_statements(paper: Newspaper, way: str) -> None:
    paper.sql("CREATE OR REPLACE VIEW pressroom_test_view AS SELECT word FROM wp_pressroom_test WHERE id=3")
    paper.sql(
        "CREATE OR REPLACE FUNCTION pressroom_test_word() RETURNS varchar(190) READS SQL DATA"
        " RETURN (SELECT word FROM wp_pressroom_test WHERE id=3)"
    )
    _read_as(paper, way)
    assert any(pages >= len(PAGES) for pages in cache.status(paper.node, paper.site.domain).unanalysed.values())
    explained = cache.explain(paper.node, f"http://{paper.host}{ONE}")
    assert (explained["valid_why"] == "a connection of its own to a database") == way.startswith("own")
    assert _after(paper, f"UPDATE wp_pressroom_test SET word='{way}' WHERE id=3") == set()
    paper.await_hit()
    with paper.client() as visitor:
        assert f"<!-- {way} -->" in visitor.get("/").text


@pytest.mark.parametrize("way", ["all-options", "all-meta", "meta-cache"])
def test_reads_of_whole_lists(paper: Newspaper, way: str) -> None:
    _read_as(paper, way)
    if way == "all-options":
        change = "INSERT INTO wp_options (option_name, option_value, autoload) VALUES (UUID(), '1', 'yes')"
    else:
        change = "INSERT INTO wp_usermeta (user_id, meta_key, meta_value) VALUES (1, UUID(), '1')"
    assert _after(paper, change) == set()


@pytest.mark.parametrize(
    "change",
    [
        "INSERT INTO wp_options (option_name, option_value, autoload) VALUES (UUID(), '1', 'no')",
        "UPDATE wp_options SET option_value=CONCAT(option_value, ' ') WHERE option_name='cron'",
    ],
)
def test_what_a_whole_list_of_options_does_not_hold(paper: Newspaper, change: str) -> None:
    _read_as(paper, "all-options")
    assert _after(paper, change) == set(PAGES)


def test_who_looks_for_an_option_in_the_list_of_all_depends_on_it_alone(paper: Newspaper) -> None:
    _read_as(paper, "own-options")
    new = "INSERT INTO wp_options (option_name, option_value, autoload) VALUES ('{}', '1', 'yes')"
    assert _after(paper, new.format("somebody_elses")) == set(PAGES)
    paper.sql("DELETE FROM wp_options WHERE option_name='pressroom_test_option'")
    _read_as(paper, "own-options")
    assert _after(paper, new.format("pressroom_test_option")) == set()


def test_an_option_that_each_render_writes_anew(paper: Newspaper) -> None:
    """Another row each time, by its number; it is an object, which is no transient's end."""
    _read_as(paper, "written-anew")
    before = {page["key"]: page["mtime"] for page in cache.stored_pages(paper.node, paper.site.domain)}
    cache.purge(paper.node, paper.site.domain, f"http://{paper.host}{ONE}")
    paper.warm()
    paper.await_hit(ONE)
    after = {page["key"]: page["mtime"] for page in cache.stored_pages(paper.node, paper.site.domain)}
    assert [key for key in before if before[key] != after.get(key)] == [ONE]
    log = paper.place.log / "php.log"  # there as soon as PHP has complained of anything
    assert not log.exists() or "converted to int" not in log.read_text()


def test_visitors_views_that_write_what_renders_write(paper: Newspaper) -> None:
    """As page builders do; it would empty the store at each view that PHP answers. A person's change counts."""
    _read_as(paper, "written-anew")
    before = {page["key"]: page["mtime"] for page in cache.stored_pages(paper.node, paper.site.domain)}
    with paper.client() as visitor:
        assert visitor.get(f"{ONE}?bypass=1").headers["x-pressroom-cache"].startswith("bypass")
        after = {page["key"]: page["mtime"] for page in cache.stored_pages(paper.node, paper.site.domain)}
        assert before == after
        visitor.post("/", data={"a": "form"})
    after = {page["key"]: page["mtime"] for page in cache.stored_pages(paper.node, paper.site.domain)}
    assert all(before[path] != after.get(path) for path in PAGES)


def test_a_look_at_action_schedulers_plans(paper: Newspaper) -> None:
    table = "wp_actionscheduler_actions"
    paper.sql(f"CREATE OR REPLACE TABLE {table} (action_id INT PRIMARY KEY, status VARCHAR(20))")
    try:
        _read_as(paper, "schedule")
        assert _after(paper, f"INSERT INTO {table} VALUES (2, 'pending')") == set(PAGES)
        assert _after(paper, f"INSERT INTO {table} VALUES (1, 'pending')") == set(), "it is read with another table"
    finally:
        paper.sql(f"DROP TABLE {table}")


def test_an_option_that_was_not_there(paper: Newspaper) -> None:
    paper.php("delete_option('pressroom_test_option');")
    _read_as(paper, "")
    change = (
        "INSERT INTO wp_options (option_name, option_value, autoload) VALUES ('pressroom_test_option', 'now', 'no')"
    )
    assert _after(paper, change) == set()


@pytest.mark.parametrize("way", ["", "sticky", "sticky-by-filter"])
def test_a_sticky_article_concerns_the_pages_that_ask_for_it(paper: Newspaper, way: str) -> None:
    """Each query and each article's classes look at the list; that of others changes nothing of a page."""
    empty = "UPDATE wp_options SET option_value='a:0:{}' WHERE option_name='sticky_posts'"
    paper.sql(empty)
    _read_as(paper, way)
    sticky = paper.value("SELECT ID FROM wp_posts WHERE post_name='article-1'")
    change = f"UPDATE wp_options SET option_value='a:1:{{i:0;i:{sticky};}}' WHERE option_name='sticky_posts'"
    assert _after(paper, change) == ({ONE, TWO} if not way else set())
    paper.await_hit(ONE)
    with paper.client() as visitor:
        assert "sticky" in _classes(visitor.get(FRONT).text, sticky)
        assert "sticky" not in _classes(visitor.get(ONE).text, sticky), "only the front page says so"
    paper.sql(empty)


@pytest.mark.parametrize(
    ("way", "column", "stay"),
    [
        ("", "post_content", {FRONT, TWO}),
        ("", "post_title", set()),
        ("whole-post", "post_content", set()),
        ("post-handed-on", "post_content", {FRONT}),
        ("post-cache", "post_content", set()),
        ("", "post_author", {FRONT, TWO}),
        ("link-by-author", "post_author", set()),
    ],
)
def test_a_post_concerns_a_page_by_what_is_made_of_it(paper: Newspaper, way: str, column: str, stay: set[str]) -> None:
    """The second article leads to the first by its title, the front page does not; plugins may take more of it."""
    _read_as(paper, way)
    change = f"UPDATE wp_posts SET {column}=CONCAT({column}, '1') WHERE post_name='article-1'"
    assert _after(paper, change) == stay
    paper.sql("UPDATE wp_posts SET post_author=1 WHERE post_name='article-1'")


COUNTED = "UPDATE wp_term_taxonomy SET count=count+1 WHERE taxonomy='category'"


@pytest.mark.parametrize(
    ("way", "stay"),
    [
        ("", set(PAGES)),
        ("whole-term", set()),
        ("term-cache", set()),
        ("terms-listed", set()),
        ("terms-not-empty", set()),
        ("terms-walked", set()),
        ("terms-of-articles", set()),
        ("term-handed-on", set()),
        ("terms-handed-on", set()),
    ],
)
def test_how_many_articles_a_category_has_concerns_who_may_show_it(paper: Newspaper, way: str, stay: set[str]) -> None:
    """Each article shows its category, each list its name among the classes; plugins may take more of it."""
    _read_as(paper, way)
    assert _after(paper, COUNTED) == stay


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE wp_terms SET name=CONCAT(name, '!') WHERE slug='uncategorized'",
        "UPDATE wp_term_taxonomy SET parent=1-parent WHERE taxonomy='category' AND term_id=1",
    ],
)
def test_what_else_there_is_of_a_category_concerns_all_who_name_it(paper: Newspaper, change: str) -> None:
    _read_as(paper, "")
    assert _after(paper, change) & {ONE, TWO} == set()


def test_what_is_made_for_machines_shows_none_of_the_articles_that_were_looked_for(paper: Newspaper) -> None:
    lists = {"/robots.txt", "/wp-sitemap.xml", "/wp-sitemap-users-1.xml"}
    _read_as(paper, "", {FRONT, *lists})
    before = {page["key"]: page["mtime"] for page in cache.stored_pages(paper.node, paper.site.domain)}
    assert lists <= before.keys()
    paper.sql("UPDATE wp_posts SET post_content=CONCAT(post_content, '?') WHERE post_type='post'")
    time.sleep(BOUND)
    after = {page["key"]: page["mtime"] for page in cache.stored_pages(paper.node, paper.site.domain)}
    assert {key for key in lists if before[key] == after.get(key)} == lists
    assert before[FRONT] != after.get(FRONT)


def test_a_new_article_concerns_nothing_that_shows_no_articles(paper: Newspaper) -> None:
    """WordPress looks for the newest articles whatever it is asked for; it matters if there are none."""
    shown = {FRONT, "/feed/", "/wp-sitemap-posts-post-1.xml"}
    unshown = {"/robots.txt", "/wp-sitemap-users-1.xml"}
    _read_as(paper, "", shown | unshown)
    before = {page["key"]: page["mtime"] for page in cache.stored_pages(paper.node, paper.site.domain)}
    assert shown | unshown <= before.keys()
    paper.sql(
        "INSERT INTO wp_posts (post_author, post_type, post_status, post_name, post_title, post_content, post_excerpt,"
        " to_ping, pinged, post_content_filtered, post_date, post_date_gmt, post_modified, post_modified_gmt) VALUES"
        " (1, 'post', 'publish', 'late', 'Late', '', '', '', '', '', NOW(), UTC_TIMESTAMP(), NOW(), UTC_TIMESTAMP())"
    )
    time.sleep(BOUND)
    after = {page["key"]: page["mtime"] for page in cache.stored_pages(paper.node, paper.site.domain)}
    assert {key for key in shown | unshown if before[key] == after.get(key)} == unshown
    paper.sql("UPDATE wp_posts SET post_status='draft' WHERE post_type='post'")
    time.sleep(BOUND)
    after = {page["key"]: page["mtime"] for page in cache.stored_pages(paper.node, paper.site.domain)}
    assert {key for key in unshown if before[key] == after.get(key)} == set()
    paper.sql("UPDATE wp_posts SET post_status='publish' WHERE post_type='post' AND post_name<>''")
    paper.sql("DELETE FROM wp_posts WHERE post_name='late'")


@pytest.mark.parametrize(
    ("way", "column", "stays"),
    [("", "post_content", True), ("", "post_title", False), ("pages-handed-on", "post_content", False)],
)
def test_a_list_of_pages_shows_their_titles(paper: Newspaper, way: str, column: str, stays: bool) -> None:
    paper.php(
        "if (!get_page_by_path('lists')) wp_insert_post(['post_type' => 'page', 'post_status' => 'publish',"
        " 'post_title' => 'Lists', 'post_name' => 'lists',"
        " 'post_content' => '<!-- wp:page-list /--> <!-- wp:page-list /-->']);"
    )
    _read_as(paper, way, ["/lists/", "/sample-page/"])
    before = {page["key"]: page["mtime"] for page in cache.stored_pages(paper.node, paper.site.domain)}
    paper.sql(f"UPDATE wp_posts SET {column}=CONCAT({column}, '!') WHERE post_name='sample-page'")
    time.sleep(BOUND)
    after = {page["key"]: page["mtime"] for page in cache.stored_pages(paper.node, paper.site.domain)}
    assert (before["/lists/"] == after.get("/lists/")) == stays
    assert before["/sample-page/"] != after.get("/sample-page/")


def _classes(page: str, article: str) -> list[str]:
    match = re.search(rf'<article id="post-{article}" class="([^"]*)"', page)
    assert match, page[:500]
    return match.group(1).split()


def test_a_comment_goes_to_its_article_and_where_comments_are_listed(paper: Newspaper) -> None:
    _read_as(paper, "")
    stay = _after(
        paper,
        "INSERT INTO wp_comments (comment_post_ID, comment_author, comment_author_email, comment_date,"
        f" comment_date_gmt, comment_content, comment_approved, comment_type) VALUES ({NUMBER}, 'x', 'x@example.org',"
        " NOW(), UTC_TIMESTAMP(), 'Hello.', '1', 'comment')",
    )
    assert ONE not in stay


@pytest.mark.parametrize(("way", "longest"), [("nonce", 12 * 3600), ("ago", 300), ("now", 300), ("", 24 * 3600)])
def test_pages_are_valid_as_long_as_the_clock_lets_them(paper: Newspaper, way: str, longest: int) -> None:
    _read_as(paper, way)
    answer = cache.explain(paper.node, f"http://{paper.host}/")
    until = datetime.fromisoformat(str(answer["valid_until"]))
    assert datetime.now(UTC) < until <= datetime.now(UTC) + timedelta(seconds=longest + 5)


HALF_A_NONCE = 12 * 3600  # seconds


def _valid(paper: Newspaper) -> tuple[float, str]:
    """For how many seconds from now the front page is right by the clock, and why not longer."""
    answer = cache.explain(paper.node, f"http://{paper.host}/")
    until = datetime.fromisoformat(str(answer["valid_until"]))
    return (until - datetime.now(UTC)).total_seconds(), str(answer["valid_why"])


@pytest.mark.parametrize(
    ("way", "longest", "why"),
    [
        ("http", 300, "outgoing HTTP to paper.localhost"),
        ("http-short", 90, "outgoing HTTP to paper.localhost"),
        ("http-stream", 300, "outgoing HTTP by PHP's streams"),
    ],
)
def test_what_is_fetched_from_elsewhere_is_right_for_minutes(
    paper: Newspaper, way: str, longest: int, why: str
) -> None:
    _read_as(paper, way)
    seconds, said = _valid(paper)
    if HALF_A_NONCE - time.time() % HALF_A_NONCE <= longest and said == "a nonce":
        return  # at noon and at midnight (UTC) those of the page end, sooner than what was fetched
    assert longest - 60 < seconds <= longest and said == why


def test_a_request_whose_answer_nobody_reads_does_not_count(paper: Newspaper) -> None:
    _read_as(paper, "http-no-wait")
    assert "outgoing" not in _valid(paper)[1]


def test_a_page_is_right_no_longer_than_the_transient_it_shows(paper: Newspaper) -> None:
    paper.php("set_transient('pressroom_test', 'kept', 200);")
    _read_as(paper, "transient")
    seconds, why = _valid(paper)
    assert 100 < seconds <= 200 and why == "the transient pressroom_test"
    assert (
        _after(paper, "UPDATE wp_options SET option_value='new' WHERE option_name='_transient_pressroom_test'") == set()
    )


def test_what_was_fetched_once_is_right_as_long_as_its_transient(paper: Newspaper) -> None:
    """The render that fetches says so; the next, which is answered by the transient, is right as long as that."""
    paper.php("delete_transient('pressroom_test_made');")
    _read_as(paper, "transient-made")
    seconds, why = _valid(paper)
    assert 30 < seconds <= 120 and why == "the transient pressroom_test_made"


_OPTION = "update_option('pressroom_test_option', {});"
_ROW = "$wpdb->update('wp_pressroom_test', ['word' => {}], ['id' => 1]);"


@pytest.mark.parametrize(
    ("change", "moment"),
    [
        (_OPTION, "time() + 200"),
        (_ROW, "wp_date('Y-m-d H:i:s', time() + 200)"),
        (_ROW, "gmdate('Y-m-d H:i', time() + 200)"),
        (_ROW, "serialize(['until' => (string) (time() + 200)])"),
    ],
)
def test_a_page_is_right_up_to_a_moment_that_it_read(paper: Newspaper, change: str, moment: str) -> None:
    """A sale's end in an option or a row: whoever reads it, compares it with the clock."""
    paper.php(f"update_option('timezone_string', 'Asia/Tokyo'); {change.format(moment)}")
    _read_as(paper, "")
    seconds, why = _valid(paper)
    first = change.format("'first'")
    paper.php(f"update_option('timezone_string', ''); {first}")
    assert 60 < seconds <= 200 and why == "a moment that it read"


def test_wordpress_keeps_nothing_from_a_render_of_what_it_was_made_from(paper: Newspaper) -> None:
    """It keeps its style sheet in a transient for a minute; a page made from that would be wrong for longer."""
    paper.php("set_transient('global_styles_' . get_stylesheet(), '.from-the-transient{}', 60);")
    _read_as(paper, "")
    cache.purge(paper.node, paper.site.domain)
    paper.await_hit()
    with paper.client() as visitor:
        assert "from-the-transient" not in visitor.get("/").text
    assert "transient" not in _valid(paper)[1]


def test_what_wordpress_keeps_of_its_authors_is_no_reason_to_go(paper: Newspaper) -> None:
    """Themes ask for it on each page, and WordPress throws it away whenever an article is published."""
    _read_as(paper, "authors")
    paper.php("is_multi_author();")
    with paper.client() as visitor:
        assert "<!-- one author -->" in visitor.get("/").text
    assert _after(paper, "DELETE FROM wp_options WHERE option_name='_transient_is_multi_author'") == set(PAGES)
    assert _after(paper, f"UPDATE wp_posts SET post_author=2 WHERE ID={NUMBER}") == set()
    paper.await_hit()
    with paper.client() as visitor:
        assert "<!-- many authors -->" in visitor.get("/").text
    paper.sql(f"UPDATE wp_posts SET post_author=1 WHERE ID={NUMBER}")


def test_a_few_options_brought_at_once_count_by_name(paper: Newspaper) -> None:
    """WordPress 6.6 and later look for a transient so, also for what they keep of their own files and authors."""
    own = "_site_transient_timeout_wp_theme_files_patterns-x"
    paper.php(
        f"add_option('pressroom_few', 'one', '', 'no'); add_option('{own}', time() + 200, '', 'no'); is_multi_author();"
    )
    _read_as(paper, "few-options")
    with paper.client() as visitor:
        assert "<!-- few: one -->" in visitor.get("/").text
    assert "moment" not in _valid(paper)[1]
    for name in (own, "_transient_is_multi_author"):
        assert _after(paper, f"DELETE FROM wp_options WHERE option_name='{name}'") == set(PAGES)
    for change in ("UPDATE wp_options SET option_value='two'", "DELETE FROM wp_options"):
        assert _after(paper, f"{change} WHERE option_name='pressroom_few'") == set()
        for path in PAGES:
            paper.await_hit(path)
    with paper.client() as visitor:
        assert "<!-- few: none -->" in visitor.get("/").text


def test_all_results_are_the_same_when_asked_again(paper: Newspaper) -> None:
    """PHP's digest of a result and Python's are one: else a change that changes nothing would take pages out."""
    _read_as(paper, "")
    paper.warm()  # else it depends on how many pages are stored by now
    path = paper.node.layout.index_database
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as database:
        master = Master(paper.node.layout.mariadb_socket, "root", paper.node.layout.binlogs)
        known = Dependencies(database, master.schema)
        name = paper.site.name
        numbers = [
            read
            for (read,) in database.execute(
                "SELECT DISTINCT s.read FROM sites JOIN pages p ON p.site = sites.site AND p.generation ="
                " sites.generation JOIN page_sets ON page_sets.page = p.id JOIN set_reads s ON s.of = page_sets.of"
                " WHERE sites.site = ?",
                (name,),
            )
        ]
        questions = known.questions(name, numbers)
        rerun = Rerun(master.settings)
        changed = questions
        for _ in range(3):  # it gives up on a machine that is busy for a moment
            changed = [q for q in changed if not rerun.unchanged(name, [q], Position(0, 0), time.monotonic() + 1)]
        rerun.close()
    assert len(questions) > 50 and any(q.statement.digest.startswith("n") for q in questions)
    # The terms of several articles come by name: of two rows with one name MariaDB gives either first.
    assert [q for q in changed if not q.statement.template.endswith("ORDER BY t.name ASC")] == []


def test_explain_names_what_was_read_and_what_took_it_out(paper: Newspaper) -> None:
    _read_as(paper, "")
    paper.sql("UPDATE wp_posts SET post_title='Article one' WHERE post_name='article-1'")
    time.sleep(BOUND)
    paper.await_hit(ONE)
    answer = cache.explain(paper.node, f"http://{paper.host}{ONE}")
    assert re.match(r"wp_posts ID=\d+: post_title; read by SELECT ", str(answer["taken_why"]))
    assert "option blogname (wp_options)" in str(answer["reads"])
    assert "reads of wp_posts" in str(answer["depends_on"]) and "anything" not in str(answer["depends_on"])


def test_explain_tells_what_the_last_change_touched(paper: Newspaper) -> None:
    _read_as(paper, "")
    before = cache.explain_change(paper.node, f"http://{paper.host}/", "LAST")
    paper.sql("UPDATE wp_posts SET post_title='Article two, again' WHERE post_name='article-2'")
    time.sleep(BOUND)
    change = cache.explain_change(paper.node, f"http://{paper.host}/", "LAST")
    assert (
        change["sequence"] != before["sequence"] and change["author"] == "an SQL client, the command line or an event"
    )
    assert re.match(r"wp_posts ID=\d+: post_title$", change["rows"][0]) and change["row_count"] == 1
    assert TWO in change["pages"] and change["page_count"] == len(change["pages"])
    assert cache.explain_change(paper.node, f"http://{paper.host}/", str(change["sequence"])) == change
    with pytest.raises(NotFound):
        cache.explain_change(paper.node, f"http://{paper.host}/", "1")
    with pytest.raises(InvalidInput):
        cache.explain_change(paper.node, f"http://{paper.host}/", "yesterday")


@pytest.fixture
def blocks(paper: Newspaper) -> Iterator[str]:
    """A theme of blocks, whose look WordPress 6.1 keeps in a transient for a minute; the transient's name."""
    paper.php("switch_theme('twentytwentytwo');")
    with paper.client() as visitor:
        visitor.get("/?not-stored")
    paper.warm()
    yield "global_styles_twentytwentytwo"
    paper.php("switch_theme('twentytwentyone');")


def test_a_look_from_a_minute_ago_is_not_stored(paper: Newspaper, blocks: str) -> None:
    paper.as_editor("WP_Theme_JSON_Resolver::get_user_global_styles_post_id();")
    number = paper.value("SELECT ID FROM wp_posts WHERE post_type='wp_global_styles' ORDER BY ID DESC LIMIT 1")
    assert paper.value(f"SELECT COUNT(*) FROM wp_options WHERE option_name='_transient_{blocks}'") == "1"
    paper.rest("POST", f"global-styles/{number}", styles={"color": {"background": "#abcdef"}})
    paper.warm()
    with paper.client() as visitor:
        answer = visitor.get("/")
    assert answer.headers["x-pressroom-cache"] == "hit" and "#abcdef" in answer.text


def test_the_minutes_end_takes_no_page_out(paper: Newspaper, blocks: str) -> None:
    timeout = f"_transient_timeout_{blocks}"
    before = {page["key"]: page["mtime"] for page in cache.stored_pages(paper.node, paper.site.domain)}
    paper.sql(f"UPDATE wp_options SET option_value='1' WHERE option_name='{timeout}'")
    with paper.client() as visitor:
        assert visitor.get("/?not-stored").status_code == 200  # keeps the look anew
    assert int(paper.value(f"SELECT option_value FROM wp_options WHERE option_name='{timeout}'")) > time.time()
    time.sleep(BOUND)
    after = {page["key"]: page["mtime"] for page in cache.stored_pages(paper.node, paper.site.domain)}
    assert before == after
