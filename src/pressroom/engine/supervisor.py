"""The embedded engine's larger half: supervisord from PyPI, spoken to over its Unix socket by XML-RPC.

Each program has files of its own, so that adding one touches no other; supervisord adds or removes that one alone
(supervisor_extension), at the same cost however many there are.
"""

from __future__ import annotations

import contextlib
import http.client
import os
import resource
import sys
import time
import xmlrpc.client
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from supervisor.states import STOPPED_STATES
from supervisor.xmlrpc import Faults, SupervisorTransport

from pressroom.engine import keeper
from pressroom.engine.definitions import Definitions, log_tail
from pressroom.engine.orphans import await_end, end_orphans
from pressroom.engine.protocol import Program, ProgramState, ProgramStatus
from pressroom.engine.supervisor_config import ENGINE_MARK, MARK, main_text
from pressroom.model.errors import CommandFailed, NotFound, NotRunning
from pressroom.model.layout import Layout
from pressroom.system import files, process

_BOOT_PATIENCE = 15.0  # seconds
_BEGIN_PATIENCE = 2.0
_SHUTDOWN_PATIENCE = 90.0  # MariaDB may take its 60
_OPEN_FILES = 4096  # three for each program, and supervisord walks through all of them at each start
_STATES = {
    "STOPPED": ProgramState.STOPPED,
    "STARTING": ProgramState.STARTING,
    "RUNNING": ProgramState.RUNNING,
    "BACKOFF": ProgramState.BACKOFF,
    "STOPPING": ProgramState.STOPPING,
    "FATAL": ProgramState.FAILED,
    "UNKNOWN": ProgramState.FAILED,
}


class SupervisorEngine:
    """Implements the Engine protocol, for programs without sockets."""

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        self._config = layout.etc / "supervisord.conf"
        self._programs = Definitions(layout.etc / "programs", layout.prefix)

    # -- the engine itself ---------------------------------------------------------------------------------

    def boot(self) -> None:
        if self.alive():
            return
        adopted = {name for name, program in self.definitions().items() if program.adopt}
        end_orphans(self._layout.prefix, adopted=adopted)
        hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        open_files = _OPEN_FILES if hard == resource.RLIM_INFINITY else min(_OPEN_FILES, hard)
        files.write(self._config, main_text(self._layout, open_files=open_files), mode=0o600)
        self._programs.render_all()
        self._layout.supervisor_socket.unlink(missing_ok=True)
        with files.explained(self._layout.log):
            (self._layout.log / "supervisord.log").touch(mode=0o640)  # supervisord sets its umask too late for it
        process.run(
            [sys.executable, "-W", "ignore", "-m", "supervisor.supervisord", "-c", self._config],
            environment={MARK: f"{self._layout.prefix}:{ENGINE_MARK}", "PYTHONDONTWRITEBYTECODE": "1"},
            cwd=Path("/"),
        )
        until = time.monotonic() + _BOOT_PATIENCE
        while not self.alive():
            if time.monotonic() > until:
                raise NotRunning("supervisord does not answer", hint=f"read {self._layout.log / 'supervisord.log'}")
            time.sleep(0.02)

    def shutdown(self) -> None:
        with contextlib.suppress(NotRunning), self._rpc() as rpc:
            pid = int(rpc.supervisor.getPID())
            for info in rpc.supervisor.getAllProcessInfo():
                self._await_begin(info)
            self._end_all(rpc)
            rpc.supervisor.shutdown()
            await_end(pid, _SHUTDOWN_PATIENCE)
        end_orphans(self._layout.prefix)
        for program in self.definitions().values():
            if program.adopt:
                _end_kept(program)

    def _end_all(self, rpc: Any) -> None:
        """All programs, those of one priority at once; supervisord's own way takes a second for each that it knows."""
        programs = list(self.definitions().values())
        for priority in sorted({program.priority for program in programs}, reverse=True):
            mine = [program for program in programs if program.priority == priority]
            for program in mine:
                with _harmless(Faults.NOT_RUNNING, Faults.BAD_NAME):
                    rpc.supervisor.stopProcess(program.name, False)
            until = time.monotonic() + _SHUTDOWN_PATIENCE
            names = {program.name for program in mine}
            while time.monotonic() < until and any(
                info["name"] in names and info["state"] not in STOPPED_STATES
                for info in rpc.supervisor.getAllProcessInfo()
            ):
                time.sleep(0.05)
            for name in names:
                with _harmless(Faults.BAD_NAME, Faults.STILL_RUNNING):
                    rpc.supervisor.removeProcessGroup(name)

    def alive(self) -> bool:
        try:
            with self._rpc() as rpc:
                return bool(rpc.supervisor.getState()["statename"] == "RUNNING")
        except NotRunning:
            return False

    # -- programs ------------------------------------------------------------------------------------------

    def define(self, program: Program) -> bool:
        known = self.definition(program.name)
        if known == program and self.status(program.name).state in (ProgramState.RUNNING, ProgramState.STARTING):
            return False
        with self._rpc() as rpc:
            rpc.supervisor.getPID()  # before any file changes
            path = str(self._programs.render(program))
            # From here until the end the record is away: a definition that was cut short is made again.
            self._programs.unrecord(program.name)
            try:
                rpc.pressroom.checkProgram(path)
            except xmlrpc.client.Fault:
                self._take_back(program.name, known)
                raise
            self._take_out(rpc, program.name)
            with _harmless(Faults.ALREADY_ADDED):
                rpc.pressroom.addProgram(path)
            self._programs.record(program)
            if not program.autostart:
                with _harmless(Faults.ALREADY_STARTED):
                    rpc.supervisor.startProcess(program.name, False)
            self._await_start(rpc, program)
        return True

    def _take_back(self, name: str, known: Program | None) -> None:
        self._programs.forget(name)
        if known is not None:
            self._programs.render(known)
            self._programs.record(known)

    def _await_start(self, rpc: Any, program: Program) -> None:
        """Until the program has run for its start_seconds. Raises CommandFailed."""
        until = time.monotonic() + program.start_seconds + _BOOT_PATIENCE
        began: float | None = None
        info = rpc.supervisor.getProcessInfo(program.name)
        while info["statename"] not in ("FATAL", "EXITED", "BACKOFF") and time.monotonic() < until:
            if info["statename"] == "RUNNING" and _is_kept(program):
                return
            if began is None and info["pid"] and self._has_begun(info["pid"]):
                began = time.monotonic()
            if began is not None and time.monotonic() >= began + program.start_seconds and _is_kept(program):
                return
            time.sleep(0.02)
            info = rpc.supervisor.getProcessInfo(program.name)
        raise CommandFailed(
            f"{program.name} does not start: {info['spawnerr'] or info['description']}{log_tail(program)}",
            hint=f"its log is {program.log}",
        )

    def _has_begun(self, pid: int) -> bool:
        """Whether the process is the program already, no longer supervisord's own fork on its way to it."""
        try:
            variables = Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
        except (FileNotFoundError, ProcessLookupError):
            return True
        return f"{MARK}={self._layout.prefix}:{ENGINE_MARK}".encode() not in variables

    def _await_begin(self, info: dict[str, Any] | None) -> None:
        """A signal that reaches such a fork is lost: supervisord's own handler takes it."""
        until = time.monotonic() + _BEGIN_PATIENCE
        while info is not None and info["pid"] and not self._has_begun(info["pid"]) and time.monotonic() < until:
            time.sleep(0.005)

    def remove(self, name: str) -> None:
        with self._rpc() as rpc:
            rpc.supervisor.getPID()
            self._programs.forget(name)
            self._take_out(rpc, name)

    def _take_out(self, rpc: Any, name: str) -> None:
        """End it and take it out of what supervisord runs. Its files are left."""
        until = time.monotonic() + _SHUTDOWN_PATIENCE
        while time.monotonic() < until:
            self._await_begin(_info(rpc, name))
            with _harmless(Faults.BAD_NAME, Faults.NOT_RUNNING):
                rpc.supervisor.stopProcess(name, True)
            with _harmless(Faults.STILL_RUNNING), _harmless(Faults.BAD_NAME):
                rpc.supervisor.removeProcessGroup(name)
            if _info(rpc, name) is None:
                return
            time.sleep(0.02)
        raise CommandFailed(f"{name} does not end", hint="look at the process with ps; a disk may be stuck")

    def start(self, name: str) -> None:
        with self._rpc() as rpc, _known(name):
            with _harmless(Faults.ALREADY_STARTED):
                rpc.supervisor.startProcess(name, False)
            program = self.definition(name)
            if program is not None:
                self._await_start(rpc, program)

    def stop(self, name: str) -> None:
        with self._rpc() as rpc, _known(name), _harmless(Faults.NOT_RUNNING):
            self._await_begin(_info(rpc, name))
            rpc.supervisor.stopProcess(name, True)

    def restart(self, name: str) -> None:
        self.stop(name)
        self.start(name)

    def signal(self, name: str, signal: str) -> None:
        with self._rpc() as rpc, _known(name):
            self._await_begin(_info(rpc, name))
            rpc.supervisor.signalProcess(name, signal)

    def status(self, name: str) -> ProgramStatus:
        with self._rpc() as rpc:
            info = _info(rpc, name)
        if info is None:
            return ProgramStatus(ProgramState.ABSENT)
        moment = info["start"] if info["pid"] else info["stop"]
        return ProgramStatus(
            _state(info), info["pid"] or None, datetime.fromtimestamp(moment, UTC) if moment else None
        )  # fmt: skip

    def states(self) -> dict[str, ProgramState]:
        with self._rpc() as rpc:
            return {info["name"]: _state(info) for info in rpc.supervisor.getAllProcessInfo()}

    def pids(self) -> dict[str, int]:
        with self._rpc() as rpc:
            return {info["name"]: info["pid"] for info in rpc.supervisor.getAllProcessInfo() if info["pid"]}

    def definition(self, name: str) -> Program | None:
        return self._programs.get(name)

    def definitions(self) -> dict[str, Program]:
        return self._programs.all()

    @contextlib.contextmanager
    def _rpc(self) -> Iterator[Any]:
        """One conversation. Faults that nobody expected become CommandFailed; no conversation, NotRunning."""
        transport = SupervisorTransport(None, None, f"unix://{self._layout.supervisor_socket}")
        try:
            yield xmlrpc.client.ServerProxy("http://127.0.0.1", transport=transport)
        except (OSError, http.client.HTTPException) as error:
            raise NotRunning("the engine is down", hint="start it: pressroom up") from error
        except xmlrpc.client.Fault as fault:
            if fault.faultCode == Faults.SHUTDOWN_STATE:
                raise NotRunning("the engine is just ending", hint="start it again: pressroom up") from fault
            raise CommandFailed(f"supervisord: {fault.faultString}", hint="pressroom logs supervisord") from fault
        except xmlrpc.client.ProtocolError as error:
            raise CommandFailed(f"supervisord: {error.errmsg}", hint="pressroom logs supervisord") from error
        finally:
            transport.close()


def _state(info: dict[str, Any]) -> ProgramState:
    """A program that is not started again after its end (or not yet) has failed, unless its end was a good one."""
    if info["statename"] == "EXITED":
        return ProgramState.STOPPED if info["exitstatus"] == 0 else ProgramState.FAILED
    return _STATES[info["statename"]]


def _info(rpc: Any, name: str) -> dict[str, Any] | None:
    with _harmless(Faults.BAD_NAME):
        found: dict[str, Any] = rpc.supervisor.getProcessInfo(name)
        return found
    return None


@contextlib.contextmanager
def _harmless(*faults: int) -> Iterator[None]:
    try:
        yield
    except xmlrpc.client.Fault as fault:
        if fault.faultCode not in faults:
            raise


@contextlib.contextmanager
def _known(name: str) -> Iterator[None]:
    try:
        yield
    except xmlrpc.client.Fault as fault:
        if fault.faultCode != Faults.BAD_NAME:
            raise
        raise NotFound(f"no program is called {name}", hint="`pressroom status` lists them") from fault


def _end_kept(program: Program) -> None:
    """What an adopted program's keeper kept, if the keeper was killed before; if that was killed too, what it left."""
    kept = keeper.kept_by(program.argv)
    if kept is None:
        return
    handle = keeper.adopt(*kept)
    if handle is not None:
        keeper.end(handle)
        os.close(handle)
    keeper.end_workers(kept[0], kept[1][0])


def _is_kept(program: Program) -> bool:
    """Whether what a keeper stands in for runs; true for a program without one."""
    kept = keeper.kept_by(program.argv)
    return kept is None or keeper.living(*kept) is not None
