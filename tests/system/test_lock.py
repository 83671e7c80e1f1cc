"""The named lock, between real processes."""

from __future__ import annotations

import os
import re
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from pressroom.model.errors import Busy
from pressroom.system.lock import named_lock

_HOLD = """\
import sys
from pathlib import Path
from pressroom.system.lock import named_lock
with named_lock(Path(sys.argv[1]), "site create x.example"):
    print("held", flush=True)
    sys.stdin.read()
"""


@contextmanager
def _held(path: Path) -> Iterator[subprocess.Popen[bytes]]:
    with subprocess.Popen([sys.executable, "-c", _HOLD, path], stdin=-1, stdout=-1) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        yield holder
        holder.kill()


def test_the_second_is_told_who_holds_it(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    with _held(path) as holder:
        with pytest.raises(Busy) as caught, named_lock(path, "down"):
            pytest.fail("two hold it")
        told = f"`pressroom site create x.example` (process {holder.pid}) has been running since "
        assert told in caught.value.message
        assert re.search(r"since [0-2]\d:[0-5]\d:[0-5]\d\Z", caught.value.message)
        assert caught.value.exit_code == 5


def test_it_does_not_outlive_its_holder(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    with _held(path) as holder:
        holder.send_signal(signal.SIGKILL)
        holder.wait()
    with named_lock(path, "down"):
        assert f'"pid": {os.getpid()}' in path.read_text()


def test_waiting_for_it(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    with _held(path) as holder:
        began = time.monotonic()
        with pytest.raises(Busy), named_lock(path, "down", wait_seconds=0.3):
            pytest.fail("two hold it")
        assert time.monotonic() - began >= 0.3
        assert holder.stdin is not None
        holder.stdin.close()
        with named_lock(path, "down", wait_seconds=10):
            pass


def test_an_error_inside_gives_it_back(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    with pytest.raises(ZeroDivisionError), named_lock(path, "down"):
        raise ZeroDivisionError
    assert path.read_text() == ""
    with named_lock(path, "down"):
        pass


def test_within_one_process_too(tmp_path: Path) -> None:
    with named_lock(tmp_path / "lock", "up"), pytest.raises(Busy, match="pressroom up"):
        named_lock(tmp_path / "lock", "down").__enter__()


def test_a_program_started_inside_does_not_hold_it_on(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    with named_lock(path, "up"):
        child = subprocess.Popen(["/bin/sleep", "60"], close_fds=False)
    try:
        with named_lock(path, "down", wait_seconds=5):  # the kernel may still be at its exec
            pass
    finally:
        child.kill()
        child.wait()


@pytest.mark.parametrize("text", ["", "{", "[]", "null", '{"pid": 1}', '{"since": 1, "command": "x", "pid": 1}'])
def test_a_holder_that_has_not_told_yet(tmp_path: Path, text: str) -> None:
    path = tmp_path / "lock"
    with _held(path):
        path.write_text(text)
        with pytest.raises(Busy, match="just begun"), named_lock(path, "down"):
            pytest.fail("two hold it")


def test_only_root_reads_it_and_no_link_is_followed(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    with named_lock(path, "up"):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    victim = tmp_path / "victim"
    victim.write_text("precious")
    path.unlink()
    path.symlink_to(victim)
    with pytest.raises(OSError), named_lock(path, "up"):
        pytest.fail("a link was followed")
    assert victim.read_text() == "precious"
