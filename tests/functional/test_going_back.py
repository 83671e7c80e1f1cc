"""What a browser keeps of the pages that its user left."""

from __future__ import annotations

from playwright.sync_api import TimeoutError as NothingSaid

from tests.functional.browser import Watched, chromium
from tests.functional.newspaper import Newspaper

TRIES = 4  # a browser may drop what it keeps, for want of memory for one
SECONDS = 2.5


def _came_back(reader: Watched, first: str, then: str) -> str:
    """What the first page says of its return: kept as it was, or why it is made anew."""
    for address in (first, then):
        answer = reader.go(address)
        if answer.headers["x-pressroom-cache"] != "hit":
            return f"{address} was no stored page"
        assert "no-store" not in answer.headers["cache-control"], "Chromium may keep such a page, other browsers do not"
        if address == first:
            reader.page.evaluate("addEventListener('pageshow', event => console.log(`kept: ${event.persisted}`))")
    try:
        with reader.page.expect_console_message(lambda message: message.text == "kept: true", timeout=SECONDS * 1000):
            reader.page.evaluate("history.back()")
    except NothingSaid:
        return str(reader.page.evaluate("JSON.stringify(performance.getEntriesByType('navigation')[0])"))
    return "kept"


def test_going_back_asks_for_nothing(paper: Newspaper) -> None:
    """Stored pages may stay in the browser's back and forward cache, which no header of theirs forbids."""
    came_back: list[str] = []
    with chromium(without=("--disable-back-forward-cache",)) as running:
        while "kept" not in came_back and len(came_back) < TRIES:
            paper.await_hit("/")
            paper.await_hit("/article-2/")
            with running.profile(paper.site.domain) as reader:
                came_back.append(_came_back(reader, f"http://{paper.host}/", f"http://{paper.host}/article-2/"))
    assert "kept" in came_back, came_back
