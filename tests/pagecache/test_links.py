"""Which pages a document leads to."""

from __future__ import annotations

import pytest

from pressroom.pagecache.renderer.response import links

HOST = "news.example.org:8080"
BASE = f"http://{HOST}/2026/a/"


def _keys(body: str, kind: str = "text/html; charset=UTF-8", *, feeds: bool = False) -> list[str]:
    return list(links(body.encode(), kind, BASE, HOST, feeds=feeds))


@pytest.mark.parametrize(
    ("href", "keys"),
    [
        ("/", ["/"]),
        (f"http://{HOST}/b/", ["/b/"]),
        (f"http://{HOST}", ["/"]),
        (f"HTTP://{HOST.upper()}/b/", ["/b/"]),
        (f"//{HOST}/b/", ["/b/"]),
        ("b/", ["/2026/a/b/"]),
        ("../c/", ["/2026/c/"]),
        ("/b/#comments", ["/b/"]),
        ("#top", ["/2026/a/"]),
        ("/caf%c3%a9/", ["/caf%c3%a9/"]),
        ("/b/?utm_source=x", ["/b/"]),
        ("/b/?query-1-page=2", ["/b/?query-1-page=2"]),
        ("/b/?amp;utm_source=x", []),
        ("/b/?replytocom=5", []),
        ("/?s=word", []),
        ("/wp-admin/", []),
        ("/wp-login.php", []),
        ("/wp-content/uploads/a.jpg", []),
        ("/a b/", []),
        ("/%2e%2e/", []),
        ("http://evil.example/b/", []),
        ("http://news.example.org/b/", []),
        ("http://news.example.org:80801/b/", []),
        (f"http://x@{HOST}/b/", []),
        (f"ftp://{HOST}/b/", []),
        ("https://[broken/", []),
        ("http://news.example.org:port/", []),
        ("mailto:a@b.example", []),
        ("javascript:void(0)", []),
        ("data:text/html,x", []),
        ("", ["/2026/a/"]),
    ],
)
def test_a_links_key(href: str, keys: list[str]) -> None:
    assert _keys(f'<a href="{href}">x</a>') == keys


def test_each_key_once_in_the_documents_order() -> None:
    assert _keys('<a href="/b/">x</a><a href="/a/">x</a><a href="/b/?gclid=1">x</a>') == ["/b/", "/a/"]


def test_what_is_not_to_be_followed() -> None:
    assert _keys('<a rel="external nofollow" href="/b/">x</a><a>no address</a><form action="/c/"></form>') == []


def test_next_and_previous_pages_are_followed_and_style_sheets_are_not() -> None:
    body = '<link rel="next" href="/n/"><link rel="prev" href="/p/"><link rel="stylesheet" href="/s/">'
    assert _keys(body) == ["/n/", "/p/"]


def test_feeds_are_followed_where_they_are_wanted() -> None:
    body = '<link rel="alternate" type="application/rss+xml" href="/feed/"><link rel="alternate" href="/fr/">'
    assert _keys(body) == []
    assert _keys(body, feeds=True) == ["/feed/"]


@pytest.mark.parametrize("root", ["urlset", "sitemapindex"])
def test_a_sitemap_lists_pages(root: str) -> None:
    body = f'<?xml version="1.0"?><{root}><loc> http://{HOST}/a/ </loc><loc>http://{HOST}/b/?x=1&amp;y=2</loc></{root}>'
    assert _keys(body, "application/xml; charset=UTF-8") == ["/a/"]


def test_any_other_document_leads_nowhere() -> None:
    body = f"<a href='/b/'>x</a><loc>http://{HOST}/a/</loc>"
    assert _keys(body, "application/rss+xml") == []
    assert _keys(body, "text/plain") == []
    assert _keys(body, "application/json") == []


def test_a_hostile_document_is_read_in_bounds() -> None:
    assert _keys("<div>" * 20_000 + '<a href="/b/">x</a>') in ([], ["/b/"])
    assert list(links(b'\xff\xfe<a href="/b/\x00">x</a>\xc3', "text/html", BASE, HOST, feeds=True)) == []
