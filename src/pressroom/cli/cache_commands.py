"""Commands about the page cache."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer
from rich.progress import BarColumn, Progress, TextColumn
from rich.text import Text

from pressroom.cli.explained import explained
from pressroom.cli.node_commands import FormatOption, YesOption, node_of
from pressroom.cli.output import Format, answers, confirm, notes, print_record, print_rows
from pressroom.cli.typed import typed
from pressroom.model.errors import InvalidInput
from pressroom.operations import audit as audits
from pressroom.operations import cache
from pressroom.operations.node import Node

app = typer.Typer(no_args_is_help=True)
DomainArgument = Annotated[str, typer.Argument(metavar="DOMAIN", help="The site's domain.")]
_COLUMNS = ("domain", "stored", "queued", "rendering", "refused", "gate")
_AUDIT_COLUMNS = ("checked", "violations")


@app.command()
def status(
    context: typer.Context,
    domain: Annotated[str | None, typer.Argument(metavar="[DOMAIN]", help="One site; all when left out.")] = None,
    form: FormatOption = Format.TABLE,
) -> None:
    """How many pages are stored, and what became of the others."""
    node = node_of(context)
    domains = [node.state.site(domain).domain] if domain else [site.domain for site in node.state.sites()]
    rows = [asdict(cache.status(node, name)) for name in domains]
    if form is Format.TABLE:
        rows = [row | {name: row["audit"][name] for name in _AUDIT_COLUMNS} for row in rows]
    print_rows(rows, form, columns=(*_COLUMNS, *_AUDIT_COLUMNS))
    if form is Format.TABLE:
        for row in rows:
            if row["dropped_why"]:
                told = f"{row['domain']}: all pages went at {row['dropped_at']}: {row['dropped_why']}"
                answers.print(Text(told), soft_wrap=True)
            if row["pictures_waiting"]:
                told = f"{row['domain']}: {row['pictures_waiting']:,} pictures, or pages to be looked through for some,"
                answers.print(f"{told} wait to be made as AVIF or WebP", soft_wrap=True)
            for why, pages, key in row["refusals"]:
                told = "one page is" if pages == 1 else f"{pages} pages are"
                answers.print(Text(f"{row['domain']}: {told} not stored ({key}): {why}"), soft_wrap=True)
            for statement, pages in row["unanalysed"].items():
                told = f"{row['domain']}: any change takes out {pages} pages, because of: {statement}"
                answers.print(Text(told), soft_wrap=True)


@app.command()
def warm(context: typer.Context, domain: DomainArgument, form: FormatOption = Format.TABLE) -> None:
    """Wait until every page that is known is rendered."""
    node = node_of(context)
    with Progress(
        TextColumn("rendering"), BarColumn(), TextColumn("{task.completed:.0f}/{task.total:.0f}"), console=notes,
        transient=True,
    ) as progress:  # fmt: skip
        task = progress.add_task("", total=1)
        figures = cache.warm(
            node, domain, waiting=lambda done, left: progress.update(task, completed=done, total=max(1, done + left))
        )
    record = asdict(figures)
    if form is Format.TABLE:
        record["unanalysed"] = len(figures.unanalysed)
        record.pop("audit")  # `cache status` has it
    print_record(record, form)


@app.command()
def purge(
    context: typer.Context,
    domain: DomainArgument,
    url: Annotated[str | None, typer.Argument(metavar="[URL]", help="One page; all when left out.")] = None,
    yes: YesOption = False,
) -> None:
    """Take pages out of the store; they are rendered again. For what is not seen: a picture replaced by hand, say."""
    node = node_of(context)

    def ask() -> None:
        node.state.site(domain)  # before anything is asked
        confirm(f"Take all pages of {domain} out of the store?", yes=yes or url is not None)

    with node.changing(typed(context), site=domain, ask=ask):
        count = cache.purge(node, domain, url)
    answers.print(f"{count} pages were taken out." if count != 1 else "One page was taken out.")


@app.command()
def explain(
    context: typer.Context,
    url: Annotated[
        str | None,
        typer.Argument(
            metavar="URL", help="The page's whole address; with --change the site's domain, if there are more."
        ),
    ] = None,
    change: Annotated[
        str | None,
        typer.Option(metavar="LAST|NUMBER", help="Tell instead which pages a change of this site touched, and why."),
    ] = None,
    form: FormatOption = Format.TABLE,
) -> None:
    """What a page depends on, and when and why it was last taken out."""
    node = node_of(context)
    if change is not None:
        told = cache.explain_change(node, url or _only_domain(node), change)
        pages = told["pages"]
        print_record({**told, "rows": "\n".join(told["rows"]), "pages": ""} if form is Format.TABLE else told, form)
        if form is Format.TABLE:
            for key, why in pages.items():
                answers.print(Text(f"{key}\n    {why}"), soft_wrap=True)
        return
    if url is None:
        raise InvalidInput("which page?", hint="name its whole address, or a site with `--change LAST`")
    answer = cache.explain(node, url)
    if form is Format.JSON:
        print_record(answer, form)
        return
    for sentence in explained(answer):
        answers.print(Text(sentence), soft_wrap=True)


def _only_domain(node: Node) -> str:
    match node.state.sites():
        case [site]:
            return site.domain
    raise InvalidInput("which site?", hint="name its domain; `pressroom site list` has all")


@app.command()
def audit(
    context: typer.Context,
    domain: DomainArgument,
    limit: Annotated[int, typer.Option(min=1, help="How many pages to check.")] = 50,
    form: FormatOption = Format.TABLE,
) -> None:
    """Render stored pages afresh and compare. The exit code is 1 when one is not right."""
    result = audits.audit(node_of(context), domain, limit=limit)
    print_record(
        {
            "checked": f"{result.checked} of {result.stored}",
            "overtaken": result.overtaken,
            "random": result.random,
            "failed": result.failed,
            "violations": len(result.violations),
        }
        if form is Format.TABLE
        else asdict(result),
        form,
    )
    if form is Format.TABLE:
        for violation in result.violations:
            answers.print(
                Text(f"\n{violation.url}\n{violation.difference}\nEvidence: {violation.evidence}"), soft_wrap=True
            )
    if result.violations:
        raise typer.Exit(1)
