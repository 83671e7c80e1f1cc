"""A named lock: commands that change something go one at a time, and the lock says who holds it."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import time
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

from pressroom.model.errors import Busy
from pressroom.system import files


@contextlib.contextmanager
def named_lock(path: Path, command: str, *, wait_seconds: float = 0.0) -> Iterator[None]:
    """Hold the lock while the block runs. The kernel gives it back when its holder dies.

    Raises Busy, with the holder's command, process and start, when it is not free within `wait_seconds`.
    """
    with files.explained(path):
        handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        _acquire(handle, path, wait_seconds)
        told = {"pid": os.getpid(), "command": command, "since": datetime.now().astimezone().isoformat("T", "seconds")}
        os.ftruncate(handle, 0)
        os.pwrite(handle, json.dumps(told).encode(), 0)
        yield
        os.ftruncate(handle, 0)
    finally:
        os.close(handle)


def _acquire(handle: int, path: Path, wait_seconds: float) -> None:
    until = time.monotonic() + wait_seconds
    while True:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            if time.monotonic() >= until:
                raise Busy(
                    f"another command is at work: {_holder(path)}", hint="wait until it is done, then run this again"
                ) from error
            time.sleep(0.05)
        else:
            return


def _holder(path: Path) -> str:
    try:
        told = json.loads(path.read_text())
        since = datetime.fromisoformat(told["since"]).strftime("%H:%M:%S")
        return f"`pressroom {told['command']}` (process {told['pid']}), since {since}"
    except (OSError, ValueError, KeyError):
        return "one that has just begun"
