"""Starting real programs: no shell, no inherited environment, no secret shown."""

from __future__ import annotations

import grp
import json
import os
import pwd
import sys
import time
import traceback
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from pressroom.model.errors import CommandFailed, InvalidInput
from pressroom.model.secrets import Secret
from pressroom.system import process

_ECHO = (sys.executable, "-c", "import json, sys; print(json.dumps(sys.argv[1:]))")
_HARMS = [
    "; touch {}", "| touch {}", "& touch {}", "&& touch {}", "$(touch {})", "`touch {}`", "\n touch {}", "> {}",
    "$HOME", "*", "~", "'", '"', "\\", "{{a,b}}", "!!", "", " ", "#", "--", "ä\u202e", "\x1b[1m",
]  # fmt: skip


def test_shell_metacharacters_are_inert(tmp_path: Path) -> None:
    target = tmp_path / "target"
    words = [harm.format(target) for harm in _HARMS]
    assert json.loads(process.run([*_ECHO, *words]).stdout) == words
    assert json.loads(process.run_bytes([*_ECHO, *words])) == words
    for word in words:
        with pytest.raises(CommandFailed):
            process.run([f"/bin/true {word}"])
    assert list(tmp_path.iterdir()) == []


def test_output_and_exit_code(tmp_path: Path) -> None:
    code = "import sys; print(sys.stdin.read(), end=''); sys.stderr.write('oops'); sys.exit(3)"
    done = process.run([sys.executable, "-c", code], stdin="ä\r\n", check=False)
    assert done == process.Completed(3, "ä\r\n", "oops")
    assert process.run(["/bin/cat"], stdin=b"\xff").stdout == "\ufffd"
    assert process.run(["/bin/cat"]).stdout == ""
    assert process.run_bytes(["/usr/bin/printf", "\\377\\000"]) == b"\xff\0"
    assert process.run(["/bin/pwd"], cwd=tmp_path).stdout == f"{tmp_path}\n"


def test_nothing_of_our_environment_is_passed_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PRESSROOM_SECRET", "s3cret")
    monkeypatch.setenv("PATH", "/nowhere")
    lines = process.run(["env"], environment={"COLOUR": "blue"}).stdout.splitlines()
    assert {line.partition("=")[0] for line in lines} == {"PATH", "LANG", "COLOUR"}
    assert b"s3cret" not in process.run_bytes(["env"])


def test_a_failure_tells_the_programs_last_words() -> None:
    code = "import sys; sys.stderr.write('x' * 9000 + 'no ink left'); sys.exit(3)"
    for call in (process.run, process.run_bytes):
        with pytest.raises(CommandFailed, match=r"exit code 3.*no ink left") as caught:
            call([sys.executable, "-c", code])
        assert len(caught.value.message) < 3000
    with pytest.raises(CommandFailed, match="said on stdout"):
        process.run([sys.executable, "-c", "print('said on stdout'); raise SystemExit(1)"])


def test_a_program_that_takes_too_long_is_ended(tmp_path: Path) -> None:
    told = tmp_path / "pid"
    code = "import os, sys, time; open(sys.argv[1], 'w').write(str(os.getpid())); time.sleep(60)"
    began = time.monotonic()
    for call in (process.run, process.run_bytes):
        with pytest.raises(CommandFailed, match=r"did not end within 0\.7 s"):
            call([sys.executable, "-c", code, told], timeout=0.7)
        assert not Path(f"/proc/{told.read_text()}").exists()
        told.unlink()
    assert time.monotonic() - began < 20


@pytest.mark.parametrize("kind", ["missing", "not executable", "a folder", "no program", "no folder to run in"])
def test_a_program_that_cannot_be_started(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "program"
    if kind == "a folder":
        path.mkdir()
    elif kind != "missing":
        path.write_text("no program")
        path.chmod(0o644 if kind == "not executable" else 0o755)
    cwd = tmp_path / "gone" if kind == "no folder to run in" else None
    argv = ["/bin/true"] if cwd else [path]
    with pytest.raises(CommandFailed, match="could not be started") as caught:
        process.run(argv, cwd=cwd)
    assert caught.value.hint
    if cwd is None:
        with pytest.raises(CommandFailed, match="could not be started"):
            process.run_bytes(argv)


def test_an_argument_with_nul_is_refused() -> None:
    for call in (process.run, process.run_bytes):
        with pytest.raises(InvalidInput, match="NUL"):
            call(["/bin/echo", "a\0b"])


def test_another_user_with_its_groups_only() -> None:
    code = "import json, os; print(json.dumps([os.getresuid(), os.getresgid(), os.getgroups()]))"
    for name in ("nobody", "www-data"):
        entry = pwd.getpwnam(name)
        told = json.loads(process.run(["/usr/bin/python3", "-c", code], user=name, cwd=Path("/")).stdout)
        assert told[:2] == [[entry.pw_uid] * 3, [entry.pw_gid] * 3]
        assert sorted(told[2]) == sorted(os.getgrouplist(name, entry.pw_gid))
        assert grp.getgrnam("root").gr_gid not in told[2]


def test_another_user_cannot_read_what_is_roots(shared_folder: Path) -> None:
    secret = shared_folder / "secret"
    secret.write_text("s3cret")
    secret.chmod(0o600)
    with pytest.raises(CommandFailed, match="Permission denied"):
        process.run(["/bin/cat", secret], user="nobody")


def test_an_unknown_user_is_an_error() -> None:
    with pytest.raises(CommandFailed, match="nosuchuser"):
        process.run(["/bin/true"], user="nosuchuser")


_TELL = "import sys; sys.stderr.write('I was given ' + sys.argv[1]); sys.exit(1)"
_WAIT = "import time; time.sleep(60)"


@pytest.mark.parametrize(
    ("argv", "timeout"),
    [
        ((sys.executable, "-c", _TELL, Secret("s3cret")), 30.0),
        (("/bin/false", Secret("s3cret")), 30.0),
        ((sys.executable, "-c", _WAIT, Secret("s3cret")), 0.3),
        (("/nonexistent/program", Secret("s3cret")), 30.0),
    ],
    ids=["told by the program", "shown in the call", "too slow", "not started"],
)
def test_a_secret_is_passed_on_but_shown_nowhere(argv: tuple[process.Argument, ...], timeout: float) -> None:
    for call in (process.run, process.run_bytes):
        with capture_logs() as logs, pytest.raises(CommandFailed) as caught:
            call(argv, timeout=timeout)
        assert logs
        assert any("***" in line.get("argv", []) for line in logs)
        shown = repr(logs) + repr(caught.value) + caught.value.message + caught.value.hint
        assert "s3cret" not in shown + "".join(traceback.format_exception(caught.value))
    assert json.loads(process.run([*_ECHO, Secret("s3cret")]).stdout) == ["s3cret"]
