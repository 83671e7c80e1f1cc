from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest


@pytest.fixture
def ground() -> Iterator[Path]:
    """A throw-away folder that every Unix user may enter; in memory: to wait for a disk takes too long."""
    yield from _folder("/dev/shm")


@pytest.fixture
def disk() -> Iterator[Path]:
    """The same on a real disk."""
    yield from _folder("/var/tmp")


def _folder(place: str) -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(dir=place))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)
