"""The `pressroom` command: options that all commands share, and what an error looks like."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, NoReturn

import structlog
import typer
from rich.text import Text

from pressroom import __version__
from pressroom.cli import audit_commands, cache_commands, node_commands, site_commands
from pressroom.cli.output import notes
from pressroom.model.errors import NoRights, PressroomError

app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Managed hosting for WordPress on your own machine. Pages are rendered before anyone asks, and never stale.",
)
app.add_typer(site_commands.app, name="site", help="Create, show, log into, delete sites.")
app.add_typer(cache_commands.app, name="cache", help="The page cache: figures, warming, purging, explaining.")
app.add_typer(audit_commands.app, name="audit", help="Who changed what, and whether a line of that was changed.")
node_commands.register(app)


def _version(wanted: bool) -> None:
    if wanted:
        print(f"pressroom {__version__}")
        raise typer.Exit


@app.callback()
def options(
    context: typer.Context,
    root: Annotated[
        Path, typer.Option("--root", envvar="PRESSROOM_ROOT", help="The folder that holds all state of the node.")
    ] = Path("var"),
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Tell on stderr what is done.")] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show the whole traceback of an error.")] = False,
    version: Annotated[bool, typer.Option("--version", callback=_version, is_eager=True, help="Print it.")] = False,
) -> None:
    """Options before the command."""
    context.obj = node_commands.Options(root, verbose, debug)
    level = logging.DEBUG if debug else logging.INFO if verbose else logging.ERROR
    structlog.configure(
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )


def run(command: Callable[[], None] = app) -> None:
    """The entry point: an error is one sentence, what to do, and the exit code of its kind."""
    try:
        command()
    except PressroomError as error:
        if "--debug" in sys.argv:
            raise
        _tell(error)
    except PermissionError as error:
        if "--debug" in sys.argv:
            raise
        _tell(NoRights(f"not allowed to read {error.filename}", hint="run the command again with sudo"))
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)


def _tell(error: PressroomError) -> NoReturn:
    notes.print(Text.assemble(("Error: ", "bold red"), error.message), soft_wrap=True)
    notes.print(Text.assemble(("Try:   ", "bold"), error.hint), soft_wrap=True)
    sys.exit(error.exit_code)


if __name__ == "__main__":
    run()
