"""One program with sockets: who listens on them, its process while it has one, and how it comes and goes.

The sockets stay open all the time. While the program runs it accepts what comes; while it does not, we look whether
somebody waits, and start it then. So a connection may wait for a start or an end, but is not lost by it; only where too
many wait on one socket already is one refused.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import os
import pwd
import signal
import socket
import time
from datetime import UTC, datetime
from pathlib import Path

import structlog

from pressroom.engine import precedence
from pressroom.engine.definitions import log_tail, require_possible
from pressroom.engine.protocol import Program, ProgramState
from pressroom.engine.supervisor_config import environment_of
from pressroom.model.errors import CommandFailed
from pressroom.system.cgroups import Cgroups
from pressroom.system.enclosure import Enclosure

_log = structlog.get_logger("activator")
_BACKLOG = 128  # connections that wait while the program starts, or is busy; more are refused
_FIRST_INHERITED = 3  # as sd_listen_fds(3) has it
_ABOVE_INHERITED = 64  # our own descriptors keep clear of those that programs inherit
_PAUSE = 1.0  # seconds until a program that did not start is tried again
_HELD = 60.0  # seconds that one which is held is not started for
_PATIENCE = 10.0  # seconds for which connections wait while it is stopped (it may be for a moment); then none does
_LOG_LIMIT = 5 * 2**20
_BEGIN_PATIENCE = 5.0  # seconds


class Activated:
    """`prefix` is the node's own (Layout.prefix). Lives in one event loop."""

    def __init__(self, program: Program, prefix: str) -> None:
        """Listens from now on. Raises InvalidInput as `require_possible` does, OSError for a socket that cannot be."""
        require_possible(program)
        self.program = program
        self.state = ProgramState.ASLEEP
        self.since = datetime.now(UTC)
        self.pid: int | None = None  # of the program itself, also where it runs behind walls
        self._child: int | None = None  # of what we started: itself, or who made its walls and ends with it
        self._prefix = prefix
        self._began = self._busy = 0.0
        self._then = ProgramState.ASLEEP  # what it is to be after the end that we asked for
        self._asked = False
        self._held = False
        self._ended = asyncio.Event()
        self._killing: asyncio.TimerHandle | None = None
        self._retrying: asyncio.TimerHandle | None = None
        self._refusing: asyncio.TimerHandle | None = None
        self._sockets: list[socket.socket] = []
        try:
            for path in program.sockets:
                self._sockets.append(_listen(path))
        except OSError:
            self._close_sockets()
            raise
        self._await_connections()

    # -- what may be asked of it ------------------------------------------------------------------------------

    async def start(self) -> None:
        """Until it has run for its start_seconds. Nothing to do when it runs. Raises CommandFailed."""
        if self._asked:
            await self._ended.wait()
        if self._child is None:
            self._begin()
        if self._child is not None and not await self._ends_within(self._until_begun()):
            return
        raise CommandFailed(
            f"{self.program.name} does not start{log_tail(self.program)}", hint=f"its log is {self.program.log}"
        )

    async def stop(self) -> None:
        """Until it has ended. Connections wait from then on, but not for long."""
        if self._child is None:
            self._ignore_connections()
            self._be(ProgramState.STOPPED)
        else:
            self._end(ProgramState.STOPPED)
            await self._ended.wait()
        self._refusing = asyncio.get_running_loop().call_later(_PATIENCE, self._refuse_connections)

    async def close(self) -> None:
        """Ended and gone, its sockets too."""
        await self.stop()
        self._ignore_connections()
        self._close_sockets()

    def signal(self, number: int) -> None:
        """Raises CommandFailed when there is no process."""
        if self.pid is None:
            raise CommandFailed(f"{self.program.name} does not run", hint="start it first")
        self._kill(number)

    def sleep_if_idle(self) -> None:
        """To be called now and then."""
        if self.pid is None or self._asked or self.program.idle_seconds is None:
            return
        now = time.monotonic()
        if _has_children(self.pid):
            self._busy = now
        elif now - self._busy >= self.program.idle_seconds:
            self._end(ProgramState.ASLEEP)

    def hold(self) -> None:
        """End it, where it runs, at once; whoever comes in the next time is told by a closed connection."""
        if self._child is not None:
            self._held = True
            os.kill(self._child, signal.SIGKILL)
        elif self.state is ProgramState.ASLEEP:
            self._ignore_connections()
            self._turn_away_for_a_while()

    # -- its process ------------------------------------------------------------------------------------------

    def _until_begun(self) -> float:
        """Seconds that are left of its start_seconds."""
        return self._began + self.program.start_seconds - time.monotonic()

    def _begin(self) -> None:
        self._ignore_connections()
        self._began = self._busy = time.monotonic()
        try:
            self._child, self.pid = _spawn(self.program, self._prefix, [s.fileno() for s in self._sockets])
            handle = os.pidfd_open(self._child)
        except (OSError, KeyError, CommandFailed) as error:
            _log.error("not_started", program=self.program.name, error=str(error))
            if self._child is not None:  # it runs, but could not be watched
                _do_away(self._child)
                self._child = self.pid = None
            self._fail()
            return
        self._ended.clear()
        asyncio.get_running_loop().add_reader(handle, self._on_end, handle)
        self._be(ProgramState.RUNNING)

    def _end(self, then: ProgramState) -> None:
        """Ask it to end, make it end after its stop_seconds; be in state `then` afterwards."""
        self._then = then
        if self._asked or self._child is None:
            return
        self._asked = True
        self._be(ProgramState.STOPPING)
        self._kill(getattr(signal, f"SIG{self.program.stop_signal}"))
        loop = asyncio.get_running_loop()
        self._killing = loop.call_later(self.program.stop_seconds, os.kill, self._child, signal.SIGKILL)

    def _kill(self, number: int) -> None:
        """Our own child is not waited for yet, so its number is nobody else's; nor is its child's, while it lives."""
        with contextlib.suppress(ProcessLookupError):
            if self.pid is not None:
                os.kill(self.pid, number)

    def _on_end(self, handle: int) -> None:
        assert self._child is not None
        asyncio.get_running_loop().remove_reader(handle)
        os.close(handle)
        if self._killing is not None:
            self._killing.cancel()
            self._killing = None
        _, status = os.waitpid(self._child, 0)
        self._child = self.pid = None
        if self.program.walls is not None:
            Cgroups(self._prefix).remove(self.program.walls.caps.group)
        self._ended.set()
        held, self._held = self._held, False
        if self._asked:
            self._asked = False
            self._be(self._then)
            if self._then is ProgramState.ASLEEP:
                self._await_connections()
            return
        if held:
            self._turn_away_for_a_while()
            return
        _log.error("ended_by_itself", program=self.program.name, exit_code=os.waitstatus_to_exitcode(status))
        if self._until_begun() > 0:
            self._fail()
        else:
            self._be(ProgramState.ASLEEP)
            self._await_connections()

    def _fail(self) -> None:
        """Who waits is told so by a closed connection; after a pause the next one tries again."""
        self._be(ProgramState.FAILED)
        for listener in self._sockets:
            _turn_away(listener)
        self._retrying = asyncio.get_running_loop().call_later(_PAUSE, self._await_connections)

    def _turn_away_for_a_while(self) -> None:
        self._be(ProgramState.FAILED)
        self._refuse_connections()
        self._retrying = asyncio.get_running_loop().call_later(_HELD, self._let_go)

    def _let_go(self) -> None:
        self._be(ProgramState.ASLEEP)
        self._await_connections()

    async def _ends_within(self, seconds: float) -> bool:
        try:
            await asyncio.wait_for(self._ended.wait(), max(0.0, seconds))
        except TimeoutError:
            return False
        return True

    def _be(self, state: ProgramState) -> None:
        self.state, self.since = state, datetime.now(UTC)

    # -- its sockets ------------------------------------------------------------------------------------------

    def _await_connections(self) -> None:
        for listener in self._sockets:
            asyncio.get_running_loop().add_reader(listener, self._begin)

    def _refuse_connections(self) -> None:
        for listener in self._sockets:
            asyncio.get_running_loop().add_reader(listener, _turn_away, listener)

    def _ignore_connections(self) -> None:
        for timer in (self._retrying, self._refusing):
            if timer is not None:
                timer.cancel()
        for listener in self._sockets:
            asyncio.get_running_loop().remove_reader(listener)

    def _close_sockets(self) -> None:
        for listener, path in zip(self._sockets, self.program.sockets, strict=False):
            listener.close()
            path.unlink(missing_ok=True)


def _listen(path: Path) -> socket.socket:
    with socket.socket(socket.AF_UNIX) as low:
        listener = socket.socket(fileno=fcntl.fcntl(low.fileno(), fcntl.F_DUPFD_CLOEXEC, _ABOVE_INHERITED))
    try:
        path.unlink(missing_ok=True)
        before = os.umask(0o117)
        try:
            listener.bind(str(path))
        finally:
            os.umask(before)
        listener.listen(_BACKLOG)  # blocking: the flag would be the program's too
    except OSError:
        listener.close()
        raise
    return listener


def _turn_away(listener: socket.socket) -> None:
    """Whoever waits there, by a closed connection. A program that is just ending may take one before us."""
    os.set_blocking(listener.fileno(), False)
    try:
        for _ in range(_BACKLOG):
            listener.accept()[0].close()
    except BlockingIOError:
        pass
    finally:
        os.set_blocking(listener.fileno(), True)


def _spawn(program: Program, prefix: str, descriptors: list[int]) -> tuple[int, int]:
    """As its user, in a session of its own, with its sockets and its precedence. It is told to end when we are killed.

    Returns our child, and the program itself; they differ where there are walls. Raises OSError, KeyError for a user
    who is gone, CommandFailed where the walls cannot be put up.
    """
    if program.walls is not None:
        with Enclosure(program.walls, program.user, prefix, program.argv, program.directory or Path("/")) as within:
            child = _start(program, prefix, within.argv, descriptors)
            try:
                return child, _first_child(within.admit(child, slow_to_begin=True))
            except BaseException:
                _do_away(child)
                raise
    # setpriv (util-linux) changes the user, and then asks the kernel for that, which a change of user would undo.
    become = (f"--reuid={program.user}", f"--regid={pwd.getpwnam(program.user).pw_gid}", "--init-groups")
    argv = ["/usr/bin/setpriv", *become, f"--pdeathsig={program.stop_signal}", "--", *program.argv]
    child = _start(program, prefix, argv, descriptors)
    return child, child


def _start(program: Program, prefix: str, argv: list[str], descriptors: list[int]) -> int:
    if program.log.exists() and program.log.stat().st_size > _LOG_LIMIT:
        program.log.replace(program.log.with_name(program.log.name + ".1"))
    log = os.open(program.log, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o640)
    inherited = [(os.POSIX_SPAWN_DUP2, ours, _FIRST_INHERITED + n) for n, ours in enumerate(descriptors)]
    output = [(os.POSIX_SPAWN_DUP2, log, 1), (os.POSIX_SPAWN_DUP2, log, 2)]
    before = os.umask(program.umask)
    try:
        os.chdir(program.directory or "/")
        pid = os.posix_spawn(
            argv[0],
            argv,
            environment_of(program, prefix),
            file_actions=[(os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0), *output, *inherited],
            setsid=True,
            setsigmask=(),
            setsigdef=(signal.SIGPIPE, signal.SIGXFSZ),
        )
        if program.nice:
            precedence.give(pid, program.nice)
        return pid
    finally:
        os.chdir("/")
        os.umask(before)
        os.close(log)


def _do_away(child: int) -> None:
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)


def _first_child(pid: int) -> int:
    """The program, of the process that stands for all within: it is started once that may go on."""
    until = time.monotonic() + _BEGIN_PATIENCE
    while time.monotonic() < until:
        if children := _children(pid):
            return children[0]
        time.sleep(0.0005)
    raise OSError("nothing was started behind the walls")


def _children(pid: int) -> list[int]:
    """proc(5): /proc/<pid>/task/<tid>/children, the first-born first."""
    return [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def _has_children(pid: int) -> bool:
    try:
        return bool(_children(pid))
    except OSError:
        return True  # where the kernel does not tell, it is left running
