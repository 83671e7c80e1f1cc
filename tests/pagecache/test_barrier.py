"""The barrier's socket: who waits is let go when its commit has been passed, and not before."""

from __future__ import annotations

import asyncio
import os
import resource
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from pressroom.pagecache.invalidator import barrier
from pressroom.pagecache.invalidator.barrier import CONNECTIONS_A_SITE, BarrierServer, PassedCommits, PassedFiles
from pressroom.system import process, site_sockets
from tests.wall_table import Seen

MOMENT = 0.05  # seconds in which an answer that is due has come
_FLOODED = ("connections to the barrier that are kept, by another site", "64 connections a site")
_ONE_QUEUE = ("connections to the barrier in a loop, by another site", "a socket for each site")


class Barrier:
    """The server, and what it knows."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.commits = PassedCommits()
        self.newest = 0
        self.ask_newest: Callable[[], Awaitable[int]] = self.known_newest
        self.users = {os.getuid(): "s1"}
        self.files = PassedFiles(lambda site: self.cookies_come)
        self.cookies_come = True
        self.unsettled: asyncio.Event | None = None
        self.is_following = False
        self.server = BarrierServer(
            self.commits, lambda: self.is_following, lambda: self.ask_newest(), self._site_of, self._settled, self.files
        )
        self.errors: list[dict[str, object]] = []

    async def known_newest(self) -> int:
        return self.newest

    def _site_of(self, uid: int) -> str | None:
        return self.users.get(uid)

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
    made.server.attend({"s1": made.path})
    yield made
    made.server.attend({})
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


def test_who_asks_for_now_meanwhile_is_answered_by_one_question_more(folder: Path) -> None:
    """Not by the one that is under way: it may have been put before his commit."""

    async def test(at: Barrier) -> None:
        answers = [asyncio.get_running_loop().create_future() for _ in range(2)]
        put = iter(answers)
        at.ask_newest = lambda: next(put)
        at.commits.advance(5)
        first = asyncio.create_task(at.ask(b"WAIT NOW\n"))
        await asyncio.sleep(MOMENT)
        others = [asyncio.create_task(at.ask(b"WAIT NOW\n")) for _ in range(20)]
        await asyncio.sleep(MOMENT)
        answers[0].set_result(5)
        assert await first == b"PASSED\n"
        assert all([await _waits(other) for other in others])
        answers[1].set_result(6)
        at.commits.advance(6)
        assert {await other for other in others} == {b"PASSED\n"}

    _run(folder, test)


def test_who_gives_up_takes_the_question_from_nobody(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pressroom.pagecache.invalidator.barrier.LONGEST_FOLLOWED", 0.5)

    async def test(at: Barrier) -> None:
        answer = asyncio.get_running_loop().create_future()
        at.ask_newest = lambda: asyncio.shield(answer)
        first = asyncio.create_task(at.ask(b"WAIT NOW\n"))
        await asyncio.sleep(0.1)
        second = asyncio.create_task(at.ask(b"WAIT NOW\n"))
        await asyncio.sleep(0.3)
        third = asyncio.create_task(at.ask(b"WAIT NOW\n"))  # with the second's
        assert await first == await second == b""
        answer.set_result(0)
        assert await third == b"PASSED\n"

    _run(folder, test)


def test_a_question_that_fails_closes_on_those_who_asked(folder: Path) -> None:
    async def test(at: Barrier) -> None:
        async def fails() -> int:
            raise ConnectionError("MariaDB is down")

        at.ask_newest = fails
        assert await at.ask(b"WAIT NOW\n") == b""
        _, writer = await at.connect()
        writer.write(b"WAIT NOW\n")
        writer.close()
        at.ask_newest = at.known_newest
        assert await at.ask(b"WAIT NOW\n") == b"PASSED\n"

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
        at.is_following = True
        reader, writer = await at.connect()
        writer.write(b"WAIT 9\n")
        for _ in range(3):  # whatever is passed meanwhile: one transaction may have gigabytes, a disk may take nothing
            assert await asyncio.wait_for(reader.readline(), 4 * MOMENT) == b"BEHIND\n"
        at.is_following = False
        line = asyncio.create_task(reader.readline())
        await asyncio.sleep(5 * MOMENT)
        assert not line.done(), "while nothing is followed nothing is said: whoever waits must know that it hangs"
        at.commits.advance(9)
        assert await line == b"PASSED\n"
        writer.close()

    _run(folder, test)


@pytest.mark.parametrize("step", ["newest", "settled"])
def test_who_waits_for_a_slow_disk_is_told_that_it_is_worked_on(
    folder: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    """MariaDB's answer, and the old pages that are taken out, as well as what is followed."""
    monkeypatch.setattr(barrier, "_SIGN_OF_LIFE", 2 * MOMENT)

    async def test(at: Barrier) -> None:
        goes_on = asyncio.Event()

        async def newest() -> int:
            await goes_on.wait()
            return 0

        if step == "newest":
            at.ask_newest = newest
        else:
            at.unsettled = goes_on
        at.is_following = True
        reader, writer = await at.connect()
        writer.write(b"WAIT NOW\n")
        for _ in range(2):
            assert await asyncio.wait_for(reader.readline(), 4 * MOMENT) == b"BEHIND\n"
        goes_on.set()
        assert await asyncio.wait_for(reader.readline(), 4 * MOMENT) == b"PASSED\n"
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
def test_garbage_is_not_answered_and_harms_nobody(
    folder: Path, request_: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(barrier, "LONGEST_WAIT", 0.5)  # a cookie that is none is waited for as any other

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
        at.users = {65534: "s1"}
        assert await another(at) == "PASSED"
        assert await at.ask(b"WAIT 1\n") == b""

    _run(folder, test)


def test_a_user_has_so_many_connections_and_others_are_not_slower(folder: Path) -> None:
    async def test(at: Barrier) -> None:
        held = [await at.connect() for _ in range(CONNECTIONS_A_SITE)]
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
        for _ in range(CONNECTIONS_A_SITE):
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


# -- floods -------------------------------------------------------------------------------------------------------

# Another's process, until it is ended: keeps all the connections that it can, half a request or one that waits on each.
_FLOOD = """
import select, socket, sys
held = []
while True:
    peer = socket.socket(socket.AF_UNIX)
    peer.settimeout(0.2)
    try:
        peer.connect(sys.argv[1])
        peer.sendall(b"WAIT 999999\\n" if len(held) % 2 else b"WA")
        held.append(peer)
    except OSError:
        peer.close()
    if len(held) >= 2000:
        closed = set(select.select(held, [], [], 0)[0])
        held = [one for one in held if one not in closed][:1999]
"""
_NOBODY = 65534
_OPEN_FILES = 1000  # that this process may have more than it has


@asynccontextmanager
async def _flooded(at: Barrier, path: Path) -> AsyncIterator[None]:
    """By another user, while this process may have so many files open."""
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    used = max(int(file.name) for file in Path("/proc/self/fd").iterdir())
    argv = ["nice", "-n19", sys.base_prefix + "/bin/python3", "-c", _FLOOD, str(path)]
    attackers = [subprocess.Popen(argv, user=_NOBODY, cwd="/", stderr=subprocess.DEVNULL) for _ in range(3)]
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (used + _OPEN_FILES, limits[1]))
        while at.server._open[at.users[_NOBODY]] < min(barrier.CONNECTIONS_A_SITE, _OPEN_FILES - 100):
            await asyncio.sleep(MOMENT)
        await asyncio.sleep(0.3)
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, limits)
        for attacker in attackers:
            attacker.kill()
            attacker.wait()


async def _waits_for(at: Barrier) -> float:
    """Seconds, of the longest of all answers in a second; infinite when one did not come, or not in PHP's patience."""
    longest = 0.0
    end = time.monotonic() + 1
    while time.monotonic() < end:
        began = time.monotonic()
        try:
            answer = await asyncio.wait_for(at.ask(b"WAIT 1\n"), 1.0)
        except (TimeoutError, OSError):
            return float("inf")
        if answer != b"PASSED\n":  # sent away
            return float("inf")
        longest = max(longest, time.monotonic() - began)
    return longest


def _flood(folder: Path, *, of_its_own: bool) -> float:
    """How long one site's requests take while another floods the barrier, by a socket `of_its_own` or the same."""
    found = []

    async def test(at: Barrier) -> None:
        at.commits.advance(1)
        other = folder / "other.sock"
        at.users[_NOBODY] = "s2" if of_its_own else "s1"
        at.server.attend({"s1": at.path, "s2": other})
        async with _flooded(at, other if of_its_own else at.path):
            found.append(await _waits_for(at))

    _run(folder, test)
    return found[0]


@pytest.fixture
def short_queue(monkeypatch: pytest.MonkeyPatch) -> None:
    """That is full always, where the flood is."""
    monkeypatch.setattr(barrier, "_QUEUE", 16)


def test_a_flood_by_one_site_is_not_anothers_wait(folder: Path, short_queue: None, seen: Seen) -> None:
    assert _flood(folder, of_its_own=True) < 0.8
    seen.kept_out(*_ONE_QUEUE)
    seen.kept_out(*_FLOODED)


def test_in_one_queue_for_all_it_is(folder: Path, short_queue: None, seen: Seen) -> None:
    assert _flood(folder, of_its_own=False) == float("inf")
    seen.came_through(*_ONE_QUEUE)


def test_without_a_bound_for_each_site_it_is(folder: Path, monkeypatch: pytest.MonkeyPatch, seen: Seen) -> None:
    monkeypatch.setattr(barrier, "CONNECTIONS_A_SITE", 10**9)
    monkeypatch.setattr(site_sockets, "TAKEN", 10**9)
    assert _flood(folder, of_its_own=True) == float("inf")
    seen.came_through(*_FLOODED)


def test_each_site_has_a_socket_while_it_is_there(folder: Path) -> None:
    async def test(at: Barrier) -> None:
        at.commits.advance(1)
        other, missing = folder / "other.sock", folder / "nothing" / "x.sock"
        at.server.attend({"s1": at.path, "s2": other, "s3": missing})
        assert await at.ask(b"WAIT 1\n") == b"PASSED\n"
        _, writer = await asyncio.open_unix_connection(other)
        writer.close()
        missing.parent.mkdir()
        at.server.attend({"s3": missing})
        await asyncio.sleep(0)
        _, writer = await asyncio.open_unix_connection(missing)
        writer.close()
        with pytest.raises(OSError):
            await asyncio.open_unix_connection(other)
        missing.unlink()  # its folder was made anew
        at.server.attend({"s3": missing})
        await asyncio.sleep(0)
        _, writer = await asyncio.open_unix_connection(missing)
        writer.close()

    _run(folder, test)


def test_two_who_wait_for_one_file_are_answered(folder: Path) -> None:
    """A cookie's name is the asker's own choice."""

    async def test(at: Barrier) -> None:
        first, second = (asyncio.create_task(at.ask(b"WAIT 0 cookie-1\n")) for _ in range(2))
        assert await _waits(first) and await _waits(second)
        at.files.came("s1", "cookie-1")
        assert [await first, await second] == [b"PASSED\n"] * 2

    _run(folder, test)
