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
    """Hold the lock while the block runs. The kernel gives it back when its holder dies (flock(2)).

    The file stays; while the lock is held it names the holder. `command` is what the user typed after `pressroom`.
    Raises Busy, with the holder's command, process and start, when it is not free within `wait_seconds`.
    """
    with files.explained(path), files.as_owner_of(path.parent):
        handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        _acquire(handle, wait_seconds)
        try:
            since = datetime.now().astimezone().isoformat("T", "seconds")
            _tell(handle, {"pid": os.getpid(), "command": command, "since": since})
            yield
        finally:
            os.ftruncate(handle, 0)
    finally:
        os.close(handle)


def _tell(handle: int, holder: dict[str, object]) -> None:
    # One write before the cut: whoever reads meanwhile sees the new holder, or text that is no JSON.
    text = json.dumps(holder).encode()
    os.pwrite(handle, text, 0)
    os.ftruncate(handle, len(text))


def _acquire(handle: int, wait_seconds: float) -> None:
    until = time.monotonic() + wait_seconds
    while True:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            if time.monotonic() >= until:
                raise Busy(
                    f"another command is at work: {_holder(handle)}",
                    hint="wait until it is done, then run this again; if it hangs, end that process",
                ) from error
            time.sleep(0.05)
        else:
            return


def _holder(handle: int) -> str:
    """Who holds the lock. A command that has just taken it writes its name a moment later."""
    until = time.monotonic() + 0.5
    while True:
        try:
            told = json.loads(os.pread(handle, 65536, 0))
            since = datetime.fromisoformat(told["since"]).strftime("%H:%M:%S")
            return f"`pressroom {told['command']}` (process {told['pid']}) has been running since {since}"
        except (ValueError, KeyError, TypeError):
            if time.monotonic() > until:
                return "one that has just begun"
        time.sleep(0.01)
