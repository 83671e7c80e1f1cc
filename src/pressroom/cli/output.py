"""Two channels: answers on stdout, as a table or as JSON; progress and questions on stderr."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Any

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from pressroom.model.errors import InvalidInput
from pressroom.model.inert import inert


class _Console(Console):
    """Whose reader may go (`| head`) while the command does its work to the end."""

    def on_broken_pipe(self) -> None:
        self.quiet = True
        os.dup2(os.open(os.devnull, os.O_WRONLY), self.file.fileno())

    def print(self, *objects: Any, **options: Any) -> None:
        """Much of what is shown was written by sites and their visitors: no terminal obeys it."""
        super().print(*map(_inert, objects), **options)


def _inert(shown: Any) -> Any:
    if isinstance(shown, Text):
        harmless = inert(shown.plain)
        return shown if harmless == shown.plain else Text(harmless, style=shown.style)
    return inert(shown) if isinstance(shown, str) else shown


answers = _Console(highlight=False)
notes = _Console(stderr=True, highlight=False)


class Format(StrEnum):
    """How answers are printed."""

    TABLE = "table"
    JSON = "json"


def print_rows(rows: Sequence[Mapping[str, Any]], form: Format, *, columns: Sequence[str]) -> None:
    """A list: one row each."""
    if form is Format.JSON:
        print(json.dumps(list(rows), indent=2, default=str))
        return
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in columns:
        table.add_column(column.replace("_", " "))
    for row in rows:
        table.add_row(*(Text(inert(_plain(row.get(column)))) for column in columns))
    answers.print(table)


def print_record(record: Mapping[str, Any], form: Format) -> None:
    """One thing: a line for each of its fields."""
    if form is Format.JSON:
        print(json.dumps(dict(record), indent=2, default=str))
        return
    width = max((len(key) for key in record), default=0)
    for key, value in record.items():
        answers.print(Text.assemble((f"{key.replace('_', ' '):<{width + 2}}", "bold"), _plain(value)), soft_wrap=True)


def confirm(question: str, *, yes: bool) -> None:
    """Ask unless `yes`. Raises InvalidInput without a terminal to ask on: nothing is done then."""
    if yes:
        return
    if not sys.stdin.isatty():
        raise InvalidInput("this asks before it does anything, and there is no terminal", hint="add --yes to go ahead")
    typer.confirm(question, abort=True, err=True)


def _plain(value: object) -> str:
    if value is None:
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list | tuple):
        return ", ".join(map(str, value)) or "–"
    return str(value)
