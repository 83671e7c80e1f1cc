"""The newsroom demo: a made-up newspaper that fills a WordPress site with a few hundred pages.

`write_content` makes the texts and pictures; `FILL_SCRIPT` (PHP, run as the site's Unix user) imports them
into a WordPress that holds `PLUGIN_DIR` as ``plugins/pressroom-newsroom`` and `THEME_DIR` as ``themes/newsroom``.
"""

from __future__ import annotations

import hashlib
import html
import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from pressroom.demo import stories
from pressroom.demo.articles import body, standfirst
from pressroom.demo.pictures.press import AVATAR_SIDE, FULL, SIZES, Order, print_all, size_file
from pressroom.demo.readers import comments, shares
from pressroom.demo.schedule import Assignment, schedule
from pressroom.demo.static_pages import static_pages
from pressroom.model.errors import InvalidInput
from pressroom.system import files

_HERE = Path(__file__).parent
PLUGIN_DIR = _HERE / "newsroom-plugin"
PLUGIN_NAME = "pressroom-newsroom"
THEME_DIR = _HERE / "newsroom-theme"
THEME_NAME = "newsroom"
FILL_SCRIPT = _HERE / "fill.php"

TITLE = "The Fennmouth Courier"
TAGLINE = "News from the river and the town, since 1868"

Json = dict[str, object]


@dataclass(frozen=True)
class Counts:
    """How much of each there is. `pictures` counts drawings, not files: each article's and each author's."""

    articles: int
    pages: int
    sections: int
    tags: int
    authors: int
    comments: int
    pictures: int


def _utc(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S")


def _picture(order: Order, shows: str) -> Json:
    sizes = {
        name: {"file": size_file(order.name, size), "width": size[0], "height": size[1]} for name, size in SIZES.items()
    }
    return {
        "file": f"{order.name}.jpg",
        "width": FULL[0],
        "height": FULL[1],
        "alt": f"Illustration: {shows[:1].lower()}{shows[1:]}",
        "caption": f"{shows}. Illustration: Courier graphics desk",
        "sizes": sizes,
    }


def _orders(plan: Sequence[Assignment]) -> list[Order]:
    numbers: Counter[str] = Counter()
    orders = []
    for one in plan:
        orders.append(Order(one.slug, one.premise.section, numbers[one.premise.section]))
        numbers[one.premise.section] += 1
    return orders


def _articles(plan: Sequence[Assignment], pictures: Sequence[Json], until: datetime) -> list[Json]:
    used: set[str] = set()
    written: list[Json] = []
    for position, (one, count) in enumerate(zip(plan, shares(plan, until), strict=True)):
        talk = comments(one, count, until, used)
        written.append(
            {
                "slug": one.slug,
                "title": html.escape(one.headline, quote=False),
                "excerpt": html.escape(standfirst(position, plan), quote=False),
                "content": body(position, plan),
                "date": _utc(one.published),
                "section": one.premise.section,
                "kicker": one.form.kicker if one.form is not None else one.premise.kicker,
                "tags": list(one.premise.tags),
                "author": one.author,
                "picture": pictures[position],
                "comments": [
                    {
                        "name": c.name,
                        "email": c.email,
                        "text": html.escape(c.text, quote=False),
                        "date": _utc(c.written),
                        "answers": c.answers,
                    }
                    for c in talk
                ],
            }
        )
    return written


def _frame(plan: Sequence[Assignment]) -> Json:
    """All but the articles: the paper's name, sections, tags in use, authors, pages."""
    names = stories.tag_names()
    used = sorted({tag for one in plan for tag in one.premise.tags})
    sections = [stories.section(slug) for slug in stories.SECTION_SLUGS]
    return {
        "title": TITLE,
        "tagline": TAGLINE,
        "timezone": "Europe/London",
        "sections": [{"slug": s.slug, "name": s.name, "description": s.description} for s in sections],
        "tags": [{"slug": slug, "name": names[slug]} for slug in used],
        "authors": [
            {
                "login": a.login,
                "name": a.name,
                "role": a.role,
                "bio": a.bio,
                "email": f"{a.login}@courier.example",
                "portrait": {"file": f"{a.login}.jpg", "width": AVATAR_SIDE, "height": AVATAR_SIDE},
            }
            for a in stories.authors()
        ],
        "pages": [
            {"slug": p.slug, "title": p.title, "content": p.content, "footer": p.in_footer} for p in static_pages()
        ],
    }


def write_content(target: Path, *, until: datetime, articles: int = 184) -> Counts:
    """Write ``content.json`` and ``pictures/`` under `target`, the same bytes for the same arguments.

    `until` is the moment the paper has reached (with its time zone): nothing is dated later. It should not be
    later than the clock, or WordPress would hold articles back. Raises InvalidInput for a moment without a
    time zone or a number of articles that the town has no stories for.
    """
    if until.tzinfo is None:
        raise InvalidInput("the demo's reference moment has no time zone", hint="give it one, such as UTC")
    plan = schedule(until, articles)
    folder = target / "pictures"
    files.make_directory(folder)
    orders = _orders(plan)
    shown = print_all(orders, [one.login for one in stories.authors()], folder)
    pictures = [_picture(order, shows) for order, shows in zip(orders, shown, strict=True)]
    frame = _frame(plan)
    written = _articles(plan, pictures, until)
    content: Json = {**frame, "articles": written}
    text = json.dumps(content, ensure_ascii=False, sort_keys=True)
    content["version"] = hashlib.sha256(text.encode()).hexdigest()[:16]
    files.write(target / "content.json", json.dumps(content, ensure_ascii=False, indent=1), durable=False)
    return Counts(
        articles=len(plan),
        pages=len(static_pages()),
        sections=len(stories.SECTION_SLUGS),
        tags=len({tag for one in plan for tag in one.premise.tags}),
        authors=len(stories.authors()),
        comments=sum(shares(plan, until)),
        pictures=len(orders) + len(stories.authors()),
    )
