"""Unix users and groups, through Debian's own programs."""

from __future__ import annotations

import grp
import pwd
import time

from pressroom.model.errors import Busy
from pressroom.system import process

_PATIENCE = 15.0  # seconds for another program that changes users


def user_exists(name: str) -> bool:
    try:
        pwd.getpwnam(name)
    except KeyError:
        return False
    return True


def ensure_user(name: str) -> None:
    """A system user with a group of its own, without home, shell or password."""
    if not user_exists(name):
        _run(
            "useradd",
            "--system",
            "--no-create-home",
            "--home-dir",
            "/nonexistent",
            "--shell",
            "/usr/sbin/nologin",
            "--user-group",
            name,
        )


def add_to_group(name: str, group: str) -> None:
    if name not in grp.getgrnam(group).gr_mem:
        _run("usermod", "--append", "--groups", group, name)


def remove_user(name: str) -> None:
    """Remove the user and its group; they may be gone already."""
    if user_exists(name):
        _run("userdel", name)
    try:
        grp.getgrnam(name)
    except KeyError:
        return
    _run("groupdel", name)


def _run(*argv: str) -> None:
    until = time.monotonic() + _PATIENCE
    while True:
        done = process.run(argv, check=False)
        if done.exit_code == 0:
            return
        if "lock" not in done.stderr:
            process.run(argv)  # once more, for the error it raises
            return
        if time.monotonic() > until:
            raise Busy(
                f"another program is changing the machine's users: {done.stderr.strip()}",
                hint="wait until it is done, then run this again",
            )
        time.sleep(0.1)
