"""What a browser keeps of the pages that its user left."""

from __future__ import annotations

from tests.functional.browser import chromium
from tests.functional.newspaper import Newspaper


def test_going_back_asks_for_nothing(paper: Newspaper) -> None:
    """Stored pages may stay in the browser's back and forward cache, which no header of theirs forbids."""
    paper.await_hit("/")
    paper.await_hit("/article-2/")
    with chromium(without=("--disable-back-forward-cache",)) as running, running.profile(paper.site.domain) as reader:
        reader.go(f"http://{paper.host}/")
        reader.page.evaluate("addEventListener('pageshow', event => document.title = `kept: ${event.persisted}`)")
        reader.go(f"http://{paper.host}/article-2/")
        reader.page.evaluate("history.back()")
        reader.page.wait_for_function("document.title.startsWith('kept')")
        assert reader.page.title() == "kept: true"
