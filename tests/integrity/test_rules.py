"""The rules for malware: each finds its look-alikes, and nothing is found in what ordinary sites are made of."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from pressroom.integrity.malware import meanings
from pressroom.integrity.matcher import Matcher, compiled
from pressroom.integrity.places import is_media
from tests.integrity.samples import HARMLESS, LOOKALIKES

WORDPRESS = Path("/usr/share/wordpress")


@pytest.fixture(scope="module")
def matcher() -> Matcher:
    return Matcher(compiled())


@pytest.mark.parametrize(("rule", "name", "content"), LOOKALIKES, ids=[f"{r}-{n}" for r, n, _ in LOOKALIKES])
def test_a_rule_finds_its_lookalike(rule: str, name: str, content: bytes, matcher: Matcher) -> None:
    assert rule in matcher.matches(content, name, is_media=is_media(name))


def test_each_rule_has_a_lookalike_and_a_meaning(matcher: Matcher) -> None:
    public = {rule.identifier for rule in compiled() if rule.metadata}
    assert public == {rule for rule, _, _ in LOOKALIKES} == set(meanings())


@pytest.mark.parametrize(("name", "content"), HARMLESS, ids=[name for name, _ in HARMLESS])
def test_what_is_harmless_is_left_alone(name: str, content: bytes, matcher: Matcher) -> None:
    assert matcher.matches(content, name, is_media=is_media(name)) == []


def test_nothing_is_found_in_wordpress_with_its_themes_and_plugins(matcher: Matcher) -> None:
    """Debian's, with all that its package links to."""
    looked_at = 0
    for folder, _, names in os.walk(WORDPRESS, followlinks=True):
        for name in names:
            content = Path(folder, name).read_bytes()
            assert matcher.matches(content, name, is_media=is_media(name)) == [], Path(folder, name)
            looked_at += 1
    assert looked_at > 2000


@pytest.mark.parametrize(
    "line", [b"A" * 4_000_000, b"chr(65)." * 500_000, b"$a[1]." * 600_000, b"eval(" * 400_000, b"'a'.'b'." * 400_000]
)
def test_a_line_of_megabytes_takes_seconds_at_the_most(line: bytes, matcher: Matcher) -> None:
    began = time.process_time()
    matcher.matches(b"<?php " + line, "x.php", is_media=False)
    assert time.process_time() - began < 8
