"""What every engine does. An engine is added by one more `Bench`."""

from __future__ import annotations

import dataclasses
import os
import signal
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest

from pressroom.engine import definitions
from pressroom.engine.embedded import EmbeddedEngine
from pressroom.engine.memory import MemoryEngine
from pressroom.engine.protocol import Engine, Program, ProgramState
from pressroom.engine.supervisor_config import program_text
from pressroom.model.errors import CommandFailed, NotFound, NotRunning
from pressroom.model.layout import Layout
from tests.engine.conftest import program, soon, walls_of

BROKEN = "broken"


@dataclass
class Bench:
    """An engine under test, another look at the same engine, and a way to make one of its processes die."""

    engine: Engine
    again: Callable[[], Engine]
    crash: Callable[[str], None]
    layout: Layout
    sockets: bool = False
    walls: bool = False

    def program(self, name: str = "first") -> Program:
        made = program(self.layout, name, *(("/bin/false",) if name == BROKEN else ()))
        sockets = (self.layout.run / f"{name}.sock",) if self.sockets else ()
        made = dataclasses.replace(made, sockets=sockets, start_seconds=0.2 if self.sockets else 0.05)
        return dataclasses.replace(made, walls=walls_of(self.layout)) if self.walls else made

    def pid(self, name: str = "first") -> int:
        return self.engine.pids()[name]


def _memory(layout: Layout) -> Bench:
    engine = MemoryEngine(broken={BROKEN})
    return Bench(engine, lambda: engine, engine.crash, layout)


def _embedded(layout: Layout) -> Bench:
    engine = EmbeddedEngine(layout)
    return Bench(
        engine,
        lambda: EmbeddedEngine(layout),
        lambda name: os.kill(engine.pids()[name], signal.SIGKILL),
        layout,
    )


def _memory_sockets(layout: Layout) -> Bench:
    return dataclasses.replace(_memory(layout), sockets=True)


def _embedded_sockets(layout: Layout) -> Bench:
    return dataclasses.replace(_embedded(layout), sockets=True)


def _embedded_walls(layout: Layout) -> Bench:
    return dataclasses.replace(_embedded_sockets(layout), walls=True)


@pytest.fixture(
    params=[_memory, _embedded, _memory_sockets, _embedded_sockets, _embedded_walls],
    ids=["memory", "embedded", "memory-sockets", "embedded-sockets", "embedded-walls"],
)
def bench(request: pytest.FixtureRequest, layout: Layout) -> Iterator[Bench]:
    made: Bench = request.param(layout)
    made.engine.boot()
    yield made
    made.engine.shutdown()


def test_a_defined_program_runs(bench: Bench) -> None:
    assert bench.engine.define(bench.program()) is True
    status = bench.engine.status("first")
    assert status.state in (ProgramState.STARTING, ProgramState.RUNNING)
    assert bench.engine.states() == {"first": status.state}
    assert status.pid == bench.pid()
    assert status.since is not None and datetime.now(UTC) - status.since < timedelta(seconds=30)


def test_the_same_definition_again_changes_nothing(bench: Bench) -> None:
    bench.engine.define(bench.program())
    pid = bench.pid()
    assert bench.again().define(bench.program()) is False
    assert bench.pid() == pid


def test_a_changed_definition_starts_the_program_anew_and_no_other(bench: Bench) -> None:
    bench.engine.define(bench.program())
    bench.engine.define(bench.program("second"))
    first, second = bench.pid("first"), bench.pid("second")
    changed = dataclasses.replace(bench.program(), environment=(("COLOUR", "blue"),))
    assert bench.engine.define(changed) is True
    assert bench.pid("first") != first
    assert bench.pid("second") == second
    assert bench.engine.definition("first") == changed


def test_definitions_come_back_as_they_were_given(bench: Bench) -> None:
    first = dataclasses.replace(
        bench.program(), directory=bench.layout.root, environment=(("B", "2"), ("A", "100 % 'true' or so")), umask=0o077
    )
    bench.engine.define(first)
    assert bench.again().definition("first") == first
    assert bench.again().definitions() == {"first": first}
    assert bench.engine.definition("nobody") is None


def test_remove_ends_and_forgets_one_program(bench: Bench) -> None:
    bench.engine.define(bench.program("first"))
    bench.engine.define(bench.program("second"))
    second = bench.pid("second")
    bench.engine.remove("first")
    assert bench.engine.pids() == {"second": second}
    assert set(bench.engine.states()) == set(bench.engine.definitions()) == {"second"}
    assert bench.engine.status("first").state is ProgramState.ABSENT


def test_remove_of_what_is_unknown_is_fine(bench: Bench) -> None:
    bench.engine.remove("first")
    bench.engine.define(bench.program())
    bench.engine.remove("first")
    bench.engine.remove("first")
    assert bench.engine.define(bench.program()) is True


def test_a_crashed_program_is_started_again(bench: Bench) -> None:
    bench.engine.define(bench.program())
    pid = bench.pid()
    soon(lambda: bench.engine.status("first").state is ProgramState.RUNNING)
    bench.crash("first")
    if bench.sockets:
        soon(lambda: bench.engine.status("first").state is ProgramState.ASLEEP)  # a connection starts it
    else:
        soon(lambda: bench.engine.pids().get("first", pid) != pid)


def _soon_given_up(program: Program, prefix: str) -> str:
    text = program_text(program, prefix)
    assert "\nstartretries=5\n" in text
    return text.replace("\nstartretries=5\n", "\nstartretries=1\n")


def test_a_program_that_cannot_start_fails_loudly(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """supervisord waits a second longer from try to try, so it tries once more here, and not five times."""
    monkeypatch.setattr(definitions, "program_text", _soon_given_up)
    with pytest.raises(CommandFailed, match=BROKEN):
        bench.engine.define(bench.program(BROKEN))
    soon(lambda: bench.engine.status(BROKEN).state is ProgramState.FAILED, seconds=40)
    assert bench.engine.definition(BROKEN) == bench.program(BROKEN)
    with pytest.raises(CommandFailed, match=BROKEN):
        bench.engine.start(BROKEN)
    with pytest.raises(CommandFailed, match=BROKEN):
        bench.engine.define(bench.program(BROKEN))


def test_stop_start_restart(bench: Bench) -> None:
    bench.engine.define(bench.program())
    pid = bench.pid()
    bench.engine.start("first")
    assert bench.pid() == pid
    bench.engine.stop("first")
    bench.engine.stop("first")
    assert bench.engine.states() == {"first": ProgramState.STOPPED}
    assert bench.engine.pids() == {}
    bench.engine.start("first")
    second = bench.pid()
    bench.engine.restart("first")
    assert len({pid, second, bench.pid()}) == 3


def test_define_starts_a_program_that_was_stopped(bench: Bench) -> None:
    bench.engine.define(bench.program())
    bench.engine.stop("first")
    assert bench.engine.define(bench.program()) is True
    assert bench.pid()


def test_unknown_programs_are_not_found(bench: Bench) -> None:
    for call in (bench.engine.start, bench.engine.stop, bench.engine.restart):
        with pytest.raises(NotFound, match="first"):
            call("first")
    with pytest.raises(NotFound, match="first"):
        bench.engine.signal("first", "HUP")


def test_a_signal_needs_a_process(bench: Bench) -> None:
    bench.engine.define(bench.program())
    bench.engine.stop("first")
    with pytest.raises(CommandFailed):
        bench.engine.signal("first", "HUP")


def test_an_engine_that_is_down_says_so_and_changes_nothing(bench: Bench) -> None:
    bench.engine.define(bench.program())
    bench.engine.shutdown()
    assert bench.engine.alive() is False
    calls: list[Callable[[], object]] = [
        bench.engine.states,
        bench.engine.pids,
        lambda: bench.engine.define(bench.program("second")),
        lambda: bench.engine.define(bench.program("first")),
        lambda: bench.engine.remove("first"),
        lambda: bench.engine.start("first"),
        lambda: bench.engine.stop("first"),
        lambda: bench.engine.restart("first"),
        lambda: bench.engine.signal("first", "HUP"),
        lambda: bench.engine.status("first"),
    ]
    for call in calls:
        with pytest.raises(NotRunning):
            call()
    assert bench.engine.definitions() == {"first": bench.program()}


def test_boot_brings_back_what_was_defined(bench: Bench) -> None:
    bench.engine.define(bench.program())
    bench.engine.define(dataclasses.replace(bench.program("second"), autostart=False))
    # What connections start need not run first.
    assert set(bench.engine.pids()) == ({"first"} if bench.sockets else {"first", "second"})
    if bench.sockets:
        assert bench.engine.status("second").state is ProgramState.ASLEEP
    bench.engine.shutdown()
    bench.engine.shutdown()
    bench.engine.boot()
    assert bench.engine.alive()
    if bench.sockets:
        assert bench.engine.states() == {"first": ProgramState.ASLEEP, "second": ProgramState.ASLEEP}
        assert bench.engine.define(bench.program()) is False
        bench.engine.start("first")
    else:
        soon(lambda: "first" in bench.engine.pids())
        assert bench.engine.status("second").state is ProgramState.STOPPED
    pid = bench.pid()
    bench.engine.boot()
    assert bench.pid() == pid
