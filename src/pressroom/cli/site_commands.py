"""Commands about sites."""

from __future__ import annotations

import math
from dataclasses import asdict
from datetime import datetime
from typing import Annotated

import typer
from rich.text import Text

from pressroom.cli import scan_commands, waf_commands
from pressroom.cli.node_commands import DryRunOption, FormatOption, YesOption, node_of, print_tail, show_plan
from pressroom.cli.output import Format, answers, confirm, print_record, print_rows
from pressroom.cli.typed import seconds_of, typed
from pressroom.control.plan import plan_removal
from pressroom.mail.mailbox import Opened, read_message
from pressroom.model.errors import InvalidInput
from pressroom.model.site import SiteSettings
from pressroom.operations import latency as latencies
from pressroom.operations import rotation, sites
from pressroom.operations import settings as site_settings
from pressroom.operations.sites import NewSite
from pressroom.pagecache.renderer.latency import PROMISE

app = typer.Typer(no_args_is_help=True)
app.add_typer(waf_commands.app, name="waf", help="The firewall: what it found.")
app.command("scan")(scan_commands.scan)
DomainArgument = Annotated[str, typer.Argument(metavar="DOMAIN", help="The site's domain, or an alias of it.")]


@app.command()
def create(
    context: typer.Context,
    domain: Annotated[str, typer.Argument(metavar="DOMAIN", help="The new site's domain.")],
    title: Annotated[str, typer.Option(help="The site's title; its domain when left out.")] = "",
    admin_email: Annotated[str, typer.Option(help="The administrator's address.")] = "",
    admin_user: Annotated[str, typer.Option(help="The administrator's login name.")] = "admin",
    alias: Annotated[list[str] | None, typer.Option(help="Another domain that leads here; may be repeated.")] = None,
    wordpress: Annotated[
        str, typer.Option(metavar="SOURCE", help="debian, a folder, a .zip, or a version from wordpress.org.")
    ] = "debian",
    form: FormatOption = Format.TABLE,
    dry_run: DryRunOption = False,
) -> None:
    """Create a site: user, database, WordPress, PHP, nginx, and its first page in the store."""
    node = node_of(context)

    def asked_for() -> NewSite:
        return NewSite.check(
            domain,
            title=title,
            admin_email=admin_email,
            admin_user=admin_user,
            aliases=alias or [],
            wordpress=wordpress,
        )

    if dry_run:
        new = asked_for()
        sites.require_free(node, new)
        if form is Format.JSON:
            print_record({"domain": new.domain, "wordpress": new.wordpress, "dry_run": True}, form)
        else:
            answers.print(f"{new.domain} would be created with WordPress from {new.wordpress}.")
        return
    with node.changing(typed(context), site=domain):
        site = sites.create(node, asked_for())
    print_record(sites.show(node, site.domain), form)


@app.command("list")
def list_sites(context: typer.Context, form: FormatOption = Format.TABLE) -> None:
    """All sites of the node."""
    node = node_of(context)
    rows = [sites.show(node, site.domain) for site in node.state.sites()] if node.exists() else []
    print_rows(rows, form, columns=("domain", "url", "status", "wordpress"))


@app.command()
def show(context: typer.Context, domain: DomainArgument, form: FormatOption = Format.TABLE) -> None:
    """Everything about one site."""
    print_record(sites.show(node_of(context), domain), form)


@app.command()
def settings(
    context: typer.Context,
    domain: DomainArgument,
    change: Annotated[
        list[str] | None, typer.Option("--set", metavar="NAME=VALUE", help="Change one; may be repeated.")
    ] = None,
    form: FormatOption = Format.TABLE,
) -> None:
    """What is switched for one site, with its meaning; with --set, change some."""
    node = node_of(context)
    if change:
        words = site_settings.guarded(SiteSettings.model_validate({}), typed(context))
        with node.changing(words, site=domain):
            site_settings.change_site(node, domain, change)
            sites.finish(node, node.state.site(domain))
    rows = [asdict(row) for row in site_settings.all_settings(node.state.site(domain).settings)]
    print_rows(rows, form, columns=("name", "value", "meaning", "example"))


@app.command()
def delete(
    context: typer.Context, domain: DomainArgument, yes: YesOption = False, dry_run: DryRunOption = False
) -> None:
    """Delete a site with its database, files, mail and pages. This cannot be undone."""
    node = node_of(context)
    if dry_run:
        site = node.state.site(domain)
        show_plan(plan_removal(site, node.layout.site(site.name), roster=""))
        return

    def ask() -> None:
        confirm(f"Delete {node.state.site(domain).domain} with its database, files, mail and pages?", yes=yes)

    with node.changing(typed(context), site=domain, ask=ask):
        site = sites.delete(node, domain)
    answers.print(f"{site.domain} is deleted.")


@app.command()
def login(
    context: typer.Context,
    domain: DomainArgument,
    user: Annotated[str, typer.Option(help="Login name; the first administrator when left out.")] = "",
) -> None:
    """Print a link that logs in, once, within a minute."""
    node = node_of(context)
    with node.recorded(typed(context), site=domain):
        link = sites.login_link(node, domain, user)
    print(link)


@app.command("exec", context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False})
def exec_in(
    context: typer.Context,
    domain: DomainArgument,
    command: Annotated[list[str], typer.Argument(metavar="-- COMMAND...", help="Program and arguments.")],
) -> None:
    """Run a program as the site's user, in its folder: `site exec DOMAIN -- php -v`."""
    node = node_of(context)
    with node.recorded(typed(context), site=domain) as change:
        code = sites.exec_in(node, domain, command)
        change.failed, change.detail = code != 0, f"exit code {code}"
    raise typer.Exit(code)


@app.command()
def logs(
    context: typer.Context,
    domain: DomainArgument,
    lines: Annotated[int, typer.Option("--lines", "-n", min=1, help="How many lines of each log.")] = 20,
) -> None:
    """The end of the site's logs: visits, PHP's errors, its master's."""
    node = node_of(context)
    visits = sites.visits(node, domain, lines)
    answers.print(Text(f"== {node.layout.visits}", style="bold"), soft_wrap=True)
    for line in visits:
        answers.print(Text(line), soft_wrap=True)
    for path in sites.log_files(node, domain):
        answers.print(Text(f"== {path}", style="bold"), soft_wrap=True)
        print_tail(path, lines)


@app.command()
def latency(
    context: typer.Context,
    domain: DomainArgument,
    since: Annotated[
        str, typer.Option(metavar="TIME", help="How far back: 30m, 24h, 7d; five weeks are kept.")
    ] = "24h",
    form: FormatOption = Format.TABLE,
) -> None:
    """How long answers took on the server: of pages from the store, of others, and which were slow."""
    found = latencies.latency(node_of(context), domain, seconds=seconds_of(since))
    if form is Format.JSON:
        print_record(asdict(found), form)
        return
    if not found.answers[-1].requests:
        answers.print("Nobody has asked for a page of it in this time.")
        return
    rows = [
        {
            "": row.state,
            "requests": f"{row.requests:,}",
            "share": _percent(row.share),
            "p50": _milliseconds(row.p50),
            "p95": _milliseconds(row.p95),
            "p99": _milliseconds(row.p99),
            f"within {PROMISE} ms": _percent(row.in_time),
        }
        for row in found.answers
    ]
    print_rows(rows, form, columns=tuple(rows[0]))
    if found.bypassed:
        told = ", ".join(f"{reason} {count:,}" for reason, count in found.bypassed.items())
        answers.print(f"\nNot from the store, because of: {told}.", soft_wrap=True)
    if found.slowest:
        answers.print(f"\nSlowest, of those above {PROMISE} ms:")
        slow = [{"path": slow.path, "": slow.state, "requests": f"{slow.requests:,}", "longest": f"{slow.worst:,} ms"}
                for slow in found.slowest]  # fmt: skip
        print_rows(slow, form, columns=tuple(slow[0]))
    if found.breach_count > len(found.breaches):
        answers.print(f"\nThe last {len(found.breaches)} of {found.breach_count} minutes that broke the promise:")
    for breach in found.breaches:
        at = datetime.fromtimestamp(breach.start).isoformat(" ", timespec="minutes")
        told = f"{at}: {breach.late:,} of {breach.hits:,} hits took longer than {PROMISE} ms: {breach.cause}"
        answers.print(Text(told), soft_wrap=True)


def _percent(share: float | None) -> str | None:
    """Never 100 % unless it is all."""
    return None if share is None else f"{math.floor(share * 10_000) / 100:.2f} %"


def _milliseconds(value: int | None) -> str | None:
    return None if value is None else f"{value:,} ms" if value else "< 1 ms"


@app.command()
def mail(
    context: typer.Context,
    domain: DomainArgument,
    message: Annotated[str | None, typer.Argument(metavar="[ID]", help="Show this message whole.")] = None,
    form: FormatOption = Format.TABLE,
) -> None:
    """The mail that the site sent and the node caught."""
    node = node_of(context)
    if message is not None:
        opened = read_message(node.layout, node.state.site(domain).name, message)
        if form is Format.JSON:
            print_record(asdict(opened), form)
        else:
            _show_message(opened)
        return
    rows = [vars(row) for row in sites.mails(node, domain)]
    print_rows(rows, form, columns=("id", "at", "recipients", "subject"))


def _show_message(opened: Opened) -> None:
    for name, value in opened.headers:
        answers.print(Text.assemble((f"{name}: ", "bold"), value), soft_wrap=True)
    for part in opened.parts:
        if part.file_name is not None:
            answers.print(Text(f"\n[{part.content_type}: {part.file_name}]", style="dim"), soft_wrap=True)
        else:
            answers.print(Text(f"\n{part.text}"), soft_wrap=True)


@app.command()
def core(
    context: typer.Context,
    domain: DomainArgument,
    to: Annotated[str | None, typer.Option(metavar="SOURCE", help="debian, a folder, a .zip, or a version.")] = None,
    back: Annotated[bool, typer.Option("--back", help="Go back to the core before, with its database.")] = False,
    yes: YesOption = False,
) -> None:
    """Move a site to another WordPress core, or back."""
    node = node_of(context)
    if (to is None) == (not back):
        raise InvalidInput("say where to", hint="give either --to SOURCE or --back")

    def ask() -> None:
        site, goal = node.state.site(domain), "the core before" if back else to
        confirm(f"Move {site.domain} from {site.core} to {goal}?", yes=yes)

    with node.changing(typed(context), site=domain, ask=ask):
        moved = sites.go_back(node, domain) if back else sites.move(node, domain, to or "")
    answers.print(f"{moved.domain} runs on {moved.core}.")


@app.command()
def rotate(context: typer.Context, domain: DomainArgument, yes: YesOption = False) -> None:
    """Make a site's secrets anew: the keys of its logins and nonces, login links, the key of its certificate."""
    node = node_of(context)

    def ask() -> None:
        cost = "Everybody is logged out, guests' carts are emptied, and forms that are open now must be opened again."
        confirm(f"Make the secrets of {node.state.site(domain).domain} anew? {cost}", yes=yes)

    with node.changing(typed(context), site=domain, ask=ask) as change:
        change.detail = rotation.rotate(node, domain)
    answers.print(f"New: {change.detail}. Passwords and application passwords are as they were.", soft_wrap=True)
