"""The command about a site's files: what is wrong with them, and what is done about it."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Any

import typer
from rich.text import Text

from pressroom.cli.node_commands import FormatOption, node_of
from pressroom.cli.output import Format, answers, print_record, print_rows
from pressroom.cli.typed import typed
from pressroom.model.errors import InvalidInput
from pressroom.operations import scans
from pressroom.operations.node import Node
from pressroom.operations.scans import Scanned

_WHICH = "ID|PATH"


def scan(
    context: typer.Context,
    domain: Annotated[str, typer.Argument(metavar="DOMAIN", help="The site's domain, or an alias of it.")],
    last: Annotated[bool, typer.Option("--last", help="Do not look now; show what the last look found.")] = False,
    quarantine: Annotated[str, typer.Option(metavar=_WHICH, help="Take this finding's file away.")] = "",
    restore: Annotated[str, typer.Option(metavar="ID", help="Put a file back from quarantine, and accept it.")] = "",
    discard: Annotated[str, typer.Option(metavar="ID", help="Remove a file from quarantine for good.")] = "",
    accept: Annotated[str, typer.Option(metavar=_WHICH, help="This finding is right as it is, until it changes.")] = "",
    repair: Annotated[bool, typer.Option("--repair", help="Put the files of WordPress's core back.")] = False,
    listed: Annotated[bool, typer.Option("--list", help="Show what is in quarantine.")] = False,
    form: FormatOption = Format.TABLE,
) -> None:
    """Look at a site's files for what was changed and for malware. Exit code 1: something was found."""
    wanted = {"--last": last, "--list": listed, "--repair": repair, "--quarantine": quarantine, "--restore": restore,
              "--discard": discard, "--accept": accept}  # fmt: skip
    if len(given := [name for name, value in wanted.items() if value]) > 1:
        raise InvalidInput(f"{' and '.join(given)} at once", hint="give one of them")
    node = node_of(context)
    if what := quarantine or restore or discard or accept:
        with node.changing(typed(context), site=domain):
            record, told = _done(node, domain, given[0], what)
        if form is Format.JSON:
            print_record(record, form)
        else:
            answers.print(Text(_shown(told)), soft_wrap=True)
        return
    if listed:
        _list(node, domain, form)
        return
    if repair:
        with node.changing(typed(context), site=domain):
            scans.repair(node, domain)
    found = scans.known(node, domain) if last else scans.scan(node, domain)
    if form is Format.JSON:
        print_record(asdict(found), form)
    else:
        _show(found)
    raise typer.Exit(1 if found.findings or found.trouble else 0)


def _done(node: Node, domain: str, option: str, what: str) -> tuple[dict[str, Any], str]:
    """The record of what was done, and a sentence."""
    if option == "--accept":
        finding = scans.accept(node, domain, what)
        return asdict(finding), f"{finding.path} is accepted as it is."
    if option == "--restore":
        back = scans.restore(node, domain, what)
        return asdict(back), f"{back.path} is back, and accepted as it is."
    if option == "--discard":
        gone = scans.discard(node, domain, what)
        return asdict(gone), f"{gone.path} is gone for good."
    away = scans.quarantine(node, domain, what)
    return asdict(away), f"{away.path} is in quarantine. Back: site scan {domain} --restore {away.id}"


def _list(node: Node, domain: str, form: Format) -> None:
    rows = [asdict(one) for one in scans.known(node, domain).quarantine]
    if form is Format.TABLE:
        rows = [{**row, "path": _shown(row["path"])} for row in rows]
    print_rows(rows, form, columns=("id", "path", "owner", "mode", "size", "taken", "why"))


def _show(found: Scanned) -> None:
    for one in found.findings:
        head = Text.assemble((f"{one.id}  ", "dim"), (_shown(one.path), "bold"), f" {one.what}")
        answers.print(head, soft_wrap=True)
        changed = "" if one.changed is None else f"; changed {one.changed}"
        rules = f" ({', '.join(one.rules)})" if one.rules else ""
        answers.print(Text(f"            {one.kind}{rules}, found {one.since}{changed}", style="dim"), soft_wrap=True)
    if found.trouble:
        answers.print(Text(f"Not all could be looked at: {found.trouble}.", style="bold"), soft_wrap=True)
    first = sum(one.source == "first seen" for one in found.extensions)
    counted = f"{len(found.findings)} findings" if found.findings else "Nothing was found"
    answers.print(
        f"{counted} in {found.files:,} files ({found.at}). Plugins, themes and other code: {len(found.extensions)}, of "
        f"which {first} are compared with how they were first seen.",
        soft_wrap=True,
    )


def _shown(text: str) -> str:
    """Without what a terminal would obey: names of files are a tenant's."""
    return "".join(letter if letter.isprintable() else ascii(letter)[1:-1] for letter in text)
