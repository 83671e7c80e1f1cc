"""Real users of this machine, with names that nobody else has."""

from __future__ import annotations

import contextlib
import grp
import os
import pwd
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from pressroom.model.errors import Busy, CommandFailed
from pressroom.system import process, users


@pytest.fixture
def name() -> Iterator[str]:
    chosen = f"prtest{os.getpid()}"
    yield chosen
    users.remove_user(chosen)


def test_a_user_without_home_shell_or_password(name: str) -> None:
    users.ensure_user(name)
    entry = pwd.getpwnam(name)
    # For thousands of sites: Debian's own range for systems' users ends at 999.
    assert 40_000 <= entry.pw_uid <= 59_999 and 40_000 <= entry.pw_gid <= 59_999
    assert (entry.pw_dir, entry.pw_shell) == ("/nonexistent", "/usr/sbin/nologin")
    assert grp.getgrgid(entry.pw_gid).gr_name == name
    shadow = next(line for line in Path("/etc/shadow").read_text().splitlines() if line.startswith(f"{name}:"))
    assert shadow.split(":")[1].startswith("!")


def test_all_can_be_done_twice(name: str) -> None:
    users.ensure_user(name)
    first = pwd.getpwnam(name)
    users.ensure_user(name)
    assert pwd.getpwnam(name) == first
    users.remove_user(name)
    users.remove_user(name)
    assert not users.user_exists(name)
    assert not users.group_exists(name)


def test_a_group_that_an_interrupted_call_left_is_used(name: str) -> None:
    process.run(["groupadd", "--system", name])
    users.ensure_user(name)
    assert grp.getgrgid(pwd.getpwnam(name).pw_gid).gr_name == name


def test_a_group_whose_user_is_gone_goes_too(name: str) -> None:
    process.run(["groupadd", "--system", name])
    users.remove_user(name)
    assert not users.group_exists(name)


def test_joining_a_group(name: str) -> None:
    users.ensure_user(name)
    other = f"{name}b"
    try:
        users.ensure_user(other)
        users.add_to_group(name, other)
        users.add_to_group(name, other)
        users.add_to_group(name, name)
        assert grp.getgrnam(other).gr_mem == [name]
        assert grp.getgrnam(name).gr_mem == []
    finally:
        users.remove_user(other)


# Forks without end, faster than anybody could kill it one by one; bounded, for the machine's sake.
_BOMB = """\
import os, resource, signal, time
resource.setrlimit(resource.RLIMIT_NPROC, (60, 60))
signal.signal(signal.SIGCHLD, signal.SIG_IGN)
print(flush=True)
until = time.monotonic() + 60
while time.monotonic() < until:
    try:
        os.fork()
    except OSError:
        time.sleep(0.01)
"""


@pytest.mark.parametrize("script", ["import time; print(flush=True); time.sleep(60)", _BOMB], ids=["daemon", "bomb"])
def test_a_removed_user_leaves_no_process(name: str, script: str) -> None:
    users.ensure_user(name)
    uid = pwd.getpwnam(name).pw_uid
    left = subprocess.Popen(
        [sys.executable, "-c", script],
        user=name,
        group=name,
        extra_groups=[],
        cwd="/",
        stdout=-1,
        start_new_session=True,
    )
    assert left.stdout is not None
    left.stdout.readline()
    users.remove_user(name)
    left.wait()
    left.stdout.close()
    assert not users.user_exists(name)
    assert (
        subprocess.run(
            ["/usr/bin/pgrep", "-r", "D,R,S,T", "-u", str(uid)], check=False, stdout=subprocess.DEVNULL
        ).returncode
        == 1
    )


def test_roots_processes_are_not_ended() -> None:
    with pytest.raises(CommandFailed):
        users.end_processes("root")


def test_the_machines_lock_is_waited_for(name: str) -> None:
    """Debian's programs take /etc/passwd.lock and its sisters by a link(2) that names a living process."""
    with _passwd_locked():
        waiting = threading.Thread(target=users.ensure_user, args=(name,))
        waiting.start()
        waiting.join(0.5)
        assert waiting.is_alive()
    waiting.join(20)
    assert users.user_exists(name)


def test_a_lock_that_is_held_too_long_is_reported(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(users, "_LOCK_PATIENCE", 0.2)
    with _passwd_locked(), pytest.raises(Busy, match="cannot lock"):
        users.ensure_user(name)
    assert not users.user_exists(name)


def test_a_name_that_useradd_refuses_is_an_error() -> None:
    with pytest.raises(CommandFailed, match="useradd"):
        users.ensure_user("no:such")


@contextlib.contextmanager
def _passwd_locked() -> Iterator[None]:
    """Holds the lock as another useradd would, once it can be had."""
    own, lock = Path(f"/etc/passwd.{os.getpid()}"), Path("/etc/passwd.lock")
    own.write_text(f"{os.getpid()}\0")
    until = time.monotonic() + 10
    while True:
        try:
            lock.hardlink_to(own)
            break
        except FileExistsError:
            assert time.monotonic() < until, "somebody else holds it"
            time.sleep(0.02)
    own.unlink()
    try:
        yield
    finally:
        lock.unlink()
