"""Each command has a line when it begins and one when it has ended, whatever its end, and both exist twice."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from pressroom.model.errors import CommandFailed, InvalidInput, PressroomError
from pressroom.model.masking import CommandLine
from pressroom.model.trail import Actor, Line, verify
from pressroom.operations.recording import Recorder, keep_copy
from pressroom.state.store import StateStore
from pressroom.state.trail import Trail
from pressroom.system.witness import copy_lines

COMMAND = CommandLine.of(["settings", "--set", "mail.relay_password=hunter2"])


@pytest.fixture
def trail(tmp_path: Path) -> Trail:
    return StateStore(tmp_path / "state.db").trail


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    return tmp_path / "log" / "audit.log"


@pytest.fixture
def recorder(trail: Trail, copy: Path) -> Recorder:
    return Recorder(lambda: trail, partial(copy_lines, path=copy), Actor("ada"))


def lines(trail: Trail) -> list[Line]:
    return [Line.read(row.text) for row in trail.rows()]


def copied(trail: Trail, path: Path) -> None:
    keep_copy(trail, trail.rows()[-1], partial(copy_lines, path=path))


def whole(trail: Trail, copy: Path) -> bool:
    verdict = verify(trail.rows(), copy.read_text().splitlines())
    return verdict.fault is None and verdict.copied == verdict.number


def test_a_command_that_is_done(trail: Trail, copy: Path, recorder: Recorder) -> None:
    with recorder.recorded(COMMAND, "a.example") as change:
        assert [line.event for line in lines(trail)] == ["began"]
        change.detail = "3 changes"
    began, ended = lines(trail)
    assert (ended.event, ended.begun, ended.detail, ended.site) == ("done", began.number, "3 changes", "a.example")
    assert began.command == ended.command == "settings --set mail.relay_password=***"
    assert began.actor == Actor("ada") and began.at <= ended.at
    assert whole(trail, copy)


def _exit() -> None:
    raise SystemExit(1)


def _interrupt() -> None:
    raise KeyboardInterrupt


def _raise(error: Exception) -> Callable[[], None]:
    def body() -> None:
        raise error

    return body


@pytest.mark.parametrize(
    ("body", "event", "detail"),
    [
        (_raise(InvalidInput("'hunter2' is too short", hint="more")), "refused", "'***' is too short"),
        (_raise(CommandFailed("mariadbd ended", hint="look")), "failed", "mariadbd ended"),
        (_raise(ValueError("something with hunter2")), "failed", "ValueError"),
        (_interrupt, "given up", ""),
        (_exit, "given up", ""),
    ],
)
def test_a_command_that_is_not(
    trail: Trail, copy: Path, recorder: Recorder, body: Callable[[], None], event: str, detail: str
) -> None:
    with pytest.raises((PressroomError, ValueError, KeyboardInterrupt, SystemExit)), recorder.recorded(COMMAND, ""):
        body()
    assert [(line.event, line.detail) for line in lines(trail)] == [("began", ""), (event, detail)]
    assert "hunter2" not in copy.read_text()
    assert whole(trail, copy)


def test_a_command_to_whose_question_somebody_says_no(trail: Trail, recorder: Recorder) -> None:
    with pytest.raises(RuntimeError), recorder.recorded(COMMAND, "") as change:
        change.ask(_raise(RuntimeError()))
    with recorder.recorded(COMMAND, "") as change:
        change.ask(lambda: None)
    assert [line.event for line in lines(trail)] == ["began", "given up", "began", "done"]


def test_a_command_that_says_itself_that_it_failed(trail: Trail, recorder: Recorder) -> None:
    with recorder.recorded(COMMAND, "") as change:
        change.failed, change.detail = True, "exit code 3"
    assert [line.event for line in lines(trail)] == ["began", "failed"]


def test_the_command_that_makes_the_node_is_recorded_when_there_is_one(trail: Trail, copy: Path) -> None:
    there: list[Trail] = []
    recorder = Recorder(lambda: there[0] if there else None, partial(copy_lines, path=copy), Actor("ada"))
    with recorder.recorded(CommandLine.of(["up"]), ""):
        there.append(trail)
    assert [line.event for line in lines(trail)] == ["began", "done"]


def test_where_no_node_is_nothing_is_made(copy: Path) -> None:
    with Recorder(lambda: None, partial(copy_lines, path=copy), Actor("ada")).recorded(COMMAND, ""):
        pass
    assert not copy.parent.exists()


def test_a_command_whose_beginning_cannot_be_written_is_not_begun(trail: Trail, copy: Path, recorder: Recorder) -> None:
    copy.mkdir(parents=True)
    with pytest.raises(OSError), recorder.recorded(COMMAND, ""):
        pytest.fail("it went on")


def test_a_copy_that_was_moved_away_is_made_anew(trail: Trail, copy: Path, recorder: Recorder) -> None:
    for _ in range(2):
        with recorder.recorded(COMMAND, ""):
            pass
        copy.rename(copy.with_name("kept"))
    with recorder.recorded(COMMAND, ""):
        pass
    assert whole(trail, copy)


def test_who_was_killed_before_he_wrote_the_copy_is_caught_up_with(trail: Trail, copy: Path) -> None:
    line = Line("2026", "done", Actor("ada"), "up")
    for count in (3, 1, 2):
        for _ in range(count):
            trail.append(line)
        copied(trail, copy)
        assert whole(trail, copy)
    cut = copy.read_text()
    trail.append(line)
    copy.write_text(cut + trail.rows()[-1].as_copied()[:50])  # the power went
    trail.append(line)
    copied(trail, copy)
    assert verify(trail.rows(), copy.read_text().splitlines()).fault is None
    assert copy.read_text().startswith(cut)


def test_a_copy_that_tells_something_else_is_never_made_to_fit(tmp_path: Path, trail: Trail, copy: Path) -> None:
    line = Line("2026", "done", Actor("ada"), "up")
    for _ in range(5):
        trail.append(line)
    copied(trail, copy)
    before = copy.read_text()
    other = StateStore(tmp_path / "other.db").trail  # a state whose end was cut off, and which went on
    for command in ("up", "up", "down"):
        other.append(Line("2026", "done", Actor("ada"), command))
        copied(other, copy)
    assert copy.read_text() == before + "".join(f"{row.as_copied()}\n" for row in other.rows())
    fault = verify(other.rows(), copy.read_text().splitlines()).fault
    assert fault is not None and fault.number == 3


_RECORD = """\
import sys
from functools import partial
from pathlib import Path
from pressroom.model.masking import CommandLine
from pressroom.model.trail import Actor
from pressroom.operations.recording import Recorder
from pressroom.state.store import StateStore
from pressroom.system.witness import copy_lines
trail = StateStore(Path(sys.argv[1])).trail
recorder = Recorder(lambda: trail, partial(copy_lines, path=Path(sys.argv[2])), Actor(sys.argv[3]))
print("ready", flush=True)
sys.stdin.readline()
for _ in range(10):
    with recorder.recorded(CommandLine.of(["site", "exec"]), ""):
        pass
"""


def test_several_at_once(tmp_path: Path, trail: Trail, copy: Path) -> None:
    argv: list[str | Path] = [sys.executable, "-c", _RECORD, tmp_path / "state.db", copy]
    crowd = [subprocess.Popen([*argv, name], stdin=-1, stdout=-1, text=True) for name in ("ada", "ben", "cy")]
    for process in crowd:
        assert process.stdout is not None and process.stdout.readline() == "ready\n"
    for process in crowd:
        assert process.stdin is not None
        process.stdin.write("\n")
        process.stdin.flush()
    assert [process.wait(60) for process in crowd] == [0, 0, 0]
    for process in crowd:
        process.communicate()
    assert len(lines(trail)) == 60 and whole(trail, copy)
    numbers = [Line.read(line.partition(" ")[2]).number for line in copy.read_text().splitlines()]
    assert numbers == list(range(1, 61))


@pytest.mark.parametrize("where", ["append", "appending", "tell_machine"])
def test_who_is_killed_between_the_state_and_its_copy(tmp_path: Path, trail: Trail, copy: Path, where: str) -> None:
    code = (
        "import os, sys\n"
        "from pressroom.system import witness\n"
        "def end(*arguments): os.kill(os.getpid(), 9)\n"
        "setattr(witness.Appending if sys.argv[4] == 'append' else witness, sys.argv[4], end)\n"
    ) + _RECORD.replace('print("ready", flush=True)\nsys.stdin.readline()\n', "")
    argv: list[str | Path] = [sys.executable, "-c", code, tmp_path / "state.db", copy, "ada", where]
    assert subprocess.run(argv, timeout=60, check=False).returncode == -9
    assert [line.event for line in lines(trail)] == ["began"]
    with Recorder(lambda: trail, partial(copy_lines, path=copy), Actor("ben")).recorded(COMMAND, ""):
        pass
    assert [line.event for line in lines(trail)] == ["began", "began", "done"] and whole(trail, copy)
