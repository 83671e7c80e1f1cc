"""The key's rule in Python and nginx's maps say the same about what has a place in the store, whatever is asked for."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from pressroom.model.pagekey import key_of
from pressroom.pagecache.store import NotStorable, page_path
from tests.pagecache.webserver import WebServer

_CLEAN_PARTS = ["a", "B", "b.c", "~x", "caf%c3%a9", "CAF%c3%a9", "%ff", "a=b;c", "$'()*+,@!-_"]
_ODD_PARTS = [
    "", ".", "..", "..x", "%2e", "%2E%2e", ".%2e", "%2f", "%2F", "%5c", "\\", "%00", "%0a", "%0d", "%3f", "%3F", "%23",
    "%41", "%61", "%20", "%7E", "%", "%c", "%zz", "\xe9", "#", "a#b", "a.page",
    "a.page.br", ".page", ".head", "b.body.gz",
    "%252e%252e", "|", '"', "<b>", "a" * 240, "a" * 4000, "wp-admin", "wp-json", "x.php", ".git", "x.sql",
    ".pressroom",
]  # fmt: skip
_WORDS = [
    "utm_source=x", "utm_source=", "utm_a=b=c?d", "gclid=%00%2e", "fbclid=\\", "query-1-page=2", "query-2-page=3",
    "query-1-page=x", "x=1", "utm_source", "UTM_A=1", "utm_source[]=1", "%75tm_source=1", "", "?", "a#b", "=", "p=1",
    "utm_source=\xe9", 'gclid="><script>', "query-1-page=2?", "query-1-page%3d2", ";query-1-page=2",
]  # fmt: skip

clean_paths = st.tuples(st.lists(st.sampled_from(_CLEAN_PARTS), max_size=3), st.booleans()).map(
    lambda made: "/" + "/".join(made[0]) + ("/" if made[0] and made[1] else "")
)
odd_paths = st.lists(st.sampled_from(_ODD_PARTS + _CLEAN_PARTS), min_size=1, max_size=4).map(
    lambda parts: "/" + "/".join(parts)
)
random_paths = st.text("/.%\\?&=aAbB02eEfF35c~#;", max_size=24).map(lambda text: "/" + text)
arguments = st.lists(st.sampled_from(_WORDS), max_size=4).map("&".join)
targets = st.tuples(odd_paths | clean_paths | random_paths, st.just("") | arguments.map(lambda a: "?" + a)).map("".join)

_quick = settings(
    max_examples=600, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture], derandomize=True
)


@pytest.fixture(scope="module")
def stored(web: WebServer) -> WebServer:
    """Every key of up to two clean parts has a page: a request that slips past the rule would find one."""
    for parts in itertools.chain([()], *(itertools.product(_CLEAN_PARTS, repeat=n) for n in (1, 2))):
        for path in {"/" + "/".join(parts), "/" + "/".join((*parts, ""))}:
            for key in (path, f"{path}?query-1-page=2"):
                if key_of(key) is not None and not (web.store.plain_file("s1", 1, key, "page")).exists():
                    web.put(key, page_path(key))
    return web


def _place(target: str) -> bytes | None:
    """Where the rule puts a target: a page's name in the store, or nowhere."""
    path, question, words = target.partition("?")
    key = key_of(path + question + words.partition("#")[0])  # nginx cuts a fragment off the arguments
    try:
        return None if key is None else page_path(key)
    except NotStorable:
        return None


@_quick
@given(targets)
@example("/a/%2e%2e/a")
@example("/a?query-1-page=2&query-1-page=3")
@example("/a%3fquery-1-page=2")
@example("/" + "a/" * 2046)
def test_what_the_rule_refuses_is_never_answered_from_the_store(stored: WebServer, target: str) -> None:
    answer = stored.send(
        f"GET {target} HTTP/1.1\r\nHost: news.example.org\r\nConnection: close\r\n\r\n".encode("latin-1")
    )
    place = _place(target)
    assert not answer.is_hit or answer.body == place


@_quick
@given(clean_paths, st.lists(st.sampled_from(["utm_source=x", "utm_a=b=c?d", "gclid=%00%2e", "_ga="]), max_size=2))
@example("/", [])
def test_what_the_rule_accepts_is_answered_from_the_store(stored: WebServer, path: str, tracking: list[str]) -> None:
    for words in (tracking, [*tracking, "query-1-page=2"], ["query-1-page=2", *tracking]):
        target = f"{path}?{'&'.join(words)}" if words else path
        key = key_of(target)
        assert key is not None
        if not stored.store.plain_file("s1", 1, key, "page").exists():
            stored.put(key, page_path(key))
        answer = stored.get(target)
        assert (answer.cache, answer.body) == ("hit", page_path(key))
