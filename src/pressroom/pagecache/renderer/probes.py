"""Probe renders: a page once more for a visitor with other headers, to find what is not the same for everybody.

PHP's superglobals cannot be watched, so what a page asks of them is found by comparing.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from pressroom.pagecache.renderer.comparison import differs, settled

Headers = dict[str, str]
_PHONE = (
    "Mozilla/5.0 (Linux; Android 14; Pixel 8) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/124.0 Mobile Safari/537.36"
)
_LANGUAGES = ("en", "de", "fr", "es", "it", "nl", "pt", "pl", "ja")
_HTML_LANGUAGE = re.compile(rb'<html[^>]*\blang="([a-zA-Z]{2})')
# The first makes php/visitor.php answer for each cookie that is asked for; the others are for whoever reads the header.
_ANY_COOKIE = "pressroom_any_cookie=1; "
_COOKIES = (
    "lang=de; language=de; pll_language=de; wp-wpml_current_language=de; currency=EUR;"
    " country=DE; dark_mode=1; theme=dark; cookie_notice_accepted=true"
)


_PLAIN = 3  # renders that show what is chance, of a page that is not the same at once
# Pairs of a probe and a plain render that must all agree before it is believed. A list of articles of the same second
# comes in this or that order, as MariaDB has it: seldom enough that all plain renders before were the same, and with
# thousands of pages to probe, two probes were not, by chance.
_SURE = 6


@dataclass(frozen=True)
class Answer:
    """What came of a render: ``says`` is status, address and body; ``cookies`` those asked for, and by whom."""

    says: bytes
    cookies: Mapping[str, str]


class Overtaken(Exception):
    """The page has changed while it was probed, so nothing was learnt."""


Fetch = Callable[[Headers], Awaitable[Answer | None]]


def headers_of(body: bytes) -> dict[str, Headers]:
    """The probes by what they change, for a page with this body: the languages leave out its own."""
    match = _HTML_LANGUAGE.search(body[:4096])
    own = match.group(1).decode().lower() if match else "en"
    languages = [language for language in _LANGUAGES if language != own]
    preferences = ",".join(f"{language};q={1 - rank / 10:.1f}" for rank, language in enumerate(languages))
    return {
        "cookies": {"Cookie": _ANY_COOKIE + _COOKIES},
        "the browser's language": {"Accept-Language": preferences},
        "the device": {"User-Agent": _PHONE},
    }


async def probe(fetch: Fetch, page: bytes) -> str | None:
    """What of the visitor the page depends on, in a few words; None when nothing was found, or it cannot be told.

    `fetch` renders the page with these headers; `page` is what a render without them says. One render, if it says the
    same. Raises Overtaken when a plain render between or after the probes says something else than those before, or
    what a probe found is not found again.
    """
    probes = headers_of(page)
    every = await fetch({name: value for headers in probes.values() for name, value in headers.items()})
    if every is not None and settled(every.says) == settled(page):
        return None
    if every is None:  # code that takes $_COOKIE for an array may have ended in an error
        probes["cookies"] = {"Cookie": _COOKIES}
    plain = [answer.says for _ in range(_PLAIN) if (answer := await fetch({})) is not None]
    if len(plain) < _PLAIN:
        return None
    found: list[str] = []
    between: list[Answer | None] = []
    for what, headers in probes.items():
        answers: list[Answer | None] = []
        for _ in range(2):  # twice, for chance
            answers.append(await fetch(headers))
            between.append(await fetch({}))
        if await asyncio.to_thread(_all_differ, page, plain, answers):
            found.append(what + _names(answers[0]))
    if not found:
        return None
    # One plain render at the end would not do: while much is written, a page may be as it was by then.
    if not await asyncio.to_thread(_none_differs, page, plain, between):
        raise Overtaken
    for what in found:
        answers, between = [], []
        for _ in range(_SURE):
            answers.append(await fetch(probes[what.partition(" (")[0]]))
            between.append(await fetch({}))
        if not await asyncio.to_thread(_all_differ, page, plain, answers):
            raise Overtaken
        if not await asyncio.to_thread(_none_differs, page, plain, between):
            raise Overtaken
    return f"it differs by {' and '.join(found)}"


def _all_differ(page: bytes, plain: list[bytes], answers: list[Answer | None]) -> bool:
    return all(answer is not None and differs(page, plain, answer.says) for answer in answers)


def _none_differs(page: bytes, plain: list[bytes], answers: list[Answer | None]) -> bool:
    return all(answer is not None and not differs(page, plain, answer.says) for answer in answers)


def _names(answer: Answer | None) -> str:
    names = [f"{name} in {asker}" for name, asker in answer.cookies.items()] if answer else []
    return f" ({', '.join(names[:3])})" if names else ""
