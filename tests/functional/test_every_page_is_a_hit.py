"""Whatever the sitemap names and the front page leads to is a hit on the first request that a visitor ever makes."""

from __future__ import annotations

import re
from urllib.parse import urljoin, urlsplit

from pressroom.operations import cache
from pressroom.pagecache.renderer.response import links
from tests.functional.newspaper import Newspaper


def _path(url: str) -> str:
    parts = urlsplit(url)
    return (parts.path or "/") + (f"?{parts.query}" if parts.query else "")


def _locations(text: str) -> list[str]:
    return [_path(url) for url in re.findall(r"<loc>(.*?)</loc>", text)]


def test_every_page_is_a_hit_on_its_first_request(paper: Newspaper) -> None:
    paper.php("update_option('posts_per_page', 4); update_option('blog_public', 1);")
    cache.purge(paper.node, paper.site.domain)
    figures = paper.warm()
    assert figures.stored > 20
    asked: dict[str, str] = {}
    with paper.client() as visitor:

        def ask(path: str) -> str:
            answer = visitor.get(path)
            asked.setdefault(path, answer.headers["x-pressroom-cache"])
            return answer.text

        for sitemap in _locations(ask("/wp-sitemap.xml")):
            for path in _locations(ask(sitemap)):
                ask(path)
        front = ask("/")
        feeds = re.findall(r'type="application/rss\+xml"[^>]*href="([^"]+)"', front)
        assert feeds
        pages = list(links(front.encode(), "text/html", f"http://{paper.host}/", paper.host, feeds=True))
        for path in [_path(urljoin(f"http://{paper.host}/", feed)) for feed in feeds] + pages:
            ask(path)
        number = 2
        while f"/page/{number}/" in ask(f"/page/{number - 1}/" if number > 2 else "/"):
            ask(f"/page/{number}/")
            number += 1
        assert number > 3, "the front page has no pagination"
        ask("/robots.txt")
    assert {path: what for path, what in asked.items() if what != "hit"} == {}
    paper.php("update_option('posts_per_page', 10);")
