"""A Unix socket for each site, at which only its own programs can arrive.

Who floods his own fills no other site's queue, where the kernel would refuse who comes, and has only so many of its
connections taken in a second: what they cost is the platform's time of the processor, not the site's.
"""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path

import structlog

_log = structlog.get_logger(__name__)

# Connections of a site that are taken in a second, and at once after a quiet time. A processor makes some 40 pages.
TAKEN = 100 * (os.cpu_count() or 1)
_AGAIN = 0.2  # seconds after the system had no file handle left

Take = Callable[[str, socket.socket], Awaitable[None]]


class SiteSockets:
    """For one event loop."""

    def __init__(self, take: Take, *, queue: int) -> None:
        """`take(site, connection)` begins to serve it, or closes it; `queue`: how many of a site may wait for that."""
        self._take = take
        self._queue = queue
        self._listening: dict[str, asyncio.Task[None]] = {}
        self._missing: frozenset[str] = frozenset()

    def attend(self, sockets: Mapping[str, Path]) -> None:
        """These are the sites there are. Raises what `take` has raised since the last time: a fault of ours."""
        before = dict(self._listening)
        for site, task in before.items():
            if task.done() or site not in sockets or not _is_there(sockets[site]):
                del self._listening[site]
                task.cancel()
                if task.done():
                    task.result()
        missing = set()
        for site in sockets.keys() - self._listening.keys():
            try:
                listener = _listener(sockets[site], self._queue)
            except OSError as error:  # it is being made, or removed
                missing.add(site)
                if site not in self._missing:
                    _log.warning("no_socket", site=site, socket=sockets[site].name, error=str(error))
            else:
                self._listening[site] = asyncio.get_running_loop().create_task(self._serve(site, listener))
        self._missing = frozenset(missing)
        if self._listening != before:
            _log.info("listening", sites=len(self._listening))

    async def _serve(self, site: str, listener: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        even = loop.time()  # when as many as were taken would have come one after the other
        with listener:
            while True:
                try:
                    connection, _ = await loop.sock_accept(listener)
                except OSError as error:
                    _log.error("accept_failed", site=site, error=str(error))
                    await asyncio.sleep(_AGAIN)
                    continue
                await self._take(site, connection)
                even = max(even, loop.time()) + 1 / TAKEN
                # Nothing above waits while they come: the others have their turn in any case.
                await asyncio.sleep(max(0.0, even - loop.time() - 1))


def _is_there(path: Path) -> bool:
    """Its folder may have been made anew, or be somebody else's at this moment."""
    try:
        return path.is_socket()
    except OSError:
        return False


def _listener(path: Path, queue: int) -> socket.socket:
    """Anyone who finds it may connect: the kernel tells who it was."""
    path.unlink(missing_ok=True)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    listener.bind(str(path))
    path.chmod(0o666)
    listener.listen(queue)
    listener.setblocking(False)
    return listener
