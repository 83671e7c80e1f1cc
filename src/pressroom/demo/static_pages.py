"""The pages that are not articles: about, contact, imprint, privacy and the like."""

from __future__ import annotations

from dataclasses import dataclass

from pressroom.demo.articles import bullets, heading, paragraph
from pressroom.demo.stories import whole_lines


@dataclass(frozen=True)
class StaticPage:
    slug: str
    title: str
    content: str
    in_footer: bool


def _blocks(text: list[str]) -> str:
    blocks: list[str] = []
    items: list[str] = []
    for line in [*text, ""]:
        if line.startswith("* "):
            items.append(line[2:])
            continue
        if items:
            blocks.append(bullets(items))
            items = []
        if line.startswith("= "):
            blocks.append(heading(line[2:]))
        elif line:
            blocks.append(paragraph(line))
    return "\n\n".join(blocks)


def static_pages() -> list[StaticPage]:
    """All of them, in the order of the file."""
    found: list[tuple[str, list[str]]] = []
    for line in whole_lines("pages.txt"):
        if line.startswith("%page "):
            found.append((line.removeprefix("%page "), []))
        else:
            found[-1][1].append(line)
    pages = []
    for head, text in found:
        slug, title, where = (word.strip() for word in head.split(" | "))
        pages.append(StaticPage(slug, title, _blocks(text), where == "footer"))
    return pages
