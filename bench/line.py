"""A long line in front of a port of this machine, for programs that come by a port of its own.

Chromium's own emulation will not do: its delay of a request includes the time that the server takes, so a server that
takes 50 ms is not told from one that takes none. Here each byte takes half a round trip after it was sent, bytes share
the line's rate, and a connection's first bytes wait for its handshake, which the loopback does at once. What TCP does
besides (its slow start) is not here.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Coroutine
from typing import Any

_CHUNK = 16 * 1024  # bytes
_MOST_UNDER_WAY = 16  # chunks of one connection


class _Direction:
    """`rate` in bits a second; `delay` in seconds."""

    def __init__(self, rate: float, delay: float) -> None:
        self._rate, self._delay = rate, delay
        self._free = 0.0  # when the last byte of all connections is on the line

    def arrival(self, now: float, size: int) -> float:
        """When this many bytes, sent now, are at the other end."""
        self._free = max(self._free, now) + size * 8 / self._rate
        return self._free + self._delay


class Line:
    """A context manager; ``port`` is where to come."""

    def __init__(self, port: int, *, round_trip: float, rate: float) -> None:
        """To this port of 127.0.0.1. `round_trip` in seconds, `rate` in bits a second each way."""
        self._target, self._round_trip = port, round_trip
        self._up, self._down = _Direction(rate, round_trip / 2), _Direction(rate, round_trip / 2)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self.port = 0

    def __enter__(self) -> Line:
        self._thread.start()
        server = self._run(asyncio.start_server(self._connect, "127.0.0.1", 0))
        self.port = server.sockets[0].getsockname()[1]
        return self

    def __exit__(self, *_: object) -> None:
        self._run(self._end())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def _run(self, work: Coroutine[Any, Any, Any]) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()

    async def _end(self) -> None:
        mine = asyncio.current_task()
        tasks = [task for task in asyncio.all_tasks() if task is not mine]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _connect(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        to_reader, to_writer = await asyncio.open_connection("127.0.0.1", self._target)
        await asyncio.gather(
            self._carry(reader, to_writer, self._up, handshake=self._round_trip),
            self._carry(to_reader, writer, self._down),
        )

    async def _carry(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, way: _Direction, handshake: float = 0.0
    ) -> None:
        under_way: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue(_MOST_UNDER_WAY)
        opened = self._loop.time() + handshake

        async def take() -> None:
            data = b"more"
            while data:
                with contextlib.suppress(ConnectionError):
                    data = await reader.read(_CHUNK)
                await under_way.put((way.arrival(max(self._loop.time(), opened), len(data)), data))

        taking = asyncio.create_task(take())
        try:
            while True:
                at, data = await under_way.get()
                await asyncio.sleep(at - self._loop.time())
                if not data:
                    break
                writer.write(data)
                await writer.drain()
        except ConnectionError:
            pass
        finally:
            taking.cancel()
            writer.close()
