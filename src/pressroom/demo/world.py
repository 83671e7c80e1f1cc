"""Who and where: the people, places and days that fill the slots of one story."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from datetime import datetime

from pressroom.demo.grammar import capitalised
from pressroom.demo.stories import settings

_COUNT_WORDS = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")


def words(name: str) -> list[str]:
    """A list of the invented world, such as ``places`` or ``last``."""
    return settings("world.txt")[name].split(", ")


@dataclass
class Cast:
    """The slots of one story. A person keeps the same name through the whole of it."""

    chance: random.Random
    subject: str
    day: datetime
    earlier: str = ""
    count: int = 6
    _people: dict[str, tuple[str, str]] = field(default_factory=dict)
    _introduced: set[str] = field(default_factory=set)

    def slot(self, name: str) -> str:
        """The value of a slot; KeyError for one that does not exist."""
        if name.partition(".")[0] in ("official", "expert", "resident"):
            return self._person(name)
        values = {
            "subject": lambda: self.subject,
            "subject.cap": lambda: capitalised(self.subject),
            "earlier": lambda: self.earlier,
            "count": lambda: _COUNT_WORDS[self.count],
            "count.cap": lambda: capitalised(_COUNT_WORDS[self.count]),
            "place": lambda: self.chance.choice(words("places")),
            "weekday": lambda: self.chance.choice(words("weekdays")),
            "people": lambda: self.chance.choice(words("people")),
        }
        return values[name]()

    def _person(self, name: str) -> str:
        who, _, part = name.partition(".")
        if who not in self._people:
            taken = {last for _, last in self._people.values()}
            last = self.chance.choice([one for one in words("last") if one not in taken])
            self._people[who] = (self.chance.choice(words("first")), last)
        first, last = self._people[who]
        if part == "last" or who in self._introduced:
            return last
        self._introduced.add(who)
        if who == "expert":
            return f"{self.chance.choice(words('chairs'))} {first} {last}"
        return f"{first} {last}"
