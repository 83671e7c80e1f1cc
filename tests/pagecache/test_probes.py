"""What probe renders find, where pages change meanwhile too; and for how long it is believed."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable

import pytest

from pressroom.pagecache.invalidator.variations import BELIEVED_FOR, FIRST, SCHEMA, Variations
from pressroom.pagecache.renderer.probes import Answer, Headers, Overtaken, probe


def _page(text: str) -> bytes:
    return f"<html lang='en'><p>{text}</p></html>".encode()


def _probed(says: Callable[[int, Headers], str]) -> str | None:
    """`says` what the site says to the request of this number, the page's own being the first."""
    count = 0

    async def fetch(headers: Headers) -> Answer:
        nonlocal count
        count += 1
        return Answer(_page(says(count, headers)), {})

    return asyncio.run(probe(fetch, _page(says(0, {}))))


def _language(number: int, headers: Headers) -> str:
    return headers.get("Accept-Language", "the same for all")[:2]


def test_what_differs_is_found() -> None:
    assert _probed(_language) == "it differs by the browser's language"
    assert _probed(lambda number, headers: "the same") is None


@pytest.mark.parametrize("at", range(2, 18))
def test_what_changes_while_it_is_probed_is_not_learnt(at: int) -> None:
    """The first probe differs by chance, so all are made: 2 to 4 are plain, then probes and plain ones in turns."""

    def says(number: int, headers: Headers) -> str:
        return "new" if number >= at else "chance" if number == 1 else "old"

    if 5 <= at <= 13:  # both probes of a kind saw the new one
        with pytest.raises(Overtaken):
            _probed(says)
    else:
        assert _probed(says) is None


def test_what_goes_to_and_fro_is_not_learnt() -> None:
    """As while articles are imported: what the cookie's and the phone's renders saw is gone again at the end."""

    def says(number: int, headers: Headers) -> str:
        return "another" if number in (1, 5, 6, 7, 13, 14, 15) else "as before"

    with pytest.raises(Overtaken):
        _probed(says)


@pytest.mark.parametrize("at", range(17, 29))
def test_what_is_not_found_each_time_is_chance(at: int) -> None:
    """Until then each probe by language said something else than each plain render."""

    def says(number: int, headers: Headers) -> str:
        by_language = "Accept-Language" in headers and "Cookie" not in headers
        is_other = by_language if number != at else not by_language
        return "this order" if is_other or number == 1 else "that order"

    with pytest.raises(Overtaken):
        _probed(says)


def _variations(now: list[float]) -> Variations:
    database = sqlite3.connect(":memory:")
    database.executescript(SCHEMA)
    return Variations(database, lambda: now[0])


def test_after_a_day_a_view_is_probed_anew() -> None:
    now = [1_000_000.0]
    known = _variations(now)
    for _ in range(FIRST):
        known.was_probed("s1", "front")
    known.learn("s1", "front", "/", "it differs")
    assert known.of_view("s1", "front") == "it differs"
    now[0] += BELIEVED_FOR
    assert known.of_view("s1", "front") is None
    assert known.all_of("s1") == []
    assert [known.wants_probe("s1", "front") for _ in range(FIRST)] == [True] * FIRST
    known.learn("s1", "front", "/", "it differs")
    assert known.all_of("s1") == [("/", "it differs")]
