"""The Makefile and .ci/run: what they call, seen by make's dry run and by stand-ins for make."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.bootstrap.checkout import PROJECT

_OF_AN_OUTER_MAKE = ("MAKEFLAGS", "MFLAGS", "MAKEOVERRIDES", "MAKELEVEL", "PRESSROOM_ROOT", "PORT", "WAIT")


def _make(*words: str) -> str:
    environment = {name: value for name, value in os.environ.items() if name not in _OF_AN_OUTER_MAKE}
    done = subprocess.run(
        ["make", "--no-print-directory", *words],
        cwd=PROJECT,
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout


def test_make_alone_lists_the_targets() -> None:
    listed = {line.split()[1] for line in _make().splitlines() if line.startswith("make ") and "=" not in line}
    assert listed == {
        "help",
        "demo",
        "stop",
        "clean",
        "bootstrap",
        "test",
        "test-attacks",
        "test-freshness",
        "walls",
        "bench",
        "bench-freshness",
        "bench-neighbour",
        "bench-overhead",
        "bench-quick",
        "lint",
        "lock",
    }


def test_folder_and_port_are_passed_on() -> None:
    told = _make("-n", "demo", "PORT=8090", "PRESSROOM_ROOT=/srv/a b")
    assert told.splitlines()[0] == "python3 bootstrap.py --wait 60"
    assert '.venv/bin/pressroom --root "/srv/a b" demo --port "8090"' in told
    assert _make("-n", "demo").rstrip().endswith('.venv/bin/pressroom --root "var" demo')


def test_a_dry_run_of_the_tests_runs_nothing() -> None:
    told = _make("-n", "test")
    assert "test session starts" not in told
    assert told.splitlines()[0] == "python3 bootstrap.py --test --wait 60"


@pytest.mark.parametrize(
    ("recipe", "code"),
    [("@echo '5 passed in 1s'", 0), ("@echo '1 failed, 4 passed in 1s'; exit 1", 1), ("@echo '0 passed'; exit 5", 5)],
)
def test_ci_ends_with_the_summary_and_its_exit_code(tmp_path: Path, recipe: str, code: int) -> None:
    (tmp_path / ".ci").mkdir()
    shutil.copy(PROJECT / ".ci/run", tmp_path / ".ci/run")
    (tmp_path / "Makefile").write_text(f"test:\n\t@echo a note >&2\n\t{recipe}\n")
    done = subprocess.run([str(tmp_path / ".ci/run")], capture_output=True, text=True, check=False)
    assert done.returncode == code
    lines = done.stdout.splitlines()
    assert lines[0] == "a note"
    assert "passed" in lines[-1]
    assert done.stderr == ""
