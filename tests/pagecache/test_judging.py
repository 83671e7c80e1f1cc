"""What may be stored, and as what."""

from __future__ import annotations

import pytest

from pressroom.pagecache.renderer.response import LONGEST_BODY, Headers, Record, judge
from pressroom.pagecache.store import PAGE, REDIRECT, TYPED

RECORD = Record(("binlog.000001", 4), 10, None)
HTML = [("content-type", "text/html; charset=UTF-8")]
BODY = b"<!doctype html>"


def _judge(headers: Headers = HTML, *, status: int = 200, body: bytes = BODY, record: Record = RECORD) -> str | None:
    return judge(status, headers, body, record).refused


def test_an_ordinary_page_is_stored_as_a_page() -> None:
    verdict = judge(200, HTML, BODY, RECORD)
    assert (verdict.refused, verdict.kind, verdict.head) == (None, PAGE, None)


@pytest.mark.parametrize("kind", ["text/html;charset=utf-8", "Text/HTML ; Charset=UTF-8", "text/html; charset=UTF-8"])
def test_spellings_of_the_ordinary_type(kind: str) -> None:
    assert judge(200, [("Content-Type", kind)], BODY, RECORD).kind == PAGE


@pytest.mark.parametrize("status", [201, 204, 206, 302, 303, 304, 307, 400, 401, 403, 404, 410, 500, 503])
def test_a_status_that_is_not_stored(status: int) -> None:
    refused = _judge([*HTML, ("location", "/x")], status=status)
    assert refused is not None and str(status) in refused


@pytest.mark.parametrize("status", [301, 308])
def test_a_lasting_redirect_is_stored_with_its_location(status: int) -> None:
    verdict = judge(status, [("Location", "http://news.example.org/a/"), ("x-redirect-by", "WordPress")], b"", RECORD)
    assert (verdict.refused, verdict.kind) == (None, REDIRECT)
    assert verdict.head == {"status": status, "location": "http://news.example.org/a/"}
    assert judge(status, HTML, b"", RECORD).refused is not None, "it leads nowhere"


@pytest.mark.parametrize(
    "value",
    [
        "no-store",
        "private",
        "no-cache",
        "no-cache, must-revalidate, max-age=0, no-store, private",
        "max-age=0, No-Store",
        "PRIVATE",
        'private="x"',
    ],
)
def test_a_cache_control_that_forbids_it(value: str) -> None:
    assert _judge([*HTML, ("Cache-Control", value)]) is not None


def test_a_cache_control_in_a_second_header_forbids_it() -> None:
    assert _judge([*HTML, ("cache-control", "max-age=60"), ("cache-control", "private")]) is not None


@pytest.mark.parametrize("value", ["public", "max-age=600", "must-revalidate", "s-maxage=5"])
def test_another_cache_control_does_not(value: str) -> None:
    assert _judge([*HTML, ("cache-control", value)]) is None


@pytest.mark.parametrize("name", ["Set-Cookie", "set-cookie", "SET-COOKIE"])
@pytest.mark.parametrize("status", [200, 301])
def test_a_cookie_forbids_it(name: str, status: int) -> None:
    assert _judge([*HTML, ("location", "/a/"), (name, "a=b")], status=status) == "sets a cookie (a)"


def test_what_the_recorder_says_forbids_it() -> None:
    assert _judge(record=Record(("binlog.000001", 4), 10, "DONOTCACHEPAGE")) == "DONOTCACHEPAGE"
    assert _judge([("location", "/")], status=301, record=Record(("b.1", 4), 1, "a PHP error")) == "a PHP error"


@pytest.mark.parametrize("value", ["Cookie", "Accept-Encoding, User-Agent", "*", "accept-language", "X"])
def test_a_page_that_varies_is_refused(value: str) -> None:
    assert _judge([*HTML, ("Vary", value)]) == "varies by a request header"


@pytest.mark.parametrize("value", ["Accept-Encoding", "accept-encoding,", "", "Accept-Encoding, accept-encoding"])
def test_a_page_that_varies_by_what_nginx_sees_to_is_stored(value: str) -> None:
    assert _judge([*HTML, ("Vary", value)]) is None


@pytest.mark.parametrize("value", ["gzip", "br", "identity"])
def test_an_encoded_body_is_refused(value: str) -> None:
    assert _judge([*HTML, ("Content-Encoding", value)]) is not None


def test_an_empty_and_a_huge_body_are_refused() -> None:
    assert _judge(body=b"") is not None
    assert _judge(body=b"x" * LONGEST_BODY) is None
    assert _judge(body=b"x" * (LONGEST_BODY + 1)) is not None


@pytest.mark.parametrize(
    "kind",
    [
        "text/plain; charset=utf-8",
        "text/xml; charset=UTF-8",
        "application/rss+xml; charset=UTF-8",
        "application/atom+xml",
        "application/xml; charset=utf-8",
        "application/json",
        "text/html",
        "text/html; charset=iso-8859-1",
        'text/html; charset="utf-8"',
    ],
)
def test_another_known_type_is_stored_with_its_name(kind: str) -> None:
    verdict = judge(200, [("content-type", kind)], BODY, RECORD)
    assert (verdict.refused, verdict.kind) == (None, TYPED)
    assert verdict.head == {"status": 200, "headers": {"Content-Type": kind}}


@pytest.mark.parametrize(
    "kind",
    [
        "",
        "image/png",
        "application/octet-stream",
        "application/pdf",
        "multipart/form-data; boundary=x",
        "text/event-stream",
        "text/html; charset=utf-8; x=y",
        "text/html; charset=utf-8\r\nX: y",
        "text/htmlx",
        "xtext/html",
    ],
)
def test_an_unknown_type_is_refused(kind: str) -> None:
    assert _judge([("content-type", kind)]) is not None


def test_no_type_at_all_is_refused() -> None:
    assert _judge([]) is not None


def test_headers_that_mean_something_are_kept() -> None:
    headers = [*HTML, ("x-robots-tag", "noindex"), ("content-language", "de"), ("link", '</a.css>; rel="preload"')]
    verdict = judge(200, headers, BODY, RECORD)
    assert verdict.kind == TYPED
    assert verdict.head == {
        "status": 200,
        "headers": {
            "Content-Type": HTML[0][1],
            "x-robots-tag": "noindex",
            "content-language": "de",
            "link": '</a.css>; rel="preload"',
        },
    }


def test_a_header_that_comes_twice_is_kept_whole() -> None:
    verdict = judge(200, [*HTML, ("x-a", "1"), ("x-a", "2")], BODY, RECORD)
    assert verdict.head == {"status": 200, "headers": {"Content-Type": HTML[0][1], "x-a": "1, 2"}}


def test_headers_of_one_moment_or_of_nginx_are_not_kept() -> None:
    headers = [
        *HTML,
        ("date", "x"),
        ("server", "x"),
        ("content-length", "5"),
        ("etag", '"x"'),
        ("last-modified", "x"),
        ("expires", "x"),
        ("x-powered-by", "PHP"),
        ("x-pingback", "x"),
        ("X-Pressroom-Cache", "hit"),
        ("link", '<http://news.example.org/wp-json/>; rel="https://api.w.org/"'),
        ("link", '<http://news.example.org/?p=1>; rel=shortlink, <http://news.example.org/x>; rel="alternate"; a=b'),
    ]
    assert judge(200, headers, BODY, RECORD).kind == PAGE
