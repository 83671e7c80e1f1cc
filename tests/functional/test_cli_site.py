"""A site as its owner works in it: programs in its place, its mail and logs, its cron, its files."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Callable
from typing import Any

import pytest

from pressroom.model.errors import CommandFailed, InvalidInput
from tests.functional.command_line import CommandLine, write_as
from tests.functional.newspaper import Newspaper

_AT_FIRST = {
    "assets": True,
    "authors": False,
    "firewall": "off",
    "pictures": True,
    "prefetch": True,
    "scan": "report",
    "styles": True,
    "xmlrpc": False,
}

CRON_PATIENCE = 15.0  # seconds
NASTY = ["; id", "$(id)", "`id`", "a b", "*", "'", '"', "|cat", "\n", "--help", "", "\\", "&&", "> /tmp/x", "~"]


def _exec(command: CommandLine, *words: str) -> list[str | bytes]:
    return [str(word) for word in command.argv("site", "exec", "paper.localhost", "--", *words)]


def _await(what: Callable[[], bool], patience: float) -> None:
    until = time.monotonic() + patience
    while not what():
        assert time.monotonic() < until, f"not within {patience:g} s"
        time.sleep(0.1)


def test_exec_is_the_sites_user_in_its_folder(command: CommandLine, paper: Newspaper) -> None:
    code = "echo json_encode([posix_getuid(), posix_geteuid(), posix_getgroups(), getcwd(), getenv()]);"
    done = subprocess.run(
        _exec(command, "php", "-r", code), capture_output=True, env={"PATH": "/usr/bin", "CANARY": "ours"}, check=True
    )
    uid, effective, groups, folder, environment = json.loads(done.stdout)
    assert (uid, effective) == (paper.place.content.stat().st_uid,) * 2 and uid != 0
    assert 0 not in groups
    assert folder == str(paper.place.public)
    assert "CANARY" not in environment and environment["HOME"] == str(paper.place.private)


def test_exec_passes_everything_through(command: CommandLine, paper: Newspaper) -> None:
    octets = bytes(range(256)) * 500
    done = subprocess.run(_exec(command, "cat"), input=octets, capture_output=True, check=True)
    assert (done.stdout, done.stderr) == (octets, b"")
    script = "fwrite(STDERR, 'no'); exit(7);"
    done = subprocess.run(_exec(command, "php", "-r", script), capture_output=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (7, b"", b"no")


def test_exec_gives_arguments_as_they_are(command: CommandLine, paper: Newspaper) -> None:
    script = "echo json_encode(array_slice($argv, 1));"
    done = subprocess.run(_exec(command, "php", "-r", script, "--", *NASTY), capture_output=True, check=True)
    assert json.loads(done.stdout) == NASTY


def test_exec_of_what_is_not_there(command: CommandLine, paper: Newspaper) -> None:
    for program in ("no-such-program", "wp-config.php; id", "/etc/passwd"):
        command.refused(CommandFailed, "site", "exec", "paper.localhost", "--", program)


def test_mail_is_listed_and_shown(command: CommandLine, paper: Newspaper) -> None:
    with paper.client() as visitor:
        assert visitor.get("/?pressroom_test=mail").text == "sent"
    rows = command.done("site", "mail", "paper.localhost", "--format", "json").json()
    assert set(rows[0]) == {"id", "at", "sender", "recipients", "subject", "size", "why"}
    assert (rows[0]["subject"], rows[0]["recipients"]) == ("Grüße from the press", ["reader@example.org"])
    assert "Grüße from the press" in command.done("site", "mail", "paper.localhost").stdout
    shown = command.done("site", "mail", "paper.localhost", rows[0]["id"])
    assert shown.stderr == ""
    assert "Subject: Grüße from the press\n" in shown.stdout
    assert "\nLine one\nLine two\n" in shown.stdout and "Opened(" not in shown.stdout
    opened = command.done("site", "mail", "paper.localhost", rows[0]["id"], "--format", "json").json()
    assert set(opened) == {"message", "headers", "parts"}
    assert [part["text"].strip() for part in opened["parts"]] == ["Line one\nLine two"]


def test_mail_of_a_script_on_the_command_line(command: CommandLine, paper: Newspaper) -> None:
    code = "require 'wp-load.php'; var_dump(wp_mail('reader@example.org', 'By exec', 'Text'));"
    assert "bool(true)" in command.done("site", "exec", paper.site.domain, "--", "php", "-r", code).stdout
    assert "By exec" in command.done("site", "mail", paper.site.domain).stdout


def test_logs_of_a_site(command: CommandLine, paper: Newspaper) -> None:
    word = f"/?seen={time.monotonic_ns()}"
    with paper.client() as visitor:
        visitor.get(word)
    paper.php("error_log('a word for the log');")
    visits = paper.node.layout.visits
    _await(lambda: word in visits.read_text(), 5)
    said = command.done("site", "logs", "paper.localhost", "-n", "200")
    assert f"== {visits}" in said.stdout and word in said.stdout and said.stderr == ""


def test_what_a_site_writes_into_its_log_steers_no_terminal(command: CommandLine, paper: Newspaper) -> None:
    paper.as_editor("error_log('before ' . chr(27) . ']0;owned' . chr(7) . ' after');")
    said = command.done("site", "logs", "paper.localhost")
    assert "before \\x1b]0;owned" in said.stdout and "\x1b" not in said.stdout


def test_a_request_of_the_site_to_itself(paper: Newspaper) -> None:
    with paper.client() as visitor:
        assert visitor.get("/?pressroom_test=self").text == "status: 200"


@pytest.mark.parametrize("target", ["/", "/article-1/?a=1&b=%2F", "/wp-admin/", "/wp-content/x.css"])
def test_an_alias_leads_to_the_sites_domain(paper: Newspaper, target: str) -> None:
    alias = paper.host.replace("paper.", "www.paper.")
    with paper.client() as visitor:
        answer = visitor.get(target, headers={"Host": alias})
    assert (answer.status_code, answer.headers["location"]) == (301, f"http://{paper.host}{target}")


def test_events_run_when_they_are_due_without_a_visitor(paper: Newspaper) -> None:
    word = f"ran-{time.monotonic_ns()}"
    paper.php(f"wp_schedule_single_event(time(), 'pressroom_test_event', ['{word}']);")
    _await(lambda: paper.php("echo get_option('pressroom_test_ran');") == word, CRON_PATIENCE)


def test_a_changed_script_is_seen_by_the_next_request(paper: Newspaper) -> None:
    """Changed twice within a second or two, and with the same size: OPcache must not look at whole seconds alone."""
    script = paper.place.content / "plugins" / "pressroom-test" / "version.php"
    write_as(paper.place.unix_user, script, "<?php return 'aaaa';")
    with paper.client() as visitor:
        _await(lambda: visitor.get("/?pressroom_test=version").text == "version: aaaa", 5)
        time.sleep(2.5)  # old enough for OPcache to keep it
        for number in range(3):
            assert visitor.get("/?pressroom_test=version").text == "version: aaaa"
            began = time.monotonic()
            for word in (f"b{number:03}", f"c{number:03}", "aaaa"):
                write_as(paper.place.unix_user, script, f"<?php return '{word}';")
                assert visitor.get("/?pressroom_test=version").text == f"version: {word}"
            assert time.monotonic() - began < 2


def _requests(told: dict[str, Any], state: str) -> int:
    return next(int(row["requests"]) for row in told["answers"] if row["state"] == state)


def test_latency_tells_how_long_answers_took_and_why_some_were_made(command: CommandLine, paper: Newspaper) -> None:
    paper.await_hit("/")
    before = command.done("site", "latency", "paper.localhost", "--format", "json").json()
    with paper.client() as visitor:
        for _ in range(20):
            visitor.get("/")
        visitor.get("/", headers={"Cookie": "wordpress_logged_in_x=1"})
        visitor.get("/?nothing=1")

    def are_there() -> bool:  # nginx writes its log once a second
        after = command.done("site", "latency", "paper.localhost", "--since", "1h", "--format", "json").json()
        hits, bypasses = (_requests(after, state) - _requests(before, state) for state in ("hit", "bypass"))
        return hits >= 20 and bypasses >= 2 and {"cookie", "arguments"} <= set(after["bypassed"])

    _await(are_there, 15)
    table = command.done("site", "latency", "paper.localhost").stdout
    assert "within 37 ms" in table and "because of:" in table
    for time_ in ("1y", "0h", "-1h", "h", ""):
        said = command.refused(InvalidInput, "site", "latency", "paper.localhost", f"--since={time_}")
        assert "30m, 24h, 7d" in said.stderr


def test_a_sites_settings_are_shown_changed_and_set_back(command: CommandLine, paper: Newspaper) -> None:
    def shown() -> dict[str, Any]:
        rows = command.run("site", "settings", paper.site.domain, "--format", "json").json()
        assert all(row["meaning"] and row["example"] for row in rows)
        return {row["name"]: row["value"] for row in rows}

    assert shown() == _AT_FIRST
    paper.await_hit()
    command.done("site", "settings", paper.site.domain, "--set", "prefetch=no", "--set", "pictures=off")
    assert "/" in paper.stored_keys(), "no stored page is another by it"
    assert shown() == {**_AT_FIRST, "pictures": False, "prefetch": False}
    command.done("site", "settings", paper.site.domain, "--set", "prefetch=", "--set", "pictures=")
    assert shown() == _AT_FIRST


@pytest.mark.parametrize("wrong", ["prefetch=perhaps", "prefetch", "http.port=80", "=1", ""])
def test_what_is_no_setting_of_a_site_changes_nothing(command: CommandLine, paper: Newspaper, wrong: str) -> None:
    before = paper.node.state.site(paper.site.domain).settings
    command.refused(InvalidInput, "site", "settings", paper.site.domain, "--set", "pictures=off", "--set", wrong)
    assert paper.node.state.site(paper.site.domain).settings == before


def test_a_setting_without_a_value_is_not_called_unknown(command: CommandLine, paper: Newspaper) -> None:
    said = command.refused(InvalidInput, "site", "settings", paper.site.domain, "--set", "prefetch")
    assert "prefetch=VALUE" in said.stderr and "no setting" not in said.stderr


def test_who_writes_neither_on_nor_off_is_told_to(command: CommandLine, paper: Newspaper) -> None:
    said = command.refused(InvalidInput, "site", "settings", paper.site.domain, "--set", "prefetch=maybe")
    assert "prefetch: write on or off" in said.stderr
