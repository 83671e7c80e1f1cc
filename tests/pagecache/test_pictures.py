"""Which pictures a page shows, and whose are made next."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from pressroom.model.layout import Layout
from pressroom.pagecache.renderer.pictures import Pictures, pictures_of
from pressroom.pagecache.roster import RosterSite
from pressroom.system.messages import Message

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


class Recorded(Pictures):
    """Makes nothing, and remembers what it was to make."""

    made: list[tuple[str, str]]

    async def _make(self, site: RosterSite, path: str) -> None:
        assert self.waiting(site.name)
        self.made.append((site.name, path))


async def _nobody(request: Message) -> Message:
    raise AssertionError(request)


async def _all_made(
    layout: Layout, wanted: dict[str, list[str]], sites: dict[str, RosterSite]
) -> list[tuple[str, str]]:
    pictures = Recorded(layout, _nobody)
    pictures.made = []
    for site, paths in wanted.items():
        pictures.want(site, paths)
    while pictures:
        await pictures.step(sites)
    assert not any(pictures.waiting(site) for site in wanted)
    await pictures.close()
    return pictures.made


def test_sites_take_turns(tmp_path: Path) -> None:
    sites = {name: RosterSite(name, f"{name}.example", f"{name}.example") for name in ("s1", "s2")}
    made = asyncio.run(_all_made(Layout(tmp_path), {"s1": ["/a", "/b", "/c"], "s2": ["/d"], "gone": ["/e"]}, sites))
    assert made == [("s1", "/a"), ("s2", "/d"), ("s1", "/b"), ("s1", "/c")]


def test_a_site_that_wants_none_has_none(tmp_path: Path) -> None:
    sites = {"s1": RosterSite("s1", "one.example", "one.example", pictures=False)}
    assert asyncio.run(_all_made(Layout(tmp_path), {"s1": ["/a", "/b"]}, sites)) == []


def test_nothing_is_waited_for_of_a_page_without_pictures(tmp_path: Path) -> None:
    assert asyncio.run(_all_made(Layout(tmp_path), {"s1": []}, {})) == []
