"""An engine without processes, for tests of what stands above engines."""

from __future__ import annotations

from collections.abc import Collection
from datetime import UTC, datetime

from pressroom.engine.protocol import Program, ProgramState, ProgramStatus
from pressroom.model.errors import CommandFailed, NotFound, NotRunning


class MemoryEngine:
    """Implements the Engine protocol. Programs named in `broken` fail whenever they are started.

    Like every engine's, its definitions outlive it: `boot` starts them again.
    """

    def __init__(self, *, broken: Collection[str] = ()) -> None:
        self._broken = frozenset(broken)
        self._alive = False
        self._next_pid = 1000
        self._programs: dict[str, Program] = {}
        self._running: dict[str, ProgramStatus] = {}

    def boot(self) -> None:
        if self._alive:
            return
        self._alive = True
        for name, program in self._programs.items():
            if program.sockets:
                self._running[name] = _ended(ProgramState.ASLEEP)
            else:
                self._running[name] = self._begun(name) if program.autostart else _ended()

    def shutdown(self) -> None:
        self._alive = False
        self._running.clear()

    def alive(self) -> bool:
        return self._alive

    def define(self, program: Program) -> bool:
        self._require_alive()
        running = self._running.get(program.name)
        fine = running is not None and running.state in (ProgramState.RUNNING, ProgramState.ASLEEP)
        if self._programs.get(program.name) == program and fine:
            return False
        self._programs[program.name] = program
        if program.sockets and not program.autostart:
            self._running[program.name] = _ended(ProgramState.ASLEEP)
        else:
            self._start(program.name)
        return True

    def remove(self, name: str) -> None:
        self._require_alive()
        self._programs.pop(name, None)
        self._running.pop(name, None)

    def start(self, name: str) -> None:
        self._require(name)
        if self._running[name].state is not ProgramState.RUNNING:
            self._start(name)

    def stop(self, name: str) -> None:
        self._require(name)
        if self._running[name].state in (ProgramState.RUNNING, ProgramState.ASLEEP):
            self._running[name] = _ended()

    def restart(self, name: str) -> None:
        self.stop(name)
        self.start(name)

    def signal(self, name: str, signal: str) -> None:
        self._require(name)
        if self._running[name].pid is None:
            raise CommandFailed(f"{name} does not run", hint="start it first")

    def crash(self, name: str) -> None:
        """What a real engine does when the process dies: begin another, if it is to be restarted."""
        program = self._programs[name]
        if program.sockets:
            self._running[name] = _ended(ProgramState.ASLEEP)
        else:
            self._running[name] = self._begun(name) if program.autorestart else _ended(ProgramState.FAILED)

    def status(self, name: str) -> ProgramStatus:
        self._require_alive()
        return self._running.get(name, ProgramStatus(ProgramState.ABSENT))

    def states(self) -> dict[str, ProgramState]:
        self._require_alive()
        return {name: status.state for name, status in self._running.items()}

    def pids(self) -> dict[str, int]:
        self._require_alive()
        return {name: status.pid for name, status in self._running.items() if status.pid is not None}

    def definition(self, name: str) -> Program | None:
        return self._programs.get(name)

    def definitions(self) -> dict[str, Program]:
        return dict(self._programs)

    def _begun(self, name: str) -> ProgramStatus:
        if name in self._broken:
            return _ended(ProgramState.FAILED)
        self._next_pid += 1
        return ProgramStatus(ProgramState.RUNNING, self._next_pid, datetime.now(UTC))

    def _start(self, name: str) -> None:
        self._running[name] = self._begun(name)
        if name in self._broken:
            raise CommandFailed(f"{name} does not start", hint="it was made broken")

    def _require_alive(self) -> None:
        if not self._alive:
            raise NotRunning("the engine is down", hint="boot it")

    def _require(self, name: str) -> None:
        self._require_alive()
        if name not in self._programs:
            raise NotFound(f"no program is called {name}", hint="define it first")


def _ended(state: ProgramState = ProgramState.STOPPED) -> ProgramStatus:
    return ProgramStatus(state, None, datetime.now(UTC))
