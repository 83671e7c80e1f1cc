"""The one module that starts short-lived programs: argv only, never a shell, secrets masked in the log.

Long-lived programs are the engine's.
"""

from __future__ import annotations

import os
import pwd
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import structlog

from pressroom.model.errors import CommandFailed
from pressroom.model.secrets import Secret

_log = structlog.get_logger(__name__)
_CLEAN_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
Argument = str | Path | Secret


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
    cwd: Path | None = None,
    stdin: str | bytes | None = None,
    environment: Mapping[str, str] | None = None,
    timeout: float = 120.0,
    check: bool = True,
) -> Completed:
    """Run a program to its end.

    `user` is the Unix user to become (root only), with that user's groups and nothing of our environment.
    `timeout` is in seconds. With `check`, a non-zero exit raises CommandFailed with the end of its output.
    """
    words = [a.reveal() if isinstance(a, Secret) else str(a) for a in argv]
    shown = ["***" if isinstance(a, Secret) else str(a) for a in argv]
    _log.debug("run", argv=shown, user=user)
    entry = None if user is None else pwd.getpwnam(user)
    try:
        done = subprocess.run(
            words,
            input=stdin.encode() if isinstance(stdin, str) else stdin,
            stdin=subprocess.DEVNULL if stdin is None else None,
            capture_output=True,
            cwd=cwd,
            env={"PATH": _CLEAN_PATH, "LANG": "C.UTF-8", **(environment or {})},
            timeout=timeout,
            check=False,
            user=None if entry is None else entry.pw_uid,
            group=None if entry is None else entry.pw_gid,
            extra_groups=None if entry is None else os.getgrouplist(entry.pw_name, entry.pw_gid),
        )
    except FileNotFoundError as error:
        raise CommandFailed(
            f"{shown[0]} could not be started: {error.strerror} ({error.filename})",
            hint="run `pressroom doctor` to see what is missing",
        ) from error
    except subprocess.TimeoutExpired as error:
        raise CommandFailed(
            f"{shown[0]} did not end within {timeout:g} s",
            hint="look at the load of the machine, then run the command again",
        ) from error
    completed = Completed(done.returncode, done.stdout.decode(errors="replace"), done.stderr.decode(errors="replace"))
    if check and completed.exit_code != 0:
        tail = (completed.stderr.strip() or completed.stdout.strip())[-2000:]
        raise CommandFailed(
            f"{' '.join(shown[:3])} ended with exit code {completed.exit_code}: {tail}",
            hint="the text above is the program's own; `--debug` shows the whole call",
        )
    return completed


def run_bytes(argv: Sequence[Argument], *, timeout: float = 120.0) -> bytes:
    """Like `run`, for a program whose output is not text."""
    words = [a.reveal() if isinstance(a, Secret) else str(a) for a in argv]
    done = subprocess.run(
        words, stdin=subprocess.DEVNULL, capture_output=True, env={"PATH": _CLEAN_PATH}, timeout=timeout, check=False
    )
    if done.returncode != 0:
        raise CommandFailed(
            f"{words[0]} ended with exit code {done.returncode}: {done.stderr.decode(errors='replace').strip()[-500:]}",
            hint="the text above is the program's own",
        )
    return done.stdout


def replace_self(argv: Sequence[str], *, user: str, cwd: Path, environment: Mapping[str, str]) -> None:
    """Become `user` and turn into the program `argv` (for `site exec`: its terminal is ours). No return."""
    entry = pwd.getpwnam(user)
    os.initgroups(user, entry.pw_gid)
    os.setgid(entry.pw_gid)
    os.setuid(entry.pw_uid)
    os.chdir(cwd)
    try:
        os.execvpe(argv[0], list(argv), {"PATH": _CLEAN_PATH, "LANG": "C.UTF-8", **environment})
    except OSError as error:
        raise CommandFailed(
            f"{argv[0]} cannot be run as {user}: {error.strerror}", hint="check the program's name"
        ) from error
