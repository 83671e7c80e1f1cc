"""How the platform's daemons are spoken with: one JSON object a line, over a Unix socket.

Requests carry ``op`` and that operation's fields; the answer is one line, an object with ``ok``. After the
operation ``watch`` the connection sends a line for each drop instead. Only root, the daemon's own user and the control
user, who is of its group, can connect.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Collection
from pathlib import Path
from typing import Any

from pressroom.model.errors import NotRunning
from pressroom.system.peer import peer_of

LINE_LIMIT = 16 * 1024 * 1024
Message = dict[str, Any]


def encode(message: Message) -> bytes:
    return json.dumps(message, separators=(",", ":")).encode() + b"\n"


def decode(line: bytes) -> Message:
    """Raises ValueError for what is no JSON object."""
    message = json.loads(line)
    if not isinstance(message, dict):
        raise ValueError("not an object")
    return message


def ask(path: Path, request: Message, *, what: str, timeout: float = 8.0) -> Message:
    """Ask once and wait. Raises NotRunning when `what` (a daemon's name) does not answer within `timeout` seconds."""
    try:
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(timeout)
            connection.connect(str(path))
            connection.sendall(encode(request))
            with connection.makefile("rb") as lines:
                line = lines.readline()
    except OSError as error:
        raise NotRunning(
            f"the {what} does not answer ({error})",
            hint="`pressroom status` shows what is down, `pressroom up` starts it",
        ) from error
    if not line:
        raise NotRunning(f"the {what} closed the connection", hint=f"look at its log: var/log/{what}.log")
    answer: Message = json.loads(line)
    return answer


async def end_if_frozen(path: Path, patience: float) -> bool:
    """Ask whether the daemon behind a socket is alive; kill it when it does not answer in time (seconds).

    Supervision sees processes that end, not those that hang. Returns whether it was killed; raises OSError when
    nobody listens.
    """
    reader, writer = await asyncio.open_unix_connection(path, limit=LINE_LIMIT)
    try:
        async with asyncio.timeout(patience):
            writer.write(encode({"op": "alive"}))
            await reader.readline()
        return False
    except TimeoutError:
        listener: socket.socket = writer.get_extra_info("socket")
        os.kill(peer_of(listener).pid, signal.SIGKILL)
        return True
    finally:
        writer.close()


class Connection:
    """A lasting connection for the renderer: requests go one after the other."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = asyncio.Lock()
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def ask(self, request: Message) -> Message:
        """Raises ConnectionError when the other side is gone; the next call connects anew."""
        async with self._lock:
            try:
                if self._streams is None:
                    self._streams = await asyncio.open_unix_connection(self._path, limit=LINE_LIMIT)
                reader, writer = self._streams
                writer.write(encode(request))
                await writer.drain()
                line = await reader.readline()
                if not line:
                    raise ConnectionResetError("closed")
            except OSError as error:
                self.close()
                raise ConnectionError(str(error)) from error
            answer: Message = json.loads(line)
            return answer

    def close(self) -> None:
        if self._streams is not None:
            self._streams[1].close()
            self._streams = None


class Watchers:
    """Those who sent ``watch``: each hears every message that is told from then on."""

    def __init__(self) -> None:
        self._queues: set[asyncio.Queue[Message]] = set()

    def __bool__(self) -> bool:
        return bool(self._queues)

    def tell(self, message: Message) -> None:
        for queue in self._queues:
            queue.put_nowait(message)

    async def serve(self, writer: asyncio.StreamWriter) -> None:
        """Until the other side goes; raises ConnectionError then."""
        queue: asyncio.Queue[Message] = asyncio.Queue()
        self._queues.add(queue)
        try:
            while True:
                writer.write(encode(await queue.get()))
                await writer.drain()
        finally:
            self._queues.discard(queue)


async def serve(
    path: Path,
    answer: Callable[[Message], Awaitable[Message]],
    watchers: Watchers | None = None,
    *,
    private: Collection[str] = (),
) -> None:
    """Listen there; `answer` gets each request. Replaces a socket that is left there.

    The operations in `private` are root's and the own user's alone: to others the connection ends.
    """

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while line := await reader.readline():
                request = decode(line)
                if request.get("op") in private and not _is_ours(writer):
                    return
                if watchers is not None and request.get("op") == "watch":
                    await watchers.serve(writer)
                writer.write(encode(await answer(request)))
                await writer.drain()
        except (ConnectionError, ValueError):
            pass
        finally:
            writer.close()

    path.unlink(missing_ok=True)
    await asyncio.start_unix_server(connected, path, limit=LINE_LIMIT)
    path.chmod(0o660)


def _is_ours(writer: asyncio.StreamWriter) -> bool:
    return peer_of(writer.get_extra_info("socket")).uid in (0, os.geteuid())


async def watch(path: Path) -> AsyncIterator[Message]:
    """Each drop as it happens. Ends when the other side goes; raises OSError when it is not there."""
    reader, writer = await asyncio.open_unix_connection(path, limit=LINE_LIMIT)
    try:
        writer.write(encode({"op": "watch"}))
        await writer.drain()
        while line := await reader.readline():
            yield json.loads(line)
    finally:
        writer.close()
