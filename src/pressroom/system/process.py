"""The one module that starts short-lived programs: argv only, never a shell, secrets masked in the log.

Long-lived programs are the engine's.
"""

from __future__ import annotations

import os
import pwd
import signal
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import structlog

from pressroom.model.errors import CommandFailed, InvalidInput
from pressroom.model.secrets import Secret

_log = structlog.get_logger(__name__)
_CLEAN_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
Argument = str | Path | Secret


class Within(Protocol):
    """A place behind walls (`enclosure.py`), in which a program is started."""

    @property
    def argv(self) -> list[str]: ...

    @property
    def descriptors(self) -> tuple[int, ...]:
        """To be inherited."""

    def admit(self, pid: int) -> int:
        """Let the started process go on."""


@dataclass(frozen=True)
class Completed:
    """What a program left behind: its exit code and what it printed."""

    exit_code: int
    stdout: str
    stderr: str


def run(
    argv: Sequence[Argument],
    *,
    user: str | None = None,
    within: Within | None = None,
    cwd: Path | None = None,
    stdin: str | bytes | None = None,
    environment: Mapping[str, str] | None = None,
    timeout: float = 120.0,
    check: bool = True,
) -> Completed:
    """Run a program to its end.

    `user` is the Unix user to become (root only), with that user's groups and nothing of our environment; `within`
    the place behind walls that was made for this `argv`, which knows the user itself.
    `timeout` is in seconds. Raises CommandFailed for a program that cannot be started or takes longer, and, with
    `check`, for a non-zero exit, with the end of its output.
    """
    entry = None if user is None else _entry(user)
    done = _finished(
        argv,
        within=within,
        input=stdin.encode() if isinstance(stdin, str) else stdin,
        stdin=subprocess.DEVNULL if stdin is None else subprocess.PIPE,
        cwd=cwd,
        env={"PATH": _CLEAN_PATH, "LANG": "C.UTF-8", **(environment or {})},
        timeout=timeout,
        user=None if entry is None else entry.pw_uid,
        group=None if entry is None else entry.pw_gid,
        extra_groups=None if entry is None else os.getgrouplist(entry.pw_name, entry.pw_gid),
    )
    completed = Completed(done.returncode, done.stdout.decode(errors="replace"), done.stderr.decode(errors="replace"))
    if check and completed.exit_code != 0:
        raise _failed(argv, completed)
    return completed


def run_bytes(argv: Sequence[Argument], *, timeout: float = 120.0) -> bytes:
    """Like `run`, for a program whose output is not text."""
    done = _finished(argv, stdin=subprocess.DEVNULL, env={"PATH": _CLEAN_PATH}, timeout=timeout)
    if done.returncode != 0:
        raise _failed(argv, Completed(done.returncode, "", done.stderr.decode(errors="replace")))
    return done.stdout


def _finished(
    argv: Sequence[Argument],
    *,
    timeout: float,
    within: Within | None = None,
    input: bytes | None = None,
    **options: Any,
) -> subprocess.CompletedProcess[bytes]:
    """The ended program. Raises CommandFailed when it cannot be started or takes too long."""
    words = [a.reveal() if isinstance(a, Secret) else str(a) for a in argv]
    shown = _shown(argv)
    _log.debug("run", argv=shown, user_id=options.get("user"))
    if any("\0" in word for word in words):
        raise InvalidInput(f"{shown[0]}: an argument holds a NUL character", hint="leave that character out")
    if within is not None:
        words, options["pass_fds"] = within.argv, within.descriptors
    try:
        with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, **options) as program:
            try:
                if within is not None:
                    within.admit(program.pid)
                output, errors = program.communicate(input, timeout=timeout)
            except BaseException:
                program.kill()
                raise
            return subprocess.CompletedProcess(words, program.returncode, output, errors)
    except subprocess.TimeoutExpired:
        raise CommandFailed(
            f"{shown[0]} did not end within {timeout:g} s",
            hint="look at the load of the machine, then run the command again",
        ) from None  # its text holds all arguments, secrets too
    except OSError as error:
        raise CommandFailed(
            f"{shown[0]} could not be started: {error.strerror} ({error.filename})",
            hint="run `pressroom doctor` to see what is missing",
        ) from error


def _failed(argv: Sequence[Argument], completed: Completed) -> CommandFailed:
    """A program may repeat its arguments in what it prints."""
    text = completed.stderr.strip() or completed.stdout.strip()
    for argument in argv:
        if isinstance(argument, Secret) and argument.reveal():
            text = text.replace(argument.reveal(), "***")
    return CommandFailed(
        f"{' '.join(_shown(argv)[:3])} ended with exit code {completed.exit_code}: {text[-2000:]}",
        hint="the text above is the program's own; `--debug` shows the whole call",
    )


def _shown(argv: Sequence[Argument]) -> list[str]:
    return ["***" if isinstance(a, Secret) else str(a) for a in argv]


def _entry(user: str) -> pwd.struct_passwd:
    try:
        return pwd.getpwnam(user)
    except KeyError as error:
        raise CommandFailed(f"there is no Unix user {user}", hint="`pressroom up` makes the node's users") from error


def attach(within: Within, *, environment: Mapping[str, str]) -> int:
    """Run what is within at our own terminal (for `site exec`) to its end; returns its exit code.

    What is typed there to interrupt it reaches it, and leaves us alone.
    """
    environment = {"PATH": _CLEAN_PATH, "LANG": "C.UTF-8", **environment}
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with subprocess.Popen(
            within.argv, pass_fds=within.descriptors, env=environment, preexec_fn=_interruptible
        ) as program:
            try:
                within.admit(program.pid)
                return program.wait()
            except BaseException:
                program.kill()
                raise
    finally:
        signal.signal(signal.SIGINT, before)


def _interruptible() -> None:
    signal.signal(signal.SIGINT, signal.SIG_DFL)
