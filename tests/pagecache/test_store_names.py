"""Each key has a place of its own in the store, inside the store."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from pressroom.model.pagekey import key_of
from pressroom.pagecache.store import NotStorable, page_path

# Escapes in small letters, as WordPress writes them; see test_escapes_in_capitals_share_the_place.
_parts = st.text("aB.~-_=;,2?", min_size=1, max_size=6) | st.sampled_from(["%c3%a9", "%ff%80", "a%e2%82%ac"])
_paths = st.tuples(st.lists(_parts, max_size=4), st.sampled_from(["", "/"])).map(
    lambda made: "/" + "/".join(made[0]) + made[1]
)
_keys = st.tuples(_paths, st.sampled_from(["", "?query-1-page=2", "?query-12-page=2"])).map("".join)


def _place(key: str) -> bytes:
    try:
        return page_path(key)
    except NotStorable:
        assume(False)
        raise


@given(_keys, _keys)
def test_two_keys_have_two_places(one: str, other: str) -> None:
    assert (one == other) == (_place(one) == _place(other))


@given(st.text(max_size=40).map(lambda text: "/" + text) | _keys)
def test_a_place_is_inside_the_store(key: str) -> None:
    place = _place(key)
    inside = os.path.normpath(b"/store/" + place + b".page")
    assert inside == (b"/store/" + place + b".page")
    assert b"\x00" not in place


def test_places_of_a_folder_and_a_file_of_one_name_differ() -> None:
    assert page_path("/") == b""
    assert page_path("/a") == b"a"
    assert page_path("/a/") == b"a/"
    assert page_path("/a/?query-1-page=2") == b"a/?query-1-page=2"
    assert page_path("/caf%c3%a9/") == "café/".encode()


@pytest.mark.parametrize(
    "key",
    [
        "",
        "a",
        "//",
        "/../a",
        "/a%2fb",
        "/a%00",
        "/a\\b",
        "/a?x=1",
        "/a?",
        "/a?query-1-page=2&query-2-page=3",
        "/" + "a" * 249,
        "/b/" + "%c3" * 249 + "/c",
        "/a.page",
        "/a.head/b",
        "/a.body",
        "/a.br",
        "/a.gz/",
        "/.page",
    ],
)
def test_some_keys_have_no_place(key: str) -> None:
    with pytest.raises(NotStorable):
        page_path(key)


def test_the_longest_name_that_fits_is_storable(tmp_path: Path) -> None:
    place = page_path("/" + "a" * 247)
    Path(os.fsdecode(os.fsencode(tmp_path) + b"/" + place + b".page.br")).touch()


@given(_keys)
def test_what_has_a_place_is_its_own_key(key: str) -> None:
    _place(key)
    assume(key_of(key) is not None)
    assert key_of(key) == key
