"""What is supervisor's own: its files, what it hands to programs, and what happens when it is killed."""

from __future__ import annotations

import dataclasses
import json
import os
import pwd
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from pressroom.engine.definitions import Definitions
from pressroom.engine.orphans import end_orphans
from pressroom.engine.protocol import Program, ProgramState
from pressroom.engine.supervisor import SupervisorEngine
from pressroom.model.errors import CommandFailed, InvalidInput
from pressroom.model.layout import Layout
from pressroom.system import users
from tests.engine.conftest import lives, program, soon

# Tells what it was started with, then stays.
_TELL = """\
import json, os, sys, time
told = {
    "argv": sys.argv[1:], "environment": dict(os.environ), "uid": os.getuid(), "gid": os.getgid(),
    "groups": os.getgroups(), "umask": os.umask(0), "directory": os.getcwd(),
}
print(json.dumps(told), flush=True)
time.sleep(1000)
"""


@pytest.fixture
def site_user(layout: Layout) -> Iterator[str]:
    name = f"{layout.prefix}-s1"
    users.ensure_user(name)
    yield name
    subprocess.run(["/usr/bin/pkill", "-KILL", "-u", name], check=False)
    for _ in range(100):  # until the last of them is gone (a test may have removed the user itself)
        if subprocess.run(["/usr/bin/pgrep", "-u", name], capture_output=True, check=False).returncode != 0:
            break
        time.sleep(0.05)
    users.remove_user(name)


def _script(layout: Layout, text: str) -> tuple[str, str]:
    path = layout.root / "script.py"
    path.write_text(text)
    return sys.executable, str(path)


def _told(started: Program) -> dict[str, object]:
    soon(lambda: started.log.exists() and started.log.read_text().endswith("\n"))
    told: dict[str, object] = json.loads(started.log.read_text())
    return told


def _supervisord(layout: Layout) -> int:
    return int((layout.run / "supervisord.pid").read_text())


def _kill(*pids: int) -> None:
    for pid in pids:
        os.kill(pid, signal.SIGKILL)
    soon(lambda: not any(lives(pid) for pid in pids))


def test_a_program_gets_its_words_variables_user_and_umask_unharmed(
    layout: Layout, supervisor: SupervisorEngine
) -> None:
    words = ("two words", 'a "quoted" \\ one', "100 %", "%(ENV_PATH)s", "#no", "$HOME", "it's", "ü", "")
    environment = {"PLAIN": "x", "QUOTES": 'say "yes" now', "APOSTROPHE": "it's so", "PER_CENT": "%(x)s 5%"}
    environment |= {"BACKSLASH": "a\\b\\\\c", "COMMA": "a,B=c", "HASH": "#1", "EMPTY": "", "UMLAUT": "ü"}
    started = dataclasses.replace(
        program(layout, "teller", *_script(layout, _TELL), *words),
        environment=tuple(environment.items()),
        directory=layout.root,
        umask=0o077,
    )
    supervisor.define(started)
    told = _told(started)
    nobody = pwd.getpwnam("nobody")
    assert told["argv"] == list(words)
    assert (told["uid"], told["gid"], told["umask"]) == (nobody.pw_uid, nobody.pw_gid, 0o077)
    assert told["directory"] == str(layout.root)
    assert 0 not in (told["groups"] if isinstance(told["groups"], list) else [0])
    seen = told["environment"]
    assert isinstance(seen, dict)
    assert {name: seen[name] for name in environment} == environment
    assert seen["PRESSROOM_PROGRAM"] == f"{layout.prefix}:teller"


def test_a_program_has_a_session_of_its_own_and_its_precedence(layout: Layout, supervisor: SupervisorEngine) -> None:
    supervisor.define(program(layout, "plain"))
    supervisor.define(dataclasses.replace(program(layout, "first"), nice=-5))
    pids = supervisor.pids()
    assert all(os.getsid(pid) == pid for pid in pids.values())
    assert [os.getpriority(os.PRIO_PROCESS, pids[name]) for name in ("plain", "first")] == [0, -5]
    groups = {name: Path(f"/proc/{pid}/autogroup") for name, pid in pids.items()}
    if groups["plain"].exists():  # the kernel may be built without
        assert [groups[name].read_text().split()[-1] for name in ("plain", "first")] == ["0", "-5"]


def test_only_root_reads_what_programs_print(layout: Layout, supervisor: SupervisorEngine) -> None:
    supervisor.define(program(layout))
    for path in (*layout.log.iterdir(), *(layout.etc / "programs").iterdir(), layout.supervisor_socket):
        assert stat.S_IMODE(path.stat().st_mode) & 0o007 == 0, path
        assert path.stat().st_uid == path.stat().st_gid == 0, path
    assert len(list(layout.log.iterdir())) == 2


def test_a_definition_touches_its_own_files_only(layout: Layout, supervisor: SupervisorEngine) -> None:
    supervisor.define(program(layout, "first"))
    folder = layout.etc / "programs"
    before = {path: path.stat() for path in [*folder.iterdir(), layout.etc / "supervisord.conf"]}
    supervisor.define(program(layout, "second"))
    assert {path: path.stat() for path in before} == before
    supervisor.remove("second")
    assert {path: path.stat() for path in [*folder.iterdir(), layout.etc / "supervisord.conf"]} == before


def test_a_definition_costs_the_same_among_many(layout: Layout, supervisor: SupervisorEngine) -> None:
    def cost(names: str) -> float:
        began = time.process_time(), _processor_seconds(_supervisord(layout))
        for letter in names:
            supervisor.define(program(layout, letter))
        return time.process_time() - began[0] + _processor_seconds(_supervisord(layout)) - began[1]

    few = cost("abcde")
    supervisor.shutdown()
    records = Definitions(layout.etc / "programs", layout.prefix)
    for number in range(300):
        records.record(dataclasses.replace(program(layout, f"p{number}"), autostart=False))
    supervisor.boot()
    assert len(supervisor.states()) == 305
    many = cost("vwxyz")
    assert many < 2 * few + 0.5  # reading all files costs 0.3 s of processor each time
    began = time.monotonic()
    supervisor.shutdown()
    assert time.monotonic() - began < 30  # supervisord by itself looks at one program a second


def _processor_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def test_a_user_that_does_not_exist_is_refused_and_harms_nobody(layout: Layout, supervisor: SupervisorEngine) -> None:
    supervisor.define(program(layout))
    pid = supervisor.pids()["first"]
    with pytest.raises(InvalidInput, match="nosuchuser"):
        supervisor.define(program(layout, user="nosuchuser"))
    assert supervisor.pids() == {"first": pid}
    assert supervisor.definitions() == {"first": program(layout)}
    assert supervisor.define(program(layout, "second")) is True


def test_a_definition_that_has_turned_bad_keeps_no_other_out(
    layout: Layout, supervisor: SupervisorEngine, site_user: str
) -> None:
    supervisor.define(program(layout, "doomed", user=site_user))
    supervisor.define(program(layout, "first"))
    supervisor.stop("doomed")
    users.remove_user(site_user)
    assert supervisor.define(program(layout, "second")) is True
    supervisor.shutdown()
    supervisor.boot()
    soon(lambda: set(supervisor.pids()) == {"first", "second"})
    assert supervisor.status("doomed").state is ProgramState.ABSENT


def test_a_definition_that_supervisord_refuses_is_taken_back(layout: Layout, supervisor: SupervisorEngine) -> None:
    supervisor.define(program(layout))
    pid = supervisor.pids()["first"]
    with pytest.raises(CommandFailed, match="supervisord"):
        supervisor.define(dataclasses.replace(program(layout), stop_seconds="soon"))  # type: ignore[arg-type]
    assert supervisor.pids() == {"first": pid}
    assert supervisor.definition("first") == program(layout)
    assert supervisor.define(program(layout)) is False


def test_an_interrupted_definition_is_not_run_by_the_next_boot(layout: Layout, supervisor: SupervisorEngine) -> None:
    supervisor.define(program(layout))
    (layout.etc / "programs" / "first.json").unlink()
    supervisor.shutdown()
    supervisor.boot()
    assert supervisor.states() == {}
    assert supervisor.define(program(layout)) is True


@pytest.mark.parametrize("harm", ["", "{", "[]", '{"name": "first"}'])
def test_a_damaged_record_counts_as_unknown(layout: Layout, supervisor: SupervisorEngine, harm: str) -> None:
    supervisor.define(program(layout))
    (layout.etc / "programs" / "first.json").write_text(harm)
    assert supervisor.definitions() == {}
    assert supervisor.define(program(layout)) is True
    assert supervisor.definition("first") == program(layout)


def test_a_leaving_program_takes_its_children_along(layout: Layout, supervisor: SupervisorEngine) -> None:
    deaf = program(layout, "parent", *_script(layout, _DEAF_PARENT))
    supervisor.define(dataclasses.replace(deaf, stop_seconds=1))
    soon(lambda: len(_group_of(supervisor.pids()["parent"])) == 2)
    family = _group_of(supervisor.pids()["parent"])
    supervisor.stop("parent")
    soon(lambda: not any(lives(pid) for pid in family))


_DEAF_PARENT = """\
import signal, subprocess, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
subprocess.Popen(["/bin/sleep", "1000"])
time.sleep(1000)
"""


def _group_of(pid: int) -> list[int]:
    found = subprocess.run(["/usr/bin/pgrep", "-g", str(pid)], capture_output=True, check=False)
    return [int(word) for word in found.stdout.split()]


def test_shutdown_leaves_no_process(layout: Layout, supervisor: SupervisorEngine) -> None:
    for name in ("first", "second"):
        supervisor.define(program(layout, name))
    pids = [_supervisord(layout), *supervisor.pids().values()]
    supervisor.shutdown()
    assert not any(lives(pid) for pid in pids)


def test_boot_ends_what_a_killed_engine_left(layout: Layout, supervisor: SupervisorEngine) -> None:
    supervisor.define(program(layout))
    left = supervisor.pids()["first"]
    _kill(_supervisord(layout))
    assert lives(left)
    assert supervisor.alive() is False
    supervisor.boot()
    assert not lives(left)
    soon(lambda: "first" in supervisor.pids())


def test_shutdown_ends_what_a_killed_engine_left(layout: Layout, supervisor: SupervisorEngine) -> None:
    supervisor.define(program(layout))
    left = supervisor.pids()["first"]
    _kill(_supervisord(layout))
    supervisor.shutdown()
    assert not lives(left)


def test_an_engine_that_cannot_be_reached_is_replaced(layout: Layout, supervisor: SupervisorEngine) -> None:
    supervisor.define(program(layout))
    first = [_supervisord(layout), supervisor.pids()["first"]]
    layout.supervisor_socket.unlink()
    supervisor.boot()
    assert not any(lives(pid) for pid in first)
    soon(lambda: "first" in supervisor.pids())


# Loses its mark and leaves its session, as PHP-FPM and what a tenant leaves behind do.
_STRAY = """\
import os, sys, time
if os.fork():
    time.sleep(1000)
os.setsid()
os.execve("/bin/sleep", ["sleep", sys.argv[1]], {})
"""


def test_boot_ends_strays_of_the_sites_users(layout: Layout, supervisor: SupervisorEngine, site_user: str) -> None:
    seconds = f"{os.getpid()}.25"
    supervisor.define(program(layout, "php-s1", *_script(layout, _STRAY), seconds, user=site_user))
    soon(lambda: bool(_sleepers(seconds)))
    strays = _sleepers(seconds)
    _kill(_supervisord(layout))
    supervisor.boot()
    assert not any(lives(pid) for pid in strays)
    supervisor.shutdown()  # else it starts the program anew while the user is removed


def _sleepers(seconds: str) -> list[int]:
    found = subprocess.run(["/usr/bin/pgrep", "-fx", f"sleep {seconds}"], capture_output=True, check=False)
    return [int(word) for word in found.stdout.split()]


_TERMINAL = """
import subprocess, sys
command = subprocess.Popen(["/bin/sleep", "1000"], env={}, user=sys.argv[1])
print(command.pid, flush=True)
command.wait()
"""


def test_orphans_of_others_and_living_commands_are_spared(layout: Layout, site_user: str) -> None:
    """Another node's process, and what somebody runs as the site's user from a living session."""
    marks = {"PRESSROOM_PROGRAM": f"{layout.prefix}0:first"}
    other = subprocess.Popen(["/bin/sleep", "1000"], env=marks, start_new_session=True)
    # A session of its own: who leads this test's, and whether it lives, is the caller's affair.
    terminal = subprocess.Popen(
        [sys.executable, "-c", _TERMINAL, site_user], stdout=subprocess.PIPE, text=True, start_new_session=True
    )
    assert terminal.stdout is not None
    command = int(terminal.stdout.readline())
    ours = subprocess.Popen(
        ["/bin/sleep", "1000"], env={"PRESSROOM_PROGRAM": f"{layout.prefix}:first"}, start_new_session=True
    )
    try:
        assert end_orphans(layout.prefix) == [ours.pid]
        assert (other.poll(), terminal.poll(), ours.wait()) == (None, None, -signal.SIGTERM)
        assert lives(command)
        terminal.kill()
        terminal.wait()
        assert end_orphans(layout.prefix) == [command]
    finally:
        terminal.stdout.close()
        for process in (other, terminal):
            process.kill()
            process.wait()


def test_an_orphan_that_does_not_listen_is_killed(layout: Layout, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pressroom.engine.orphans._PATIENCE", 0.5)
    deaf = "import signal, time; signal.signal(15, signal.SIG_IGN); print(flush=True); time.sleep(1000)"
    orphan = subprocess.Popen(
        [sys.executable, "-c", deaf], env={"PRESSROOM_PROGRAM": f"{layout.prefix}:x"}, stdout=subprocess.PIPE
    )
    assert orphan.stdout is not None
    orphan.stdout.readline()
    assert end_orphans(layout.prefix) == [orphan.pid]
    assert orphan.wait() == -signal.SIGKILL
    orphan.stdout.close()


def test_log_of_a_program_that_does_not_start_is_in_the_error(layout: Layout, supervisor: SupervisorEngine) -> None:
    # A shell, for it has ended long before a program counts as started; Python on a busy machine has not.
    sad = program(layout, "sad", "/bin/sh", "-c", "echo no ink left >&2; exit 1")
    with pytest.raises(CommandFailed, match="no ink left") as caught:
        supervisor.define(sad)
    assert str(sad.log) in caught.value.hint


def test_a_program_that_may_end_tells_how_it_ended(layout: Layout, supervisor: SupervisorEngine) -> None:
    words = _script(layout, "import sys, time\ntime.sleep(1.2)\nsys.exit(int(sys.argv[1]))\n")
    for name, code in (("good", "0"), ("bad", "3")):
        once = dataclasses.replace(program(layout, name, *words, code), autorestart=False)
        supervisor.define(once)
    soon(lambda: supervisor.states() == {"good": ProgramState.STOPPED, "bad": ProgramState.FAILED})


def test_a_boot_that_fails_says_why(layout: Layout) -> None:
    layout.run.rmdir()
    with pytest.raises(CommandFailed, match="run/supervisor"):
        SupervisorEngine(layout).boot()


def test_the_engine_itself_warns_of_nothing(
    layout: Layout, supervisor: SupervisorEngine, capfd: pytest.CaptureFixture[str]
) -> None:
    supervisor.define(program(layout))
    supervisor.shutdown()
    supervisor.boot()
    text = (layout.log / "supervisord.log").read_text()
    assert text.count("spawned: 'first'") == 2
    normal = ("No file matches via include", "WARN stopped: first")
    assert not [line for line in text.splitlines() if "WARN" in line and not any(words in line for words in normal)]
    assert "warning" not in "".join(capfd.readouterr()).lower()


def test_a_stop_right_after_a_start_is_not_lost(layout: Layout, supervisor: SupervisorEngine) -> None:
    """Not even when it meets supervisord's fork before it has turned into the program."""
    supervisor.define(program(layout))
    began = time.monotonic()
    for _ in range(5):
        supervisor.stop("first")
        with supervisor._rpc() as rpc:
            rpc.supervisor.startProcess("first", False)
    supervisor.stop("first")
    assert time.monotonic() - began < program(layout).stop_seconds


def test_paths_are_the_layouts(layout: Layout, supervisor: SupervisorEngine) -> None:
    assert stat.S_ISSOCK(layout.supervisor_socket.stat().st_mode)
    assert stat.S_IMODE(layout.supervisor_socket.stat().st_mode) == 0o700
    assert Path(f"/proc/{_supervisord(layout)}").exists()
