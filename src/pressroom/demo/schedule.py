"""What is in the paper when: stories and follow-ups, spread over the days before the reference moment."""

from __future__ import annotations

import random
import re
import unicodedata
from collections import Counter
from dataclasses import dataclass
from datetime import datetime, timedelta

from pressroom.demo import stories
from pressroom.demo.grammar import expand
from pressroom.demo.stories import Form, Premise
from pressroom.demo.world import Cast
from pressroom.model.errors import InvalidInput

SPAN = timedelta(days=60)
_FEWEST = 16


@dataclass(frozen=True)
class Assignment:
    """One article that is to be written. `follows` is the place in the schedule of the story it returns to."""

    premise: Premise
    form: Form | None
    headline: str
    slug: str
    published: datetime
    author: str
    follows: int | None


def slug(title: str) -> str:
    """An address for a title: at most twelve words, plain letters."""
    plain = unicodedata.normalize("NFKD", title.replace("'", "")).encode("ascii", "ignore").decode()
    return "-".join(re.findall(r"[a-z0-9]+", plain.lower())[:12])


def _places(articles: int, chance: random.Random) -> list[tuple[float, Premise, Form | None]]:
    """(time between 0 and 1, story, form), oldest first."""
    sections = [list(stories.section(name).premises) for name in stories.SECTION_SLUGS]
    for premises in sections:
        chance.shuffle(premises)
    longest = max(map(len, sections))
    base = [premises[i] for i in range(longest) for premises in sections if i < len(premises)][:articles]
    placed: list[tuple[float, Premise, Form | None]] = [
        ((i + chance.random()) / len(base), premise, None) for i, premise in enumerate(base)
    ]
    again = [(when, premise, form) for when, premise, _ in placed if when < 0.8 for form in stories.forms()]
    chance.shuffle(again)
    # One form after the other, so that no story gets a second follow-up before all have had one.
    seen: dict[str, int] = {}
    ranked = []
    for when, premise, form in again:
        ranked.append((seen.get(premise.headline, 0), when, premise, form))
        seen[premise.headline] = seen.get(premise.headline, 0) + 1
    ranked.sort(key=lambda one: one[0])
    for _, when, premise, form in ranked[: articles - len(placed)]:
        placed.append((min(when + 0.06 + 0.3 * chance.random(), 0.965 + 0.02 * chance.random()), premise, form))
    if not _FEWEST <= articles <= len(placed):
        raise InvalidInput(
            f"the demo newspaper cannot have {articles} articles",
            hint=f"choose a number between {_FEWEST} and {len(base) + len(again)}",
        )
    placed.sort(key=lambda one: one[0])
    # The paper opens with a story of its own, not with a follow-up.
    newest = max(i for i, (_, _, form) in enumerate(placed) if form is None)
    placed.append(placed.pop(newest))
    return placed


def _author(premise: Premise, chance: random.Random) -> str:
    home = [one.login for one in stories.authors() if one.sections[0] == premise.section]
    helping = [one.login for one in stories.authors() if premise.section in one.sections[1:]]
    everyone = [one.login for one in stories.authors()]
    return chance.choice(home * 4 + helping * 3 + everyone)


def _headline(premise: Premise, form: Form | None, chance: random.Random, used: Counter[str]) -> str:
    """A headline; of a form's patterns the one that has been used least, so that none becomes a habit."""
    if form is None:
        return premise.headline
    pattern = min(chance.sample(form.headlines, len(form.headlines)), key=lambda one: used[one])
    used[pattern] += 1
    cast = Cast(chance, premise.subject, datetime.min, count=len(form.paragraphs) - (form.name == "numbers"))
    text = expand(pattern, chance, cast.slot)
    return text[:1].upper() + text[1:]


def _moments(until: datetime, articles: int, chance: random.Random) -> list[datetime]:
    """When the articles come out, oldest first; nothing is published between midnight and six."""
    step = SPAN / articles
    moments = []
    for position in range(articles):
        early = step * (0.7 * chance.random()) if position < articles - 1 else timedelta(0)
        moment = until - timedelta(minutes=23) - step * (articles - 1 - position) - early
        moments.append((moment - timedelta(hours=7 if moment.hour < 6 else 0)).replace(microsecond=0))
    return sorted(moments)


def schedule(until: datetime, articles: int) -> list[Assignment]:
    """The articles, oldest first; the newest is a few minutes older than `until`.

    Raises InvalidInput when the town has not so many stories.
    """
    chance = random.Random("fennmouth")
    places = _places(articles, chance)
    moments = _moments(until, articles, chance)
    made: list[Assignment] = []
    first: dict[str, int] = {}
    slugs: set[str] = set()
    used: Counter[str] = Counter()
    for position, (_, premise, form) in enumerate(places):
        headline = _headline(premise, form, chance, used)
        address = slug(headline)
        while address in slugs:
            address += "-2"
        slugs.add(address)
        follows = first.setdefault(premise.headline, position) if form is not None else None
        if form is None:
            first[premise.headline] = position
        author = _author(premise, chance)
        made.append(Assignment(premise, form, headline, address, moments[position], author, follows))
    return made
