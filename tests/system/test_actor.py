"""Who acts, and from where: what the kernel knows comes before what the environment claims. By real processes."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import textwrap
from pathlib import Path

import psutil
import pytest

from pressroom.system.actor import present_actor, still_runs
from tests.conftest import until

ASK = """
import dataclasses, json
from pressroom.system.actor import present_actor
print(json.dumps(dataclasses.asdict(present_actor())), flush=True)
"""
CLAIMS = {"SUDO_USER": "mallory", "SSH_CONNECTION": "203.0.113.9 1 198.51.100.1 22"}
NOBODY = 65534  # Debian's number of the user `nobody`


def told(code: str, program: Path | str = sys.executable, **claims: str) -> dict[str, str]:
    """What is said by a command that `program` starts by this code, in which `sys.argv[1:]` is the command."""
    argv = [program, "-c", textwrap.dedent(code), sys.executable, "-c", ASK]
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": os.pathsep.join(sys.path), **claims}
    done = subprocess.run(argv, env=environment, capture_output=True, text=True, timeout=60, check=True)
    answer: dict[str, str] = json.loads(done.stdout)
    return answer


def test_the_environment_counts_where_nothing_else_is_known_and_is_marked() -> None:
    actor = told("import os, sys; os.execv(sys.argv[1], sys.argv[1:])", **CLAIMS)
    assert (actor["person"], actor["person_by"]) == ("mallory", "claimed")
    assert (actor["origin"], actor["origin_by"]) == ("203.0.113.9", "claimed")
    assert actor["user"] == "root"


def test_without_anything_it_is_this_user_here() -> None:
    actor = told("import os, sys; os.execv(sys.argv[1], sys.argv[1:])")
    assert (actor["person"], actor["person_by"], actor["origin"], actor["origin_by"]) == ("root", "user", "local", "")


def test_a_logins_number_is_believed_before_the_environment() -> None:
    """PAM sets it at the login, and sudo keeps it. Who has it set cannot change it, unless he may do all."""
    code = f"""
        import os, sys
        open('/proc/self/loginuid', 'w').write('{NOBODY}')
        os.execv(sys.argv[1], sys.argv[1:])
        """
    actor = told(code, **CLAIMS)
    assert (actor["person"], actor["person_by"]) == ("nobody", "login")


def test_who_started_us_is_believed_before_the_environment() -> None:
    """As under sudo, where no login set a number: the shell above is the person's."""
    code = f"""
        import os, subprocess, sys
        asking = subprocess.Popen(['sh', '-c', 'read go; exec "$@"', 'sh', *sys.argv[1:]], stdin=-1)
        os.setresuid({NOBODY}, {NOBODY}, {NOBODY})
        asking.communicate(b'go\\n')
        """
    actor = told(code, **CLAIMS)
    assert (actor["person"], actor["person_by"], actor["user"]) == ("nobody", "process", "root")


@pytest.mark.parametrize(("name", "user"), [("sshd", 0), ("sshd-session", 0), ("sshd", NOBODY), ("other", 0)])
def test_the_address_is_that_of_roots_sshds_connection(tmp_path: Path, name: str, user: int) -> None:
    """A program of that name has a connection and starts the command, as sshd does. Anybody's else says nothing."""
    shutil.copy(os.path.realpath(sys.executable), tmp_path / name)
    with socket.create_server(("127.0.0.77", 0)) as visitor:
        code = f"""
            import os, socket, subprocess, sys
            session = socket.create_connection({visitor.getsockname()})
            asking = subprocess.Popen(['sh', '-c', 'read go; exec "$@"', 'sh', *sys.argv[1:]], stdin=-1)
            if {user}: os.setresuid({user}, {user}, {user})
            asking.communicate(b'go\\n')
            """
        actor = told(code, tmp_path / name, **CLAIMS)
    expected = ("127.0.0.77", "connection") if user == 0 and name != "other" else ("203.0.113.9", "claimed")
    assert (actor["origin"], actor["origin_by"]) == expected


def test_the_terminal_is_named() -> None:
    code = """
        import os, pty, sys
        pid, terminal = pty.fork()
        if pid == 0:
            os.execv(sys.argv[1], sys.argv[1:])
        text = b''
        try:
            while part := os.read(terminal, 9999):
                text += part
        except OSError:
            pass
        os.write(1, text)
        """
    assert told(code)["terminal"].startswith("pts/")


def test_a_process_is_known_by_its_number_and_its_beginning() -> None:
    mine = present_actor().process
    pid = mine.split()[0]
    assert int(pid) == os.getpid() and still_runs(mine)
    assert not still_runs(f"{pid} 12345") and not still_runs("") and not still_runs("nonsense")
    with subprocess.Popen(["sleep", "60"]) as other:
        mark = f"{other.pid} {psutil.Process(other.pid).create_time():.0f}"
        assert still_runs(mark)
        other.kill()
        until(lambda: not still_runs(mark))  # nobody has waited for it yet
