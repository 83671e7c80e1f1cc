"""Where the sites' PHP waits until the invalidator has passed its last commit.

One line asks, one answers: ``WAIT 1234`` (a GTID's sequence number) or ``WAIT NOW`` (all that is committed by now),
then the name of a cookie where files may have changed, too (see `code_watch`); ``PASSED``. While the binlog is being
followed, ``BEHIND`` says now and then that it is not so far yet. The peer's uid tells which site asks; who is no
site of this node is sent away. Before the answer, what the site's writers changed is settled (see `swap`).
"""

from __future__ import annotations

import asyncio
import contextlib
import heapq
import itertools
import socket
from collections import Counter, OrderedDict, deque
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial
from pathlib import Path

import structlog

from pressroom.system.peer import peer_of
from pressroom.system.site_sockets import SiteSockets

_log = structlog.get_logger(__name__)

# A connection is closed when this time has passed: with its request, its files and renders; with following the binlog.
# PHP gives up after a second without a word. Seconds.
LONGEST_WAIT, LONGEST_FOLLOWED = 5.0, 30.0
_SIGN_OF_LIFE = 0.3  # seconds between two words to who waits
CONNECTIONS_A_SITE = 64
_QUEUE = 512  # connections of a site that may wait to be taken
_LONGEST_LINE = 64
_COOKIES_KEPT = 256  # a site; who left one asks within milliseconds


class PassedCommits:
    """How far the invalidator is, and who waits for it. For one event loop."""

    def __init__(self) -> None:
        self._passed = 0
        self._waiters: list[tuple[int, int, asyncio.Future[None]]] = []
        self._order = itertools.count()

    def advance(self, passed: int) -> None:
        """The invalidator is at this sequence number now (it can go back: another server)."""
        self._passed = passed
        while self._waiters and self._waiters[0][0] <= passed:
            future = heapq.heappop(self._waiters)[2]
            if not future.done():
                future.set_result(None)

    @property
    def passed(self) -> int:
        return self._passed

    async def wait(self, sequence: int) -> None:
        if sequence <= self._passed:
            return
        future = asyncio.get_running_loop().create_future()
        waiter = (sequence, next(self._order), future)
        heapq.heappush(self._waiters, waiter)
        try:
            await future
        except asyncio.CancelledError:
            with contextlib.suppress(ValueError):  # its turn has come at the same moment
                self._waiters.remove(waiter)
                heapq.heapify(self._waiters)
            raise


class PassedFiles:
    """Which cookies the watch of the sites' files has seen, and who waits for one. For one event loop."""

    def __init__(self, cookies_come: Callable[[str], bool]) -> None:
        """`cookies_come` is False for a site whose cookies are never seen: then nobody waits."""
        self._cookies_come = cookies_come
        self._came: dict[str, OrderedDict[str, None]] = {}
        self._waiters: dict[tuple[str, str], set[asyncio.Future[None]]] = {}

    def came(self, site: str, cookie: str) -> None:
        cookies = self._came.setdefault(site, OrderedDict())
        cookies[cookie] = None
        while len(cookies) > _COOKIES_KEPT:
            cookies.popitem(last=False)
        for future in self._waiters.get((site, cookie), ()):
            if not future.done():
                future.set_result(None)

    async def wait(self, site: str, cookie: str) -> None:
        if cookie in self._came.get(site, ()) or not self._cookies_come(site):
            return
        future = asyncio.get_running_loop().create_future()
        waiters = self._waiters.setdefault((site, cookie), set())
        waiters.add(future)
        try:
            await future
        finally:
            waiters.discard(future)
            if not waiters:
                self._waiters.pop((site, cookie), None)


class _Together:
    """One question at a time, for all who have come before it is put. For one event loop."""

    def __init__(self, ask: Callable[[], Awaitable[int]]) -> None:
        self._ask = ask
        self._one_at_a_time = asyncio.Lock()
        self._next: asyncio.Future[int] | None = None

    async def __call__(self) -> int:
        """Whatever `ask` gives or raises."""
        if self._next is None:
            self._next = asyncio.ensure_future(self._put())
            self._next.add_done_callback(lambda asked: asked.cancelled() or asked.exception())  # all may have gone
        return await asyncio.shield(self._next)

    async def _put(self) -> int:
        async with self._one_at_a_time:
            self._next = None  # who comes from now on may mean something later
            return await self._ask()


class BarrierServer:
    """The sockets' server."""

    def __init__(
        self,
        commits: PassedCommits,
        is_following: Callable[[], bool],
        newest: Callable[[], Awaitable[int]],
        site_of: Callable[[int], str | None],
        settled: Callable[[str], Awaitable[None]],
        files: PassedFiles,
    ) -> None:
        """`is_following` tells whether somebody works on it that commits are passed, `newest` gives the server's last
        committed sequence number, `site_of` the site of a uid; `settled` waits until the old pages of a site that has
        changed are out of the store.
        """
        self._commits = commits
        self._is_following = is_following
        self._newest = _Together(newest)  # a site may ask for it hundreds of times a second
        self._site_of = site_of
        self._settled = settled
        self._files = files
        self._open: Counter[str] = Counter()
        self._sockets = SiteSockets(self._take, queue=_QUEUE)
        self.waits = 0
        self.recent: deque[float] = deque(maxlen=1000)  # seconds, without the renders that were swapped in meanwhile

    def attend(self, sockets: Mapping[str, Path]) -> None:
        """One socket for each site, by its name."""
        self._sockets.attend(sockets)

    async def _take(self, site: str, peer: socket.socket) -> None:
        if self._open[site] >= CONNECTIONS_A_SITE or self._site_of(peer_of(peer).uid) != site:
            peer.close()
            return
        self._open[site] += 1
        reader = asyncio.StreamReader(limit=_LONGEST_LINE)
        protocol = asyncio.StreamReaderProtocol(reader, partial(self._connected, site))
        await asyncio.get_running_loop().connect_accepted_socket(lambda: protocol, peer)

    async def _connected(self, site: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await self._answer(site, reader, writer)
        except (TimeoutError, ConnectionError, ValueError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            pass  # The asker hears nothing, and closes its gate: the safe side.
        finally:
            self._open[site] -= 1
            if not self._open[site]:
                del self._open[site]
            writer.close()

    async def _answer(self, site: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        async with asyncio.timeout(LONGEST_WAIT):
            word, commit, *cookie = (await reader.readuntil(b"\n")).decode("ascii").split()
        if word != "WAIT":
            return
        passing = asyncio.ensure_future(self._pass(site, commit, cookie[:1]))
        try:
            while not (await asyncio.wait([passing], timeout=_SIGN_OF_LIFE))[0]:
                if reader.at_eof():
                    raise ConnectionAbortedError
                if self._is_following():
                    writer.write(b"BEHIND\n")
            await passing
        finally:
            passing.cancel()
        self.waits += 1
        async with asyncio.timeout(LONGEST_WAIT):
            writer.write(b"PASSED\n")
            await writer.drain()

    async def _pass(self, site: str, commit: str, cookies: Sequence[str]) -> None:
        """Each step may take long: a neighbour's transaction may have a gigabyte, and a disk take nothing for a while.

        Raises TimeoutError, ValueError for what is no commit, and what `newest` raises.
        """
        began = asyncio.get_running_loop().time()
        async with asyncio.timeout(LONGEST_FOLLOWED):
            await self._commits.wait(await self._newest() if commit == "NOW" else int(commit))
        async with asyncio.timeout(LONGEST_WAIT):
            for cookie in cookies:
                await self._files.wait(site, cookie)
            self.recent.append(asyncio.get_running_loop().time() - began)
            await self._settled(site)


def boot_id() -> str:
    """Which start of the machine this is (random(4)); a new one means that unsynced files may be lost."""
    return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
