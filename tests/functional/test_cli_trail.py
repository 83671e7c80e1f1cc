"""`pressroom audit`: who changed what on a real node, from where, and how it ended; and whether a line was changed."""

from __future__ import annotations

import os
import signal
import socket
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest

from pressroom.model.errors import Busy, Conflict, InvalidInput, NotFound
from pressroom.system import process
from pressroom.system.lock import named_lock
from tests.conftest import until
from tests.functional.command_line import CommandLine
from tests.functional.newspaper import Newspaper
from tests.functional.test_cli_manners import ENTRY

SECRET = "hunter2-of-the-relay"


def last(command: CommandLine, count: int = 1) -> Any:
    entries = command.done("audit", "log", "-n", str(count), "--format", "json").json()
    assert all(set(entry) == ENTRY for entry in entries)
    return entries[0] if count == 1 else entries


def told(entry: dict[str, Any]) -> tuple[str, str, str, str]:
    return entry["command"], entry["site"], entry["outcome"], entry["detail"]


def test_a_change_is_recorded_with_its_site(command: CommandLine, paper: Newspaper) -> None:
    page = f"http://{paper.host}/article-1/"
    command.done("cache", "purge", "www.paper.localhost", page)
    entry = last(command)
    assert told(entry) == (f"cache purge www.paper.localhost {page}", "paper.localhost", "done", "")
    assert entry["at"] < entry["ended_at"]
    assert (entry["user"], entry["person"], entry["origin"]) == ("root", "root", "local")
    shown = command.done("audit").stdout
    assert "cache purge www.paper.localhost" in shown and shown.splitlines()[0].startswith("number")


def test_refusals_are_recorded(command: CommandLine, paper: Newspaper) -> None:
    command.refused(Conflict, "site", "create", "paper.localhost", "--title", "Another paper")
    assert told(last(command))[:3] == (
        "site create paper.localhost --title 'Another paper'",
        "paper.localhost",
        "refused",
    )
    command.refused(NotFound, "site", "delete", "nobody.example", "--yes")
    assert told(last(command))[:3] == ("site delete nobody.example --yes", "nobody.example", "refused")
    assert "there is no site" in last(command)["detail"]
    with named_lock(paper.node.layout.lock, "a test"):
        command.refused(Busy, "cache", "purge", "paper.localhost", "--yes")
    assert told(last(command))[:3] == ("cache purge paper.localhost --yes", "paper.localhost", "refused")
    command.refused(InvalidInput, "site", "delete", "paper.localhost")  # nobody to ask
    assert told(last(command))[2] == "refused"


def test_looking_is_no_change(command: CommandLine, paper: Newspaper) -> None:
    before = last(command)
    for words in (["status"], ["settings"], ["site", "list"], ["site", "settings", "paper.localhost"], ["audit"],
                  ["site", "delete", "paper.localhost", "--dry-run"], ["up", "--dry-run"]):  # fmt: skip
        command.done(*words)
    assert last(command) == before


def test_no_secret_is_written(command: CommandLine, paper: Newspaper) -> None:
    command.refused(InvalidInput, "settings", "--set", f"mail.relay_pasword={SECRET}")
    assert told(last(command))[0] == "settings --set ***"
    for misspelt in (f"mail.relay_pw={SECRET}", f"mail.relay_pw {SECRET}", SECRET):
        command.refused(InvalidInput, "settings", "--set", misspelt)
        assert told(last(command))[0] == "settings --set ***"
    command.refused(InvalidInput, "settings", "--set", "http.port=none", "--set", f"mail.relay_password={SECRET}")
    assert told(last(command))[0] == "settings --set http.port=none --set mail.relay_password=***"
    command.run("site", "exec", "paper.localhost", "true", f"--user_pass={SECRET}")
    link = command.done("site", "login", "paper.localhost").stdout.strip()
    assert told(last(command)) == ("site login paper.localhost", "paper.localhost", "done", "")
    places = [*paper.node.layout.control.glob("state.db*"), paper.node.layout.audit_log]
    for secret in (SECRET, link.partition("pressroom_login=")[2]):
        # By a program: whoever closes SQLite's file gives back the locks on it of his whole process.
        found = process.run(["grep", "-lF", "-e", secret, *places], check=False)
        assert (found.exit_code, found.stdout) == (1, "")


def test_a_program_of_a_site(command: CommandLine, paper: Newspaper) -> None:
    assert command.run("site", "exec", "paper.localhost", "--", "sh", "-c", "exit 3").exit_code == 3
    assert told(last(command)) == (
        "site exec paper.localhost -- sh -c 'exit 3'", "paper.localhost", "failed", "exit code 3",
    )  # fmt: skip


def test_a_command_that_is_killed_has_not_finished(command: CommandLine, paper: Newspaper) -> None:
    argv = command.argv("site", "exec", "paper.localhost", "sleep", "60")
    with subprocess.Popen(argv, stdin=subprocess.DEVNULL) as running:
        until(lambda: told(last(command))[0] == "site exec paper.localhost sleep 60")
        assert told(last(command))[2] == "under way"
        running.send_signal(signal.SIGKILL)
    assert told(last(command))[2] == "not finished"
    command.done("site", "login", "paper.localhost")
    assert [told(entry)[2] for entry in last(command, 2)] == ["not finished", "done"]
    command.done("audit", "verify")


def test_two_at_once(command: CommandLine, paper: Newspaper) -> None:
    argv = command.argv("site", "login", "paper.localhost")
    both = [subprocess.Popen(argv, stdout=subprocess.DEVNULL) for _ in range(2)]
    assert [one.wait(60) for one in both] == [0, 0]
    assert [told(entry)[2] for entry in last(command, 2)] == ["done", "done"]
    command.done("audit", "verify")


def test_who_and_from_where(command: CommandLine, paper: Newspaper, tmp_path: Path) -> None:
    """A login by sshd, as it looks to the kernel; what the person puts into his environment does not count."""
    sshd = tmp_path / "sshd"
    sshd.write_bytes(Path(os.path.realpath(sys.executable)).read_bytes())
    sshd.chmod(0o755)
    with socket.create_server(("127.0.0.77", 0)) as visitor:
        code = (
            "import socket, subprocess, sys\n"
            f"session = socket.create_connection({visitor.getsockname()})\n"
            "open('/proc/self/loginuid', 'w').write('65534')\n"
            "sys.exit(subprocess.run(sys.argv[1:]).returncode)\n"
        )
        claims = {"SUDO_USER": "mallory", "SSH_CONNECTION": "203.0.113.9 1 198.51.100.1 22"}
        argv = [sshd, "-c", code, *command.argv("site", "login", "paper.localhost")]
        subprocess.run(argv, env={"PATH": os.environ["PATH"], **claims}, check=True, timeout=60, capture_output=True)
    entry = last(command)
    assert (entry["person"], entry["person_by"], entry["user"]) == ("nobody", "login", "root")
    assert (entry["origin"], entry["origin_by"]) == ("127.0.0.77", "connection")
    argv = command.argv("site", "login", "paper.localhost")
    subprocess.run(argv, env={"PATH": os.environ["PATH"], **claims}, check=True, timeout=60, capture_output=True)
    assert (last(command)["person_by"], last(command)["origin_by"]) == ("claimed", "claimed")
    assert "mallory (claimed)" in command.done("audit", "log", "-n", "1").stdout


def test_choosing(command: CommandLine, paper: Newspaper) -> None:
    command.done("site", "login", "paper.localhost")
    command.refused(NotFound, "site", "login", "other.example")
    commands = [entry["command"] for entry in command.done(
        "audit", "log", "--site", "www.paper.localhost", "--since", "1h", "--format", "json").json()]  # fmt: skip
    assert commands[-1] == "site login paper.localhost" and not any("other.example" in one for one in commands)
    assert command.done("audit", "log", "--site", "nowhere.example", "--format", "json").json() == []
    command.refused(InvalidInput, "audit", "log", "--since", "yesterday")


def test_verify_prints_the_head_that_can_be_asked_for_later(command: CommandLine, paper: Newspaper) -> None:
    noted = command.done("audit", "verify", "--format", "json").json()
    assert noted["fault"] is None and noted["copied"] == noted["number"]
    command.done("site", "login", "paper.localhost")
    said = command.done("audit", "verify", "--head", noted["head"])
    assert f"line {noted['number']}'s" in said.stdout
    unknown = command.run("audit", "verify", "--head", "0123456789abcdef")
    assert unknown.exit_code == 1 and "no line has the hash" in unknown.stdout
    command.refused(InvalidInput, "audit", "verify", "--head", "xyz")


@contextmanager
def _tampered(paper: Newspaper, *statements: str) -> Iterator[None]:
    """By SQL, and as it was again afterwards."""
    database = paper.node.layout.state_database
    with closing(sqlite3.connect(database)) as connection:
        before = connection.execute("SELECT number, text, hash FROM audit").fetchall()
        with connection:
            for statement in statements:
                connection.execute(statement)
        try:
            yield
        finally:
            with connection:
                connection.execute("DELETE FROM audit")
                connection.executemany("INSERT INTO audit VALUES (?, ?, ?)", before)


@pytest.mark.parametrize(
    ("statement", "said"),
    [
        ("UPDATE audit SET text = replace(text, '\"root\"', '\"mallory\"') WHERE number = 2", "line 2 was changed"),
        ("DELETE FROM audit WHERE number = 2", "line 2 is missing"),
        ("UPDATE audit SET number = -number", "line 1 is missing"),
        ("DELETE FROM audit WHERE number = (SELECT max(number) FROM audit)", "the end was cut off"),
    ],
)
def test_a_changed_line_is_named(command: CommandLine, paper: Newspaper, statement: str, said: str) -> None:
    for _ in range(2):
        command.done("site", "login", "paper.localhost")
    with _tampered(paper, statement):
        verified = command.run("audit", "verify")
        assert verified.exit_code == 1 and said in verified.stdout, verified
        assert "audit verify" in command.run("doctor").stdout
    command.done("audit", "verify")
