from __future__ import annotations

import random

import pytest

from pressroom.demo.grammar import expand
from pressroom.model.errors import InvalidInput


def _expand(pattern: str, **slots: str) -> str:
    return expand(pattern, random.Random(1), slots.__getitem__)


def test_a_choice_may_hold_choices() -> None:
    found = {expand("[a|b[c|d]]", random.Random(n), str) for n in range(50)}
    assert found == {"a", "bc", "bd"}


def test_slots_are_filled() -> None:
    assert _expand("on {subject}, in {place}", subject="the ferry", place="Saltgate") == "on the ferry, in Saltgate"


@pytest.mark.parametrize(
    ("pattern", "text"),
    [
        ("{n:3-3} voices", "Three voices"),
        ("it took {n:7-7} weeks", "it took seven weeks"),
        ("Late. {n:4-4} left.", "Late. Four left."),
        ("page {n:7-7} of it", "page 7 of it"),
        ("<b>{n:5-5}</b> is a number", "<b>5</b> is a number"),
        ("at {n:9-9}.{n:40-40} sharp", "at 9.40 sharp"),
        ("{n:2300-2300} readers", "2,300 readers"),
        ("since {n:1898-1898}, they say", "since 1898, they say"),
    ],
)
def test_numbers_are_written_as_a_paper_would(pattern: str, text: str) -> None:
    assert _expand(pattern) == text


@pytest.mark.parametrize("broken", ["[a|b", "a|b]", "{", "left }"])
def test_a_text_with_a_hole_is_refused(broken: str) -> None:
    with pytest.raises(InvalidInput):
        _expand(broken)


def test_an_unknown_slot_is_an_error() -> None:
    with pytest.raises(KeyError):
        _expand("{nobody}")
