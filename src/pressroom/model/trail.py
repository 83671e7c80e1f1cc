"""The audit trail: who changed what, in lines that each hold the hash of the line before. Pure.

A line's text is JSON with sorted keys, in ASCII; its hash is the SHA-256 of that text.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

# What the first line holds in the place of a hash.
GENESIS = "0" * 64
BEGAN, DONE, REFUSED, FAILED, GIVEN_UP = "began", "done", "refused", "failed", "given up"


@dataclass(frozen=True)
class Actor:
    """Who acts, and from where. ``person_by`` and ``origin_by`` say how that is known; `claimed`: by the environment,
    which the person can forge. ``process`` is its number, and when it began (Unix seconds).
    """

    person: str
    person_by: str = ""
    user: str = ""
    origin: str = ""
    origin_by: str = ""
    terminal: str = ""
    process: str = ""


@dataclass(frozen=True)
class Line:
    """One line. ``event``: `began`, or an outcome; ``begun`` is then the number of the line that tells of the
    beginning.

    ``at``: ISO 8601 in UTC. ``previous``: the hash of the line before. Number and hash are given when it is appended.
    """

    at: str
    event: str
    actor: Actor
    command: str
    site: str = ""
    detail: str = ""
    begun: int | None = None
    number: int = 0
    previous: str = GENESIS

    @classmethod
    def read(cls, text: str) -> Line:
        """Raises ValueError for what is no line."""
        try:
            plain: dict[str, Any] = json.loads(text)
            return cls(**{**plain, "actor": Actor(**plain["actor"])})
        except (TypeError, KeyError) as error:
            raise ValueError("no line of the audit") from error


@dataclass(frozen=True)
class Sealed:
    """A line as it is kept."""

    number: int
    text: str
    hash: str

    def read(self) -> Line | None:
        """None where text, number and hash do not belong together."""
        try:
            line = Line.read(self.text)
        except (ValueError, RecursionError):
            return None
        own = type(line.number) is int and line.number == self.number and hash_of(self.text) == self.hash
        return line if own else None

    def as_copied(self) -> str:
        """As it stands in the copy: `hash text`."""
        return f"{self.hash} {self.text}"


def sealed(line: Line, number: int, previous: str) -> Sealed:
    plain = asdict(replace(line, number=number, previous=previous))
    text = json.dumps(plain, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return Sealed(number, text, hash_of(text))


def hash_of(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


@dataclass(frozen=True)
class Fault:
    """The first line that is not as it was written, by its number."""

    number: int
    what: str


@dataclass(frozen=True)
class Verdict:
    """What was found. ``number`` and ``head`` are of the last line; ``copied`` is how many the copy confirms; ``noted``
    is the number of the line whose hash was passed.
    """

    number: int
    head: str
    copied: int
    noted: int | None = None
    fault: Fault | None = field(default=None)


def verify(rows: Sequence[Sealed], copy: Iterable[str], noted: str = "") -> Verdict:
    """Whether all lines follow one another, the copy's are the same, and one has the hash that somebody noted."""
    copied, faults = _compared(rows, list(copy))
    chain = _first_break(rows)
    if chain is not None:
        faults = [chain, *faults]
    number, head = (rows[-1].number, rows[-1].hash) if rows else (0, GENESIS)
    known = next((row.number for row in rows if noted and row.hash.startswith(noted.lower())), None)
    if noted and known is None:
        faults.append(Fault(number, f"no line has the hash {noted}: the end was cut off, or all is written anew"))
    first = min(faults, key=lambda fault: fault.number) if faults else None
    return Verdict(number, head, copied, known, first)


def _first_break(rows: Sequence[Sealed]) -> Fault | None:
    expected, before = 1, GENESIS
    for row in rows:
        if row.number != expected:
            return Fault(expected, f"line {expected} is missing")
        try:
            line = Line.read(row.text)
        except ValueError:
            return Fault(expected, f"line {expected} was changed: it cannot be read")
        if hash_of(row.text) != row.hash or line.number != expected:
            return Fault(expected, f"line {expected} was changed, or others were put in before it")
        if line.previous != before:
            why = f"line {expected} does not follow the line before it: that one was changed, or this one put in"
            return Fault(expected, why)
        expected, before = expected + 1, row.hash
    return None


def _compared(rows: Sequence[Sealed], copy: Sequence[str]) -> tuple[int, list[Fault]]:
    """How many lines the copy confirms, and where the two part. A line that a loss of power cut short in the copy, and
    that was written again, is none.
    """
    ours = {row.as_copied(): row.number for row in rows}
    last = rows[-1].number if rows else 0
    seen: set[int] = set()
    for text in copy:
        if text in ours:
            seen.add(ours[text])
        elif text and not any(one.startswith(text) for one in ours):
            return len(seen), [_parting(text, last)]
    gap = next((number for number in range(1, max(seen, default=0)) if number not in seen), None)
    return len(seen), [] if gap is None else [Fault(gap, f"line {gap} is missing in the copy")]


def _parting(text: str, last: int) -> Fault:
    """Of a line that the copy alone has."""
    digest, _, rest = text.partition(" ")
    try:
        number = Line.read(rest).number
    except ValueError:
        return Fault(0, "a line of the copy cannot be read: the copy was changed")
    if hash_of(rest) != digest:
        return Fault(number, f"line {number} of the copy was changed")
    if number > last:
        return Fault(number, f"line {number} is missing, which the copy has: the end was cut off")
    return Fault(number, f"line {number} is another one than in the copy")
