"""Checkouts to run bootstrap.py in."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.bootstrap.checkout import PART, Checkout, SmallDebian


@pytest.fixture
def checkout() -> Iterator[Checkout]:
    """A checkout that needs no Debian package, below a folder that every user can read."""
    folder = Path(tempfile.mkdtemp(prefix="pressroom-test-", dir="/var/tmp"))
    folder.chmod(0o755)
    try:
        (folder / "checkout").mkdir()
        yield Checkout(folder / "checkout")
    finally:
        shutil.rmtree(folder)


@pytest.fixture
def debian(checkout: Checkout) -> SmallDebian:
    """Gives the checkout's runs a small Debian that has one package to install; the checkout asks for it."""
    small = SmallDebian(checkout.path.parent / "debian")
    checkout.environment |= small.build(hook=f"cp /usr/sbin/policy-rc.d {small.path}/policy-seen")
    (checkout.path / "packages.txt").write_text(f"# what it is for\n{PART}\n[test]\n{PART}-of-tests\n")
    return small
