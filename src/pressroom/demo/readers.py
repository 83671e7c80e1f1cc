"""What readers write: comments and answers under the articles."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from pressroom.demo.grammar import expand
from pressroom.demo.schedule import Assignment, slug
from pressroom.demo.stories import lines
from pressroom.demo.world import Cast, words

TOTAL = 204


@dataclass(frozen=True)
class Comment:
    """One comment. `answers` is the place in the same article's list of the comment it answers, if any."""

    name: str
    email: str
    text: str
    written: datetime
    answers: int | None


def _name(chance: random.Random) -> str:
    if chance.random() < 0.35:
        return chance.choice(words("nicknames"))
    return f"{chance.choice(words('first'))} {chance.choice(words('last'))}"


def shares(plan: Sequence[Assignment], until: datetime) -> list[int]:
    """How many comments each article gets: a few have many, most have none or one."""
    chance = random.Random("shares")
    weights = [chance.paretovariate(1.1) for _ in plan]
    old_enough = [until - one.published > timedelta(hours=5) for one in plan]
    pool = [i for i, yes in enumerate(old_enough) if yes]
    counts = [0] * len(plan)
    for i in chance.choices(pool, [min(weights[i], 22) for i in pool], k=TOTAL):
        counts[i] += 1
    return counts


def comments(here: Assignment, count: int, until: datetime, used: set[str]) -> list[Comment]:
    """`count` comments on one article in the order of time, none with a text that is in `used`."""
    chance = random.Random(f"comments {here.slug}")
    openers = [rest for mark, rest in lines("comments.txt") if mark == "-"]
    replies = [rest for mark, rest in lines("comments.txt") if mark == "<"]
    span = min(until - here.published, timedelta(days=4)) - timedelta(minutes=40)
    moments = sorted(here.published + timedelta(minutes=20) + span * chance.random() for _ in range(count))
    made: list[Comment] = []
    for moment in moments:
        answers = chance.randrange(len(made)) if made and chance.random() < 0.42 else None
        text = ""
        for _ in range(200):
            cast = Cast(chance, here.premise.subject, here.published)
            text = expand(chance.choice(openers if answers is None else replies), chance, cast.slot)
            if text not in used:
                break
        used.add(text)
        name = _name(chance)
        email = f"{slug(name)}@readers.example"
        made.append(Comment(name, email, text, moment.replace(microsecond=0), answers))
    return made
