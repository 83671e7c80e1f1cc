"""Reports come from behind a site's walls: whatever stands there is a report or a ValueError, and nothing else."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pressroom.integrity.report import read

RULES = frozenset({"bad"})
FILE = {"file": "a.php", "digest": "a" * 64, "time": 1, "rules": ["bad"], "silent": False}
DONE = {"done": True, "files": 1, "seconds": 0.1, "cut": None}


def _lines(*told: object) -> list[bytes]:
    return [json.dumps(one).encode() for one in told]


def test_a_report() -> None:
    report = read(_lines(FILE, {"extension": "p", "version": "1"}, DONE), RULES, None)
    assert report.files["a.php"].rules == ("bad",) and report.extensions == {"p": "1"} and report.cut is None


def test_one_that_broke_off_is_not_taken_for_whole() -> None:
    assert read(_lines(FILE), RULES, None).cut == "it broke off"


@pytest.mark.parametrize(
    "change",
    [
        {"file": "../a"}, {"file": "/etc/passwd"}, {"file": "a//b"}, {"file": ""}, {"file": "a\0"}, {"file": 7},
        {"file": "a" * 9000}, {"file": "\ud800"}, {"digest": "A" * 64}, {"digest": 5}, {"time": -1}, {"time": 2**60},
        {"time": "1"}, {"rules": ["unknown"]}, {"rules": "bad"}, {"rules": [[]]},
    ],
)  # fmt: skip
def test_a_file_in_another_form(change: dict[str, object]) -> None:
    with pytest.raises((ValueError, TypeError)):
        read(_lines({**FILE, **change}, DONE), RULES, None)


@pytest.mark.parametrize("line", [b"", b"[]", b"7", b"{", b'{"odd": "a", "kind": "malware", "why": ""}', b'{"x": 1}'])
def test_a_line_in_another_form(line: bytes) -> None:
    with pytest.raises(ValueError):
        read([line], RULES, None)


@given(st.lists(st.dictionaries(st.sampled_from([*FILE, *DONE, "odd", "kind", "why", "extension", "version"]), st.one_of(st.none(), st.text(), st.integers(), st.lists(st.text())))))  # fmt: skip
def test_anything(told: list[dict[str, object]]) -> None:
    try:
        read(_lines(*told), RULES, None)
    except (ValueError, KeyError, TypeError, OverflowError):
        return
