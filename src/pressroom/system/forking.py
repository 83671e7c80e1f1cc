"""A server that has a process for each connection, and loses none when it is told to end."""

from __future__ import annotations

import os
import select
import signal
import socket
from collections.abc import Callable

_NO_PIPE = -1
_MOST_SIGNALS = 4096  # read in one go


def serve(listener: socket.socket, answer: Callable[[socket.socket], None], *, most: int | None = None) -> None:
    """Until SIGTERM: `answer` gets each connection in a process of its own, of which there are `most` at once.

    Told to end, it accepts nobody any more and waits for those that are at work. Whoever is not accepted yet stays
    with the socket, for the next who listens there.
    """
    signals, wakeup = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
    signal.set_wakeup_fd(wakeup)
    for number in (signal.SIGTERM, signal.SIGCHLD):
        signal.signal(number, lambda number, frame: None)  # their numbers come through the pipe
    waiting = select.poll()
    waiting.register(listener, select.POLLIN)
    waiting.register(signals, select.POLLIN)
    working: set[int] = set()
    while True:
        ready = [descriptor for descriptor, _ in waiting.poll()]
        if signals in ready and signal.SIGTERM in os.read(signals, _MOST_SIGNALS):
            break
        _collect(working, most)
        if listener.fileno() in ready:
            connection, _ = listener.accept()
            with connection:
                if (child := _begin(listener, connection, answer)) is not None:
                    working.add(child)
    _collect(working, 1)


def _begin(listener: socket.socket, connection: socket.socket, answer: Callable[[socket.socket], None]) -> int | None:
    """None where there can be no process for it: to who asks the connection ends."""
    try:
        child = os.fork()
    except OSError:
        return None
    if child:
        return child
    signal.set_wakeup_fd(_NO_PIPE)
    for number in (signal.SIGTERM, signal.SIGCHLD):
        signal.signal(number, signal.SIG_DFL)
    listener.close()
    answer(connection)
    os._exit(0)


def _collect(working: set[int], most: int | None) -> None:
    """Those that have ended; while there are `most`, each that ends is waited for."""
    while working:
        child, _ = os.waitpid(-1, 0 if most is not None and len(working) >= most else os.WNOHANG)
        if child == 0:
            return
        working.discard(child)
