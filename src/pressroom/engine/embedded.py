"""The embedded engine: supervisord for programs that always run, the activator for those that connections start."""

from __future__ import annotations

from pressroom.engine.activation import NAME, Activation, activator_program
from pressroom.engine.protocol import Program, ProgramState, ProgramStatus
from pressroom.engine.supervisor import SupervisorEngine
from pressroom.model.errors import NotRunning
from pressroom.model.layout import Layout


class EmbeddedEngine:
    """Implements the Engine protocol. The activator is one of supervisord's programs, but none of the engine's."""

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        self._supervisor = SupervisorEngine(layout)
        self._activation = Activation(layout)

    def boot(self) -> None:
        self._supervisor.boot()
        self._require_activator()

    def shutdown(self) -> None:
        self._supervisor.shutdown()

    def alive(self) -> bool:
        return self._supervisor.alive()

    def define(self, program: Program) -> bool:
        if not program.sockets:
            if self._activation.definitions.get(program.name) is not None:
                self._activation.remove(program.name)
            return self._supervisor.define(program)
        if self._supervisor.definition(program.name) is not None:
            self._supervisor.remove(program.name)
        self._require_activator()
        return self._activation.define(program)

    def remove(self, name: str) -> None:
        """From both halves: a definition that was cut short left no record of which it is."""
        self._supervisor.remove(name)
        self._require_activator()
        self._activation.remove(name)

    def start(self, name: str) -> None:
        self._half(name).start(name)

    def stop(self, name: str) -> None:
        self._half(name).stop(name)

    def restart(self, name: str) -> None:
        self.stop(name)
        self.start(name)

    def signal(self, name: str, signal: str) -> None:
        self._half(name).signal(name, signal)

    def status(self, name: str) -> ProgramStatus:
        return self._half(name).status(name)

    def states(self) -> dict[str, ProgramState]:
        found = self._supervisor.states()
        found.pop(NAME, None)
        return found | {name: status.state for name, status in self._activated().items()}

    def pids(self) -> dict[str, int]:
        found = self._supervisor.pids()
        found.pop(NAME, None)
        activated = {name: status.pid for name, status in self._activated().items() if status.pid is not None}
        return found | activated

    def definition(self, name: str) -> Program | None:
        return self._activation.definitions.get(name) or self._supervisor.definition(name)

    def definitions(self) -> dict[str, Program]:
        found = self._supervisor.definitions()
        found.pop(NAME, None)
        return found | self._activation.definitions.all()

    def _half(self, name: str) -> SupervisorEngine | Activation:
        """The one that such a program belongs to. Raises NotRunning when the engine is down."""
        if self._activation.definitions.get(name) is None:
            return self._supervisor
        if not self._supervisor.alive():
            raise NotRunning("the engine is down", hint="start it: pressroom up")
        return self._activation

    def _activated(self) -> dict[str, ProgramStatus]:
        """While the activator is being started again its programs have failed."""
        try:
            return self._activation.states()
        except NotRunning:
            return {name: ProgramStatus(ProgramState.FAILED) for name in self._activation.definitions.all()}

    def _require_activator(self) -> None:
        self._supervisor.define(activator_program(self._layout))
        self._activation.await_activator()
