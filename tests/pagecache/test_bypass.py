"""When a page that is stored must not be given, and the reason that is told."""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from pressroom.model.layout import SiteLayout
from pressroom.pagecache.store import REDIRECT, TYPED
from pressroom.system import mounts
from tests.pagecache.webserver import Answer, WebServer


@pytest.fixture(scope="module")
def full(web: WebServer) -> WebServer:
    web.put("/bypass/", b"stored")
    web.put("/bypass/feed/", b"stored", kind=TYPED, head={"status": 200, "headers": {"Content-Type": "text/xml"}})
    web.put("/bypass", b"", kind=REDIRECT, head={"status": 301, "location": "http://news.example.org/bypass/"})
    web.put("/bypass/", b"the neighbour's", site="s2")
    return web


PLACES = ["/bypass/", "/bypass/feed/", "/bypass"]


def _is_origins(answer: Answer, reason: str) -> bool:
    """It came to PHP's door, where nobody is."""
    return answer.status == 503 and answer.cache == f"bypass; reason={reason}" and b"stored" not in answer.body


@pytest.mark.parametrize("target", PLACES)
@pytest.mark.parametrize(
    "cookie",
    [
        "wordpress_logged_in_0123456789abcdef=editor%7C1",
        "wordpress_sec_0123=x",
        "comment_author_0123=Ann",
        "wp-postpass_0123=x",
        "woocommerce_items_in_cart=1",
        "woocommerce_cart_hash=x",
        "wp_woocommerce_session_0123=x",
        "a=b; wordpress_logged_in_0=forged",
        "a=b;wordpress_logged_in_0=forged",
        "wordpress_logged_in_0=" + "x" * 7000,
    ],
)
def test_a_cookie_that_means_a_person(full: WebServer, target: str, cookie: str) -> None:
    assert _is_origins(full.get(target, f"Cookie: {cookie}"), "cookie")


@pytest.mark.parametrize("target", PLACES)
def test_a_cookie_that_means_a_person_in_a_second_header(full: WebServer, target: str) -> None:
    assert _is_origins(full.get(target, "Cookie: a=b", "Cookie: wordpress_logged_in_0=x"), "cookie")


@pytest.mark.parametrize("target", PLACES)
@pytest.mark.parametrize(
    "cookie", ["a=b", "PHPSESSID=1", "wordpress_test_cookie=1", "wp-settings-1=x", "x=comment_author"]
)
def test_any_other_cookie_leaves_a_hit(full: WebServer, target: str, cookie: str) -> None:
    assert full.get(target, f"Cookie: {cookie}").is_hit


@pytest.mark.parametrize("target", PLACES)
def test_authorization(full: WebServer, target: str) -> None:
    assert _is_origins(full.get(target, "Authorization: Basic eDp5"), "authorization")


@pytest.mark.parametrize("target", PLACES)
@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "OPTIONS"])
def test_methods_that_are_no_question(full: WebServer, target: str, method: str) -> None:
    assert _is_origins(full.get(target, "Content-Length: 0", method=method), "method")
    assert full.get(target).is_hit


def test_methods_that_nginx_refuses(full: WebServer) -> None:
    for method in ("TRACE", "CONNECT", "PURGE", "BAN", "PROPFIND", "get", "GETX", "X"):
        assert full.get("/bypass/", method=method).status in (400, 405)
        assert full.get("/bypass/").is_hit


@pytest.mark.parametrize("target", PLACES)
@pytest.mark.parametrize(
    "arguments",
    [
        "x=1", "p=1", "s=stored", "preview=true", "_jsonp=x", "_envelope", "utm_source[]=x", "utm_source=x&x=1",
        "query-1-page=2&query-2-page=2", "%75tm_source=x",
    ],
)  # fmt: skip
def test_arguments_that_might_change_the_page(full: WebServer, target: str, arguments: str) -> None:
    assert _is_origins(full.get(f"{target}?{arguments}"), "arguments")


def test_hostile_values_of_tracking_arguments_are_not_reflected(full: WebServer) -> None:
    answer = full.get('/bypass/?utm_source="><script>&utm_source=%0d%0aX:1')
    assert (answer.is_hit, answer.body) == (True, b"stored")
    assert b"script" not in answer.body and "x" not in answer.headers


def test_a_path_in_another_form(full: WebServer) -> None:
    for target in ("//bypass/", "/./bypass/", "/x/../bypass/", "/x/%2e%2e/bypass/", "/%62ypass/", "/bypass/%2e"):
        assert _is_origins(full.get(target), "path"), target


def test_the_first_reason_is_told(full: WebServer) -> None:
    answer = full.get("/bypass/?x=1", "Cookie: wp-postpass_1=x", "Authorization: x", method="POST")
    assert answer.cache == "bypass; reason=method"


def test_a_page_that_is_not_stored_is_a_miss(full: WebServer) -> None:
    answer = full.get("/bypass/nothing/")
    assert (answer.status, answer.cache) == (503, "miss")


# -- the gate --------------------------------------------------------------------------------------------------


@pytest.fixture
def closed(full: WebServer) -> Iterator[WebServer]:
    full.gates.close("s1")
    yield full
    full.gates.open("s1")


@pytest.mark.parametrize("target", PLACES)
@pytest.mark.parametrize("header", ["Accept-Encoding: br", "Accept-Encoding: br;Q=0", "Range: bytes=0-1"])
def test_nothing_comes_out_of_a_closed_gate(closed: WebServer, target: str, header: str) -> None:
    assert _is_origins(closed.get(target, header), "gate")


def test_a_neighbours_gate_is_its_own(closed: WebServer) -> None:
    assert closed.get("/bypass/", host="other.example.org").body == b"the neighbour's"


def test_a_gate_opens_and_closes_from_one_request_to_the_next(full: WebServer) -> None:
    for _ in range(5):
        full.gates.close("s1")
        assert not full.get("/bypass/").is_hit
        full.gates.open("s1")
        assert full.get("/bypass/").is_hit


@pytest.fixture
def place(closed: WebServer) -> SiteLayout:
    return closed.layout.site("s1")


@pytest.mark.parametrize("lay", [Path.touch, os.mkfifo], ids=["a file", "a pipe"])
def test_what_a_site_lays_in_the_gates_place_is_no_open_gate(
    lay: Callable[[Path], None], closed: WebServer, place: SiteLayout
) -> None:
    lay(place.gate)
    assert _is_origins(closed.get("/bypass/"), "gate")


@pytest.fixture
def pages(place: SiteLayout) -> Iterator[Path]:
    """In the gate's place a link into a tree of the site's own, and the folder in that where a page of /x/ would be."""
    pages = place.public / "store" / "s1" / "current" / "x"
    pages.mkdir(parents=True)
    (place.public / "a" / "b" / "c").mkdir(parents=True)
    place.gate.symlink_to(place.public / "a" / "b" / "c")
    yield pages
    place.gate.unlink()
    for name in ("a", "store"):
        shutil.rmtree(place.public / name)


@pytest.mark.parametrize("accepts", ["br", "gzip", "identity", "br;Q=0"])
def test_a_link_that_a_site_lays_in_the_gates_place_leads_nowhere(
    accepts: str, closed: WebServer, place: SiteLayout, pages: Path
) -> None:
    secret = place.node.root / "neighbour.pem"
    secret.write_text("a neighbour's key")
    for name in (".page", ".page.br", ".page.gz", ".head"):
        (pages / name).symlink_to(secret)
    answer = closed.get("/x/", f"Accept-Encoding: {accepts}")
    assert _is_origins(answer, "gate") and b"key" not in answer.body
    with _links_followed(place.node.gates):
        assert b"a neighbour's key" in closed.get("/x/", f"Accept-Encoding: {accepts}").body


@pytest.mark.parametrize("followed", [False, True], ids=["links held back", "links followed"])
def test_a_pipe_of_a_sites_own_holds_no_worker_up(
    followed: bool, closed: WebServer, place: SiteLayout, pages: Path
) -> None:
    """nginx's script would wait for ever in opening one, and all sites with it: it reads the store by its own way."""
    os.mkfifo(pages / ".head")
    with _links_followed(place.node.gates) if followed else contextlib.nullcontext():
        assert closed.get("/x/", "Accept-Encoding: br;Q=0").status == 503
        assert closed.get("/bypass/", host="other.example.org").body == b"the neighbour's"


@contextlib.contextmanager
def _links_followed(gates: Path) -> Iterator[None]:
    """The wall taken away."""
    mounts.unmount(gates)
    try:
        yield
    finally:
        mounts.bind_without_links(gates, gates)
