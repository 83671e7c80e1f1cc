"""A render that asks MariaDB one thing twice, while it changes."""

from __future__ import annotations

from pressroom.operations.cache import ask_invalidator
from pressroom.pagecache.renderer.response import split
from tests.functional.command_line import write_as
from tests.functional.fresh import internal_client
from tests.functional.newspaper import Newspaper

_KEY = "/asked-twice/"
_PLUGIN = """<?php
add_action( 'template_redirect', function () {
    if ( $_SERVER['REQUEST_URI'] === '/asked-twice/' ) {
        global $wpdb;
        foreach ( array( 'one', 'two', 'three' ) as $word ) {
            $wpdb->get_var( "SELECT word, 'CHANGED' FROM wp_pressroom_test WHERE id = 1" );
            $wpdb->get_var( 'SELECT COUNT(*) FROM wp_pressroom_test WHERE id = 1' );
            mysqli_query( $wpdb->dbh, "UPDATE wp_pressroom_test SET word = '$word' WHERE id = 1" );
        }
        status_header( 200 );
        exit;
    }
} );
"""


def test_what_was_not_the_same_each_time_is_not_compared_with_what_it_gives_later(paper: Newspaper) -> None:
    """Guard: the page may show the first answer; by the second one's digest nothing would have changed since."""
    plugin = paper.place.content / "mu-plugins" / "asked-twice.php"
    paper.php("is_dir(WPMU_PLUGIN_DIR) || mkdir(WPMU_PLUGIN_DIR);")
    write_as(paper.place.unix_user, plugin, _PLUGIN)
    try:
        paper.await_hit()
        begun = {"op": "begin", "site": paper.site.name, "key": "", "page": _KEY}
        ticket = str(ask_invalidator(paper.node, begun)["ticket"])
        with internal_client(paper.node, paper.site) as client:
            record = split(client.get(_KEY, headers={"X-Pressroom-Ticket": ticket}).content, ticket)[1]
        ask_invalidator(paper.node, {"op": "abandon", "ticket": ticket, "gone": False})
    finally:
        plugin.unlink()
    digests = {"CHANGED" in str(read): read.digest for read in record.reads if "wp_pressroom_test" in read.template}
    assert digests[True] == "" and digests[False] != ""
