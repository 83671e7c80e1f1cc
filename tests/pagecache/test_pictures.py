"""Which pictures a page shows."""

from __future__ import annotations

import pytest

from pressroom.pagecache.pictures import pictures_of

BASE, HOST = "http://paper.example/2026/11/", "paper.example"
A, B, C = "/wp-content/uploads/a.jpg", "/wp-content/uploads/b.png", "/wp-content/themes/x/c.jpeg"


@pytest.mark.parametrize(
    ("body", "found"),
    [
        (f'<img src="{A}"><img src="{B}"><img src="{A}">', [A, B]),
        (f'<img src="http://{HOST}{A}?ver=2#x">', [A]),
        (f'<img src="//{HOST}{A}">', [A]),
        ('<img src="../../wp-content/uploads/a.jpg">', [A]),
        (f'<img src="{A}" srcset="{B} 300w, http://{HOST}{C} 2x">', [A, B, C]),
        (f'<picture><source srcset="{B} 300w"><img src="{A}"></picture>', [B, A]),
        (f'<img data-src="{A}" src="data:image/gif;base64,R0lGOD=">', [A]),
        (f"<div style=\"background:url('{A}') no-repeat\"></div>", [A]),
        (f'<link rel="preload" as="image" href="{A}" imagesrcset="{B} 1x">', [A, B]),
        (f'<video poster="{A}"></video>', [A]),
        ('<img src="/wp-content/uploads/gr%C3%B6%C3%9Fe.jpg">', ["/wp-content/uploads/größe.jpg"]),
    ],
)
def test_pictures_are_found_in_the_documents_order(body: str, found: list[str]) -> None:
    assert pictures_of(body.encode(), BASE, HOST) == found


@pytest.mark.parametrize(
    "body",
    [
        f'<img src="http://other.example{A}">',
        f'<a href="{A}">a link to it</a>',
        '<img src="/wp-content/uploads/a.gif">',
        '<img src="/wp-content/uploads/%2e%2e/%2e%2e/a.jpg">',
        '<img src="http://[/a.jpg">',
        "<img src><img srcset>",
        "\x00\xff<img",
        "",
    ],
)
def test_nothing_else_is(body: str) -> None:
    assert pictures_of(body.encode("latin-1"), BASE, HOST) == []
