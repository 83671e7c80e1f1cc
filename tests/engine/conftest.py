"""A throw-away node's folders, and programs to run in them."""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from pressroom.engine.embedded import EmbeddedEngine
from pressroom.engine.protocol import Program
from pressroom.engine.supervisor import SupervisorEngine
from pressroom.model.layout import Layout
from pressroom.model.walls import Caps, Walls


@pytest.fixture
def layout() -> Iterator[Layout]:
    root = Path(tempfile.mkdtemp(prefix="pressroom-engine-", dir="/var/tmp"))
    root.chmod(0o755)
    made = Layout(root)
    for folder in (made.etc, made.etc / "programs", made.activated, made.run, made.log):
        folder.mkdir()
    yield made
    shutil.rmtree(root)


@pytest.fixture
def supervisor(layout: Layout) -> Iterator[SupervisorEngine]:
    engine = SupervisorEngine(layout)
    engine.boot()
    yield engine
    engine.shutdown()


@pytest.fixture
def embedded(layout: Layout) -> Iterator[EmbeddedEngine]:
    engine = EmbeddedEngine(layout)
    engine.boot()
    yield engine
    engine.shutdown()


def program(layout: Layout, name: str = "first", *argv: str, user: str = "nobody", adopt: bool = False) -> Program:
    """By default one that runs until it is told to end."""
    return Program(
        name=name,
        argv=argv or ("/bin/sleep", "1000"),
        user=user,
        directory=None,
        environment=(),
        start_seconds=0.05,
        priority=10,
        log=layout.log / f"{name}.log",
        adopt=adopt,
    )


def walls_of(layout: Layout) -> Walls:
    """Behind which nothing of the node is but its folder of logs."""
    tmp = layout.root / "tmp"
    tmp.mkdir(mode=0o777, exist_ok=True)
    return Walls(reads=(layout.log,), writes=(), tmp=tmp, caps=Caps("s1", 2**30, 100, 1024))


def soon(holds: Callable[[], bool], seconds: float = 10.0) -> None:
    """Fails unless the condition comes true in time."""
    until = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < until, "it did not come true in time"
        time.sleep(0.01)


def lives(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except (FileNotFoundError, ProcessLookupError):
        return False
