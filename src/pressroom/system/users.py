"""Unix users and groups, through Debian's own programs."""

from __future__ import annotations

import grp
import os
import pwd
import time
from collections.abc import Iterable
from pathlib import Path

from pressroom.model.errors import Busy, CommandFailed
from pressroom.system import process

# Numbers of users and groups: Debian's own range for systems' users ends after some 900. Its policy gives those from
# 1000 to 59999 to accounts, which are taken from below (Debian Policy, 9.2.2).
_FIRST, _LAST = 40_000, 59_999
_RANGE = tuple(
    word
    for name, number in (("UID_MIN", _FIRST), ("UID_MAX", _LAST), ("GID_MIN", _FIRST), ("GID_MAX", _LAST))
    for word in ("--key", f"SYS_{name}={number}")
)
_LOCK_PATIENCE = 15.0  # seconds for another program that changes users
_END_PATIENCE = 10.0  # seconds for a killed process to be gone


def user_exists(name: str) -> bool:
    try:
        pwd.getpwnam(name)
    except KeyError:
        return False
    return True


def is_member(name: str, groups: Iterable[str]) -> bool:
    """Whether there is such a user, in all these groups."""
    return user_exists(name) and all(group_exists(group) and _is_in(name, grp.getgrnam(group)) for group in groups)


def _is_in(name: str, group: grp.struct_group) -> bool:
    return name in group.gr_mem or pwd.getpwnam(name).pw_gid == group.gr_gid


def is_me(name: str) -> bool:
    """Whether this process is that user's."""
    try:
        return pwd.getpwnam(name).pw_uid == os.geteuid()
    except KeyError:
        return False


def group_exists(name: str) -> bool:
    try:
        grp.getgrnam(name)
    except KeyError:
        return False
    return True


def ensure_user(name: str) -> None:
    """A system user with a group of its own, without home, shell or password.

    Raises Busy while another program changes the machine's users.
    """
    if user_exists(name):
        return
    # The group alone is there when an earlier call was cut short.
    group = ("--gid", name) if group_exists(name) else ("--user-group",)
    nowhere = ("--no-create-home", "--home-dir", "/nonexistent", "--shell", "/usr/sbin/nologin")
    _run("useradd", "--system", *_RANGE, *nowhere, *group, name)


def add_to_group(name: str, group: str) -> None:
    """Raises KeyError when there is no such user or group: they are made before."""
    if not _is_in(name, grp.getgrnam(group)):
        _run("usermod", "--append", "--groups", group, name)


def remove_user(name: str) -> None:
    """Remove the user, all its processes and its group; each may be gone already."""
    if user_exists(name):
        end_processes(name)
        _run("userdel", name)
    if group_exists(name):
        _run("groupdel", name)


def end_processes(name: str) -> None:
    """Kill all that runs as this user, whoever started it. Raises CommandFailed when something does not die.

    kill(2) with -1, sent by the user itself, takes them all at once, so that a fork bomb cannot run away from it.
    """
    uid = pwd.getpwnam(name).pw_uid
    if uid == 0:
        raise CommandFailed("root's processes cannot be ended like a site's", hint="name a site's user")
    until = time.monotonic() + _END_PATIENCE
    while _has_processes(uid):
        process.run(["kill", "-KILL", "-1"], user=name, check=False)  # fails when they are just gone
        if time.monotonic() > until:
            raise CommandFailed(
                f"processes of the user {name} do not end", hint="look at them with ps; a disk may be stuck"
            )
        time.sleep(0.02)


def _has_processes(uid: int) -> bool:
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            lines = dict(line.split(":", 1) for line in (entry / "status").read_text().splitlines())
        except (FileNotFoundError, ProcessLookupError):
            continue
        if str(uid) in lines["Uid"].split() and lines["State"].split()[0] not in "ZX":
            return True
    return False


def _run(*argv: str) -> None:
    until = time.monotonic() + _LOCK_PATIENCE
    while True:
        done = process.run(argv, check=False)
        if done.exit_code == 0:
            return
        if "cannot lock" not in done.stderr:
            raise CommandFailed(
                f"{argv[0]} ended with exit code {done.exit_code}: {done.stderr.strip()}",
                hint="the text above is the program's own",
            )
        if time.monotonic() > until:
            raise Busy(
                f"another program is changing the machine's users: {done.stderr.strip()}",
                hint="wait until it is done, then run this again",
            )
        time.sleep(0.1)
