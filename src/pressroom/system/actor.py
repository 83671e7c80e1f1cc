"""Who runs this command, and from where: what the kernel says before what the environment says."""

from __future__ import annotations

import os
import pwd
from pathlib import Path

import psutil

from pressroom.model.trail import Actor

_NEVER_SET = 2**32 - 1  # of a process that comes from no login; also where there is no login's record in the kernel
_SSHD = ("sshd", "sshd-session")


def present_actor() -> Actor:
    """Of this process. A login's number (/proc/self/loginuid, set by PAM) is kept through sudo and su."""
    me = psutil.Process()
    ancestors = me.parents()
    terminal = (me.terminal() or "").removeprefix("/dev/")
    person, person_by = _person(ancestors)
    origin, origin_by = _origin(ancestors, terminal)
    return Actor(person, person_by, _name(os.geteuid()), origin, origin_by, terminal, process_mark(me.pid))


def process_mark(pid: int) -> str:
    """A process by its number and the second in which it began; empty when there is none."""
    try:
        return f"{pid} {psutil.Process(pid).create_time():.0f}"
    except psutil.NoSuchProcess:
        return ""


def _person(ancestors: list[psutil.Process]) -> tuple[str, str]:
    login = _login()
    if login is not None:
        return _name(login), "login"
    for ancestor in ancestors:
        user = _real_user(ancestor)
        if user not in (None, os.getuid()):
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
        if login.host and (login.pid in pids or (terminal and login.terminal == terminal)):
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
    return next((c.raddr.ip for c in connections if c.status == psutil.CONN_ESTABLISHED and c.raddr), "")


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
