"""HEAD, conditional and partial requests of stored pages: right, and never harmful to what is stored."""

from __future__ import annotations

import gzip

import pytest

from pressroom.pagecache.store import REDIRECT, TYPED
from tests.pagecache.webserver import WebServer

BODY = b"<title>The News</title>" + b"<p>Word after word.</p>" * 100
FEED = {"Content-Type": "application/rss+xml; charset=UTF-8", "X-Robots-Tag": "noindex, follow"}


@pytest.fixture(scope="module")
def full(web: WebServer) -> WebServer:
    web.put("/conditions/", BODY)
    web.put("/conditions/?query-3-page=2", BODY + b"two")
    web.put("/conditions/feed/", BODY, kind=TYPED, head={"status": 200, "headers": FEED})
    web.put("/caf%c3%a9/feed/", BODY, kind=TYPED, head={"status": 200, "headers": FEED})
    location = {"status": 301, "location": "http://news.example.org/conditions/"}
    web.put("/conditions", b"", kind=REDIRECT, head=location)
    return web


PLACES = ["/conditions/", "/conditions/feed/"]


def test_a_page_says_what_it_is(full: WebServer) -> None:
    answer = full.get("/conditions/")
    assert (answer.status, answer.cache, answer.body) == (200, "hit", BODY)
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert answer.headers["cache-control"] == "no-cache"
    assert "set-cookie" not in answer.headers


def test_a_page_of_a_list_is_another_page(full: WebServer) -> None:
    assert full.get("/conditions/?query-3-page=2").body == BODY + b"two"
    assert full.get("/conditions/?utm_source=x&query-3-page=2&gclid=y").body == BODY + b"two"


@pytest.mark.parametrize("target", ["/conditions/feed/", "/caf%c3%a9/feed/", "/caf%C3%A9/feed/"])
def test_what_is_no_ordinary_page_has_its_own_headers(full: WebServer, target: str) -> None:
    answer = full.get(target)
    assert (answer.status, answer.cache, answer.body) == (200, "hit", BODY)
    assert answer.headers["content-type"] == FEED["Content-Type"]
    assert answer.headers["x-robots-tag"] == FEED["X-Robots-Tag"]
    assert answer.headers["cache-control"] == "no-cache"


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_a_stored_redirect_leads_where_it_should(full: WebServer, method: str) -> None:
    answer = full.get("/conditions", method=method)
    assert (answer.status, answer.cache) == (301, "hit")
    assert answer.headers["location"] == "http://news.example.org/conditions/"
    assert answer.headers["cache-control"] == "no-cache"
    assert method == "GET" or answer.body == b""


@pytest.mark.parametrize("target", PLACES)
def test_head_has_the_headers_of_get_and_no_body(full: WebServer, target: str) -> None:
    head, get = full.get(target, method="HEAD"), full.get(target)
    same = ("content-type", "content-length", "etag", "last-modified", "cache-control", "x-pressroom-cache", "vary")
    assert (head.status, head.body) == (200, b"")
    assert {name: head.headers[name] for name in same} == {name: get.headers[name] for name in same}


@pytest.mark.parametrize("target", PLACES)
@pytest.mark.parametrize("accepts", ["identity", "gzip", "br"])
def test_who_has_this_version_gets_304(full: WebServer, target: str, accepts: str) -> None:
    first = full.get(target, f"Accept-Encoding: {accepts}")
    again = full.get(target, f"Accept-Encoding: {accepts}", f"If-None-Match: {first.headers['etag']}")
    assert (again.status, again.body, again.cache) == (304, b"", "hit")
    since = full.get(target, f"If-Modified-Since: {first.headers['last-modified']}")
    assert since.status == 304


@pytest.mark.parametrize("target", PLACES)
def test_who_has_another_version_gets_the_page(full: WebServer, target: str) -> None:
    answer = full.get(target, 'If-None-Match: "0-0"', "If-Modified-Since: Mon, 01 Jan 2001 00:00:00 GMT")
    assert (answer.status, answer.body) == (200, BODY)


@pytest.mark.parametrize("target", PLACES)
def test_a_range_is_a_part_of_the_plain_form(full: WebServer, target: str) -> None:
    part = full.get(target, "Range: bytes=10-29")
    assert (part.status, part.body, part.cache) == (206, BODY[10:30], "hit")
    assert full.get(target, f"Range: bytes={len(BODY)}-").status == 416


@pytest.mark.parametrize("target", PLACES)
def test_a_range_of_a_packed_form_is_not_made(full: WebServer, target: str) -> None:
    # RFC 9110, 14.2: a server may leave Range aside; nginx does for packed files.
    answer = full.get(target, "Accept-Encoding: gzip", "Range: bytes=0-9")
    assert (answer.status, gzip.decompress(answer.body)) == (200, BODY)


@pytest.mark.parametrize("target", PLACES)
@pytest.mark.parametrize(
    "oddity",
    [
        ("Range: bytes=0-0",),
        ("If-None-Match: *",),
        ("If-Range: x", "Range: bytes=0-1"),
        ("Accept: application/json",),
        ("Accept-Language: fr",),
        ("X-Forwarded-Host: evil.example", "Forwarded: host=evil.example", "X-Host: evil.example"),
        ("X-Original-URL: /wp-admin/", "X-Rewrite-URL: /wp-admin/", "X-HTTP-Method-Override: DELETE"),
        ("X-Pressroom-Ticket: abcdefghijkl", "X-Pressroom-Cache: miss"),
        ("Cookie: a=b; PHPSESSID=1; _ga=GA1.2",),
    ],
)
def test_no_request_changes_what_the_next_one_gets(full: WebServer, target: str, oddity: tuple[str, ...]) -> None:
    before = full.get(target)
    for method in ("GET", "HEAD", "GET"):
        assert full.get(target, *oddity, method=method).is_hit
    after = full.get(target)
    assert (after.status, after.body) == (200, BODY)
    assert after.headers["etag"] == before.headers["etag"]
