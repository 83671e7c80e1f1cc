"""Debian packages: real apt-get and dpkg on a small Debian of their own, with their own words for what fails."""

from __future__ import annotations

import fcntl
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

import bootstrap
from pressroom.model.errors import NoRights, NoSpace, PackageUnavailable
from tests.bootstrap.checkout import PART, POLICY, Checkout, SmallDebian, interrupt_when_paused

NOBODY = 65534


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    with path.open("a") as file:
        fcntl.lockf(file, fcntl.LOCK_EX)
        yield


def _policy() -> bytes | None:
    return POLICY.read_bytes() if POLICY.exists() else None


def test_a_missing_package_is_installed_and_no_service_may_start_meanwhile(
    checkout: Checkout, debian: SmallDebian
) -> None:
    before = _policy()
    ended = checkout.run("--packages-only")
    assert ended.code == 0, ended.err
    assert (debian.path / "machine/part").read_text() == "here\n"
    assert "exit 101" in (debian.path / "policy-seen").read_text()
    assert _policy() == before
    again = checkout.run("--packages-only")
    assert (again.code, again.err) == (0, "")


def test_check_prints_what_is_missing_and_changes_nothing(checkout: Checkout, debian: SmallDebian) -> None:
    before = checkout.names()
    ended = checkout.run("--check", "--test")
    assert ended.code == 1
    assert (
        ended.out
        == f"Debian packages to install: {PART} {PART}-of-tests\nPython environment to make: {checkout.venv}\n"
    )
    assert checkout.names() == before
    assert not (debian.path / "machine/part").exists()


def test_a_package_that_is_nowhere_is_named(checkout: Checkout, debian: SmallDebian) -> None:
    before = _policy()
    ended = checkout.run("--packages-only", "--test")
    assert ended.code == PackageUnavailable.exit_code
    assert f"do not have {PART}-of-tests." in ended.err
    assert "apt-get update" in ended.err
    assert not (debian.path / "machine/part").exists()
    assert _policy() == before


def test_without_a_network_it_says_so(checkout: Checkout, debian: SmallDebian) -> None:
    debian.sources.write_text("deb http://127.0.0.1:1/debian bookworm main\n")
    ended = checkout.run("--packages-only")
    assert ended.code == PackageUnavailable.exit_code
    assert f"Error: Debian's packages could not be fetched ({PART}).\nTry:   Look at the network" in ended.err


@pytest.mark.parametrize("lock", ["machine/var/lib/dpkg/lock-frontend", "apt/var/lib/apt/lists/lock"])
def test_a_lock_is_waited_for_and_its_holder_named(checkout: Checkout, debian: SmallDebian, lock: str) -> None:
    """The lists' lock too, which apt itself does not wait for."""
    with _locked(debian.path / lock):
        ended = checkout.run("--packages-only", "--wait", "1")
        assert ended.code == PackageUnavailable.exit_code
        assert f"Waiting for process {os.getpid()} (" in ended.err
        assert f"Error: apt is locked by process {os.getpid()} (" in ended.err
        process = checkout.start("--packages-only", "--wait", "60")
        assert process.stderr is not None
        while "Waiting for" not in process.stderr.readline():
            assert process.poll() is None
    _, err = process.communicate(timeout=60)
    assert process.returncode == 0, err


def test_an_interrupted_dpkg_is_to_be_mended_first(checkout: Checkout, debian: SmallDebian) -> None:
    (debian.dpkg / "updates/0001").write_text("")
    ended = checkout.run("--packages-only")
    assert ended.code == PackageUnavailable.exit_code
    assert "Try:   Run `sudo dpkg --configure -a`" in ended.err


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_lets_apt_end_and_services_start_again(
    checkout: Checkout, debian: SmallDebian, number: signal.Signals
) -> None:
    before, pause = _policy(), debian.path / "pause"
    os.mkfifo(pause)
    config = debian.path / "apt.conf"
    config.write_text(config.read_text() + f'DPkg::Pre-Invoke {{ "cat {pause}"; }};\n')
    ended = interrupt_when_paused(checkout.start("--packages-only"), pause, number)
    assert ended.code == 128 + number
    assert (debian.path / "policy-seen").exists()
    assert _policy() == before
    config.write_text(config.read_text().replace(f"cat {pause}", "true"))
    again = checkout.run("--packages-only")
    assert again.code == 0, again.err


def test_without_root_and_without_sudo_it_says_what_to_do(checkout: Checkout, debian: SmallDebian) -> None:
    checkout.program("dpkg-query", '#!/bin/sh\nexec /usr/bin/dpkg-query "$@"\n')
    checkout.environment["PATH"] = str(checkout.path / "programs")
    ended = checkout.run("--packages-only", user=NOBODY)
    assert ended.code == NoRights.exit_code
    assert ended.err.startswith("Error: installing Debian packages needs root")
    assert "bootstrap.py --check" in ended.err


def test_a_sudo_that_asks_for_a_password_is_not_waited_for(checkout: Checkout, debian: SmallDebian) -> None:
    checkout.program("sudo", "#!/bin/sh\necho 'sudo: a password is required' >&2\nexit 1\n")
    ended = checkout.run(user=NOBODY)
    assert ended.code == NoRights.exit_code
    assert "sudo wants a password" in ended.err


def test_sudo_runs_the_packages_part_and_its_exit_code_is_kept(checkout: Checkout, debian: SmallDebian) -> None:
    checkout.program("sudo", '#!/bin/sh\n[ "$2" = true ] && exit 0\necho "sudo $*" >&2\nexit 9\n')
    ended = checkout.run("--test", "--wait", "7", user=NOBODY)
    assert ended.code == 9
    script = checkout.path / "bootstrap.py"
    assert ended.err == f"sudo -n /usr/bin/python3 {script} --packages-only --wait 7 --test\n"


def test_too_small_a_disk_is_seen_before_anything_is_done(checkout: Checkout, debian: SmallDebian) -> None:
    script = checkout.path / "bootstrap.py"
    script.write_text(script.read_text().replace("MEGABYTE = 1_000_000\n", "MEGABYTE = 1_000_000_000_000\n"))
    ended = checkout.run()
    assert ended.code == NoSpace.exit_code
    assert ended.err.startswith("Error: the disk of /usr has ")
    assert not (debian.path / "machine/part").exists()
    assert not checkout.venv.exists()


@pytest.mark.parametrize(
    "text",
    [
        "E: You don't have enough free space in /var/cache/apt/archives/.\n",
        "dpkg-deb: error: paste subprocess was killed\ncannot copy: failed to write (No space left on device)\n",
    ],
)
def test_a_disk_that_fills_up_meanwhile_is_no_matter_of_the_package(text: str) -> None:
    assert bootstrap.apt_failure(text).code == NoSpace.exit_code


def test_a_policy_of_the_machine_s_own_stays(tmp_path: Path) -> None:
    policy = tmp_path / "policy-rc.d"
    policy.write_text("#!/bin/sh\nexit 0\n")
    with bootstrap.no_service_starts(policy):
        assert policy.read_text() == "#!/bin/sh\nexit 0\n"
    assert policy.read_text() == "#!/bin/sh\nexit 0\n"


def test_a_policy_that_a_killed_run_left_is_removed_and_a_living_one_s_is_not(tmp_path: Path) -> None:
    policy = tmp_path / "policy-rc.d"
    text = "#!/bin/sh\n# Placed by Pressroom's bootstrap.py, process {}.\nexit 101\n"
    policy.write_text(text.format(os.getpid()))
    bootstrap.remove_orphaned_policy(policy)
    assert policy.exists()
    policy.write_text(text.format(2**22 + 1))  # above the largest process id there can be
    bootstrap.remove_orphaned_policy(policy)
    assert not policy.exists()


def test_another_system_is_warned_about(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    release = tmp_path / "os-release"
    release.write_text('ID=debian\nVERSION_ID="12"\n')
    bootstrap.warn_about_system(release)
    assert capsys.readouterr().err == ""
    release.write_text('PRETTY_NAME="Ubuntu 24.04"\nID=ubuntu\nVERSION_ID="24.04"\n')
    bootstrap.warn_about_system(release)
    assert "this is Ubuntu 24.04" in capsys.readouterr().err


def test_exit_codes_are_the_program_s() -> None:
    assert NoRights.exit_code == bootstrap.NO_RIGHTS
    assert NoSpace.exit_code == bootstrap.NO_SPACE
    assert PackageUnavailable.exit_code == bootstrap.PACKAGE_UNAVAILABLE


def test_the_list_of_packages_is_read_with_alternatives_and_its_sections_on_demand() -> None:
    text = "# about\na\n\nb | c  # either\n[test]\nd\n# more\n[bench]  # peers\ne\n"
    assert bootstrap.wanted_packages(text) == [["a"], ["b", "c"]]
    assert bootstrap.wanted_packages(text, ["test"]) == [["a"], ["b", "c"], ["d"]]
    assert bootstrap.wanted_packages(text, ["bench"]) == [["a"], ["b", "c"], ["e"]]
