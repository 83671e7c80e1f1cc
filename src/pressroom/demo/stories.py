"""The texts of the demo as data: sections with their stories, follow-up forms, and the invented town.

The files in ``texts/`` are read by the first character of each line:
``@`` headline, ``>`` standfirst, ``+`` opening paragraph, ``"`` quotation `` -- `` speaker,
``=`` subject ``::`` kicker ``::`` tags, ``-`` paragraph that fits any story of the section,
``%name value`` a setting, ``#`` a remark.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

TEXTS = Path(__file__).parent / "texts"
SECTION_SLUGS = ("town-hall", "business", "harbour", "culture", "sport", "science", "food", "weekend")


@dataclass(frozen=True)
class Premise:
    """One story: what is its own, before the section's general paragraphs are added."""

    section: str
    headline: str
    standfirst: str
    opening: str
    quote: str
    speaker: str
    subject: str
    kicker: str
    tags: tuple[str, ...]


@dataclass(frozen=True)
class Section:
    slug: str
    name: str
    description: str
    subheads: tuple[str, ...]
    premises: tuple[Premise, ...]
    paragraphs: tuple[str, ...]


@dataclass(frozen=True)
class Form:
    """A way to come back to a subject: questions and answers, reactions, figures."""

    name: str
    kicker: str
    headlines: tuple[str, ...]
    standfirsts: tuple[str, ...]
    opening: str
    paragraphs: tuple[str, ...]


@dataclass(frozen=True)
class Author:
    login: str
    name: str
    role: str
    bio: str
    sections: tuple[str, ...]


def whole_lines(name: str) -> list[str]:
    """The lines of a text file without empty ones and remarks."""
    text = (TEXTS / name).read_text(encoding="utf-8")
    return [line for line in text.splitlines() if line and not line.startswith("#")]


def lines(name: str) -> Iterator[tuple[str, str]]:
    """The lines of a text file as (first character, rest)."""
    for line in whole_lines(name):
        yield line[0], line[1:].strip()


@cache
def settings(name: str) -> dict[str, str]:
    pairs = (rest.partition(" ") for mark, rest in lines(name) if mark == "%")
    return {key: value for key, _, value in pairs}


def _premise(section: str, part: dict[str, str]) -> Premise:
    quote, _, speaker = part['"'].partition(" -- ")
    subject, kicker, tags = (word.strip() for word in part["="].split("::"))
    return Premise(section, part["@"], part[">"], part["+"], quote, speaker, subject, kicker, tuple(tags.split(", ")))


@cache
def section(slug: str) -> Section:
    name = f"{slug}.txt"
    premises: list[Premise] = []
    part: dict[str, str] = {}
    for mark, rest in lines(name):
        part[mark] = rest
        if mark == "=":
            premises.append(_premise(slug, part))
            part = {}
    about = settings(name)
    subheads = tuple(head.strip() for head in about["heads"].split(";;"))
    paragraphs = tuple(rest for mark, rest in lines(name) if mark == "-")
    return Section(slug, about["name"], about["description"], subheads, tuple(premises), paragraphs)


@cache
def forms() -> tuple[Form, ...]:
    found: list[dict[str, list[str]]] = []
    for mark, rest in lines("follow-ups.txt"):
        if rest.startswith("form "):
            found.append({mark: [] for mark in "%@>+-"})
        found[-1][mark].append(rest)
    return tuple(
        Form(
            name=one["%"][0].removeprefix("form "),
            kicker=one["%"][1].removeprefix("kicker "),
            headlines=tuple(one["@"]),
            standfirsts=tuple(one[">"]),
            opening=one["+"][0],
            paragraphs=tuple(one["-"]),
        )
        for one in found
    )


@cache
def authors() -> tuple[Author, ...]:
    found = []
    for line in whole_lines("authors.txt"):
        login, name, role, bio, sections = (word.strip() for word in line.split(" | "))
        found.append(Author(login, name, role, bio, tuple(sections.split(", "))))
    return tuple(found)


@cache
def tag_names() -> dict[str, str]:
    pairs = (entry.partition("=") for entry in settings("world.txt")["tags"].split(", "))
    return {slug: name for slug, _, name in pairs}
