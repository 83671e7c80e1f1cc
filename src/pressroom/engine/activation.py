"""Programs with sockets, as the engine asks the activator for them (`activator.py`)."""

from __future__ import annotations

import time
from datetime import datetime

from pressroom.engine.definitions import Definitions, plain, require_possible
from pressroom.engine.protocol import Program, ProgramState, ProgramStatus
from pressroom.model import errors
from pressroom.model.errors import CommandFailed, NotRunning, PressroomError
from pressroom.model.layout import Layout
from pressroom.system import daemon, messages
from pressroom.system.messages import Message

NAME = "activator"
_BOOT_PATIENCE = 10.0  # seconds
_MORE_THAN_AN_END = 10.0  # seconds beyond what a program may take to end and to start


def activator_program(layout: Layout) -> Program:
    """The activator itself, for supervisord."""
    return Program(
        name=NAME,
        argv=(str(layout.python), "-m", "pressroom.engine.activator", "--root", str(layout.root)),
        user="root",
        directory=layout.root,
        environment=daemon.environment(layout.code),
        start_seconds=0.15,
        priority=40,
        log=layout.log / f"{NAME}.log",
        stop_seconds=20,
    )


class Activation:
    """The part of the Engine protocol that one program is concerned by; `states` of all."""

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        self.definitions = Definitions(layout.activated, layout.prefix)

    def await_activator(self) -> None:
        """Raises NotRunning when it does not answer in time."""
        until = time.monotonic() + _BOOT_PATIENCE
        while True:
            try:
                self.states()
                return
            except NotRunning:
                if time.monotonic() > until:
                    raise
                time.sleep(0.02)

    def define(self, program: Program) -> bool:
        running = (ProgramState.RUNNING, ProgramState.ASLEEP)
        if self.definitions.get(program.name) == program and self.status(program.name).state in running:
            return False
        require_possible(program)
        # Until the end the record is away: a definition that was cut short is made again.
        self.definitions.unrecord(program.name)
        try:
            self._ask("define", program.name, program, program=plain(program))
        except CommandFailed:
            self.definitions.record(program)
            raise
        self.definitions.record(program)
        return True

    def remove(self, name: str) -> None:
        program = self.definitions.get(name)
        self.definitions.forget(name)
        self._ask("remove", name, program)

    def start(self, name: str) -> None:
        """Also one that could not hold when the activator started, and can now."""
        known = self.definitions.get(name)
        if known is not None and self.status(name).state is ProgramState.ABSENT:
            self.define(known)
        else:
            self._ask("start", name, known)

    def stop(self, name: str) -> None:
        self._ask("stop", name, self.definitions.get(name))

    def signal(self, name: str, signal: str) -> None:
        self._ask("signal", name, None, signal=signal)

    def status(self, name: str) -> ProgramStatus:
        return self._ask("status", name, None).get(name, ProgramStatus(ProgramState.ABSENT))

    def states(self) -> dict[str, ProgramStatus]:
        return self._ask("states", "", None)

    def _ask(self, op: str, name: str, known: Program | None, **more: object) -> dict[str, ProgramStatus]:
        """The answer's programs. Raises what the activator says, and NotRunning."""
        patience = _MORE_THAN_AN_END + (0 if known is None else known.stop_seconds + known.start_seconds)
        request = {"op": op, "name": name, **more}
        answer = messages.ask(self._layout.activator_socket, request, what=NAME, timeout=patience)
        if not answer["ok"]:
            raise _error(answer)
        return {name: _status(plain) for name, plain in answer["programs"].items()}


def _status(plain: Message) -> ProgramStatus:
    return ProgramStatus(ProgramState(plain["state"]), plain["pid"], datetime.fromisoformat(plain["since"]))


def _error(answer: Message) -> PressroomError:
    kind = getattr(errors, answer["kind"], CommandFailed)
    made: PressroomError = kind(answer["error"], hint=answer["hint"])
    return made
