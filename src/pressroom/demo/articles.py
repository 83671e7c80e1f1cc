"""Writes one article as WordPress blocks: paragraphs, subheads, a quotation, links to other articles."""

from __future__ import annotations

import html
import random
import re
from collections.abc import Sequence

from pressroom.demo import stories
from pressroom.demo.grammar import capitalised, expand
from pressroom.demo.schedule import Assignment
from pressroom.demo.world import Cast

# fill.php puts the site's own address in place of this.
LINK = "newsroom://"

_READ_ALSO = ("Read also", "More on this", "From our archive", "Also in the Courier")
_ASIDES = (
    "It is not the only thing on people's minds at the moment: {link}.",
    "In the same week there was other news to digest ({link}).",
    "Whoever follows these pages will remember another story: {link}.",
    "One hears it mentioned in one breath with something quite different, namely {link}.",
)


def _safe(text: str) -> str:
    """Escape a paragraph, leaving the few tags that our own texts use."""
    kept = html.escape(text, quote=False)
    return re.sub(r"&lt;(/?b|/a|a href=\"newsroom://[a-z0-9-]+/\")&gt;", r"<\1>", kept).replace("b>", "strong>")


def paragraph(text: str) -> str:
    return f"<!-- wp:paragraph -->\n<p>{_safe(text)}</p>\n<!-- /wp:paragraph -->"


def heading(text: str) -> str:
    return f"<!-- wp:heading -->\n<h2>{html.escape(text, quote=False)}</h2>\n<!-- /wp:heading -->"


def bullets(items: Sequence[str]) -> str:
    inner = "".join(f"<!-- wp:list-item -->\n<li>{_safe(item)}</li>\n<!-- /wp:list-item -->" for item in items)
    return f"<!-- wp:list -->\n<ul>{inner}</ul>\n<!-- /wp:list -->"


def quotation(text: str, speaker: str) -> str:
    return (
        '<!-- wp:quote -->\n<blockquote class="wp-block-quote">'
        f"<!-- wp:paragraph -->\n<p>{_safe(text)}</p>\n<!-- /wp:paragraph -->"
        f"<cite>{html.escape(speaker, quote=False)}</cite></blockquote>\n<!-- /wp:quote -->"
    )


def link(to: Assignment) -> str:
    return f'<a href="{LINK}{to.slug}/">{to.headline}</a>'


def _others(plan: Sequence[Assignment], position: int, chance: random.Random) -> list[Assignment]:
    """Two articles to link to: one of the same section, one of another, both older where there are any."""
    here = plan[position]
    older = plan[:position] or plan[1:]
    same = [one for one in older if one.premise.section == here.premise.section]
    other = [one for one in older if one.premise.section != here.premise.section]
    near = [one for one in same if set(one.premise.tags) & set(here.premise.tags)]
    return [chance.choice(near or same or older), chance.choice(other or older)]


def standfirst(position: int, plan: Sequence[Assignment]) -> str:
    here = plan[position]
    if here.form is None:
        return here.premise.standfirst
    chance = random.Random(f"standfirst {here.slug}")
    cast = Cast(chance, here.premise.subject, here.published)
    return expand(chance.choice(here.form.standfirsts), chance, cast.slot)


def _paragraphs(here: Assignment, chance: random.Random, cast: Cast) -> list[str]:
    """The running text without subheads: the opening, then the section's or the form's paragraphs."""
    if here.form is not None:
        patterns = [here.form.opening, *here.form.paragraphs]
    else:
        pool = stories.section(here.premise.section).paragraphs
        chosen = chance.sample(range(len(pool)), chance.randint(4, 6))
        patterns = [here.premise.opening, *(pool[i] for i in sorted(chosen))]
    return [capitalised(expand(pattern, chance, cast.slot)) for pattern in patterns]


def body(position: int, plan: Sequence[Assignment]) -> str:
    """The article's content as block markup, the same for the same place in the same plan."""
    here = plan[position]
    chance = random.Random(f"body {here.slug}")
    same, other = _others(plan, position, chance)
    earlier = "" if here.follows is None else f"“{link(plan[here.follows])}”"
    cast = Cast(chance, here.premise.subject, here.published, earlier)
    text = _paragraphs(here, chance, cast)
    aside = chance.choice(_ASIDES).replace("{link}", f"“{link(other)}”")
    text[2] = f"{text[2]} {aside}"
    heads = chance.sample(stories.section(here.premise.section).subheads, 2)
    blocks = [paragraph(text[0]), paragraph(text[1])]
    if here.form is None:
        blocks += [heading(heads[0]), paragraph(text[2])]
        blocks += [quotation(here.premise.quote, here.premise.speaker), paragraph(text[3])]
        blocks += [paragraph(f"<b>{chance.choice(_READ_ALSO)}:</b> {link(same)}"), heading(heads[1])]
        blocks += [paragraph(one) for one in text[4:]]
        return "\n\n".join(blocks)
    blocks += [paragraph(text[2]), heading(heads[0]), *(paragraph(one) for one in text[3:5])]
    blocks += [quotation(here.premise.quote, here.premise.speaker), *(paragraph(one) for one in text[5:])]
    blocks.append(paragraph(f"<b>{chance.choice(_READ_ALSO)}:</b> {link(same)}"))
    return "\n\n".join(blocks)
