"""What a shell would obey, in each parameter of each command: it is refused in a sentence, or taken as it stands.

The commands and parameters are those that there are: a new one is tried too, and so is a new setting.
"""

from __future__ import annotations

import contextlib
import secrets
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import typer.main
from pydantic import BaseModel, SecretStr

from pressroom.cli.main import app
from pressroom.model.errors import InvalidInput
from pressroom.model.site import NodeSettings, SiteSettings
from pressroom.operations import running as nodes
from pressroom.operations import settings, trail
from tests.functional.command_line import CommandLine, run_within, traces
from tests.functional.newspaper import Newspaper
from tests.wall_table import Seen

# By the quotes around it where a shell obeys it; `<c>` is a file that is made then.
OBEYED = {
    "": "x$(touch <c>)`touch <c>`;touch <c>;x|touch <c>|x&touch <c>&",
    "'": "'$(touch <c>)`touch <c>`;touch <c>|touch <c>&touch <c>;'",
    '"': '"$(touch <c>)`touch <c>`;touch <c>|touch <c>&touch <c>;"',
}
# What a program would take for an option, or for a pattern.
TAKEN = ["--output=<c>", "-o<c>", "* ?[a-z]* /* ~root {a,b} !! %s%n \\"]
_GOOD = {"domain": "paper.localhost", "part": "nginx", "command": "true", "url": "http://paper.localhost/"}


@dataclass(frozen=True)
class Place:
    """A parameter of a command. `words`: the command, and what keeps it from asking; `arguments`: those that it needs
    and what is good for them, by name; ``option``: as it is written, empty for an argument.
    """

    words: tuple[str, ...]
    name: str
    option: str
    arguments: tuple[tuple[str, str], ...]

    def command(self, value: str) -> list[str]:
        given = [f"{self.option}={value}"] if self.option else []
        arguments = [value if name == self.name else good for name, good in self.arguments]
        return [*self.words, *given, *(["--", *arguments] if arguments else [])]


def _places(group: Any, path: tuple[str, ...] = ()) -> Iterator[Place]:
    inner = getattr(group, "commands", {})
    for name, command in inner.items():
        yield from _places(command, (*path, name))
    if inner:
        return
    flags = [flag for flag in ("--dry-run", "--yes") if any(flag in one.opts for one in group.params)][:1]
    arguments = [one for one in group.params if one.param_type_name == "argument"]
    for parameter in group.params:
        if getattr(parameter, "is_flag", False):
            continue
        option = parameter.opts[0] if parameter.param_type_name == "option" else ""
        needed = [one.name for one in arguments if one.required or one is parameter]
        good = _GOOD | ({"domain": "new.example"} if path == ("site", "create") else {})
        told = tuple((name, good.get(name, "x")) for name in needed)
        yield Place((*path, *flags), parameter.name, option, told)


PLACES = list(_places(typer.main.get_command(app)))


@dataclass(frozen=True)
class Canary:
    """A file in /tmp, the machine's or the site's own, with a short name: what is too long is refused for that."""

    path: Path
    within: Path

    def words(self, text: str) -> str:
        return text.replace("<c>", str(self.path))

    def sings(self) -> bool:
        there = [path for path in (self.path, self.within) if path.exists()]
        for path in there:
            path.unlink()
        return bool(there)


@pytest.fixture
def canary(paper: Newspaper) -> Canary:
    name = f"c{secrets.token_hex(3)}"
    return Canary(Path("/tmp") / name, paper.place.private / "tmp" / name)


def _took(command: CommandLine, words: Sequence[str]) -> bool:
    """Whether the command was carried out; if not, it said why."""
    said, error = run_within("--root", str(command.root), *words)
    assert "Traceback" not in said.stderr, words
    if error is not None:
        assert said.stdout == "" and error.message.isprintable() and error.hint, (words, error)
        return False
    assert said.exit_code in (0, 2), (words, said)
    assert said.exit_code == 0 or (said.stdout == "" and "Usage:" in said.stderr), (words, said)
    return said.exit_code == 0


def test_what_is_tried() -> None:
    """Among all: those that are known to take words of each kind."""
    assert {(" ".join(place.words), place.name) for place in PLACES} >= {
        ("site create --dry-run", "title"), ("site create --dry-run", "wordpress"), ("site exec", "command"),
        ("site scan", "quarantine"), ("site login", "user"), ("audit log", "since"), ("cache purge --yes", "url"),
        ("settings", "change"), ("site settings", "change"), ("site mail", "message"), ("site core --yes", "to"),
        ("logs", "part"), ("cache explain", "change"), ("audit verify", "head"),
    }  # fmt: skip


def test_each_parameter(command: CommandLine, paper: Newspaper, canary: Canary) -> None:
    """Taken are a title, and a site's name for a list that has nothing of it then."""
    before, taken = traces(paper.node, gates=False), set()
    for place in PLACES:
        for payload in [*OBEYED.values(), *TAKEN]:
            words = place.command(canary.words(payload))
            if _took(command, words):
                taken.add((place.words[:2], place.name))
            assert not canary.sings(), words
    for payload in [*OBEYED.values(), *TAKEN]:
        said, error = run_within("--root", canary.words(payload), "site", "list", "--format", "json")
        assert not canary.sings() and (error is not None or said.json() == []), payload
    assert taken == {(("site", "create"), "title"), (("audit", "log"), "site")}
    assert traces(paper.node, gates=False) == before, "something was made or changed"
    assert trail.check(paper.node).fault is None


@pytest.mark.parametrize("known", [NodeSettings(), SiteSettings.model_validate({})], ids=["node", "site"])
def test_each_setting(known: BaseModel) -> None:
    """What the relay is told as a login takes them, and gets them by no command's words."""
    taken = set()
    for row in settings.all_settings(known):
        for payload in [*OBEYED.values(), *TAKEN]:
            with contextlib.suppress(InvalidInput):
                section, _, name = row.name.rpartition(".")
                changed = settings.changed(known, [f"{row.name}={payload}"])
                value = getattr(getattr(changed, section) if section else changed, name)
                assert payload == (value.get_secret_value() if isinstance(value, SecretStr) else value)
                taken.add(row.name)
    assert taken <= {"mail.relay_user", "mail.relay_password"}


@pytest.mark.parametrize("quote", OBEYED)
def test_by_a_shell_they_would_be_obeyed(
    command: CommandLine, canary: Canary, monkeypatch: pytest.MonkeyPatch, seen: Seen, quote: str
) -> None:
    """With the one place that starts programs changed so that a shell does, each of its words within these quotes."""
    words = ["site", "exec", "paper.localhost", "--", canary.words(OBEYED[quote])]
    assert not _took(command, words) and not canary.sings()
    real = subprocess.Popen

    def by_a_shell(argv: Sequence[str], **options: Any) -> subprocess.Popen[bytes]:
        return real(["sh", "-c", " ".join(f"{quote}{word}{quote}" for word in argv)], **options)

    monkeypatch.setattr(subprocess, "Popen", by_a_shell)
    with contextlib.suppress(OSError):
        run_within("--root", str(command.root), *words)
    assert canary.sings()
    seen.both(f"what a shell obeys, in a command's word{f' within {quote}' if quote else ''}", "no shell is used")


@pytest.mark.long
def test_what_is_taken_is_taken_as_it_stands(command: CommandLine, paper: Newspaper, canary: Canary) -> None:
    """A title, the path of a WordPress, the relay's login: to the end, where each is used."""
    folder = Path(tempfile.mkdtemp(dir="/var/tmp"))
    core = folder / OBEYED[""].replace("<c>", "c").replace("/", "")
    node, words = paper.node, {quote: canary.words(payload) for quote, payload in OBEYED.items()}
    known = node.state.settings()
    try:
        shutil.copytree(node.maker.cores.get(paper.site.core).path, core)
        command.done("site", "create", "new.localhost", "--title", words["'"], "--wordpress", core)
        assert command.done("site", "show", "new.localhost", "--format", "json").json()["title"] == words["'"]
        relay = {"relay_host": "127.0.0.1", "relay_user": words[""], "relay_password": words['"'], "relay_tls": "none"}
        command.done("settings", *(f"--set=mail.{name}={value}" for name, value in relay.items()))
        assert node.state.settings().mail.relay_user == words[""]
        assert not canary.sings() and not list(Path.cwd().glob("c"))
    finally:
        node.state.save_settings(known)
        nodes.make(node)
        command.done("site", "delete", "new.localhost", "--yes")
        shutil.rmtree(folder)
