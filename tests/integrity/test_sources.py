"""What files should be: the core's own, WordPress.org's, or as they were first seen."""

from __future__ import annotations

import asyncio
import hashlib
from pathlib import Path

import pytest

from pressroom.integrity.comparison import BUNDLED, FIRST_SEEN, PUBLISHED, Baseline
from pressroom.integrity.published import Published
from pressroom.integrity.report import Report, SeenFile
from pressroom.integrity.sources import Sources

PLACE, CORE = "wp-content/plugins/p", "6.1-0123456789ab"
HEADER = b"<?php\n/*\nPlugin Name: P\nVersion: 1\n*/"
OF_HEADER = hashlib.sha256(HEADER).hexdigest()
A, B = "a" * 64, "b" * 64


class _Publishes(Published):
    def __init__(self, manifest: dict[str, str] | None = None) -> None:
        super().__init__()
        self._manifest = manifest

    def manifest(self, place: str, version: str) -> dict[str, str] | None:
        return self._manifest


@pytest.fixture
def cores(tmp_path: Path) -> Path:
    for name, content in (("wp-includes/x.php", b"x"), (f"{PLACE}/p.php", HEADER), ("index.php", b"i")):
        (tmp_path / CORE / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / CORE / name).write_bytes(content)
    return tmp_path


def _new(
    cores: Path, version: str, known: dict[str, Baseline], publishes: dict[str, str] | None = None
) -> dict[str, Baseline]:
    report = Report(
        None, {f"{PLACE}/p.php": SeenFile(A, 1), f"{PLACE}/bad.php": SeenFile(B, 1, ("bad",))}, {PLACE: version}
    )
    found = asyncio.run(Sources(cores, _Publishes(publishes)).new_baselines(CORE, report, known))
    found.pop(".", None)
    return found


def test_the_core(cores: Path) -> None:
    core = asyncio.run(Sources(cores, _Publishes()).core(CORE))
    assert core == {
        "index.php": hashlib.sha256(b"i").hexdigest(),
        "wp-includes/x.php": hashlib.sha256(b"x").hexdigest(),
    }
    with pytest.raises(FileNotFoundError):
        asyncio.run(Sources(cores, _Publishes()).core("6.2-0123456789ab"))


def test_what_the_core_brought_in_the_same_version(cores: Path) -> None:
    assert _new(cores, "1", {}, {"p.php": A})[PLACE].source == BUNDLED
    assert _new(cores, "1", {})[PLACE].manifest == {"p.php": OF_HEADER}


def test_what_is_published_goes_before_what_is_seen(cores: Path) -> None:
    found = _new(cores, "2", {}, {"p.php": A, "more.php": B})[PLACE]
    assert (found.source, found.manifest) == (PUBLISHED, {"p.php": A, "more.php": B})


def test_another_plugin_by_the_same_name(cores: Path) -> None:
    assert _new(cores, "2", {}, {"p.php": B, "q.php": B, "r.php": B})[PLACE].source == FIRST_SEEN


def test_as_it_was_first_seen_without_what_a_rule_matches(cores: Path) -> None:
    found = _new(cores, "2", {})[PLACE]
    assert (found.source, found.version, found.manifest) == (FIRST_SEEN, "2", {"p.php": A})


@pytest.mark.parametrize(("version", "is_new"), [("1", False), ("2", True), ("", False)])
def test_another_version_is_a_new_beginning_and_none_is_not(version: str, is_new: bool, cores: Path) -> None:
    assert (PLACE in _new(cores, version, {PLACE: Baseline("1", FIRST_SEEN, 0.0, {})})) is is_new
