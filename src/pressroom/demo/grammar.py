"""The little grammar that the demo's texts are written in.

``[one|another]`` is a choice and may be nested, ``{slot}`` is a value that the writer supplies, and
``{n:3-9}`` a whole number between the two.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable

from pressroom.model.errors import InvalidInput

_CHOICE = re.compile(r"\[([^\[\]]*)\]")
_SLOT = re.compile(r"\{([^{}]+)\}")
_YEARS = re.compile(r"\{n:(1[5-9]\d\d)-(1[5-9]\d\d)\}")
# A small number that stands by itself in a sentence, but not the number of a bus, a page or a row.
_SMALL = re.compile(r"(?<!bus )(?<!umber )(?<!page )(?<!row )(?<![^ (])([2-9]|1[0-2])(?=,? [a-z])")
_WORDS = ["two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"]
_NUMBER = re.compile(r"n:(\d+)-(\d+)")


def expand(text: str, chance: random.Random, slot: Callable[[str], str]) -> str:
    """Make one sentence or paragraph of a pattern: choices first, from the inside out, then slots.

    Raises InvalidInput when a bracket or brace is left over: a text with a hole must not be printed.
    """
    while (choice := _CHOICE.search(text)) is not None:
        picked = chance.choice(choice.group(1).split("|"))
        text = text[: choice.start()] + picked + text[choice.end() :]

    def fill(match: re.Match[str]) -> str:
        number = _NUMBER.fullmatch(match.group(1))
        if number is None:
            return slot(match.group(1))
        return f"{chance.randint(int(number.group(1)), int(number.group(2))):,}"

    # Years are written without a comma.
    text = _YEARS.sub(lambda years: str(chance.randint(int(years[1]), int(years[2]))), text)
    text = _SLOT.sub(fill, text)
    if any(mark in text for mark in "[]{}|"):
        raise InvalidInput(f"unfinished text: {text[:80]}", hint="look for an open bracket in the demo's texts")
    return _SMALL.sub(_spelled, text)


def _spelled(number: re.Match[str]) -> str:
    word = _WORDS[int(number.group(1)) - 2]
    begins = number.start() == 0 or number.string[: number.start()].rstrip()[-1:] in ".:?!"
    return word.capitalize() if begins else word


def capitalised(text: str) -> str:
    return text[:1].upper() + text[1:]
