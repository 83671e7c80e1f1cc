"""What ATTACKS calls "the page cache" and "names": each request is sent twice before its page is stored, twice after.

Then somebody asks for the page who sends nothing: what he gets, and what is stored, are as they were. A plugin shows
every marker that a request brings, as a careless theme does. That these tests would tell is seen with nginx's own cache
in the place of the page store (`test_another_cache_is_poisoned`).
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from pressroom.operations import cache
from pressroom.system import process
from tests.functional import poison
from tests.functional.fresh import internal_client
from tests.functional.hostile_requests import ARGUMENTS, ATTEMPTS, CLAIMED, HEADERS, PAGE, Attempt
from tests.functional.newspaper import Newspaper
from tests.functional.raw import Answer, RawConnection, request
from tests.wall_table import Seen

_STORE = "renders alone fill the store"  # in whose place nginx's own cache is put


def _shown(attempt: Attempt) -> str:
    """In a table."""
    return f"to poison a page: `{attempt.name[:60]}`".replace("|", "¦").replace("\n", " ")


@pytest.fixture(scope="module")
def mirrored(paper: Newspaper) -> Iterator[Newspaper]:
    paper.node.engine.stop("cron")
    poison.activate(paper)
    yield paper
    poison.deactivate(paper)
    paper.node.engine.start("cron")


@pytest.fixture(scope="module")
def before(mirrored: Newspaper) -> Answer:
    """The page, as it is when nobody has tried anything."""
    mirrored.await_hit(PAGE)
    answer = poison.CleanVisitor(mirrored).get(PAGE)
    assert answer.cache == "hit" and answer.body.endswith(b"</html>\n")
    return answer


def _sent(paper: Newspaper, attempt: Attempt, times: int = 2) -> list[Answer]:
    mark = poison.marker()
    with RawConnection(poison.port(paper)) as connection:
        return [connection.ask(attempt.bytes(mark, paper.host)) for _ in range(times)]


def _headers(answer: Answer) -> dict[str, str]:
    """Without what each version of a page has of its own, which another render gives it."""
    return {name: value for name, value in answer.headers.items() if name not in ("date", "etag", "last-modified")}


@pytest.mark.parametrize("attempt", ATTEMPTS, ids=[attempt.name for attempt in ATTEMPTS])
def test_it_leaves_no_trace(attempt: Attempt, mirrored: Newspaper, before: Answer, seen: Seen) -> None:
    store = poison.stored(mirrored)
    cache.purge(mirrored.node, mirrored.site.domain, f"http://{mirrored.host}{PAGE}")
    answers = _sent(mirrored, attempt)
    mirrored.await_hit(PAGE)
    answers += _sent(mirrored, attempt)
    assert {answer.status for answer in answers} <= set(attempt.statuses), answers
    visitor = poison.CleanVisitor(mirrored)
    clean = visitor.get(PAGE)
    assert (clean.status, clean.body, _headers(clean)) == (200, before.body, _headers(before))
    assert visitor.markers([PAGE, "/"]) == []
    after = poison.stored(mirrored)
    # What is a page of its own (a second page, an address in capitals) may be stored under its own name.
    own = f"{attempt.target.rstrip('/')}/.page"
    assert {name: digest for name, digest in after.items() if name in store or not name.endswith(own)} == store
    assert poison.marked_files(mirrored) == []
    seen.kept_out(_shown(attempt), _STORE)


@pytest.mark.parametrize("attempt", CLAIMED, ids=[attempt.name for attempt in CLAIMED])
def test_a_claim_is_not_even_told_to_php(attempt: Attempt, mirrored: Newspaper) -> None:
    mark = poison.marker()
    with RawConnection(poison.port(mirrored)) as connection:
        told = connection.ask(attempt.bytes(mark, mirrored.host).replace(PAGE.encode(), f"{PAGE}?x=1".encode()))
    assert told.status == 200 and told.cache == "bypass; reason=arguments"
    assert mark.encode() not in told.body and "x-reflected" not in told.headers


def test_another_cache_is_poisoned(mirrored: Newspaper, seen: Seen) -> None:
    """The same requests at pages of their own, with nginx's cache in the store's place: a clean visitor sees some."""
    chosen = [attempt for attempt in HEADERS + ARGUMENTS if attempt.target.startswith(PAGE)]
    poisoned = []
    with poison.naive_cache(mirrored):
        visitor = poison.CleanVisitor(mirrored)
        for number, attempt in enumerate(chosen):
            page = f"/nothing-{number}/"
            text = attempt.bytes(poison.marker(), mirrored.host).replace(PAGE.encode(), page.encode(), 1)
            with RawConnection(poison.port(mirrored)) as connection:
                for _ in range(2):
                    connection.ask(text)
            if visitor.markers([page]) or not visitor.get(page).body.endswith(b"</html>\n"):
                poisoned.append(attempt.name)
    assert len(poisoned) > 30, poisoned
    assert {"a head alone", "a language", "a forged login", "x=<M>"} <= set(poisoned)
    for attempt in chosen:
        if attempt.name in poisoned:
            seen.came_through(_shown(attempt), _STORE)


# -- what is for one person alone -----------------------------------------------------------------------------------


def test_the_renderers_ticket_from_outside_brings_no_record(mirrored: Newspaper) -> None:
    """With a ticket that is good at this moment. By the internal way, which visitors cannot reach, it brings one."""
    asked = {"op": "begin", "site": mirrored.site.name, "key": PAGE}
    ticket = str(cache.ask_invalidator(mirrored.node, asked)["ticket"])
    headers = (f"X-Pressroom-Ticket: {ticket}", "X-Pressroom-Urgent: 1", f"Pressroom-Ticket: {ticket}")
    try:
        with RawConnection(poison.port(mirrored)) as connection:
            for target in (f"{PAGE}?x=1", PAGE, "/wp-login.php", "/wp-json/", "/.pressroom/picture"):
                answer = connection.ask(request(target, *headers, host=mirrored.host))
                assert ticket.encode() not in answer.body and b'"fence"' not in answer.body
        with internal_client(mirrored.node, mirrored.site) as inside:
            assert b'"fence"' in inside.get(PAGE, headers={"X-Pressroom-Ticket": ticket}).content
    finally:
        cache.ask_invalidator(mirrored.node, {"op": "abandon", "ticket": ticket, "gone": False})


def test_an_unlocked_page_and_a_preview_are_for_who_asks(mirrored: Newspaper) -> None:
    made = {"post_status": "publish", "post_type": "post"}
    locked, draft = "a secret for readers", "a draft of tomorrow"
    for title, text, more in (
        ("Locked", locked, {"post_password": "sesame"}),
        ("Draft", draft, {"post_status": "draft"}),
    ):
        fields = {**made, "post_title": title, "post_content": text, **more}
        words = ", ".join(f"'{name}' => '{value}'" for name, value in fields.items())
        mirrored.php(f"wp_insert_post([{words}]);")
    number = mirrored.value("SELECT ID FROM wp_posts WHERE post_title='Draft'")
    mirrored.warm()
    with mirrored.client() as reader, mirrored.client() as stranger:
        form = {"post_password": "sesame"}
        assert reader.post("/wp-login.php?action=postpass", data=form, headers={"Referer": "/"}).status_code == 302
        for _ in range(2):
            assert locked in reader.get("/locked/").text
            assert draft in mirrored.editor.get(f"/?p={number}&preview=true").text
        mirrored.warm()
        for target in ("/locked/", f"/?p={number}&preview=true", f"/?p={number}", "/draft/", "/"):
            said = stranger.get(target).text
            assert locked not in said and draft not in said
    for word in (locked, draft):
        store = mirrored.node.layout.store
        assert not process.run(["grep", "-rlF", word, store], check=False).stdout
    # A list with a locked article in it is not stored: later tests ask for hits.
    mirrored.php(
        "foreach (get_posts(['post_status' => 'any', 'numberposts' => 2]) as $p) wp_delete_post($p->ID, true);"
    )
    mirrored.await_hit("/")


_AS_A_FILE = ("x.css", "%2fx.js", "%0ax.css", "x.css?ver=1-01234567")


@pytest.mark.parametrize("form", _AS_A_FILE)
def test_a_persons_page_by_a_files_name_is_nobody_elses(form: str, mirrored: Newspaper, seen: Seen) -> None:
    """Web cache deception: other caches take it for a file by its end, and for everybody's."""
    own = "wp-admin-bar-logout"  # what WordPress shows to who is logged in
    for _ in range(2):
        assert own in mirrored.editor.get(PAGE + form, follow_redirects=True).text
    mirrored.warm()
    with mirrored.client() as stranger:
        assert own not in stranger.get(PAGE + form, follow_redirects=True).text
    assert not process.run(["grep", "-rlF", own, mirrored.node.layout.store], check=False).stdout
    seen.kept_out(f"a logged-in person's `{form}`, for another", _STORE)


def test_another_cache_gives_it_to_strangers(mirrored: Newspaper, seen: Seen) -> None:
    with poison.naive_cache(mirrored), mirrored.client() as stranger:
        given = []
        for number, form in enumerate(_AS_A_FILE):
            page = f"/nothing-{number}/{form}"
            for _ in range(2):
                mirrored.editor.get(page)
            if "wp-admin-bar-logout" in stranger.get(page).text:
                given.append(form)
                seen.came_through(f"a logged-in person's `{form}`, for another", _STORE)
    assert {"x.css", "%2fx.js"} <= set(given), given


def test_headers_stand_once_whoever_says_them(mirrored: Newspaper) -> None:
    """WordPress says some of them itself, for its API and its login."""
    targets = (
        "/", "/feed/", "/article-2", f"{PAGE}?x=1", "/wp-login.php", "/wp-json/", "/wp-admin/admin-ajax.php",
        "/nothing/",
        "/wp-includes/css/buttons.css", "/.env", "/wp-sitemap.xml",
    )  # fmt: skip
    with RawConnection(poison.port(mirrored)) as connection:
        for target in targets:
            said = connection.ask(request(target, host=mirrored.host)).headers
            assert said["x-content-type-options"] == "nosniff", target
            assert said["referrer-policy"] == "strict-origin-when-cross-origin", target
            assert ("x-frame-options" in said) is (target == "/wp-login.php"), target
    assert mirrored.editor.get("/wp-admin/").headers["x-frame-options"] == "SAMEORIGIN"


# -- carts, and what plugins take for a purge -----------------------------------------------------------------------

_CARTS = (
    "woocommerce_items_in_cart=1; woocommerce_cart_hash={}",
    "woocommerce_cart_hash={}",
    "wp_woocommerce_session_0={}",
)
_WOO = "woocommerce_items_in_cart=|woocommerce_cart_hash=|wp_woocommerce_session_"


def _with_cart(paper: Newspaper, target: str, cookie: str) -> Answer:
    with RawConnection(poison.port(paper)) as connection:
        return connection.ask(request(target, f"Cookie: {cookie}", host=paper.host))


@pytest.mark.parametrize("cookie", _CARTS)
def test_two_with_carts_see_each_his_own(cookie: str, mirrored: Newspaper, before: Answer, seen: Seen) -> None:
    """Before the page is stored, and after; the plugin shows what is in the cookie."""
    cache.purge(mirrored.node, mirrored.site.domain, f"http://{mirrored.host}{PAGE}")
    one, other = poison.marker(), poison.marker()
    for _ in range(2):
        for mine, foreign in ((one, other), (other, one)):
            answer = _with_cart(mirrored, PAGE, cookie.format(mine))
            assert (answer.status, answer.cache) == (200, "bypass; reason=cookie")
            assert mine.encode() in answer.text and foreign.encode() not in answer.text
        mirrored.await_hit(PAGE)
    clean = poison.CleanVisitor(mirrored)
    assert clean.get(PAGE).body == before.body and clean.markers([PAGE, "/"]) == []
    assert poison.marked_files(mirrored) == []
    seen.kept_out(f"another's cart (`{cookie.partition('=')[0]}`)", _STORE)


def test_in_another_cache_they_see_each_others(mirrored: Newspaper, seen: Seen) -> None:
    with poison.naive_cache(mirrored):
        for number, cookie in enumerate(_CARTS):
            page, mine = f"/nothing-{number}-cart/", poison.marker()
            for _ in range(2):
                _with_cart(mirrored, page, cookie.format(mine))
            assert mine.encode() in _with_cart(mirrored, page, cookie.format(poison.marker())).text
            seen.came_through(f"another's cart (`{cookie.partition('=')[0]}`)", _STORE)


def test_without_the_cookies_names_a_cart_is_not_shown(mirrored: Newspaper, seen: Seen) -> None:
    config = mirrored.node.layout.nginx_config
    text = config.read_text()
    assert text.count(f"|{_WOO}") == 1
    mirrored.await_hit(PAGE)
    mine = poison.marker()
    attempt = ("everybody's page for who has a cart", "cookies that mean a person")
    assert mine.encode() in _with_cart(mirrored, PAGE, _CARTS[0].format(mine)).text
    seen.kept_out(*attempt)
    with poison.nginx_with(mirrored, {config: text.replace(f"|{_WOO}", "")}):
        answer = _with_cart(mirrored, PAGE, _CARTS[0].format(mine))
        assert answer.cache == "hit" and mine.encode() not in answer.text
    seen.came_through(*attempt)


# What plugins and other caches obey.
_PURGES = (
    f"{PAGE}?purge_cache=1", f"{PAGE}?wpcache=purge", f"{PAGE}?action=purge", f"{PAGE}?nocache=1", f"/purge{PAGE}",
    "/purge/", f"{PAGE}purge/", f"/purge{PAGE}?action=purge", f"{PAGE}?swcfpc=1", f"{PAGE}?LSCWP_CTRL=PURGE",
    "/wp-admin/admin-ajax.php?action=purge", "/wp-admin/admin-post.php?action=purge_cache&type=all",
    "/?cache_purge=all", "/wp-json/cache/v1/purge", f"{PAGE}?wpfastestcacheaction=delete", "/?wp_delete_cache=1",
)  # fmt: skip
_ORDERS = (
    "X-Purge: 1",
    "X-Purge-Method: regex",
    "X-LiteSpeed-Purge: *",
    "Cache-Control: no-cache, no-store",
    "Pragma: no-cache",
)


def _taken_by(paper: Newspaper, target: str) -> bool:
    """Whether the page is another version after this was asked for in each way, or is not there."""
    store = poison.stored(paper)
    with RawConnection(poison.port(paper)) as connection:
        for method in ("GET", "POST", "DELETE", "HEAD"):
            assert (
                connection.ask(request(target, "Content-Length: 0", *_ORDERS, host=paper.host, method=method)).status
                < 500
            )
    after = poison.stored(paper)
    return after != store or poison.CleanVisitor(paper).get(PAGE).cache != "hit"


@pytest.mark.parametrize("target", _PURGES)
def test_addresses_by_which_plugins_purge_do_nothing(
    target: str, mirrored: Newspaper, before: Answer, seen: Seen
) -> None:
    mirrored.await_hit(PAGE)
    assert not _taken_by(mirrored, target)
    seen.kept_out(f"to purge by `{target}`", "pages go by what is written alone")


def test_where_a_plugin_obeys_the_page_goes(mirrored: Newspaper, before: Answer, seen: Seen) -> None:
    """So that the others would be seen."""
    target = _PURGES[0]
    plugin = mirrored.place.content / "mu-plugins" / "obedient.php"
    plugin.parent.mkdir(exist_ok=True)
    plugin.write_text("<?php isset( $_GET['purge_cache'] ) && update_option( 'blogdescription', uniqid() );")
    told = mirrored.value("SELECT option_value FROM wp_options WHERE option_name='blogdescription'")
    try:
        mirrored.await_hit(PAGE)
        assert _taken_by(mirrored, target)
    finally:
        plugin.unlink()
        mirrored.php(f"update_option( 'blogdescription', '{told}' );")
        mirrored.await_hit(PAGE)
    seen.came_through(f"to purge by `{target}`", "pages go by what is written alone")
