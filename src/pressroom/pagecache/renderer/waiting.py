"""Where visitors wait who have missed a page that is about to be stored: however many they are, it is made once.

nginx asks by SCGI (python.ca/scgi/protocol.txt) and is told where it goes on: in the store, or at the origin. What it
finds in the store is right whenever it looks, so it does not matter when the page was begun.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

import structlog

from pressroom.model.pagekey import key_of
from pressroom.system.peer import peer_of

_log = structlog.get_logger(__name__)
LONGEST_WAIT = 1.0  # seconds; then PHP answers
_MOST_PAGES = 8  # waited for at once: a crawler's misses are PHP's, for there is a worker for each of few renders only
_LONGEST_REQUEST = 64 * 1024
_STORE, _ORIGIN = "@stored", "@wordpress"  # locations of nginx's configuration


class _Page:
    """One that is waited for, and by how many visitors."""

    def __init__(self) -> None:
        self.is_stored: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self.visitors = 0


class WaitingRoom:
    """For one event loop."""

    def __init__(self, web_uid: int, comes: Callable[[str, str], bool]) -> None:
        """`web_uid` is nginx's: nobody else is let in. `comes` says whether a page is about to be stored."""
        self._web_uid = web_uid
        self._comes = comes
        self._waiting: dict[tuple[str, str], _Page] = {}

    async def serve(self, path: Path) -> None:
        path.unlink(missing_ok=True)
        await asyncio.start_unix_server(self._entered, path, limit=_LONGEST_REQUEST)
        path.chmod(0o666)

    def visitors(self) -> int:
        """How many wait, for whatever page."""
        return sum(page.visitors for page in self._waiting.values())

    def settled(self, site: str, key: str, *, stored: bool) -> None:
        """A render of the page has come to its end."""
        page = self._waiting.pop((site, key), None)
        if page is not None:
            page.is_stored.set_result(stored)

    async def _entered(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            if peer_of(writer.get_extra_info("socket")).uid in (0, self._web_uid):
                request = await asyncio.wait_for(_read(reader), LONGEST_WAIT)
                key = key_of(request["TARGET"])
                stored = key is not None and await self._wait(request["SITE"], key)
                writer.write(f"Status: 200 OK\r\nX-Accel-Redirect: {_STORE if stored else _ORIGIN}\r\n\r\n".encode())
                await writer.drain()
        except (ConnectionError, TimeoutError, asyncio.IncompleteReadError, ValueError, KeyError) as error:
            _log.warning("bad_request", error=repr(error))
        finally:
            writer.close()

    async def _wait(self, site: str, key: str) -> bool:
        page = self._waiting.get((site, key))
        if page is None:
            if len(self._waiting) >= _MOST_PAGES or not self._comes(site, key):
                return False
            page = self._waiting[site, key] = _Page()
        page.visitors += 1
        try:
            return await asyncio.wait_for(asyncio.shield(page.is_stored), LONGEST_WAIT)
        except TimeoutError:
            return False
        finally:
            page.visitors -= 1
            if not page.visitors and self._waiting.get((site, key)) is page:
                del self._waiting[site, key]


async def _read(reader: asyncio.StreamReader) -> dict[str, str]:
    """The parameters, a netstring of names and values. Raises ValueError for what is none."""
    length = int((await reader.readuntil(b":"))[:-1])
    if not 0 < length <= _LONGEST_REQUEST:
        raise ValueError(f"length {length}")
    words = (await reader.readexactly(length + 1))[:-2].decode("ascii", errors="replace").split("\0")
    return dict(zip(words[::2], words[1::2], strict=True))
