"""The embedded engine's smaller half: programs that the first connection to their sockets starts.

``python -m pressroom.engine.activator --root ROOT``, as root, beneath supervisord. It is asked over its own socket
(`activation.py`). Its programs end with it.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import resource
from pathlib import Path
from signal import Signals

import structlog

from pressroom.engine.activated import Activated
from pressroom.engine.crowd import Crowd
from pressroom.engine.definitions import Definitions, program_of
from pressroom.engine.protocol import Program
from pressroom.model.errors import NotFound, PressroomError
from pressroom.model.layout import Layout
from pressroom.system import messages, users
from pressroom.system.cgroups import Cgroups
from pressroom.system.daemon import log_as_json, run_until_stopped
from pressroom.system.messages import Message
from pressroom.system.turns import Turns

_log = structlog.get_logger("activator")
_LOOK_SECONDS = 1.0  # between two looks at who is idle, and who is not
_LOOKS_AT_CROWDS = 4  # meanwhile
_AT_THE_DOOR = 20  # connections that a user may have besides: those that have just ended are counted still


class Activator:
    """All programs with sockets. Requests go one at a time for each program."""

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        self._programs: dict[str, Activated] = {}
        self._locks: dict[str, asyncio.Lock] = {}
        self._turns = Turns(Cgroups(layout.prefix))
        self._crowd = Crowd(layout.mariadb_run / "mariadb.pid")

    def open(self) -> None:
        """Listen for all that are defined. One that cannot hold any more keeps no other out."""
        for name, program in Definitions(self._layout.activated, self._layout.prefix).all().items():
            try:
                self._programs[name] = Activated(program, self._layout.prefix)
            except (PressroomError, OSError) as error:
                _log.warning("program_left_out", program=name, error=str(error))
        _log.info("listening", programs=len(self._programs))

    async def close(self) -> None:
        """End all, at once."""
        await asyncio.gather(*(program.close() for program in self._programs.values()))

    async def watch(self) -> None:
        """Who is idle sleeps; who takes much of the processor goes last; who takes MariaDB's connections ends."""
        while True:
            for _ in range(_LOOKS_AT_CROWDS):
                await asyncio.sleep(_LOOK_SECONDS / _LOOKS_AT_CROWDS)
                await self._end_crowds()
            before = self._turns.last()
            self._turns.look(_LOOK_SECONDS)
            if self._turns.last() != before:
                _log.info("go_last", groups=sorted(self._turns.last()))
            for program in self._programs.values():
                program.sleep_if_idle()

    async def _end_crowds(self) -> None:
        for user, number in self._crowd.connections().items():
            programs = [one for one in self._programs.values() if _is_too_many(number, one.program, user)]
            for one in programs:
                one.hold()
            if programs:
                _log.error("too_many_connections", user=user, connections=number)
                try:
                    await asyncio.to_thread(users.end_processes, user)  # others of its programs, too
                except (PressroomError, OSError, KeyError) as error:  # the user may have gone
                    _log.error("not_ended", user=user, error=str(error))

    async def answer(self, request: Message) -> Message:
        """One of activation.py's requests. What went wrong is in the answer: `error`, `hint`, `kind`."""
        if request["op"] == "states":
            return {"ok": True, "programs": {name: _status(program) for name, program in self._programs.items()}}
        name = str(request["name"])
        try:
            async with self._locks.setdefault(name, asyncio.Lock()):
                await self._do(str(request["op"]), name, request)
        except PressroomError as error:
            return {"ok": False, "kind": type(error).__name__, "error": error.message, "hint": error.hint}
        except OSError as error:
            return {"ok": False, "kind": "CommandFailed", "error": f"{name}: {error}", "hint": "look at that path"}
        found = self._programs.get(name)
        return {"ok": True, "programs": {name: _status(found)} if found is not None else {}}

    async def _do(self, op: str, name: str, request: Message) -> None:
        if op == "define":
            await self._define(name, request)
        elif op == "remove":
            if (gone := self._programs.pop(name, None)) is not None:
                await gone.close()
        elif op != "status":
            program = self._programs.get(name)
            if program is None:
                raise NotFound(f"no program is called {name}", hint="`pressroom status` lists them")
            if op == "start":
                await program.start()
            elif op == "stop":
                await program.stop()
            else:
                program.signal(Signals[f"SIG{request['signal']}"])

    async def _define(self, name: str, request: Message) -> None:
        if (old := self._programs.pop(name, None)) is not None:
            await old.close()
        self._programs[name] = Activated(program_of(request["program"]), self._layout.prefix)
        if self._programs[name].program.autostart:
            await self._programs[name].start()


def _is_too_many(number: int, program: Program, user: str) -> bool:
    if program.walls is None or program.walls.caps.connections is None or program.user != user:
        return False
    return number > program.walls.caps.connections + _AT_THE_DOOR


def _status(program: Activated) -> Message:
    return {"state": program.state.value, "pid": program.pid, "since": program.since.isoformat()}


async def _serve(layout: Layout) -> None:
    activator = Activator(layout)
    activator.open()
    await messages.serve(layout.activator_socket, activator.answer)
    try:
        await run_until_stopped(activator.watch())
    finally:
        await activator.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--root", type=Path, required=True)
    arguments = parser.parse_args()
    os.umask(0o077)
    log_as_json()
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))  # five sockets a site
    asyncio.run(_serve(Layout(arguments.root)))


if __name__ == "__main__":
    main()
