"""The `pressroom` command as a stranger uses it: a process of its own, its two channels, its exit code."""

from __future__ import annotations

import functools
import json
import os
import pwd
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest import mock

import structlog
import typer.main
import typer.testing
from typer.testing import CliRunner

from pressroom.cli.main import app
from pressroom.model.errors import PressroomError
from pressroom.operations.node import Node
from pressroom.system import process
from tests.functional import forked

_made = functools.cache(typer.main.get_command)  # it takes longer than most commands do
_ERROR = re.compile(r"\AError: [^\n]+\nTry:   [^\n]+\n\Z")


@dataclass(frozen=True)
class Said:
    """What a command printed, and its exit code."""

    exit_code: int
    stdout: str
    stderr: str

    def json(self) -> Any:
        """The whole of stdout as JSON: nothing else may stand there."""
        assert self.exit_code == 0, self
        return json.loads(self.stdout)


@dataclass(frozen=True)
class CommandLine:
    """The command, for one root folder."""

    root: Path

    def argv(self, *words: str | bytes | Path) -> list[str | bytes | Path]:
        return [sys.executable, "-m", "pressroom.cli.main", "--root", self.root, *words]

    def run(self, *words: str | bytes | Path, stdin: str | None = None) -> Said:
        """Without a terminal. No command ends in a traceback."""
        environment = {"PATH": os.environ["PATH"], "LANG": "C.UTF-8", "COLUMNS": "200"}
        given = None if stdin is None else stdin.encode()
        if type(self) is CommandLine:
            done = forked.run(
                ["--root", str(self.root), *map(os.fsdecode, words)], stdin=given, environment=environment
            )
        else:  # it is started in another way
            done = subprocess.run(
                self.argv(*words), input=given or b"", capture_output=True, env=environment, timeout=120, check=False
            )
        said = Said(done.returncode, done.stdout.decode(), done.stderr.decode())
        assert "Traceback" not in said.stdout + said.stderr, said
        return said

    def done(self, *words: str | bytes | Path) -> Said:
        said = self.run(*words)
        assert said.exit_code == 0, said
        return said

    def refused(self, error: type[PressroomError], *words: str | bytes | Path) -> Said:
        """One sentence, what to do, the error's exit code, and nothing that a script could take for an answer."""
        said = self.run(*words)
        assert said.exit_code == error.exit_code, said
        assert said.stdout == "" and _ERROR.match(said.stderr), said
        return said

    def refused_within(self, error: type[PressroomError], *words: str | Path) -> PressroomError:
        """As `refused`, but within this process: for long tables, where a process for each would take a minute."""
        said, raised = run_within("--root", str(self.root), *map(str, words))
        assert isinstance(raised, error) and said.stdout == "", (words, said, raised)
        assert raised.message and raised.hint and raised.message.isprintable(), raised
        return raised


def run_within(*words: str) -> tuple[Said, PressroomError | None]:
    """The command within this process, whose logging stays as it is; and the error that it ended with."""
    logging = structlog.get_config()
    try:
        with mock.patch.object(typer.testing, "_get_command", _made):
            result = CliRunner().invoke(app, words, env={"COLUMNS": "200"})
    finally:
        structlog.configure(**logging)
    if isinstance(result.exception, PressroomError):
        return Said(result.exit_code, result.stdout, result.stderr), result.exception
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return Said(result.exit_code, result.stdout, result.stderr), None


def traces(node: Node, *, gates: bool = True) -> dict[str, object]:
    """What a node has made on the machine, to be compared before and after a command.

    Without `gates` it may take long: they close and open by themselves, for what sites' PHP and the invalidator do.
    """
    places = [node.layout.control, node.layout.etc, *([node.layout.gates] if gates else [])]
    deep = {
        str(path): path.lstat().st_mtime_ns
        for place in places
        for path in place.rglob("*")
        # SQLite's own files come and go, and each command writes its name into the lock.
        if "state.db" not in path.name and path not in (node.layout.control, node.layout.lock)
    }
    shallow = [
        node.root,
        node.layout.cores,
        node.layout.sites,
        node.layout.store,
        node.layout.mail,
        node.layout.log / "nginx",
    ]
    return {
        "users": unix_users(node),
        "databases": sorted(node.database.databases()),
        "accounts": sorted(node.database.accounts()),
        "programs": node.engine.pids(),
        "sites": [(site.domain, site.status, site.core) for site in node.state.sites()],
        "changed": deep,
        "names": sorted(str(path) for place in shallow for path in place.iterdir()),
    }


def unix_users(node: Node) -> list[str]:
    return sorted(user.pw_name for user in pwd.getpwall() if user.pw_name.startswith(f"{node.layout.prefix}-"))


def write_as(user: str, path: Path, text: str) -> None:
    """Write a file where only a site's user should: as that user."""
    process.run(["dd", "status=none", f"of={path}"], user=user, stdin=text)
