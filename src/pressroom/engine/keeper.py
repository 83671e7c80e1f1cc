"""Stands in for a program that makes itself a daemon and must outlive everything: nginx.

``python -m pressroom.engine.keeper --pidfile FILE -- PROGRAM ARGUMENT…``. If the pid file names a living process of
that program with these arguments, it is kept as it is; else the program is started. The keeper ends when it does. TERM ends
both; a keeper that is killed leaves the program alone, and the next one takes it over.
"""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
import time

_START_PATIENCE = 10.0  # seconds until the pid file must name a process
_STOP_PATIENCE = 15.0  # seconds between QUIT and TERM


def living(pidfile: str, argv: list[str]) -> int | None:
    """The process named by the pid file, if it is `argv`'s program with `argv`'s configuration."""
    try:
        with open(pidfile) as file:  # noqa: PTH123 (pathlib would double this small process's memory)
            pid = int(file.read())
        with open(f"/proc/{pid}/cmdline", "rb") as file:  # noqa: PTH123
            words = file.read()
    except (OSError, ValueError):
        return None
    return pid if all(word.encode() in words for word in argv if word.startswith("/")) else None


def main(arguments: list[str]) -> int:
    if len(arguments) < 4 or arguments[0] != "--pidfile" or arguments[2] != "--":
        print("usage: keeper --pidfile FILE -- PROGRAM ARGUMENT...", file=sys.stderr)
        return 2
    pidfile, argv = arguments[1], arguments[3:]
    pid = living(pidfile, argv)
    if pid is None:
        started = subprocess.run(argv, check=False).returncode
        if started != 0:
            return started
        until = time.monotonic() + _START_PATIENCE
        while (pid := living(pidfile, argv)) is None:
            if time.monotonic() > until:
                print(f"keeper: {argv[0]} wrote no pid file", file=sys.stderr)
                return 1
            time.sleep(0.02)
    return keep(pid)


def keep(pid: int) -> int:
    """Wait for the process's end, or end it when we are told to."""
    wake, told = os.pipe()
    os.set_blocking(told, False)
    signal.set_wakeup_fd(told)
    for number in (signal.SIGTERM, signal.SIGQUIT, signal.SIGINT):
        signal.signal(number, lambda *_: None)
    try:
        handle = os.pidfd_open(pid)
    except ProcessLookupError:
        return 1
    poll = select.poll()
    poll.register(handle, select.POLLIN)
    poll.register(wake, select.POLLIN)
    ready = {descriptor for descriptor, _ in poll.poll()}
    if handle in ready:
        return 1
    for number in (signal.SIGQUIT, signal.SIGTERM, signal.SIGKILL):
        try:
            signal.pidfd_send_signal(handle, number)
        except ProcessLookupError:
            return 0
        waiting = select.poll()
        waiting.register(handle, select.POLLIN)
        if waiting.poll(_STOP_PATIENCE * 1000):
            return 0
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
