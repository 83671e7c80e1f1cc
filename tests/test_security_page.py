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
