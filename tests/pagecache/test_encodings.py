"""Which form of a stored page a browser gets, by its Accept-Encoding (RFC 9110, 12.5.3)."""

from __future__ import annotations

import gzip

import brotli
import pytest

from pressroom.pagecache.store import TYPED
from tests.pagecache.webserver import WebServer

BODY = b"<!doctype html><title>The News</title>" + b"<p>Word after word.</p>" * 100
TABLE = [
    (None, "plain"),
    ("", "plain"),
    ("identity", "plain"),
    ("gzip", "gzip"),
    ("br", "br"),
    ("gzip, deflate, br", "br"),
    ("gzip, deflate, br, zstd", "br"),
    ("br;q=1.0, gzip;q=0.5", "br"),
    ("br ,gzip", "br"),
    ("deflate", "plain"),
    ("br;q=0", "plain"),
    ("gzip;q=0", "plain"),
    ("br;q=0, gzip", "gzip"),
    ("br;q=0.000,gzip;q=0", "plain"),
    ("gzip;q=0, br", "br"),
    ("*;q=0", "plain"),
    ("identity;q=1, *;q=0", "plain"),
    ("gzip;Q=0", "plain"),
    ("xbr", "plain"),
    ("brx", "plain"),
    ("xgzip", "plain"),
    ("zstd", "plain"),
    ("nonsense, more", "plain"),
]
_SHAPES = {"plain": lambda body: body, "gzip": gzip.decompress, "br": brotli.decompress}


@pytest.fixture(scope="module", params=["page", "typed"])
def target(request: pytest.FixtureRequest, web: WebServer) -> str:
    if request.param == "page":
        web.put("/encodings/", BODY)
        return "/encodings/"
    head = {"status": 200, "headers": {"Content-Type": "application/rss+xml; charset=UTF-8", "X-Robots-Tag": "noindex"}}
    web.put("/encodings/feed/", BODY, kind=TYPED, head=head)
    return "/encodings/feed/"


@pytest.mark.parametrize(("accepts", "form"), TABLE)
def test_the_form_is_one_that_the_browser_takes(web: WebServer, target: str, accepts: str | None, form: str) -> None:
    answer = web.get(target, *([] if accepts is None else [f"Accept-Encoding: {accepts}"]))
    assert (answer.status, answer.cache) == (200, "hit")
    assert answer.headers.get("content-encoding", "plain") == form
    assert _SHAPES[form](answer.body) == BODY
    assert answer.headers["vary"] == "Accept-Encoding"


@pytest.mark.parametrize("accepts", ["BR", "GZIP", "Br, Gzip"])
def test_names_in_capitals_get_a_form_that_reads_as_the_page(web: WebServer, target: str, accepts: str) -> None:
    answer = web.get(target, f"Accept-Encoding: {accepts}")
    assert answer.is_hit
    assert _SHAPES[answer.headers.get("content-encoding", "plain")](answer.body) == BODY


@pytest.mark.parametrize("accepts", ["br;Q=0", "gzip; Q=0, br; Q=0", "br;\tQ=0"])
def test_a_weight_in_capitals_is_read_for_pages(web: WebServer, accepts: str) -> None:
    web.put("/encodings/", BODY)
    answer = web.get("/encodings/", f"Accept-Encoding: {accepts}")
    assert answer.is_hit and "content-encoding" not in answer.headers
    assert answer.body == BODY
