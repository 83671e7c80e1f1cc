"""Who runs this command, and from where: what the kernel says before what the environment says."""

from __future__ import annotations

import os
import pwd
from pathlib import Path

import psutil

from pressroom.model.trail import Actor

_NEVER_SET = 2**32 - 1  # of a process that comes from no login; also where there is no login's record in the kernel
_SSHD = ("sshd", "sshd-session")
_CLOCK = 2.0  # seconds by which a process's beginning may seem to move when the machine's clock is set


def present_actor() -> Actor:
    """Of this process. A login's number (/proc/self/loginuid, set by PAM) is kept through sudo and su."""
    me = psutil.Process()
    ancestors = me.parents()
    terminal = (me.terminal() or "").removeprefix("/dev/")
    person, person_by = _person(ancestors)
    origin, origin_by = _origin(ancestors, terminal)
    return Actor(
        person, person_by, _name(os.geteuid()), origin, origin_by, terminal, f"{me.pid} {me.create_time():.0f}"
    )


def still_runs(mark: str) -> bool:
    """Whether the process that an actor names is there; another one of its number is not it."""
    pid, _, began = mark.partition(" ")
    try:
        process = psutil.Process(int(pid))
        return process.status() != psutil.STATUS_ZOMBIE and abs(process.create_time() - float(began)) < _CLOCK
    except (ValueError, psutil.Error):
        return False


def _person(ancestors: list[psutil.Process]) -> tuple[str, str]:
    login = _login()
    if login is not None:
        return _name(login), "login"
    for ancestor in ancestors:
        user = _real_user(ancestor)
        if user is not None and user != os.getuid():
            return _name(user), "process"
    claimed = os.environ.get("SUDO_USER", "")
    return (claimed, "claimed") if claimed else (_name(os.getuid()), "user")


def _origin(ancestors: list[psutil.Process], terminal: str) -> tuple[str, str]:
    for ancestor in ancestors:
        address = _peer(ancestor)
        if address:
            return address, "connection"
    pids = {ancestor.pid for ancestor in ancestors}
    for login in psutil.users():
        if login.host and (int(login.pid or 0) in pids or (terminal and login.terminal == terminal)):
            return login.host, "login"
    claimed = os.environ.get("SSH_CONNECTION", "").partition(" ")[0]
    return (claimed, "claimed") if claimed else ("local", "")


def _peer(process: psutil.Process) -> str:
    """Who is at the other end of the connection that root's sshd has for this session."""
    try:
        if _real_user(process) != 0 or Path(process.exe()).name not in _SSHD:
            return ""
        connections = process.net_connections(kind="tcp")
    except psutil.Error:
        return ""
    held = [(c.fd, str(c.raddr.ip)) for c in connections if c.status == psutil.CONN_ESTABLISHED and c.raddr]
    # Those of forwarded ports came later.
    return min(held)[1].removeprefix("::ffff:") if held else ""


def _login() -> int | None:
    try:
        number = int(Path("/proc/self/loginuid").read_text())
    except (OSError, ValueError):
        return None
    return None if number == _NEVER_SET else number


def _real_user(process: psutil.Process) -> int | None:
    try:
        return int(process.uids().real)
    except psutil.Error:
        return None


def _name(user: int | None) -> str:
    try:
        return pwd.getpwuid(user or 0).pw_name
    except KeyError:
        return f"uid {user}"
