"""What runs long-lived processes, as the control plane sees it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Protocol


@dataclass(frozen=True)
class Program:
    """One long-lived process. Times in seconds; ``environment`` is sorted by name.

    ``adopt``: the process outlives the engine's own death and is taken over again (nginx, by its keeper).
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
    autorestart: bool = True
    umask: int = 0o027
    adopt: bool = False


class ProgramState(Enum):
    """What a program is doing."""

    ABSENT = "absent"
    STOPPED = "stopped"
    STARTING = "starting"
    RUNNING = "running"
    BACKOFF = "backoff"
    FAILED = "failed"
    STOPPING = "stopping"


class Engine(Protocol):
    """Every engine passes tests/engine/test_contract.py.

    Calls raise NotRunning when the engine is down, NotFound for a program that is not defined (except `remove`), and
    CommandFailed when a program cannot be started.
    """

    def boot(self) -> None:
        """Start the engine itself; what an earlier one left running is ended first, but for adopted programs."""

    def shutdown(self) -> None:
        """End all programs, then the engine. Nothing to do when it is down."""

    def alive(self) -> bool: ...

    def define(self, program: Program) -> bool:
        """Run this program from now on. The same definition again changes nothing. Whether something changed."""

    def remove(self, name: str) -> None:
        """End and forget a program; one that is unknown is gone already."""

    def start(self, name: str) -> None: ...

    def stop(self, name: str) -> None: ...

    def restart(self, name: str) -> None: ...

    def signal(self, name: str, signal: str) -> None: ...

    def states(self) -> dict[str, ProgramState]: ...

    def pids(self) -> dict[str, int]:
        """Process numbers of the programs that run."""

    def definitions(self) -> dict[str, Program]: ...
