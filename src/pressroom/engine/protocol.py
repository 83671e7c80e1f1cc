"""What runs long-lived processes, as the control plane sees it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from pathlib import Path
from typing import Protocol

from pressroom.model.errors import InvalidInput
from pressroom.model.walls import Walls

# A program's name becomes a file's name and a section's; `engine` is the mark of the engine itself.
_NAME = re.compile(r"(?!engine\Z)[a-z0-9][a-z0-9-]{0,62}\Z")
_USER = re.compile(r"[a-z_][a-z0-9_-]{0,31}\Z")
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")
_SIGNALS = frozenset({"TERM", "QUIT", "INT", "HUP", "KILL", "USR1", "USR2"})


@dataclass(frozen=True)
class Program:
    """One long-lived process. Times in seconds; ``environment`` is kept sorted by name.

    ``autostart``: it is started when the engine boots; what must wait for another is started by a plan instead.
    One with sockets is started when it is defined; without ``autostart`` it is asleep from the first.
    ``nice``: it gets the processor before others (below 0) or after them, as in nice(1), as far as that is permitted.
    ``adopt``: the process outlives the engine's own death and is taken over again (nginx, by its keeper).
    ``sockets``: Unix sockets on which the engine listens in the program's stead, in the manner of systemd.socket(5):
    mode 0660, the group of their folder if that is setgid (it must be root's own). The first connection starts the
    program, which inherits them as descriptors 3, 4, …; no connection is lost by its start or end. When it has had no
    child for ``idle_seconds`` it is ended, and asleep until the next connection; None: it is left running.
    ``walls``: what it may see and take; None: all that its user may. Only for a program with sockets, a tenant's.
    Raises InvalidInput for what no engine's configuration could hold.
    """

    name: str
    argv: tuple[str, ...]
    user: str
    directory: Path | None
    environment: tuple[tuple[str, str], ...]
    start_seconds: float
    priority: int
    log: Path
    stop_signal: str = "TERM"
    stop_seconds: int = 10
    autostart: bool = True
    autorestart: bool = True
    umask: int = 0o027
    nice: int = 0
    adopt: bool = False
    sockets: tuple[Path, ...] = ()
    idle_seconds: float | None = None
    walls: Walls | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "environment", tuple(sorted(self.environment)))
        names = [name for name, _ in self.environment]
        _require(_NAME.match(self.name) is not None, f"{self.name!r} cannot be a program's name")
        _require(_USER.match(self.user) is not None, f"{self.user!r} cannot be a user's name")
        _require(bool(self.argv) and self.argv[0].startswith("/"), f"{self.name}: the program has no absolute path")
        _require(self.stop_signal in _SIGNALS, f"{self.name}: {self.stop_signal!r} is no signal to stop with")
        _require(all(_VARIABLE.match(name) for name in names), f"{self.name}: a variable's name is not a word")
        _require(len(set(names)) == len(names), f"{self.name}: a variable is given twice")
        _require(-20 <= self.nice <= 19, f"{self.name}: nice values go from -20 to 19, not {self.nice}")
        _require(not (self.sockets and self.adopt), f"{self.name}: what is adopted has no sockets of the engine's")
        _require(bool(self.sockets) or self.idle_seconds is None, f"{self.name}: nothing would wake it")
        _require(bool(self.sockets) or self.walls is None, f"{self.name}: it has walls, but no sockets")


def _require(holds: bool, message: str) -> None:
    if not holds:
        raise InvalidInput(message, hint="see pressroom.engine.protocol.Program for what is allowed")


class ProgramState(Enum):
    """What a program is doing. BACKOFF: it ended too soon and is tried again; FAILED: it is not tried any more
    (a program with sockets: before the next connection); ASLEEP: the next connection starts it.
    """

    ABSENT = "absent"
    STOPPED = "stopped"
    STARTING = "starting"
    RUNNING = "running"
    BACKOFF = "backoff"
    FAILED = "failed"
    STOPPING = "stopping"
    ASLEEP = "asleep"


@dataclass(frozen=True)
class ProgramStatus:
    """A program's state, its process while it has one, and (UTC) when that began, or the last one ended."""

    state: ProgramState
    pid: int | None = None
    since: datetime | None = None


class Engine(Protocol):
    """Every engine passes tests/engine/test_contract.py.

    Calls raise NotRunning when the engine is down (but `boot`, `shutdown`, `alive` and the definitions), NotFound for
    a program that is not defined (but `remove` and `status`), and CommandFailed when a program cannot be started.
    """

    def boot(self) -> None:
        """Start the engine itself with all programs that are defined (those with sockets begin asleep); nothing to do
        when it runs.

        What an earlier engine left running is ended first, but for adopted programs. A definition that cannot be
        started any more (its user is gone) keeps no other from starting.
        """

    def shutdown(self) -> None:
        """End all programs, adopted ones too, then the engine; also what a killed engine left."""

    def alive(self) -> bool: ...

    def define(self, program: Program) -> bool:
        """Run this program from now on. The same definition again changes nothing. Whether something changed.

        A program that is defined so already but does not run is started anew, unless it is asleep. InvalidInput for a
        definition that cannot hold; whatever ran before runs on then.
        """

    def remove(self, name: str) -> None:
        """End and forget a program; one that is unknown is gone already."""

    def start(self, name: str) -> None:
        """Nothing to do when it runs."""

    def stop(self, name: str) -> None:
        """End it and wait for its end; it stays defined, and the next `boot` starts it. Nothing to do when it is.

        Who connects to its sockets meanwhile waits until it is started.
        """

    def restart(self, name: str) -> None: ...

    def signal(self, name: str, signal: str) -> None:
        """Send a signal by its name (`HUP`). Raises CommandFailed when there is no process."""

    def status(self, name: str) -> ProgramStatus:
        """One program; ABSENT when it is unknown. Costs the same however many there are."""

    def states(self) -> dict[str, ProgramState]: ...

    def pids(self) -> dict[str, int]:
        """Process numbers of the programs that run."""

    def definition(self, name: str) -> Program | None:
        """What was last defined by that name. Costs the same however many there are."""

    def definitions(self) -> dict[str, Program]: ...
