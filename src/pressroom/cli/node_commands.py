"""Commands about the whole node: up, down, status, doctor, demo, logs, clean."""

from __future__ import annotations

import shutil
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated

import typer
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn
from rich.text import Text

from pressroom.cli.output import Format, answers, confirm, notes, print_record, print_rows
from pressroom.cli.typed import typed
from pressroom.control.actions import Plan
from pressroom.model.errors import NotFound, NotRunning
from pressroom.model.inert import inert_line
from pressroom.model.site import NodeSettings
from pressroom.operations import demo as demos
from pressroom.operations import doctor as doctors
from pressroom.operations import running as nodes
from pressroom.operations import settings as node_settings
from pressroom.operations import sites
from pressroom.operations.node import Node, open_node, require_root
from pressroom.operations.place import require_place
from pressroom.system import files

_LONGEST_TAIL = 16 * 2**20  # bytes


@dataclass(frozen=True)
class Options:
    """What stands before the command."""

    root: Path
    verbose: bool
    debug: bool


FormatOption = Annotated[Format, typer.Option("--format", help="How the answer is printed.")]
YesOption = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]
DryRunOption = Annotated[bool, typer.Option("--dry-run", help="Show what would be done, and do nothing.")]


def node_of(context: typer.Context) -> Node:
    options: Options = context.obj
    return open_node(options.root, progress=_tell)


def _tell(change: str, reason: str) -> None:
    notes.print(Text(f"  {change} ({reason})", style="dim"), soft_wrap=True)


def show_plan(plan: Plan) -> None:
    """The preview of a plan, on stdout."""
    if not plan:
        answers.print("Nothing to do.")
    for action in plan.actions:
        answers.print(Text(f"{action.sentence()} ({action.reason})"))


# Parts whose log has another name.
_LOG_NAMES = {"engine": "supervisord", "mariadb": "mariadb-start"}


def up(
    context: typer.Context,
    port: Annotated[
        int | None, typer.Option(min=1, max=65535, help="Port that nginx listens on (kept; 8080 at first).")
    ] = None,
    dry_run: DryRunOption = False,
) -> None:
    """Bring the node and its sites up, or back to what they should be."""
    node = node_of(context)
    if dry_run:
        if not node.exists():
            answers.print("A new node would be made.")
            return
        show_plan(nodes.plan_up(node))
        return
    with node.recorded(typed(context)) as change:
        require_place(node, port=port)
        with node.locked("up"):
            changes = nodes.up(node, port=port)
            nodes.wait_for_answer(node)
        change.detail = f"{changes} changes"
    answers.print("Everything runs." if changes else "Everything runs already; nothing to do.")


def down(context: typer.Context) -> None:
    """End all processes of the node. Nothing is removed; `up` brings it back."""
    node = node_of(context)
    require_root()
    if not node.exists():
        answers.print("There is no node here; nothing to do.")
        return
    with node.recorded(typed(context)), node.locked("down"):
        nodes.down(node)
    answers.print("Everything is stopped.")


def status(context: typer.Context, form: FormatOption = Format.TABLE) -> None:
    """Which parts run. The exit code is 11 when one that should run does not."""
    parts = nodes.status(node_of(context))
    print_rows([asdict(part) for part in parts], form, columns=("name", "state"))
    if any(part.state not in ("running", "starting", "asleep") for part in parts):
        raise typer.Exit(NotRunning.exit_code)


def doctor(context: typer.Context, form: FormatOption = Format.TABLE) -> None:
    """Look for what is wrong, and say what to do about it. The exit code is 1 when something is."""
    findings = doctors.examine(node_of(context))
    print_rows([asdict(finding) for finding in findings], form, columns=("check", "verdict", "detail", "advice"))
    if any(finding.verdict == "wrong" for finding in findings):
        raise typer.Exit(1)


def settings(
    context: typer.Context,
    change: Annotated[
        list[str] | None, typer.Option("--set", metavar="NAME=VALUE", help="Change one; may be repeated.")
    ] = None,
    form: FormatOption = Format.TABLE,
) -> None:
    """All settings with their meaning; with --set, change some and bring the node to them."""
    node = node_of(context)
    if change:
        with node.changing(node_settings.guarded(NodeSettings(), typed(context))):
            node_settings.change(node, change)
            nodes.make(node)
    current = node.state.settings() if node.exists() else NodeSettings()
    rows = [asdict(row) for row in node_settings.all_settings(current)]
    print_rows(rows, form, columns=("name", "value", "meaning", "example"))


def logs(
    context: typer.Context,
    part: Annotated[
        str, typer.Argument(help="mariadb, nginx, invalidator, renderer, cron, mail, engine, or php-NAME of a site.")
    ],
    lines: Annotated[int, typer.Option("--lines", "-n", min=1, help="How many lines from the end.")] = 50,
) -> None:
    """The end of a part's log."""
    node = node_of(context)
    path = node.layout.log / f"{_LOG_NAMES.get(part, part)}.log"
    if "/" in part or not path.exists():
        known = ", ".join(sorted(entry.stem for entry in node.layout.log.glob("*.log")))
        raise NotFound(f"there is no log of {inert_line(part)[:80]}", hint=f"logs there are: {known or 'none yet'}")
    print_tail(path, lines)


def print_tail(path: Path, lines: int) -> None:
    """What a site has laid in its log's place is told, not read."""
    try:
        end = files.read_end(path, _LONGEST_TAIL)
    except PermissionError:
        raise
    except OSError as error:
        notes.print(Text(f"{path} cannot be read: {error.strerror}", style="yellow"), soft_wrap=True)
        return
    for line in end.decode(errors="replace").splitlines()[-lines:]:
        answers.print(Text(line), soft_wrap=True)


def clean(context: typer.Context, yes: YesOption = False, dry_run: DryRunOption = False) -> None:
    """Remove everything that this node made: its sites, databases, users and files, and nothing else."""
    node = node_of(context)
    require_root()
    if not node.exists():
        answers.print(f"There is no node at {node.root}; nothing to remove.")
        return
    if dry_run:
        answers.print(f"The node at {node.root} would be removed, with all its sites.")
        return
    with node.recorded(typed(context)) as change:
        question = f"Remove the node at {node.root} with all its sites, databases and mail?"
        change.ask(lambda: confirm(question, yes=yes))
        with node.locked("clean"):
            removed = nodes.clean(node)
    for what in removed:
        notes.print(Text(f"  removed {what}", style="dim"), soft_wrap=True)
    answers.print("Removed.")


def demo(
    context: typer.Context,
    port: Annotated[
        int | None, typer.Option(min=1, max=65535, help="Port that nginx listens on (8080 at first).")
    ] = None,
    https_port: Annotated[
        int | None, typer.Option(min=1, max=65535, help="Port of HTTPS (8443 at first, with --port 363 above it).")
    ] = None,
    form: FormatOption = Format.TABLE,
) -> None:
    """A running newspaper, from nothing, in a minute."""
    options: Options = context.obj
    node = open_node(options.root)
    secure = demos.https_port(node, port, https_port)
    with node.recorded(typed(context)) as change:
        require_place(node, port=port, https_port=secure)
        with _progress() as progress:
            task = progress.add_task("starting", total=None)

            def step(text: str) -> None:
                progress.update(task, description=text, total=None)

            def waiting(done: int, left: int) -> None:
                progress.update(task, completed=done, total=done + left)

            with node.locked("demo"):
                result = demos.run(node, port=port, https_port=secure, step=step, waiting=waiting)
        change.detail = result.url
    if form is Format.JSON:
        print(demos.as_text(result))
        return
    measured = result.measured
    print_record(
        {
            "newspaper": result.url,
            "with HTTPS": f"{result.https_url}  (trust {result.authority})" if result.https_url else "off",
            "log in": f"{result.login}  (once, within {sites.LOGIN_LIFE} s)",
            "log in again": f"{sys.argv[0]} --root {options.root} site login {demos.DOMAIN}",
            "pages stored": result.pages,
            "seconds": f"{result.seconds:.1f}" + ("" if result.made else "  (it was there already)"),
            "a hit takes": f"{measured.hit_p50:.2f} ms (p50), {measured.hit_p99:.2f} ms (p99)",
            "PHP-FPM takes": f"{measured.stock_p50:.0f} ms (p50), {measured.stock_p99:.0f} ms (p99) for the same page",
        },
        Format.TABLE,
    )


def _progress() -> Progress:
    return Progress(
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.completed:.0f} pages" if shutil.get_terminal_size().columns > 60 else ""),
        console=notes,
        transient=True,
    )


def register(app: typer.Typer) -> None:
    """Add these commands to the program, in the order in which they are needed."""
    for command in (up, down, status, doctor, settings, logs, demo, clean):
        app.command()(command)
