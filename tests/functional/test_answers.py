"""MariaDB's answers that renders keep for each other: the same as MariaDB's own, never from before a change, and none
where a statement asks for more than its tables' rows.

A must-use plugin runs a test's code in renders of pages of its own; whether MariaDB was asked is seen by rows that were
changed behind the binlog.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import pytest

from pressroom.operations import cache, settings
from pressroom.operations import running as nodes
from pressroom.operations.cache import ask_invalidator
from pressroom.pagecache.renderer.response import Record, split
from tests.conftest import until
from tests.functional.command_line import write_as
from tests.functional.fresh import internal_client
from tests.functional.newspaper import Newspaper

_PLUGIN = """<?php
add_action( 'template_redirect', function () {
    if ( strpos( $_SERVER['REQUEST_URI'], '/answers/' ) === 0 ) {
        status_header( 200 );
        header( 'Content-Type: text/plain' );
        global $wpdb;
        echo json_encode( eval( file_get_contents( getenv( 'TMPDIR' ) . '/code' ) ) );
        exit;
    }
} );
"""
_WORD = "SELECT word FROM wp_pressroom_test WHERE id = 77"
_ASKED = f'return $wpdb->get_var( "{_WORD}" );'


@dataclass
class Answers:
    """Renders of the site's, as the renderer has them made, and thrown away."""

    paper: Newspaper

    def made(self, code: str, page: str, *, fresh: bool = False) -> tuple[Any, Record]:
        """What the code gives in a render of this page, and the page's record."""
        paper = self.paper
        write_as(paper.place.unix_user, paper.place.private / "tmp" / "code", code)
        key = f"/answers/{page}/"
        begun = {"op": "begin", "site": paper.site.name, "key": "" if fresh else key, "page": key}
        ticket = str(ask_invalidator(paper.node, begun)["ticket"])
        try:
            with internal_client(paper.node, paper.site) as client:
                answer = client.get(key, headers={"X-Pressroom-Ticket": ticket})
            body, record = split(answer.content, ticket)
            return json.loads(body), record
        finally:
            ask_invalidator(paper.node, {"op": "abandon", "ticket": ticket, "gone": False})

    def settled(self, code: str) -> Any:
        """What it gives where several pages have asked it."""
        first = [self.made(code, page)[0] for page in ("one", "two")]
        told = self.made(code, "three")[0]
        assert first == [told, told]
        return told

    def put(self, value: str, *, logged: bool = True) -> None:
        self.paper.sql(
            f"SET sql_log_bin={int(logged)}; REPLACE INTO wp_pressroom_test (id, word) VALUES (77, '{value}')"
        )

    def folders(self) -> list[Path]:
        """As each process of the site's PHP sees it."""
        own = [one for one in psutil.process_iter(["username"]) if one.info["username"] == self.paper.place.unix_user]
        return [Path(f"/proc/{one.pid}/root/dev/shm/pressroom") for one in own]


@pytest.fixture(scope="module")
def plugged(paper: Newspaper) -> Iterator[Answers]:
    plugin = paper.place.content / "mu-plugins" / "answers.php"
    paper.php("is_dir(WPMU_PLUGIN_DIR) || mkdir(WPMU_PLUGIN_DIR);")
    write_as(paper.place.unix_user, plugin, _PLUGIN)
    paper.await_hit()
    yield Answers(paper)
    plugin.unlink()
    paper.sql("DELETE FROM wp_pressroom_test WHERE id = 77")
    paper.await_hit()


@pytest.fixture
def answers(plugged: Answers) -> Iterator[Answers]:
    plugged.put("before")
    until(lambda: plugged.made(_ASKED, "none")[0] == "before")
    yield plugged
    for folder in plugged.folders():
        (folder / "off").unlink(missing_ok=True)


def test_what_several_pages_ask_mariadb_is_asked_once(answers: Answers) -> None:
    answers.settled(_ASKED)
    answers.put("untold", logged=False)
    told, record = answers.made(_ASKED, "four")
    answers.put("told")
    assert told == "before" and record.kept is not None


def test_who_is_compared_with_stored_pages_asks_mariadb(answers: Answers) -> None:
    """Guard: tickets of audits, probes and the tests' fresh renders."""
    answers.settled(_ASKED)
    answers.put("untold", logged=False)
    assert answers.made(_ASKED, "four", fresh=True)[0] == "untold"
    answers.put("told")


def test_what_one_page_asks_is_not_kept(answers: Answers) -> None:
    own = f'return $wpdb->get_var( "{_WORD} LIMIT 1" );'
    for _ in range(3):
        assert answers.made(own, "alone")[0] == "before"
    answers.put("untold", logged=False)
    assert answers.made(own, "alone")[0] == "untold"
    answers.put("told")


def test_a_change_is_seen_by_the_next_render(answers: Answers) -> None:
    """Guard: the number of the tables' last change in what an answer is found by."""
    for number in range(3):
        answers.settled(_ASKED)
        change = f"UPDATE wp_pressroom_test SET word = 'change {number}' WHERE id = 77"
        answers.paper.as_editor(f'global $wpdb; $wpdb->query( "{change}" );')  # it waits at the barrier
        assert answers.made(_ASKED, "four")[0] == f"change {number}"


def test_a_change_of_another_table_takes_nothing_away(answers: Answers) -> None:
    answers.settled(_ASKED)
    answers.paper.as_editor("update_option('answers_test', uniqid());")
    answers.put("untold", logged=False)
    assert answers.made(_ASKED, "four")[0] == "before"
    answers.put("told")


_MORE_THAN_ROWS = [
    f"{_WORD} AND NOT EXISTS (SELECT 1 FROM wp_options WHERE option_name = 'none')",
    f"{_WORD} AND RAND() >= 0",
    f"{_WORD} AND NOW() > 0",
    f"{_WORD} AND CURRENT_TIMESTAMP > 0",
    f"{_WORD} AND SLEEP(0) = 0",
    f"{_WORD} AND `rand` () >= 0",
    f"{_WORD} AND @one IS NULL",
    f"{_WORD} /* as a comment */",
    f"{_WORD} AND word <> 'ä'",
    f"{_WORD} FOR UPDATE",
    f"{_WORD} LOCK IN SHARE MODE",
    f"{_WORD} AND EXISTS (SELECT 1 FROM information_schema.SCHEMATA)",
]


def test_what_asks_for_more_than_rows_is_for_mariadb(answers: Answers) -> None:
    """Guard: the functions and words that keep a statement from being answered."""
    wanted = json.dumps(_MORE_THAN_ROWS, ensure_ascii=False).replace("'", "\\'")
    code = f"return array_map( array( $wpdb, 'get_var' ), json_decode( '{wanted}' ) );"
    answers.settled(code)
    answers.put("untold", logged=False)
    after = answers.made(code, "four")[0]
    answers.put("told")
    assert [asked for asked, told in zip(_MORE_THAN_ROWS, after, strict=True) if told != "untold"] == []


def test_where_somebody_hooks_in_mariadb_is_asked(answers: Answers) -> None:
    hook = "add_filter( 'query', function ( $query ) { return str_replace( 'id = 77', 'id = 78', $query ); } );"
    answers.settled(_ASKED)
    assert answers.made(hook + _ASKED, "four")[0] is None


def test_rows_are_each_callers_own(answers: Answers) -> None:
    rows = f'$rows = $wpdb->get_results( "{_WORD}" ); $rows[0]->word .= "!"; return $wpdb->get_var( "{_WORD}" );'
    assert answers.settled(rows) == "before"
    assert answers.made(_ASKED, "four")[0] == "before"


def test_the_number_of_all_rows_belongs_to_its_statement(answers: Answers) -> None:
    counted = "SELECT SQL_CALC_FOUND_ROWS ID FROM wp_posts WHERE post_status = 'publish' ORDER BY ID LIMIT 2"
    plain = "SELECT ID FROM wp_posts WHERE post_status = 'publish' ORDER BY ID LIMIT 3"
    code = (
        f'$told = array(); foreach ( array( "{counted}", "{plain}", "{counted}" ) as $asked )'
        ' { $told[] = array( $wpdb->get_col( $asked ), $wpdb->num_rows, $wpdb->get_var( "SELECT FOUND_ROWS()" ) ); }'
        ' $wpdb->get_col( "SELECT ID FROM wp_posts WHERE ID = 1" );'
        ' $told[] = $wpdb->get_var( "SELECT FOUND_ROWS()" ); return $told;'
    )
    truth = answers.made(code, "one", fresh=True)[0]
    assert truth[0][1] == 2 and int(truth[0][2]) > 3 == int(truth[1][2])
    assert answers.settled(code) == truth


def test_whoever_asks_for_that_number_in_another_form_is_told_the_truth(answers: Answers) -> None:
    code = (
        "$wpdb->get_col( \"SELECT ID FROM wp_posts WHERE post_status = 'publish' ORDER BY ID LIMIT 3\" );"
        ' return $wpdb->get_row( "SELECT FOUND_ROWS() AS total;" )->total;'
    )
    assert answers.settled(code) == "3"


def test_a_statement_within_a_statement_gets_its_own_rows(answers: Answers) -> None:
    """Guard: whoever hooks in everywhere sends one while another is about to be sent."""
    within = (
        "add_action( 'all', function ( $hook, $query = '' ) { global $wpdb; static $is_within = false;"
        " if ( $hook === 'query' && ! $is_within && strpos( $query, 'id = 78' ) ) {"
        f' $is_within = true; $wpdb->get_var( "{_WORD}" ); }} }}, 10, 2 );'
        ' $wpdb->get_var( "SELECT word FROM wp_pressroom_test WHERE id = 78" );'
    )
    for page in ("one", "two", "three"):
        answers.made(within + "return 1;", page)
    assert answers.settled(_ASKED) == "before"


def test_whoever_asks_again_and_again_asks_mariadb(answers: Answers) -> None:
    """It waits for a change."""
    answers.settled(_ASKED)
    answers.put("untold", logged=False)
    code = f'return array_map( array( $wpdb, "get_var" ), array_fill( 0, 3, "{_WORD}" ) );'
    told, record = answers.made(code, "four")
    answers.put("told")
    assert told == ["before", "before", "untold"]
    digests = [read.digest for read in record.reads if "wp_pressroom_test" in read.template]
    assert digests == [""], "what was not the same each time is not compared with what it gives later"


def test_after_a_purge_mariadb_is_asked(answers: Answers) -> None:
    """Guard: who purges may know of a change that no binlog tells."""
    answers.settled(_ASKED)
    answers.put("untold", logged=False)
    cache.purge(answers.paper.node, answers.paper.site.domain)
    assert answers.made(_ASKED, "four")[0] == "untold"
    answers.put("told")


def test_names_of_columns_are_there(answers: Answers) -> None:
    code = f'$wpdb->get_results( "{_WORD}" ); return array( $wpdb->get_col_info( "name" ), $wpdb->last_result );'
    truth = answers.made(code, "one", fresh=True)[0]
    assert truth[0] == ["word"]
    assert answers.settled(code) == truth


def test_a_render_sees_what_it_writes(answers: Answers) -> None:
    answers.settled(_ASKED)
    code = f"$wpdb->query( \"UPDATE wp_pressroom_test SET word = 'own' WHERE id = 77\" ); {_ASKED}"
    assert answers.made(code, "four")[0] == "own"
    until(lambda: answers.made(_ASKED, "five")[0] == "own")


def test_whoever_changes_the_session_gets_no_kept_answers(answers: Answers) -> None:
    """Guard: statements that set something, sent beside WordPress."""
    answers.settled(_ASKED)
    code = f"mysqli_query( $wpdb->dbh, \"SET time_zone = '+03:00'\" ); {_ASKED}"
    assert "session" in str(answers.made(code, "four")[1].no_store)
    again = answers.made(code, "five")[1]
    assert again.no_store is None and not again.kept


def test_with_a_view_among_the_tables_there_is_none(answers: Answers) -> None:
    """What is read by its name changes with other tables."""
    paper = answers.paper
    by_view = 'return $wpdb->get_var( "SELECT word FROM answers_view" );'
    paper.sql(f"CREATE OR REPLACE VIEW answers_view AS {_WORD}")
    try:
        until(lambda: _epoch_is_here(paper))
        assert answers.settled(by_view) == "before"
        answers.put("after")
        until(lambda: answers.made(by_view, "four")[0] == "after")
        assert not answers.made(_ASKED, "four")[1].kept
    finally:
        paper.sql("DROP VIEW answers_view")
        until(lambda: _epoch_is_here(paper))


def test_what_foreign_keys_change_is_for_mariadb(answers: Answers) -> None:
    """The binlog tells of the parent alone."""
    paper = answers.paper
    asked = 'return $wpdb->get_col( "SELECT id FROM answers_child" );'
    paper.sql(
        "CREATE TABLE answers_parent (id INT PRIMARY KEY); CREATE TABLE answers_child (id INT PRIMARY KEY, FOREIGN KEY"
        " (id) REFERENCES answers_parent (id) ON DELETE CASCADE); INSERT INTO answers_parent VALUES (1);"
        " INSERT INTO answers_child VALUES (1)"
    )
    try:
        until(lambda: _epoch_is_here(paper))
        assert answers.settled(asked) == ["1"]
        paper.sql("RENAME TABLE answers_child TO answers_kid")
        asked = asked.replace("child", "kid")
        until(lambda: _epoch_is_here(paper))
        assert answers.settled(asked) == ["1"]
        paper.as_editor('global $wpdb; $wpdb->query( "DELETE FROM answers_parent" );')
        assert answers.made(asked, "four")[0] == []
        answers.settled(_ASKED)
        assert answers.made(_ASKED, "four")[1].kept
    finally:
        paper.sql("DROP TABLE IF EXISTS answers_child, answers_kid, answers_parent")
        until(lambda: _epoch_is_here(paper))


def test_a_table_that_is_emptied_by_itself_is_for_mariadb(answers: Answers) -> None:
    """One in memory is empty after MariaDB's restart."""
    answers.paper.sql("CREATE TABLE answers_memory (id INT) ENGINE=MEMORY")
    try:
        until(lambda: not answers.made(_ASKED, "four")[1].kept)
        answers.settled(_ASKED)
        assert not answers.made(_ASKED, "four")[1].kept
    finally:
        answers.paper.sql("DROP TABLE answers_memory")
        until(lambda: _epoch_is_here(answers.paper))


def _epoch_is_here(paper: Newspaper) -> bool:
    """The versions are away for a moment where tables themselves were changed."""
    return paper.place.object_versions.exists()


@contextmanager
def _without(paper: Newspaper) -> Iterator[None]:
    for value in ("off", "on"):
        settings.change(paper.node, [f"cache.answers={value}"])
        nodes.up(paper.node)
        paper.await_hit()
        if value == "off":
            yield


@pytest.mark.long
def test_there_is_a_switch(answers: Answers) -> None:
    with _without(answers.paper):
        answers.settled(_ASKED)
        answers.put("untold", logged=False)
        assert answers.made(_ASKED, "four")[0] == "untold"
        answers.put("told")


def test_old_ones_go(answers: Answers) -> None:
    """Whoever keeps the first one of a minute removes those of before the last."""
    answers.settled(_ASKED)
    folder = next(folder for folder in answers.folders() if folder.exists())
    owner = folder.stat()
    for old in ("1000", "2000"):
        (folder / old).mkdir()
        (folder / old / "an-answer").touch()
    now = [one for one in folder.iterdir() if one.name.isdigit() and int(one.name) > 2000]
    for one in now:
        shutil.rmtree(one)  # as if a new minute had begun
    for old in ("1000", "2000"):
        os.chown(folder / old, owner.st_uid, owner.st_gid)
    answers.settled(_ASKED)
    assert not (folder / "1000").exists() and not (folder / "2000").exists()
