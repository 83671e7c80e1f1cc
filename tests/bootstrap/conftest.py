"""Checkouts to run bootstrap.py in."""

from __future__ import annotations

import contextlib
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.bootstrap.checkout import PART, Checkout, SmallDebian


@contextlib.contextmanager
def _folder() -> Iterator[Path]:
    """One that every user can read."""
    folder = Path(tempfile.mkdtemp(prefix="pressroom-test-", dir="/var/tmp"))
    folder.chmod(0o755)
    try:
        yield folder
    finally:
        shutil.rmtree(folder)


@pytest.fixture(scope="session")
def bare() -> Iterator[Path]:
    """An environment as venv makes it."""
    with _folder() as folder:
        subprocess.run(["/usr/bin/python3", "-I", "-m", "venv", folder / "bare"], check=True)
        yield folder / "bare"


@pytest.fixture
def checkout(bare: Path) -> Iterator[Checkout]:
    """A checkout that needs no Debian package."""
    with _folder() as folder:
        (folder / "checkout").mkdir()
        yield Checkout(folder / "checkout", bare=bare)


@pytest.fixture
def whole_checkout() -> Iterator[Checkout]:
    """One with bootstrap.py as it is, to the last letter."""
    with _folder() as folder:
        (folder / "checkout").mkdir()
        yield Checkout(folder / "checkout")


@pytest.fixture(scope="session")
def kept(bare: Path) -> Iterator[Path]:
    """A folder with a checkout that was run, aside: its environment is complete in one place alone, `checkout`."""
    with _folder() as folder:
        (folder / "checkout").mkdir()
        ended = Checkout(folder / "checkout", bare=bare).run()
        assert ended.code == 0, ended.err
        (folder / "checkout").rename(folder / "kept")
        yield folder


@pytest.fixture
def made(kept: Path, bare: Path) -> Iterator[Checkout]:
    """A checkout whose environment is complete already."""
    place = kept / "checkout"
    shutil.copytree(kept / "kept", place, symlinks=True)
    yield Checkout(place, bare=bare)
    shutil.rmtree(place)


@pytest.fixture
def debian(checkout: Checkout) -> SmallDebian:
    """Gives the checkout's runs a small Debian that has one package to install; the checkout asks for it."""
    small = SmallDebian(checkout.path.parent / "debian")
    checkout.environment |= small.build(hook=f"cp /usr/sbin/policy-rc.d {small.path}/policy-seen")
    (checkout.path / "packages.txt").write_text(f"# what it is for\n{PART}\n[test]\n{PART}-of-tests\n")
    return small
