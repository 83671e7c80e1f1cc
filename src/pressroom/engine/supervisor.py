"""The embedded engine: supervisord from PyPI, spoken to over its Unix socket by XML-RPC.

Each program has a file of its own, so that adding one touches no other; supervisord adds or removes that one alone.
"""

from __future__ import annotations

import contextlib
import dataclasses
import http.client
import json
import os
import pwd
import signal as signals
import subprocess
import sys
import time
import xmlrpc.client
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import structlog
from supervisor.xmlrpc import Faults, SupervisorTransport

from pressroom.engine.protocol import Program, ProgramState
from pressroom.engine.supervisor_config import main_text, program_text
from pressroom.model.errors import CommandFailed, NotFound, NotRunning
from pressroom.model.layout import Layout
from pressroom.system import files

_log = structlog.get_logger(__name__)
_BOOT_PATIENCE = 15.0  # seconds
_ORPHAN_PATIENCE = 10.0  # seconds between TERM and KILL for what an earlier engine left
MARK = "PRESSROOM_PROGRAM"
_STATES = {
    "STOPPED": ProgramState.STOPPED,
    "STARTING": ProgramState.STARTING,
    "RUNNING": ProgramState.RUNNING,
    "BACKOFF": ProgramState.BACKOFF,
    "STOPPING": ProgramState.STOPPING,
    "EXITED": ProgramState.FAILED,
    "FATAL": ProgramState.FAILED,
    "UNKNOWN": ProgramState.FAILED,
}


class SupervisorEngine:
    """Implements the Engine protocol."""

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        self._folder = layout.etc / "programs"
        self._config = layout.etc / "supervisord.conf"

    # -- the engine itself ---------------------------------------------------------------------------------

    def boot(self) -> None:
        if self.alive():
            return
        adopted = {name for name, program in self.definitions().items() if program.adopt}
        end_orphans(self._layout.prefix, keep=adopted)
        files.write(self._config, main_text(self._layout), mode=0o600)
        self._layout.supervisor_socket.unlink(missing_ok=True)
        subprocess.run(
            [sys.executable, "-m", "supervisor.supervisord", "-c", str(self._config)],
            check=True,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LANG": "C.UTF-8", "PYTHONWARNINGS": "ignore"},
            cwd="/",
        )
        until = time.monotonic() + _BOOT_PATIENCE
        while not self.alive():
            if time.monotonic() > until:
                raise NotRunning("supervisord does not answer", hint=f"read {self._layout.log / 'supervisord.log'}")
            time.sleep(0.02)

    def shutdown(self) -> None:
        if self.alive():
            with self._rpc() as rpc:
                pid = int(rpc.supervisor.getPID())
                rpc.supervisor.shutdown()
            _await_end(pid)
        end_orphans(self._layout.prefix, keep=set())

    def alive(self) -> bool:
        try:
            with self._rpc() as rpc:
                return bool(rpc.supervisor.getState()["statename"] == "RUNNING")
        except NotRunning:
            return False

    # -- programs ------------------------------------------------------------------------------------------

    def define(self, program: Program) -> bool:
        path = self._folder / f"{program.name}.json"
        text = json.dumps(dataclasses.asdict(program), indent=1, default=str) + "\n"
        known = path.exists() and path.read_text() == text
        if known and self._is_up(program.name):
            return False
        files.write(self._folder / f"{program.name}.conf", program_text(program, self._layout.prefix), mode=0o600)
        with self._rpc() as rpc:
            self._take_out(rpc, program.name)
            rpc.supervisor.reloadConfig()
            rpc.supervisor.addProcessGroup(program.name)
            if not program.autostart:
                rpc.supervisor.startProcess(program.name, False)
            files.write(path, text, mode=0o600)
            self._await_start(rpc, program)
        return True

    def _is_up(self, name: str) -> bool:
        return self.states().get(name) in (ProgramState.RUNNING, ProgramState.STARTING)

    def _await_start(self, rpc: Any, program: Program) -> None:
        """Until the program has run for its start_seconds. Raises CommandFailed."""
        began = time.monotonic()
        while time.monotonic() < began + program.start_seconds + 10:
            info = rpc.supervisor.getProcessInfo(program.name)
            if info["statename"] == "RUNNING":
                return
            if info["statename"] == "STARTING" and time.monotonic() > began + program.start_seconds:
                return
            if info["statename"] in ("FATAL", "EXITED", "BACKOFF"):
                break
            time.sleep(0.02)
        raise CommandFailed(
            f"{program.name} does not start: {info['spawnerr'] or info['description']}{_tail(program.log)}",
            hint=f"its log is {program.log}",
        )

    def remove(self, name: str) -> None:
        for suffix in (".conf", ".json"):
            (self._folder / f"{name}{suffix}").unlink(missing_ok=True)
        with self._rpc() as rpc:
            self._take_out(rpc, name)
            rpc.supervisor.reloadConfig()

    def _take_out(self, rpc: Any, name: str) -> None:
        with _fault(Faults.BAD_NAME, Faults.NOT_RUNNING):
            rpc.supervisor.stopProcess(name, True)
        with _fault(Faults.BAD_NAME):
            rpc.supervisor.removeProcessGroup(name)

    def start(self, name: str) -> None:
        with self._rpc() as rpc, _known(name), _fault(Faults.ALREADY_STARTED):
            rpc.supervisor.startProcess(name, False)
            self._await_start(rpc, self.definitions()[name])

    def stop(self, name: str) -> None:
        with self._rpc() as rpc, _known(name), _fault(Faults.NOT_RUNNING):
            rpc.supervisor.stopProcess(name, True)

    def restart(self, name: str) -> None:
        self.stop(name)
        self.start(name)

    def signal(self, name: str, signal: str) -> None:
        with self._rpc() as rpc, _known(name):
            rpc.supervisor.signalProcess(name, signal)

    def states(self) -> dict[str, ProgramState]:
        with self._rpc() as rpc:
            return {info["name"]: _STATES[info["statename"]] for info in rpc.supervisor.getAllProcessInfo()}

    def pids(self) -> dict[str, int]:
        with self._rpc() as rpc:
            return {info["name"]: info["pid"] for info in rpc.supervisor.getAllProcessInfo() if info["pid"]}

    def definitions(self) -> dict[str, Program]:
        return {path.stem: _program(path) for path in sorted(self._folder.glob("*.json"))}

    @contextlib.contextmanager
    def _rpc(self) -> Iterator[Any]:
        transport = SupervisorTransport(None, None, f"unix://{self._layout.supervisor_socket}")
        server = xmlrpc.client.ServerProxy("http://127.0.0.1", transport=transport)
        try:
            yield server
        except (OSError, http.client.HTTPException) as error:
            raise NotRunning("the engine is down", hint="start it: pressroom up") from error
        finally:
            transport.close()


def _program(path: Path) -> Program:
    plain = json.loads(path.read_text())
    plain["argv"] = tuple(plain["argv"])
    plain["environment"] = tuple((name, value) for name, value in plain["environment"])
    plain["directory"] = None if plain["directory"] is None else Path(plain["directory"])
    plain["log"] = Path(plain["log"])
    return Program(**plain)


@contextlib.contextmanager
def _fault(*harmless: int) -> Iterator[None]:
    try:
        yield
    except xmlrpc.client.Fault as fault:
        if fault.faultCode not in harmless:
            raise CommandFailed(f"supervisord: {fault.faultString}", hint="pressroom logs supervisord") from fault


@contextlib.contextmanager
def _known(name: str) -> Iterator[None]:
    try:
        yield
    except xmlrpc.client.Fault as fault:
        if fault.faultCode == Faults.BAD_NAME:
            raise NotFound(f"no program is called {name}", hint="`pressroom status` lists them") from fault
        raise CommandFailed(f"supervisord: {fault.faultString}", hint="pressroom logs supervisord") from fault


def _tail(log: Path) -> str:
    try:
        lines = log.read_text(errors="replace").strip().splitlines()[-5:]
    except OSError:
        return ""
    return "\n" + "\n".join(lines) if lines else ""


# -- processes that an engine left behind ------------------------------------------------------------------


def end_orphans(prefix: str, *, keep: set[str]) -> None:
    """End the processes of this node (by their mark) whose engine was killed, but for those named in `keep`."""
    pids = [pid for pid, name in _marked(prefix) if name not in keep and pid != os.getpid()]
    for number in (signals.SIGTERM, signals.SIGKILL):
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)
        until = time.monotonic() + _ORPHAN_PATIENCE
        while pids and time.monotonic() < until:
            pids = [pid for pid in pids if _lives(pid)]
            time.sleep(0.02)
        if not pids:
            return


def _marked(prefix: str) -> Iterator[tuple[int, str]]:
    """Process number and program's name of each process that an engine of this node started.

    It carries our mark, or, where it has written over its environment (PHP-FPM), it runs as one of our users, below
    nobody or below another of these. nginx's workers are nginx's own.
    """
    users = {u.pw_uid for u in pwd.getpwall() if u.pw_name.startswith(f"{prefix}-") and not u.pw_name.endswith("-web")}
    parents: dict[int, int] = {}
    for pid, uid, parent, mark in _processes(f"{MARK}={prefix}:".encode()):
        if mark is not None:
            yield pid, mark
        elif uid in users:
            parents[pid] = parent
    for pid, parent in parents.items():
        while parent in parents:
            parent = parents[parent]
        if parent == 1:
            yield pid, ""


def _processes(wanted: bytes) -> Iterator[tuple[int, int, int, str | None]]:
    """Each process's number, user, parent, and what follows `wanted` in its environment."""
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        with contextlib.suppress(OSError):
            parent = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
            found = [v for v in (entry / "environ").read_bytes().split(b"\0") if v.startswith(wanted)]
            mark = found[0][len(wanted) :].decode(errors="replace") if found else None
            yield int(entry.name), entry.stat().st_uid, parent, mark


def _lives(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def _await_end(pid: int) -> None:
    until = time.monotonic() + 90
    while _lives(pid) and time.monotonic() < until:
        time.sleep(0.02)
