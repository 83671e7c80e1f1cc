"""The barrier's socket: who waits is let go when its commit has been passed, and not before."""

from __future__ import annotations

import asyncio
import os
import shutil
import socket
import sys
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from pressroom.pagecache.invalidator import barrier
from pressroom.pagecache.invalidator.barrier import CONNECTIONS_PER_USER, BarrierServer, PassedCommits, PassedFiles
from pressroom.system import process

MOMENT = 0.05  # seconds in which an answer that is due has come


class Barrier:
    """The server, and what it knows."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.commits = PassedCommits()
        self.newest = 0
        self.users = {os.getuid()}
        self.files = PassedFiles(lambda site: self.cookies_come)
        self.cookies_come = True
        self.unsettled: asyncio.Event | None = None
        self.server = BarrierServer(self.commits, self._newest, self._site_of, self._settled, self.files)
        self.errors: list[dict[str, object]] = []

    async def _newest(self) -> int:
        return self.newest

    def _site_of(self, uid: int) -> str | None:
        return "s1" if uid in self.users else None

    async def _settled(self, site: str) -> None:
        assert site == "s1"
        if self.unsettled is not None:
            await self.unsettled.wait()

    async def connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        return await asyncio.open_unix_connection(self.path)

    async def ask(self, request: bytes) -> bytes:
        """All that comes until the server closes."""
        reader, writer = await self.connect()
        writer.write(request)
        try:
            return await reader.read()
        except ConnectionResetError:  # closed over what it did not read
            return b""
        finally:
            writer.close()


@pytest.fixture
def folder() -> Iterator[Path]:
    """Short enough for a socket's path, and open to other users."""
    path = Path(tempfile.mkdtemp(dir="/var/tmp"))
    path.chmod(0o755)
    yield path
    shutil.rmtree(path)


@asynccontextmanager
async def _serving(folder: Path) -> AsyncIterator[Barrier]:
    made = Barrier(folder / "barrier.sock")
    asyncio.get_running_loop().set_exception_handler(lambda loop, context: made.errors.append(context))
    server = await made.server.serve(made.path)
    yield made
    server.close()
    await asyncio.sleep(0)
    assert made.errors == []


def _run(folder: Path, test: Callable[[Barrier], Awaitable[None]]) -> None:
    async def whole() -> None:
        async with _serving(folder) as made:
            await asyncio.wait_for(test(made), 20)

    asyncio.run(whole())


async def _waits(task: asyncio.Task[bytes]) -> bool:
    done, _ = await asyncio.wait([task], timeout=MOMENT)
    return not done


def test_a_commit_that_has_been_passed_is_answered_at_once(folder: Path) -> None:
    async def test(at: Barrier) -> None:
        at.commits.advance(10)
        assert await at.ask(b"WAIT 9\n") == b"PASSED\n"
        assert await at.ask(b"WAIT 10\n") == b"PASSED\n"
        assert at.server.waits == 2

    _run(folder, test)


def test_a_later_commit_is_waited_for(folder: Path) -> None:
    async def test(at: Barrier) -> None:
        at.commits.advance(10)
        first, second = (asyncio.create_task(at.ask(b"WAIT %d\n" % number)) for number in (11, 12))
        assert await _waits(first) and await _waits(second)
        at.commits.advance(11)
        assert await first == b"PASSED\n"
        assert await _waits(second)
        at.commits.advance(20)
        assert await second == b"PASSED\n"

    _run(folder, test)


def test_what_writers_changed_is_settled_before_the_answer(folder: Path) -> None:
    async def test(at: Barrier) -> None:
        at.commits.advance(7)
        at.unsettled = asyncio.Event()
        asked = asyncio.create_task(at.ask(b"WAIT 7\n"))
        await asyncio.sleep(MOMENT)
        assert not asked.done()
        at.unsettled.set()
        assert await asked == b"PASSED\n"

    _run(folder, test)


def test_now_means_all_that_is_committed_when_it_is_asked(folder: Path) -> None:
    async def test(at: Barrier) -> None:
        at.newest = 5
        waiting = asyncio.create_task(at.ask(b"WAIT NOW\n"))
        assert await _waits(waiting)
        at.newest = 50
        at.commits.advance(5)
        assert await waiting == b"PASSED\n"

    _run(folder, test)


def test_going_back_makes_the_next_ones_wait(folder: Path) -> None:
    async def test(at: Barrier) -> None:
        at.commits.advance(100)
        at.commits.advance(3)
        waiting = asyncio.create_task(at.ask(b"WAIT 4\n"))
        assert await _waits(waiting)
        at.commits.advance(4)
        assert await waiting == b"PASSED\n"

    _run(folder, test)


def test_who_waits_behind_many_changes_is_told_that_it_goes_on(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(barrier, "_SIGN_OF_LIFE", 2 * MOMENT)

    async def test(at: Barrier) -> None:
        reader, writer = await at.connect()
        writer.write(b"WAIT 9\n")
        for passed in (3, 4):
            await asyncio.sleep(MOMENT)
            at.commits.advance(passed)
            assert await asyncio.wait_for(reader.readline(), 4 * MOMENT) == b"BEHIND\n"
        line = asyncio.create_task(reader.readline())
        await asyncio.sleep(5 * MOMENT)
        assert not line.done(), "while nothing goes on nothing is said: whoever waits must know that it hangs"
        at.commits.advance(9)
        assert await line == b"PASSED\n"
        writer.close()

    _run(folder, test)


def test_who_waits_too_long_hears_nothing(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(barrier, "LONGEST_WAIT", 0.1)
    monkeypatch.setattr(barrier, "LONGEST_FOLLOWED", 0.1)

    async def test(at: Barrier) -> None:
        assert await at.ask(b"WAIT 1\n") == b""
        reader, writer = await at.connect()  # says nothing at all
        assert await reader.read() == b""
        writer.close()

    _run(folder, test)


@pytest.mark.parametrize(
    "request_",
    [
        b"\n", b"WAIT\n", b"WAIT \n", b"WAIT now\n", b"WAIT x\n", b"WAIT 1.5\n", b"WAIT 0x1\n", b"wait 1\n",
        b"PASSED\n", b"GET / HTTP/1.1\n",
        b"\xff\xfe\n", b"WAIT \xc2\xb2\n", b"WAIT 1 2\n", b"\x00\x00\n",
    ],
)  # fmt: skip
def test_garbage_is_not_answered_and_harms_nobody(folder: Path, request_: bytes) -> None:
    async def test(at: Barrier) -> None:
        at.commits.advance(10)
        assert await at.ask(request_) == b""
        assert await at.ask(b"WAIT 10\n") == b"PASSED\n"

    _run(folder, test)


def test_a_request_that_is_cut_is_not_answered(folder: Path) -> None:
    async def test(at: Barrier) -> None:
        at.commits.advance(10)
        reader, writer = await at.connect()
        writer.write(b"WAIT 1")
        writer.write_eof()
        assert await reader.read() == b""
        writer.close()

    _run(folder, test)


def test_who_is_no_site_is_sent_away(folder: Path) -> None:
    async def test(at: Barrier) -> None:
        at.commits.advance(10)
        at.users.clear()
        assert await at.ask(b"WAIT 1\n") == b""
        assert at.server.waits == 0

    _run(folder, test)


_AS_ANOTHER = """
import socket, sys
peer = socket.socket(socket.AF_UNIX)
peer.connect(sys.argv[1])
try:
    peer.sendall(b"WAIT 1\\n")
    print(peer.recv(64).decode().strip())
except ConnectionError:
    print("closed")
"""


def test_the_kernel_tells_who_asks(folder: Path) -> None:
    async def another(at: Barrier) -> str:
        argv: list[process.Argument] = [sys.base_prefix + "/bin/python3", "-c", _AS_ANOTHER, at.path]
        done = await asyncio.to_thread(process.run, argv, user="nobody", cwd=Path("/"))
        return done.stdout.strip()

    async def test(at: Barrier) -> None:
        at.commits.advance(10)
        assert await another(at) in ("", "closed")
        at.users = {65534}
        assert await another(at) == "PASSED"
        assert await at.ask(b"WAIT 1\n") == b""

    _run(folder, test)


def test_a_user_has_so_many_connections_and_others_are_not_slower(folder: Path) -> None:
    async def test(at: Barrier) -> None:
        held = [await at.connect() for _ in range(CONNECTIONS_PER_USER)]
        for _, writer in held:
            writer.write(b"WAIT 5\n")
        await asyncio.sleep(MOMENT)
        assert await at.ask(b"WAIT 0\n") == b"", "one too many"
        at.commits.advance(5)
        for reader, writer in held:
            assert await reader.read() == b"PASSED\n"
            writer.close()
        await asyncio.sleep(MOMENT)
        assert await at.ask(b"WAIT 0\n") == b"PASSED\n", "the bound is on those that are open"

    _run(folder, test)


def test_who_hangs_up_frees_its_place(folder: Path) -> None:
    async def test(at: Barrier) -> None:
        for _ in range(CONNECTIONS_PER_USER):
            with socket.socket(socket.AF_UNIX) as peer:
                peer.connect(str(at.path))
                peer.sendall(b"WAIT 99\n")
            await asyncio.sleep(0)
        await asyncio.sleep(0.5)
        at.commits.advance(1)
        assert await at.ask(b"WAIT 1\n") == b"PASSED\n"

    _run(folder, test)


def test_the_socket_is_open_to_all_and_replaces_a_dead_one(folder: Path) -> None:
    (folder / "barrier.sock").write_text("left behind")

    async def test(at: Barrier) -> None:
        assert at.path.stat().st_mode & 0o777 == 0o666
        at.commits.advance(1)
        assert await at.ask(b"WAIT 1\n") == b"PASSED\n"

    _run(folder, test)


def test_two_who_wait_for_one_file_are_answered(folder: Path) -> None:
    """A cookie's name is the asker's own choice."""

    async def test(at: Barrier) -> None:
        first, second = (asyncio.create_task(at.ask(b"WAIT 0 cookie-1\n")) for _ in range(2))
        assert await _waits(first) and await _waits(second)
        at.files.came("s1", "cookie-1")
        assert [await first, await second] == [b"PASSED\n"] * 2

    _run(folder, test)
