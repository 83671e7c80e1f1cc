"""What a site's PHP hands over with a page it forges: body, headers, record. At worst that page of its own is wrong.

By real renders: a plugin of the site's own waits for the renderer, takes the ticket from the recorder's memory, and
answers in its place.
"""

from __future__ import annotations

import asyncio
import json
import multiprocessing
import os
import pwd
import secrets
import sys
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from pressroom.operations import cache
from pressroom.pagecache.renderer.frontier import LINKED, Job
from pressroom.pagecache.renderer.renderer import Made, Renderer
from pressroom.pagecache.roster import Roster
from tests.conftest import until
from tests.functional import poison
from tests.functional.newspaper import Newspaper
from tests.truth.truth import fresh_renders, stale_pages, stored_now
from tests.wall_table import Seen

_FORGED = "a forged page"
_WHOSE = "whose page it is, is the ticket's to say"
_NOTHING: dict[str, object] = {"statements": [], "options": [], "holds": [], "rows": {}, "meta": []}
_NEWEST = "SELECT MAX(ID) FROM wp_posts WHERE post_type='post' AND post_status='publish'"
_FUTURE = ["binlog.999999", 2**61]
# By the page that comes with it. The neighbour's names stand in each, wherever something could be read as one.
NAMES, EMPTY, LATER = "/article-3/", "/article-4/", "/article-5/"
_TRIED = {NAMES: "a neighbour's names in a record", EMPTY: "a record of nothing", LATER: "a record of the future"}
_OTHERS = ("/", "/article-1/", "/article-2/")
# Answers as soon as WordPress knows what is asked for, and ends the response: the recorder's own words reach nobody.
_PLUGIN = """<?php
add_action( 'template_redirect', function () {
	$forged = json_decode( %s, true );
	if ( ! Pressroom_Recorder::active() || ! isset( $forged['records'][ $_SERVER['REQUEST_URI'] ] ) ) {
		return;
	}
	$own    = new ReflectionClass( 'Pressroom_Recorder' );
	$ticket = $own->getStaticPropertyValue( 'ticket' );
	$record = json_encode( $forged['records'][ $_SERVER['REQUEST_URI'] ] + $own->getStaticPropertyValue( 'record' ) );
	while ( ob_get_level() > 0 ) {
		ob_end_clean();
	}
	foreach ( $forged['headers'] as $name => $value ) {
		header( "$name: $value" );
	}
	$word = get_option( 'pressroom_test_option' );
	printf( '%%s%%s%%s%%010d%%s', $forged['body'], $word, $record, strlen( $record ), $ticket );
	fastcgi_finish_request();
	exit;
} );
"""


def _plugin(neighbour: Newspaper) -> str:
    site = neighbour.site
    claims = {"site": site.name, "key": "/", "page": "/", "host": neighbour.host, "folder": f"../{site.name}/current"}
    tables = [f"SELECT * FROM {site.name}.wp_posts", "SELECT ID FROM wp_posts WHERE ID = 1"]
    theirs = {
        **_NOTHING,
        "statements": [[text, "0" * 32] for text in tables],
        "options": [[f"{site.name}.wp_options", ["blogname"]]],
    }
    forged = {
        "records": {
            NAMES: {**claims, "reads": theirs},
            EMPTY: {**claims, "reads": _NOTHING},
            LATER: {**claims, "reads": theirs, "fence": _FUTURE},
        },
        "headers": {
            "X-Pressroom-Site": site.name, "X-Pressroom-Key": "/", "X-Pressroom-Cache": "hit",
            "X-Accel-Expires": "9999", "Content-Location": f"http://{neighbour.host}/",
        },
        "body": f'<p>{_FORGED}</p><a href="http://{neighbour.host}/forged/">a link</a>',
    }  # fmt: skip
    return _PLUGIN % ("'" + json.dumps(forged).replace("\\", "\\\\").replace("'", "\\'") + "'")


@pytest.fixture(scope="module")
def forging(paper: Newspaper, neighbour: Newspaper) -> Iterator[Newspaper]:
    """The site that forges three of its pages, while nobody but the tests changes anything."""
    paper.node.engine.stop("cron")
    neighbour.warm()
    plugin = paper.place.content / "mu-plugins" / "forged.php"
    plugin.parent.mkdir(exist_ok=True)
    plugin.write_text(_plugin(neighbour))
    for page in _TRIED:
        until(lambda page=page: _FORGED in _given(paper, page).text)  # type: ignore[misc]
    yield paper
    plugin.unlink()
    paper.await_hit(NAMES)
    paper.node.engine.start("cron")


def _given(paper: Newspaper, target: str) -> httpx.Response:
    with paper.client() as visitor:
        return visitor.get(target)


def _stale(paper: Newspaper) -> set[str]:
    """Those of the pages that are stored and not what a render of this moment gives."""
    for page in (*_TRIED, *_OTHERS):
        paper.await_hit(page)
    stored = {key: page for key, page in stored_now(paper).items() if key in {*_TRIED, *_OTHERS}}
    return {text.split()[0] for text in stale_pages(paper, stored, fresh_renders(paper, stored))}


def test_forged_records_are_their_own_pages_concern(forging: Newspaper, neighbour: Newspaper, seen: Seen) -> None:
    before = poison.stored(neighbour)
    forging.as_editor(f"update_option('pressroom_test_option', 'changed-{secrets.token_hex(4)}');")
    assert _stale(forging) == {EMPTY, LATER}, "of all pages those alone whose own records are false"
    assert poison.stored(neighbour) == before
    neighbour.log_in()
    number, word = neighbour.value(_NEWEST), f"Changed {secrets.token_hex(6)}"
    link = neighbour.rest("POST", f"posts/{number}", title=word)["link"]
    assert word in _given(neighbour, link[link.index("/", 8) :]).text
    for attempt in _TRIED.values():
        seen.kept_out(f"{attempt}, with a page of one's own", _WHOSE)


class _Believing(Renderer):
    """Whose page it is, the record says: the wall taken away."""

    async def _publish(self, job: Job, ticket: str, *made: Any) -> Made:
        content = made[-1].content[: -len(ticket)]
        told = json.loads(content[-10 - int(content[-10:]) : -10])
        return await super()._publish(job, await self._begin(told["site"], told["key"], told["key"]), *made)


def _render_believing(paper: Newspaper) -> None:
    """As the platform's user, who alone may publish."""
    entry = pwd.getpwnam(paper.node.layout.platform_user)
    layout, site = paper.node.layout, Roster(paper.node.layout.roster).sites()[paper.site.name]
    os.setgroups([])
    os.setgid(entry.pw_gid)
    os.setuid(entry.pw_uid)
    renderer = _Believing(layout.internal_http_socket, layout.invalidator_socket, layout.store / "staging")
    made = asyncio.run(renderer.render(site, Job(site.name, EMPTY, LINKED)))
    sys.exit(made.outcome != "stored")


def test_were_a_record_believed_a_neighbours_page_would_be_forged(
    forging: Newspaper, neighbour: Newspaper, seen: Seen
) -> None:
    neighbour.warm()
    believing = multiprocessing.get_context("fork").Process(target=_render_believing, args=(forging,))
    believing.start()
    believing.join(20)
    assert believing.exitcode == 0
    try:
        assert _FORGED in _given(neighbour, "/").text
    finally:
        cache.purge(neighbour.node, neighbour.site.domain)
    neighbour.await_hit("/")
    assert _FORGED not in _given(neighbour, "/").text
    for attempt in _TRIED.values():
        seen.came_through(f"{attempt}, with a page of one's own", _WHOSE)
