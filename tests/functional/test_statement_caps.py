"""What one statement may take of MariaDB, which all sites share."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pymysql

from pressroom.operations import cache
from tests.functional.attacker import Attacker
from tests.functional.newspaper import Newspaper

_WPDB = "define( 'WP_USE_THEMES', false ); require '%s/wp-load.php'; global $wpdb; $wpdb->hide_errors(); "
_SLEEP = "return array( $wpdb->get_var( 'SELECT SLEEP(1.5)' ), $wpdb->last_error );"
_SLOW = (
    "<?php add_action( 'wp_footer', function () { if ( is_page( 'slow' ) ) {"
    " $GLOBALS['wpdb']->hide_errors(); echo $GLOBALS['wpdb']->get_var( 'SELECT SLEEP(1.5)' ); } } );"
)


@contextmanager
def _capped(paper: Newspaper, seconds: float) -> Iterator[None]:
    def alter(most: float) -> None:
        account = f"'{paper.place.unix_user}'@localhost"
        paper.sql(f"ALTER USER {account} WITH MAX_STATEMENT_TIME {most}")

    usual = paper.node.state.settings().tenants.statement_seconds
    alter(seconds)
    try:
        yield
    finally:
        alter(usual)


def test_a_sites_account_has_the_cap(paper: Newspaper) -> None:
    caps = paper.node.database.caps(paper.place.unix_user)
    tenants = paper.node.state.settings().tenants
    assert caps is not None and (caps.statement_seconds, caps.connections) == (30, tenants.connections)


def test_a_statement_for_a_visitor_ends_and_one_of_the_command_line_does_not(paper: Newspaper) -> None:
    code = _WPDB % paper.place.public + _SLEEP
    attacker = Attacker(paper)
    with _capped(paper, 1):
        result, error = attacker.asks(code)
        assert result is None and "max_statement_time" in error
        assert attacker.runs(code) == ["0", ""]
    assert attacker.asks(code) == ["0", ""], "without the cap it goes on"


def test_an_event_has_as_long_as_its_request(paper: Newspaper) -> None:
    with _capped(paper, 1):
        paper.as_event("update_option( 'slept', $GLOBALS['wpdb']->get_var( 'SELECT 7 + SLEEP(1.5)' ) );")
    assert paper.value("SELECT option_value FROM wp_options WHERE option_name='slept'") == "7"


def test_a_site_that_means_ill_takes_the_cap_away(paper: Newspaper) -> None:
    """MariaDB has none that a session cannot raise: this is how it is (docs/security.md)."""
    code = _WPDB % paper.place.public + "$wpdb->query( 'SET SESSION max_statement_time = 0' );" + _SLEEP
    with _capped(paper, 1):
        assert Attacker(paper).asks(code) == ["0", ""]


def test_a_page_is_not_stored_without_what_was_cut_off(paper: Newspaper) -> None:
    plugin = paper.place.content / "mu-plugins" / "slow.php"
    plugin.parent.mkdir(exist_ok=True)
    plugin.write_text(_SLOW)
    page = paper.rest("POST", "pages", title="Slow", slug="slow", status="publish")
    try:
        with _capped(paper, 1), paper.client() as visitor:
            until = time.monotonic() + 20
            why = ""
            while not why and time.monotonic() < until:
                assert visitor.get("/slow/").headers["x-pressroom-cache"] != "hit"
                found = cache.explain(paper.node, f"http://{paper.host}/slow/")
                why = str(found.get("why_not") or "")
            assert "MariaDB stopped a statement" in why
    finally:
        paper.rest("DELETE", f"pages/{page['id']}", force=True)
        plugin.unlink()


_LARGE = "SELECT COUNT(*) FROM (SELECT DISTINCT CONCAT(seq, REPEAT('y', 1000)) FROM seq_1_to_1000) AS t"
_GREEDY = ["SET SESSION max_session_mem_used = 4000000000", *(f"SET @x{n} = REPEAT('x', 16000000)" for n in range(10))]


def test_a_session_ends_at_its_memory(paper: Newspaper, mariadb: Path) -> None:
    with pymysql.connect(unix_socket=str(mariadb), user="root", database="mysql") as free, free.cursor() as cursor:
        for statement in _GREEDY:
            cursor.execute(statement)
        cursor.execute(_LARGE)
        assert cursor.fetchall() == ((1000,),), "without the cap it goes on"
    code = f"foreach ( json_decode( {json.dumps(json.dumps(_GREEDY))}, true ) as $one ) $wpdb->query( $one );"
    code += f' return array( $wpdb->get_var( "{_LARGE}" ), $wpdb->last_error );'
    result, error = Attacker(paper).asks(_WPDB % paper.place.public + code)
    assert result is None and "max-session-mem-used" in error


def test_a_temporary_table_ends_at_its_space(paper: Newspaper) -> None:
    code = _WPDB % paper.place.public + (
        "$wpdb->query( 'SET SESSION tmp_disk_table_size = 90000000000' );"
        " return $wpdb->get_var( 'SELECT @@tmp_disk_table_size' );"
    )
    assert Attacker(paper).asks(code) == str(2**30)
