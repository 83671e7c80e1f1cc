"""The Python environment: made by the real venv (in some tests, a copy of what it made) and pip, or not at all."""

from __future__ import annotations

import os
import signal
import time
import zipfile
from pathlib import Path

import pytest

from pressroom.model.errors import NoRights, NoSpace, PackageUnavailable
from tests.bootstrap.checkout import Checkout, interrupt_when_paused

NOBODY = 65534


def _stamp(checkout: Checkout) -> Path:
    return checkout.venv / "pressroom-stamp"


def _offer_wheel(checkout: Checkout) -> None:
    """A package that pip can find, in a folder."""
    folder = checkout.path / "wheels"
    folder.mkdir()
    with zipfile.ZipFile(folder / "offered-1-py3-none-any.whl", "w") as wheel:
        wheel.writestr("offered-1.dist-info/METADATA", "Metadata-Version: 2.1\nName: offered\nVersion: 1\n")
        wheel.writestr("offered-1.dist-info/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        wheel.writestr("offered-1.dist-info/RECORD", "")
    checkout.environment["PIP_FIND_LINKS"] = str(folder)


def test_it_is_made_once_and_found_complete_at_once(whole_checkout: Checkout) -> None:
    made = whole_checkout.run()
    assert made.code == 0, made.err
    assert list((whole_checkout.venv / "lib").glob("python3.*/site-packages/small.pth"))
    before = _stamp(whole_checkout).stat().st_mtime_ns
    start = time.monotonic()
    again = whole_checkout.run()
    assert time.monotonic() - start < 0.5
    assert (again.code, again.out, again.err) == (0, "", "")
    assert _stamp(whole_checkout).stat().st_mtime_ns == before
    assert whole_checkout.run("--check").out == "Nothing to do.\n"


@pytest.mark.long
def test_a_changed_lock_and_a_moved_checkout_make_it_anew(whole_checkout: Checkout) -> None:
    assert whole_checkout.run().code == 0
    (whole_checkout.path / "requirements.lock").write_text("# still nothing\n")
    assert whole_checkout.run("--check").code == 1
    assert "Making the Python environment" in whole_checkout.run().err
    whole_checkout.path = whole_checkout.path.rename(whole_checkout.path.with_name("moved"))
    assert "Making the Python environment" in whole_checkout.run().err
    assert str(whole_checkout.path) in (whole_checkout.venv / "bin/pip").read_text()
    assert whole_checkout.run("--check").code == 0


def test_what_pip_refuses_leaves_the_earlier_environment(made: Checkout) -> None:
    _offer_wheel(made)
    before, names = _stamp(made).read_text(), made.names()
    for lock, words in {
        "nowhere==1 --hash=sha256:" + "0" * 64: "No matching distribution found for nowhere==1",
        "offered==1 --hash=sha256:" + "0" * 64: "not the one that requirements.lock names",
        "offered==1": "the Python packages could not be installed",
    }.items():
        (made.path / "requirements.lock").write_text(lock + "\n")
        ended = made.run()
        assert ended.code == PackageUnavailable.exit_code, lock
        assert words in ended.err
        assert "Try:   " in ended.err
        assert _stamp(made).read_text() == before
        assert made.names() == names


def test_without_a_network_it_says_so_and_leaves_nothing(checkout: Checkout) -> None:
    checkout.environment |= {"PIP_INDEX_URL": "http://127.0.0.1:1/simple", "PIP_NO_INDEX": "0", "PIP_RETRIES": "1"}
    (checkout.path / "requirements.lock").write_text("offered==1 --hash=sha256:" + "0" * 64 + "\n")
    names = checkout.names()
    ended = checkout.run()
    assert ended.code == PackageUnavailable.exit_code
    assert "they could not be fetched.\nTry:   Look at the network connection" in ended.err
    assert checkout.names() == names


@pytest.mark.parametrize("number", [pytest.param(signal.SIGINT, marks=pytest.mark.long), signal.SIGTERM])
def test_a_signal_leaves_the_earlier_environment(made: Checkout, number: signal.Signals) -> None:
    before = _stamp(made).read_text()
    (made.path / "requirements.lock").write_text("# changed\n")
    pause = made.path / "pause"
    os.mkfifo(pause)
    ended = interrupt_when_paused(made.start(), pause, number)
    assert ended.code == 128 + number
    assert ended.err.endswith("Stopped; nothing half made is left.\n")
    assert _stamp(made).read_text() == before
    assert not (made.path / ".venv.earlier").exists()


def test_after_a_kill_the_next_run_ends_it(made: Checkout) -> None:
    (made.path / "requirements.lock").write_text("# changed\n")
    pause = made.path / "pause"
    os.mkfifo(pause)
    process = made.start()
    with pause.open("w"):
        process.kill()
        process.communicate(timeout=60)
        assert (made.path / ".venv.earlier").exists()
    pause.unlink()
    assert made.run().code == 0
    assert not (made.path / ".venv.earlier").exists()
    assert made.run("--check").code == 0


@pytest.mark.long
def test_under_sudo_it_belongs_to_who_called_sudo(whole_checkout: Checkout) -> None:
    os.chown(whole_checkout.path, NOBODY, NOBODY)
    whole_checkout.environment["SUDO_UID"] = str(NOBODY)
    ended = whole_checkout.run()
    assert ended.code == 0, ended.err
    paths = [whole_checkout.venv, *whole_checkout.venv.rglob("*")]
    assert {path.lstat().st_uid for path in paths} == {NOBODY}


def test_a_folder_that_cannot_be_written_is_named(checkout: Checkout) -> None:
    ended = checkout.run(user=NOBODY)
    assert ended.code == NoRights.exit_code
    assert f"Error: {checkout.venv} cannot be written by this user." in ended.err


def test_too_small_a_disk_is_seen_before_anything_is_done(checkout: Checkout) -> None:
    script = checkout.path / "bootstrap.py"
    script.write_text(script.read_text().replace("MEGABYTE = 1_000_000\n", "MEGABYTE = 1_000_000_000_000\n"))
    ended = checkout.run()
    assert ended.code == NoSpace.exit_code
    assert "MB are needed" in ended.err
    assert not checkout.venv.exists()


def test_two_at_once_make_it_once(checkout: Checkout) -> None:
    pause = checkout.path / "pause"
    os.mkfifo(pause)
    first = checkout.start()
    with pause.open("w"):
        second = checkout.start()
        assert second.stderr is not None
        assert second.stderr.readline() == "Waiting for another bootstrap.py in this folder.\n"
    assert first.communicate(timeout=60)[1].startswith("Making the Python environment")
    assert second.communicate(timeout=60) == ("", "")
    assert (first.returncode, second.returncode) == (0, 0)
