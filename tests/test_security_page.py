"""What docs/security.md says of walls is what the tests try."""

from __future__ import annotations

import re
from pathlib import Path

from tests.functional.attempts import ATTEMPTS

ROOT = Path(__file__).parent.parent
PAGE = (ROOT / "docs" / "security.md").read_text()


def _table(head: str) -> list[list[str]]:
    """The cells of the rows under this head."""
    _, _, rest = PAGE.partition(f"{head}\n")
    assert rest, f"{head} is not in the page"
    rows = rest.split("\n\n")[0].splitlines()[1:]
    return [[cell.strip() for cell in row.strip("|").split(" | ")] for row in rows]


def test_each_attempt_at_a_wall_stands_in_the_page_with_its_walls() -> None:
    told = {row[0]: row[1] for row in _table("| attempt | walls |")}
    tried = {name: walls.replace(" ", ", ") for name, walls, _ in ATTEMPTS}
    assert {name: told.get(name) for name in tried} == tried


def test_each_test_that_the_page_names_is_there() -> None:
    named = set(re.findall(r"`(test_\w+\.py)`", PAGE))
    there = {path.name for path in (ROOT / "tests").rglob("test_*.py")}
    assert named and named <= there, named - there


SOURCE = ROOT / "src" / "pressroom"
_OF_ROOT = {
    "`control/helper.py`, `control/requests.py`": ["control/helper.py", "control/requests.py"],
    "the rest of `control/` but `asking.py`": [
        "control/*.py",
        "!control/helper.py",
        "!control/requests.py",
        "!control/asking.py",
    ],
    "`stack/`": ["stack/*.py"],
    "`database/`": ["database/*.py"],
    "`wordpress/` but its sources": [
        "wordpress/*.py",
        "!wordpress/archives.py",
        "!wordpress/releases.py",
        "!wordpress/sources.py",
    ],
    "`engine/`": ["engine/*.py"],
    "`system/`": ["system/*.py"],
}
_NEAR = 0.03


def _lines(patterns: list[str]) -> int:
    paths = {path for pattern in patterns if not pattern.startswith("!") for path in SOURCE.glob(pattern)}
    paths -= {SOURCE / pattern[1:] for pattern in patterns}
    return sum(len(path.read_text().splitlines()) for path in paths)


def test_the_lines_that_run_as_root_are_counted_as_they_are() -> None:
    told = {
        row[2]: int(row[3].replace(",", "")) for row in _table("| what | why | files | lines |") if row[2] in _OF_ROOT
    }
    assert told.keys() == _OF_ROOT.keys()
    for files, count in told.items():
        assert abs(_lines(_OF_ROOT[files]) - count) <= _NEAR * count, (files, _lines(_OF_ROOT[files]), count)
