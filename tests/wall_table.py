"""What each wall keeps out, as tests saw it: with the wall, and once it was taken away. `make walls` prints it.

A test that has seen one of the two tells so by the fixture `seen`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

KEPT_OUT, CAME_THROUGH = "kept out", "comes through"
_LEGEND = """\
Each attempt with its wall in place, and once that was taken away; of several each keeps it out by itself. –: not tried.
files, processes, network, IPC: a site's own namespaces. user: its own Unix user, without capabilities. calls: refused
system calls.
"""
_PROPERTY = "wall"


@dataclass
class Row:
    """``without`` is empty where the wall was not taken away: the attempt was seen to fail, and no more."""

    attempt: str
    wall: str
    held: str = ""
    without: str = ""


class Seen:
    """For one test; by it a row gets to the table, from another process too."""

    def __init__(self, put: Callable[[str, object], None]) -> None:
        self._put = put

    def kept_out(self, attempt: str, wall: str) -> None:
        self._put(_PROPERTY, [attempt, wall, KEPT_OUT])

    def came_through(self, attempt: str, wall: str) -> None:
        """Without the wall."""
        self._put(_PROPERTY, [attempt, wall, CAME_THROUGH])

    def both(self, attempt: str, wall: str) -> None:
        self.kept_out(attempt, wall)
        self.came_through(attempt, wall)


def rows(properties: Iterable[tuple[str, object]]) -> list[Row]:
    """Of what passed tests have put, in their order; one for each attempt and wall."""
    found: dict[tuple[str, str], Row] = {}
    for name, value in properties:
        if name != _PROPERTY or not isinstance(value, list):
            continue
        attempt, wall, what = map(str, value)
        row = found.setdefault((attempt, wall), Row(attempt, wall))
        if what == KEPT_OUT:
            row.held = what
        else:
            row.without = what
    return list(found.values())


def table(found: Sequence[Row]) -> str:
    """In Markdown, in columns, with what the words mean before it and what it comes to behind it."""
    cells = [("attempt", "wall", "with it", "without it")]
    cells += [(row.attempt, row.wall, row.held or "–", row.without or "–") for row in found]
    widths = [max(len(row[column]) for row in cells) for column in range(4)]
    lines = [" | ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in cells]
    lines.insert(1, " | ".join("-" * width for width in widths))
    held, through = sum(bool(row.held) for row in found), sum(bool(row.without) for row in found)
    told = f"{held} attempts are kept out. {through} of all were seen to come through once their wall was taken away."
    return "\n".join([_LEGEND, *(f"| {line} |" for line in lines), "", told])
