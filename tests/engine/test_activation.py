"""Programs that connections start: none is lost, whatever happens meanwhile."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import json
import os
import signal
import socket
import sys
import threading
import time
from pathlib import Path
from typing import Any
from unittest import mock

import pytest

from pressroom.engine import activated, activator, embedded
from pressroom.engine.activation import NAME, activator_program
from pressroom.engine.embedded import EmbeddedEngine
from pressroom.engine.protocol import Program, ProgramState
from pressroom.engine.supervisor import SupervisorEngine
from pressroom.model.errors import CommandFailed, InvalidInput
from pressroom.model.layout import Layout
from tests.engine.conftest import lives, program, soon

# Answers each connection in a child of its own, as PHP-FPM does, with its own number and what it was sent; after a
# line "slow" a second later. QUIT ends it when no child is left.
_SERVER = """
import os, signal, socket, sys, time
listeners = [socket.socket(fileno=3 + n) for n in range(int(sys.argv[1]))]
import selectors
ready = selectors.DefaultSelector()
for listener in listeners:
    ready.register(listener, selectors.EVENT_READ)
told, teller = os.pipe()
os.set_blocking(teller, False)
signal.set_wakeup_fd(teller)
signal.signal(signal.SIGQUIT, lambda *_: None)
signal.signal(signal.SIGCHLD, signal.SIG_IGN)
ready.register(told, selectors.EVENT_READ)
while True:
    for key, _ in ready.select():
        if key.fileobj == told:
            os.read(told, 100)
            while True:
                try:
                    os.waitpid(-1, 0)
                except ChildProcessError:
                    sys.exit(0)
        connection, _ = key.fileobj.accept()
        if os.fork() == 0:
            word = connection.recv(100)
            if word == b"slow":
                time.sleep(1.5)
            connection.sendall(f"{os.getppid()} {os.getuid()} {oct(os.umask(0))} ".encode() + word)
            os._exit(0)
        connection.close()
"""


def _server(layout: Layout, *, name: str = "first", sockets: int = 1, idle: float | None = None) -> Program:
    script = layout.root / f"{name}.py"
    script.write_text(_SERVER)
    made = program(layout, name, sys.executable, str(script), str(sockets))
    paths = tuple(layout.run / f"{name}-{number}.sock" for number in range(sockets))
    return dataclasses.replace(made, sockets=paths, idle_seconds=idle, stop_signal="QUIT", start_seconds=0.05)


def _ask(path: Path, word: str = "hello", patience: float = 10.0) -> list[str]:
    """The server's number, its user's, its umask and the word; empty when it was closed without an answer."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(patience)
        connection.connect(str(path))
        connection.sendall(word.encode())
        return connection.recv(100).decode().split()


# The activator with other constants, which are its first argument.
_HASTY = (
    "import json, sys; from pressroom.engine import activated, activator; constants = json.loads(sys.argv.pop(1));"
    " [setattr({'activated': activated, 'activator': activator}[module], name, value)"
    " for module, name, value in constants]; activator.main()"
)


@pytest.fixture
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """It looks who is idle five times as often, and connections wait a tenth as long for what is stopped."""
    constants = [("activator", "_LOOK_SECONDS", activator._LOOK_SECONDS / 5)]
    constants += [("activated", "_PATIENCE", activated._PATIENCE / 10)]

    def hasty_program(layout: Layout) -> Program:
        made = activator_program(layout)
        assert made.argv[1:3] == ("-m", "pressroom.engine.activator")
        return dataclasses.replace(made, argv=(made.argv[0], "-c", _HASTY, json.dumps(constants), *made.argv[3:]))

    monkeypatch.setattr(embedded, "activator_program", hasty_program)


def test_a_connection_starts_it_as_its_user_with_all_its_sockets(layout: Layout, embedded: EmbeddedEngine) -> None:
    server = _server(layout, sockets=3)
    embedded.define(server)
    embedded.shutdown()
    embedded.boot()
    assert embedded.status("first").state is ProgramState.ASLEEP
    assert embedded.pids() == {}
    pid, *rest = _ask(server.sockets[2])
    assert rest == ["65534", "0o27", "hello"]
    assert embedded.pids() == {"first": int(pid)}
    assert embedded.status("first").state is ProgramState.RUNNING
    assert [_ask(path)[0] for path in server.sockets] == [pid] * 3
    assert all(path.stat().st_mode & 0o777 == 0o660 for path in server.sockets)


def test_it_has_its_precedence(layout: Layout, embedded: EmbeddedEngine) -> None:
    server = dataclasses.replace(_server(layout), nice=5)
    embedded.define(server)
    pid = int(_ask(server.sockets[0])[0])
    assert (os.getsid(pid), os.getpriority(os.PRIO_PROCESS, pid)) == (pid, 5)
    group = Path(f"/proc/{pid}/autogroup")
    assert not group.exists() or group.read_text().endswith("nice 5\n")


def test_it_sleeps_when_idle_and_wakes(layout: Layout, embedded: EmbeddedEngine) -> None:
    server = _server(layout, idle=0.2)
    embedded.define(server)
    first, *_ = _ask(server.sockets[0])
    soon(lambda: embedded.status("first").state is ProgramState.ASLEEP)
    assert not lives(int(first))
    second, *_ = _ask(server.sockets[0])
    assert second != first


def test_what_serves_somebody_is_not_idle(layout: Layout, embedded: EmbeddedEngine) -> None:
    server = _server(layout, idle=0.2)
    embedded.define(server)
    first, *_ = _ask(server.sockets[0], "slow")
    assert _ask(server.sockets[0])[0] == first


@pytest.mark.usefixtures("hasty")
def test_without_idle_seconds_it_stays(layout: Layout, embedded: EmbeddedEngine) -> None:
    server = _server(layout)
    embedded.define(server)
    time.sleep(0.5)
    assert embedded.status("first").state is ProgramState.RUNNING


@pytest.mark.usefixtures("hasty")
def test_no_connection_is_lost_by_ends_and_starts(layout: Layout, embedded: EmbeddedEngine) -> None:
    server = _server(layout, idle=0.1)
    embedded.define(server)
    answers: list[list[str]] = []
    done = threading.Event()

    def visit() -> None:
        while not done.is_set():
            answers.append(_ask(server.sockets[0]))

    visitors = [threading.Thread(target=visit) for _ in range(4)]
    for visitor in visitors:
        visitor.start()
    for turn in range(12):
        time.sleep(0.1)
        if turn % 3 == 0:
            embedded.restart("first")
        elif turn % 3 == 1:
            with contextlib.suppress(CommandFailed):  # it may sleep
                embedded.signal("first", "QUIT")
        else:
            time.sleep(0.3)
    done.set()
    for visitor in visitors:
        visitor.join()
    assert len({answer[0] for answer in answers}) > 4
    assert all(answer[3:] == ["hello"] for answer in answers)


def test_who_connects_while_it_is_stopped_waits_for_its_start(layout: Layout, embedded: EmbeddedEngine) -> None:
    server = _server(layout)
    embedded.define(server)
    embedded.stop("first")
    answers: list[list[str]] = []
    visitor = threading.Thread(target=lambda: answers.append(_ask(server.sockets[0])))
    visitor.start()
    time.sleep(0.5)
    assert embedded.status("first").state is ProgramState.STOPPED
    assert not answers
    embedded.start("first")
    visitor.join()
    assert answers[0][3] == "hello"


@pytest.mark.usefixtures("hasty")
def test_nobody_waits_for_long_while_it_is_stopped(layout: Layout, embedded: EmbeddedEngine) -> None:
    server = _server(layout)
    embedded.define(server)
    embedded.stop("first")
    assert activated._PATIENCE < 15
    for patience in (2.5, 0.5):  # it is one second here
        with contextlib.suppress(ConnectionError):  # a time-out is none
            assert _ask(server.sockets[0], patience=patience) == []
    embedded.start("first")
    assert _ask(server.sockets[0])[3] == "hello"


def test_who_waits_for_what_does_not_start_is_told_and_the_next_tries_again(
    layout: Layout, embedded: EmbeddedEngine
) -> None:
    # On a busy machine Python takes a while to come to its end.
    server = dataclasses.replace(_server(layout), start_seconds=2.0)
    embedded.define(server)
    embedded.stop("first")
    script = Path(server.argv[1])
    script.write_text("raise SystemExit('no such setting')")
    with pytest.raises(CommandFailed, match="no such setting"):
        embedded.start("first")
    began = time.monotonic()
    assert _ask_or_nothing(server.sockets[0]) == []
    assert time.monotonic() - began < 5
    assert embedded.status("first").state is ProgramState.FAILED
    script.write_text(_SERVER)
    soon(lambda: bool(_ask_or_nothing(server.sockets[0])))
    assert embedded.status("first").state is ProgramState.RUNNING


def _ask_or_nothing(path: Path) -> list[str]:
    """Empty too where nobody listens, or the connection is reset."""
    try:
        return _ask(path)
    except OSError:
        return []


def test_a_killed_one_is_started_by_the_next_connection(layout: Layout, embedded: EmbeddedEngine) -> None:
    server = _server(layout)
    embedded.define(server)
    first, *_ = _ask(server.sockets[0])
    os.kill(int(first), signal.SIGKILL)
    assert _ask(server.sockets[0])[0] != first


def test_a_killed_activator_takes_its_programs_along_and_comes_back(layout: Layout, embedded: EmbeddedEngine) -> None:
    server = _server(layout)
    embedded.define(server)
    first, *_ = _ask(server.sockets[0])
    os.kill(SupervisorEngine(layout).pids()[NAME], signal.SIGKILL)
    soon(lambda: not lives(int(first)))
    soon(lambda: bool(_ask_or_nothing(server.sockets[0])))
    assert embedded.states() == {"first": ProgramState.RUNNING}


def test_boot_after_a_killed_engine_leaves_one_of_each(layout: Layout, embedded: EmbeddedEngine) -> None:
    server = _server(layout)
    embedded.define(server)
    first, *_ = _ask(server.sockets[0])
    left = SupervisorEngine(layout).pids()[NAME]
    os.kill(int((layout.run / "supervisord.pid").read_text()), signal.SIGKILL)
    soon(lambda: not embedded.alive())
    embedded.boot()
    assert not lives(int(first)) and not lives(left)
    assert _ask(server.sockets[0])[0] != first


def test_shutdown_lets_it_finish(layout: Layout, embedded: EmbeddedEngine) -> None:
    server = _server(layout)
    embedded.define(server)
    answers: list[list[str]] = []
    visitor = threading.Thread(target=lambda: answers.append(_ask(server.sockets[0], "slow")))
    visitor.start()
    pid = embedded.pids()["first"]
    soon(lambda: bool(Path(f"/proc/{pid}/task/{pid}/children").read_text().strip()))
    embedded.shutdown()
    visitor.join()
    assert answers[0][3] == "slow"
    assert not server.sockets[0].exists()


def test_a_program_gets_sockets_and_loses_them(layout: Layout, embedded: EmbeddedEngine) -> None:
    plain = program(layout)
    embedded.define(plain)
    old = embedded.pids()["first"]
    embedded.define(_server(layout))
    assert not lives(old)
    assert embedded.states() == {"first": ProgramState.RUNNING}
    assert embedded.definition("first") == _server(layout)
    embedded.define(plain)
    assert embedded.definitions() == {"first": plain}
    assert not (layout.run / "first-0.sock").exists()


def test_a_bad_definition_leaves_what_runs(layout: Layout, embedded: EmbeddedEngine) -> None:
    server = _server(layout)
    embedded.define(server)
    first, *_ = _ask(server.sockets[0])
    theirs = layout.run / "theirs"
    theirs.mkdir()
    os.chown(theirs, 65534, 65534)
    for bad in (
        dataclasses.replace(server, sockets=(theirs / "a.sock",)),
        dataclasses.replace(server, user="nosuchuser"),
        dataclasses.replace(server, sockets=(layout.root / "nowhere" / "a.sock",)),
    ):
        with pytest.raises(InvalidInput):
            embedded.define(bad)
    assert _ask(server.sockets[0])[0] == first


def test_one_that_cannot_hold_any_more_keeps_no_other_out(layout: Layout, embedded: EmbeddedEngine) -> None:
    folder = layout.run / "gone"
    folder.mkdir()
    bad = dataclasses.replace(_server(layout, name="second"), sockets=(folder / "a.sock",))
    embedded.define(_server(layout))
    embedded.define(bad)
    embedded.shutdown()
    folder.rmdir()
    embedded.boot()
    assert embedded.states() == {"first": ProgramState.ASLEEP}
    assert embedded.status("second").state is ProgramState.ABSENT
    folder.mkdir()
    embedded.start("second")
    assert embedded.status("second").state is ProgramState.RUNNING


def test_what_a_definition_that_was_cut_short_left_can_be_removed(layout: Layout, embedded: EmbeddedEngine) -> None:
    server = _server(layout)
    embedded.define(server)
    first, *_ = _ask(server.sockets[0])
    (layout.activated / "first.json").unlink()
    embedded.remove("first")
    assert not lives(int(first)) and not server.sockets[0].exists()


def test_sockets_ask_for_an_engine_that_listens(layout: Layout) -> None:
    server = _server(layout)
    with pytest.raises(InvalidInput):
        dataclasses.replace(server, adopt=True)
    with pytest.raises(InvalidInput):
        dataclasses.replace(program(layout), idle_seconds=1.0)


def _crash_again_and_again(layout: Layout, seconds: float, *, starts: int = 1_000_000) -> int:
    """A program that prints a megabyte and ends at once, while somebody connects without rest: how often it began."""
    crashing = dataclasses.replace(
        program(layout, "first", "/bin/sh", "-c", "echo began; head -c 1000000 /dev/zero; exit 1"),
        sockets=(layout.run / "first-0.sock",),
        start_seconds=5.0,
    )
    spawn, begun = activated._spawn, []

    def counted(*arguments: Any) -> tuple[int, int]:
        begun.append(time.monotonic())
        return spawn(*arguments)

    async def visit(one: activated.Activated) -> None:
        while len(begun) < starts:
            with contextlib.suppress(OSError):
                reader, writer = await asyncio.open_unix_connection(crashing.sockets[0])
                await reader.read()
                writer.close()

    async def scene() -> None:
        one = activated.Activated(crashing, layout.prefix)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(visit(one), seconds)
        await one.close()

    with mock.patch.object(activated, "_spawn", counted):
        asyncio.run(scene())
    return len(begun)


def test_who_crashes_at_once_is_started_once_a_second(layout: Layout, monkeypatch: pytest.MonkeyPatch) -> None:
    """And as often as it can, without the pause."""
    assert 1 <= _crash_again_and_again(layout, 1.5) <= 2
    monkeypatch.setattr(activated, "_PAUSE", 0.0)
    assert _crash_again_and_again(layout, 30.0, starts=10) == 10


def test_the_log_of_who_crashes_again_and_again_is_bounded(layout: Layout, monkeypatch: pytest.MonkeyPatch) -> None:
    """To two of five megabytes, and what one start prints."""

    def size() -> int:
        return sum(file.stat().st_size for file in layout.log.glob("first.log*"))

    monkeypatch.setattr(activated, "_PAUSE", 0.0)
    _crash_again_and_again(layout, 60.0, starts=20)
    assert 5_000_000 < size() < 13_000_000
    monkeypatch.setattr(activated, "_LOG_LIMIT", 10**9)
    _crash_again_and_again(layout, 60.0, starts=20)
    assert size() > 20_000_000


def test_who_is_held_ends_and_is_not_started_for_a_while(layout: Layout, monkeypatch: pytest.MonkeyPatch) -> None:
    """Running or asleep."""
    monkeypatch.setattr(activated, "_HELD", 0.5)
    server = _server(layout)

    async def asks() -> list[str]:
        try:
            return await asyncio.to_thread(_ask, server.sockets[0])
        except ConnectionError:
            return []

    async def scene() -> None:
        one = activated.Activated(server, layout.prefix)
        number = (await asks())[0]
        one.hold()
        while one.pid is not None:
            await asyncio.sleep(0.01)
        assert not lives(int(number))
        assert await asks() == []
        assert one.state is ProgramState.FAILED
        await asyncio.sleep(0.6)
        one.hold()
        assert await asks() == []
        await asyncio.sleep(0.6)
        assert len(await asks()) == 4
        one.hold()
        await one.stop()  # what is held can be stopped, started, taken away
        await one.start()
        assert len(await asks()) == 4
        await one.close()

    asyncio.run(asyncio.wait_for(scene(), 30))
