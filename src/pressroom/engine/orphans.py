"""Processes that an engine left behind when it was killed.

They carry the node's mark in their environment. Two kinds do not: programs that write their title over it (PHP-FPM,
nginx), and what a site's PHP left in the background. Those run as one of the node's own users, and the leader of their
session is dead (it was the engine) or one of these users' processes itself; so a command that somebody runs as a
site's user from a living terminal is none of them, nor one whose session began outside this PID namespace (`docker
exec`): the engine begins its own.
"""

from __future__ import annotations

import contextlib
import os
import pwd
import select
import signal
import time
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

from pressroom.engine import keeper
from pressroom.engine.supervisor_config import ENGINE_MARK, MARK

_OUTSIDE = 0  # what proc(5) gives for a session whose leader this PID namespace does not hold
_PATIENCE = 10.0  # seconds between TERM and KILL, and from KILL to giving up


@dataclass(frozen=True)
class _Process:
    pid: int
    uid: int
    parent: int
    session: int
    dead: bool
    mark: str | None  # the program's name in its mark
    keeper: bool


def end_orphans(prefix: str, *, adopted: Collection[str] = ()) -> list[int]:
    """End them; returns their numbers. Of programs in `adopted` only keepers go, by KILL: what they keep stays.

    `prefix` is the node's own (Layout.prefix); processes of other nodes are never touched. The engine itself goes
    first, if it still hangs about, for it would start the others again.
    """
    engines = [p for p in _orphans(prefix) if p.mark == ENGINE_MARK]
    gone = _end(engines, prefix, (signal.SIGKILL,))
    orphans = _orphans(prefix)
    keepers = [p for p in orphans if p.mark in adopted and p.keeper]
    gone += _end(keepers, prefix, (signal.SIGKILL,))
    others = [p for p in orphans if p.mark not in adopted]
    return gone + _end(others, prefix, (signal.SIGTERM, signal.SIGKILL))


def await_end(pid: int, seconds: float) -> bool:
    """Whether the process ends within that time."""
    try:
        handle = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    try:
        return bool(_ready([handle], seconds))
    finally:
        os.close(handle)


def _end(processes: list[_Process], prefix: str, numbers: tuple[signal.Signals, ...]) -> list[int]:
    if not processes:
        return []
    handles: dict[int, int] = {}
    try:
        for process in processes:
            with contextlib.suppress(ProcessLookupError):
                handles[process.pid] = os.pidfd_open(process.pid)
        # A number may have gone to another process before it was opened: look once more.
        same = {process.pid for process in _orphans(prefix)} & handles.keys()
        left = [handles[pid] for pid in same]
        for number in numbers:
            for handle in left:
                with contextlib.suppress(ProcessLookupError):
                    signal.pidfd_send_signal(handle, number)
            left = _wait(left)
    finally:
        for handle in handles.values():
            os.close(handle)
    return sorted(same)


def _wait(handles: list[int]) -> list[int]:
    """Those that are still there after the patience."""
    until = time.monotonic() + _PATIENCE
    while handles and (rest := until - time.monotonic()) > 0:
        ended = _ready(handles, rest)
        handles = [handle for handle in handles if handle not in ended]
    return handles


def _ready(handles: list[int], seconds: float) -> set[int]:
    poll = select.poll()
    for handle in handles:
        poll.register(handle, select.POLLIN)
    return {handle for handle, _ in poll.poll(seconds * 1000)}


def _orphans(prefix: str) -> list[_Process]:
    users = {
        entry.pw_uid
        for entry in pwd.getpwall()
        if entry.pw_name.startswith(f"{prefix}-") and not entry.pw_name.endswith("-web")  # nginx's workers are nginx's
    }
    everybody = {process.pid: process for process in _processes(f"{MARK}={prefix}:".encode())}
    ours = _ancestors(everybody)
    found = []
    for process in everybody.values():
        if process.pid in ours or process.dead:
            continue
        leader = everybody.get(process.session)
        left_alone = process.session != _OUTSIDE and (
            leader is None or leader.dead or leader.uid in users or leader.mark == ENGINE_MARK
        )
        if process.mark is not None or (process.uid in users and left_alone):
            found.append(process)
    return found


def _ancestors(everybody: dict[int, _Process]) -> set[int]:
    """This process and those it comes from: they are never orphans."""
    found: set[int] = set()
    pid = os.getpid()
    while pid in everybody and pid not in found:
        found.add(pid)
        pid = everybody[pid].parent
    return found


def _processes(mark: bytes) -> Iterator[_Process]:
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        with contextlib.suppress(OSError):  # it has ended meanwhile
            # proc(5): after the name in brackets come state, parent, process group, session.
            state, parent, _, session = (entry / "stat").read_text().rpartition(")")[2].split()[:4]
            variables = (entry / "environ").read_bytes().split(b"\0")
            marks = [v.removeprefix(mark).decode(errors="replace") for v in variables if v.startswith(mark)]
            yield _Process(
                pid=int(entry.name),
                uid=entry.stat().st_uid,
                parent=int(parent),
                session=int(session),
                dead=state in "ZX",
                mark=marks[0] if marks else None,
                keeper=keeper.MODULE.encode() in (entry / "cmdline").read_bytes().split(b"\0"),
            )
