"""Commands about the audit trail."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from datetime import datetime
from typing import Annotated

import typer
from rich.text import Text

from pressroom.cli.node_commands import FormatOption, node_of
from pressroom.cli.output import Format, answers, print_record, print_rows
from pressroom.cli.typed import seconds_of
from pressroom.model.trail import Verdict
from pressroom.operations import trail
from pressroom.operations.trail import Entry

app = typer.Typer(invoke_without_command=True)
_COLUMNS = ("number", "at", "person", "from", "command", "outcome")


@app.callback()
def audit(context: typer.Context) -> None:
    """Alone, it is `audit log`."""
    if context.invoked_subcommand is None:
        log(context)


@app.command()
def log(
    context: typer.Context,
    since: Annotated[str | None, typer.Option(metavar="TIME", help="How far back: 30m, 24h, 7d.")] = None,
    site: Annotated[str, typer.Option(metavar="DOMAIN", help="Of one site.")] = "",
    lines: Annotated[int, typer.Option("--lines", "-n", min=1, help="How many commands, the newest last.")] = 50,
    form: FormatOption = Format.TABLE,
) -> None:
    """Commands that changed something, or tried to: when, who, from where, what, and how it ended."""
    seconds = None if since is None else seconds_of(since)
    found = trail.entries(node_of(context), seconds=seconds, site=site, limit=lines)
    rows = [asdict(one) if form is Format.JSON else _row(one) for one in found]
    print_rows(rows, form, columns=_COLUMNS)


@app.command()
def verify(
    context: typer.Context,
    head: Annotated[str, typer.Option(metavar="HASH", help="One that this printed before, and you wrote down.")] = "",
    form: FormatOption = Format.TABLE,
) -> None:
    """Whether a line was changed, taken out or put in. The exit code is 1 when one was; the first is named."""
    verdict = trail.check(node_of(context), head)
    if form is Format.JSON:
        print_record(asdict(verdict), form)
    else:
        for sentence in _told(verdict):
            answers.print(Text(sentence), soft_wrap=True)
    if verdict.fault is not None:
        raise typer.Exit(1)


def _row(entry: Entry) -> dict[str, object]:
    at = datetime.fromisoformat(entry.at).astimezone().isoformat(" ", timespec="seconds")[:19]
    row = {
        "at": at,
        "person": _with(entry.person, entry.person_by),
        "from": _with(entry.origin, entry.origin_by),
        "command": entry.command,
        "outcome": entry.outcome + (f": {entry.detail}" if entry.detail else ""),
    }
    return {"number": entry.number, **{name: _harmless(text) for name, text in row.items()}}


def _with(text: str, known_by: str) -> str:
    """What the environment says, and nobody else, is marked."""
    return f"{text} (claimed)" if known_by == "claimed" else text


def _harmless(text: str) -> str:
    """Without what a terminal would obey."""
    return "".join(letter if letter.isprintable() else "·" for letter in text)


def _told(verdict: Verdict) -> Iterator[str]:
    if verdict.fault is not None:
        yield f"Not as it was written: {verdict.fault.what}."
    elif verdict.number == 0:
        yield "There is no line yet."
        return
    else:
        yield f"{verdict.number} lines, each as it was written; the copy in log/audit.log has {verdict.copied} of them."
        if verdict.noted is not None:
            yield f"The hash that you noted is line {verdict.noted}'s: all up to that line is what it was then."
    yield f"The head, to be written down elsewhere: line {verdict.number}, {verdict.head}"
