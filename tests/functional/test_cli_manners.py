"""How every command behaves: its help, its two channels, its exit codes, the keys of its JSON."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from typing import Any

import pytest
import typer.main

from pressroom.cli.main import app
from pressroom.model.errors import InvalidInput, NotFound, NotRunning
from tests.functional.command_line import CommandLine, run_within
from tests.functional.newspaper import Newspaper

SITE = {
    "domain", "url", "aliases", "title", "admin_user", "admin_email", "status", "name", "unix_user", "database",
    "wordpress", "previous_wordpress", "path", "created_at",
    "disk_mb", "disk_most_mb", "files", "files_most", "bounded_by",
    "database_mb", "database_most_mb",
}  # fmt: skip
CACHE = {
    "domain", "stored", "queued", "rendering", "refused", "gate", "caught_up", "dropped_at", "dropped_why", "unwatched",
    "unanalysed",
    "audit",
    "varies",
    "most",
    "taken_by_renders",
    "pictures_waiting",
    "refusals",
    "renders_wrote",
}  # fmt: skip
AUDIT = {"checked", "stored", "overtaken", "random", "failed", "violations"}
ENTRY = {
    "number", "at", "ended_at", "person", "person_by", "user", "origin", "origin_by", "terminal", "command", "site",
    "outcome", "detail", "hash",
}  # fmt: skip
VERDICT = {"number", "head", "copied", "noted", "fault"}
EXPLAINED = {
    "url", "stored", "state", "why_not", "kind", "size", "rendered_at", "render_seconds", "queries", "depends_on",
    "reads", "valid_from", "valid_until", "valid_why", "taken_at", "taken_why", "last_drop_at", "last_drop_why",
}  # fmt: skip


def _commands(group: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    yield path, group
    for name, command in getattr(group, "commands", {}).items():
        yield from _commands(command, (*path, name))


def test_help_of_every_command_names_its_options() -> None:
    known = list(_commands(typer.main.get_command(app)))
    assert {path for path, _ in known} >= {("up",), ("clean",), ("site", "create"), ("cache", "explain")}
    for path, known_command in known:
        # A process for each would cost half a minute; that the process prints the same is seen below.
        said, _ = run_within(*path, "--help")
        assert (said.exit_code, said.stderr) == (0, "")
        for parameter in known_command.params:
            for option in parameter.opts if parameter.param_type_name == "option" else ():
                assert option in said.stdout, f"{' '.join(path)} --help does not tell of {option}"
        for name in getattr(known_command, "commands", {}):
            assert f" {name} " in said.stdout


def test_help_as_a_process(command: CommandLine) -> None:
    said = command.done("--help")
    assert said.stderr == "" and "--root" in said.stdout and " site " in said.stdout
    assert command.done("site", "create", "-h").stdout.count("--wordpress") == 1


@pytest.mark.parametrize(
    "words",
    [["nonsense"], ["site", "nonsense"], ["status", "--nonsense"], ["site", "show"], ["status", "--format", "yaml"]],
    ids=" ".join,
)
def test_what_is_no_command_ends_with_2(command: CommandLine, words: list[str]) -> None:
    said = command.run(*words)
    assert (said.exit_code, said.stdout) == (2, "")
    assert said.stderr


@pytest.mark.parametrize(
    ("words", "keys"),
    [
        (["site", "show", "paper.localhost"], SITE),
        (["site", "list"], SITE),
        (["status"], {"name", "state", "detail"}),
        (["doctor"], {"check", "verdict", "detail", "advice"}),
        (["cache", "status"], CACHE),
        (["cache", "status", "paper.localhost"], CACHE),
        (["cache", "warm", "paper.localhost"], CACHE),
        (["cache", "audit", "paper.localhost", "--limit", "2"], AUDIT),
        (["audit", "log"], ENTRY),
        (["audit", "verify"], VERDICT),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_json_has_keys_that_scripts_can_rely_on(
    command: CommandLine, paper: Newspaper, words: list[str], keys: set[str]
) -> None:
    paper.await_hit()
    command.done("site", "login", "paper.localhost")  # which the audit trail knows of
    answer = command.done(*words, "--format", "json").json()
    rows = answer if isinstance(answer, list) else [answer]
    assert rows and all(set(row) == keys for row in rows)


def test_json_of_explain(command: CommandLine, paper: Newspaper) -> None:
    paper.await_hit()
    url = command.done("site", "show", "paper.localhost", "--format", "json").json()["url"]
    assert url == f"http://{paper.host}"
    answer = command.done("cache", "explain", f"{url}/", "--format", "json").json()
    assert set(answer) == EXPLAINED
    assert (answer["url"], answer["stored"], answer["state"]) == (f"{url}/", True, "stored")


def test_a_table_says_the_same(command: CommandLine, paper: Newspaper) -> None:
    shown = command.done("site", "show", "www.paper.localhost")
    assert shown.stderr == ""
    assert f"http://{paper.host}" in shown.stdout and "The Test Paper" in shown.stdout
    assert "paper.localhost" in command.done("site", "list").stdout
    assert "mariadb" in command.done("status").stdout


def test_a_part_that_is_down_is_told_by_the_exit_code(command: CommandLine, paper: Newspaper) -> None:
    paper.node.engine.stop("mail")
    try:
        said = command.run("status", "--format", "json")
        examined = command.run("doctor")
    finally:
        paper.node.engine.start("mail")
    assert (said.exit_code, examined.exit_code) == (NotRunning.exit_code, 1)
    assert '"stopped"' in said.stdout and "pressroom up" in examined.stdout


def test_a_store_that_holds_as_many_pages_as_it_may(command: CommandLine, paper: Newspaper) -> None:
    settings = paper.node.state.settings()
    full = settings.cache.model_copy(update={"max_pages_per_site": len(paper.stored_keys())})
    paper.node.state.save_settings(settings.model_copy(update={"cache": full}))
    try:
        said = command.run("doctor", "--format", "json").stdout
    finally:
        paper.node.state.save_settings(settings)
    assert "more pages than may be stored" in said and "cache.max_pages_per_site=" in said
    assert "more pages than may be stored" not in command.run("doctor", "--format", "json").stdout


def test_an_error_is_a_sentence_and_a_traceback_only_on_demand(command: CommandLine) -> None:
    said = command.refused(NotFound, "site", "show", "papr.localhost")
    assert "papr.localhost" in said.stderr
    asked = subprocess.run(
        [*command.argv()[:5], "--debug", "site", "show", "papr.localhost"], capture_output=True, text=True, check=False
    )
    assert asked.returncode != 0 and "Traceback" in asked.stderr


def test_output_into_a_closed_pipe(command: CommandLine, paper: Newspaper) -> None:
    reader = subprocess.Popen(["true"], stdin=subprocess.PIPE)
    assert reader.stdin is not None
    reader.wait()
    done = subprocess.run(
        command.argv("status"), stdout=reader.stdin, stderr=subprocess.PIPE, text=True, timeout=30, check=False
    )
    reader.stdin.close()
    assert "Traceback" not in done.stderr


def test_logs(command: CommandLine, paper: Newspaper) -> None:
    assert command.done("logs", "supervisord", "-n", "3").stdout.count("\n") == 3
    assert command.done("logs", "nginx").stderr == ""
    for name in ("nonsense", "../control/state", "/etc/passwd"):
        assert "nginx" in command.refused(NotFound, "logs", name).stderr


def test_looking_at_a_folder_without_a_node_makes_none(command: CommandLine, paper: Newspaper) -> None:
    nowhere = CommandLine(command.root.with_name("pressroom-nowhere"))
    for words in (
        ["status"],
        ["site", "show", "a.example"],
        ["cache", "status"],
        ["cache", "explain", "http://a.example/"],
    ):
        assert "pressroom up" in nowhere.refused(NotRunning, *words).stderr
    assert nowhere.done("site", "list", "--format", "json").json() == []
    for words in (["down"], ["clean", "--yes"], ["up", "--dry-run"], ["doctor"]):
        nowhere.done(*words)
    assert not nowhere.root.exists()


def test_a_root_folder_that_cannot_be_one(command: CommandLine) -> None:
    for root in ("/etc/passwd", "/var/tmp/a;b", "/var/tmp/" + "deep/" * 30):
        CommandLine(command.root.joinpath(root)).refused(InvalidInput, "up")
