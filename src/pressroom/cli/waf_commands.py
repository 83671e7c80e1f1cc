"""Commands about the firewall."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.text import Text

from pressroom.cli.node_commands import FormatOption, node_of
from pressroom.cli.output import Format, answers, print_rows
from pressroom.operations import firewall
from pressroom.operations.firewall import Finding

app = typer.Typer(no_args_is_help=True)
_SHOWN = 120  # characters of what was sent


@app.command()
def log(
    context: typer.Context,
    domain: Annotated[str, typer.Argument(metavar="DOMAIN", help="The site's domain, or an alias of it.")],
    lines: Annotated[int, typer.Option("--lines", "-n", min=1, help="How many requests, the newest last.")] = 20,
    as_json: Annotated[bool, typer.Option("--json", help="The same as --format json.")] = False,
    form: FormatOption = Format.TABLE,
) -> None:
    """What the firewall found in requests to this site, and whether it refused them."""
    found = firewall.findings(node_of(context), domain, lines)
    if as_json or form is Format.JSON:
        print_rows([_record(one) for one in found], Format.JSON, columns=())
        return
    if not found:
        answers.print("Nothing was found.")
    for one in found:
        _show(one)


def _record(finding: Finding) -> dict[str, object]:
    return {
        "at": finding.at,
        "client": finding.client,
        "request": finding.request,
        "blocked": finding.blocked,
        "verdict": finding.verdict,
        "rules": [{"id": one.rule, "message": one.message, "data": one.data} for one in finding.matches],
    }


def _show(finding: Finding) -> None:
    """A line for the request, and one for each rule."""
    head = f"{finding.at[:19].replace('T', ' ')}  {finding.client}  {_shown(finding.request)}  "
    answers.print(Text.assemble(head, (finding.verdict, "bold")), soft_wrap=True)
    for one in finding.matches:
        answers.print(Text(f"    {one.rule}  {one.message}: {_shown(one.data)}"), soft_wrap=True)


def _shown(text: str) -> str:
    """Short, and without what a terminal would obey."""
    plain = "".join(letter if letter.isprintable() else "·" for letter in text[: _SHOWN + 1])
    return plain if len(plain) <= _SHOWN else plain[: _SHOWN - 1] + "…"
