"""What is refused, previewed or not confirmed leaves the machine as it was."""

from __future__ import annotations

import itertools
import subprocess
import zipfile
from pathlib import Path

from pressroom.model.errors import BadSource, Busy, Conflict, InvalidInput, NotFound, PressroomError
from pressroom.model.secrets import new_salts
from pressroom.operations import trail
from tests.functional.command_line import CommandLine, traces
from tests.functional.newspaper import Newspaper

BAD_DOMAINS = [
    "a;b.example", "a}b.example", "a{b.example", "a\nb.example", "a$b.example", "a'b.example", 'a"b.example',
    "a\\b.example", "..", "a..example", "../../etc/passwd", f"{'a' * 64}.example", ".".join(["a" * 60] * 5),
    "trailing.example.", "xn--pypal-4ve.example", "pаypal.example", "127.0.0.1", "nodot", "", "a b.example",
    "*.example", "-a.example", "a.example:80", "$(id).example", "`id`.example", "\udcff.example",
    "a\x00b.example", "a\x1b[1m.example",
]  # fmt: skip
BAD_OPTIONS = [
    ("--title", "two\nlines"),
    ("--title", "t" * 201),
    ("--title", "\x1b]0;owned\x07"),
    ("--admin-email", "nobody"),
    ("--admin-email", "a@b.example\nBcc: c@d.example"),
    ("--admin-email", "a@-b.example"),
    ("--admin-user", "<script>"),
    ("--admin-user", "u" * 61),
    ("--alias", "a;b.example"),
]

# What ends a line or a text, or steers a terminal, in a word of each command.
_LINE = "\n"
_OTHERS = ["\r\nX-Smuggled: 1", "\0", "\x1b]0;owned\x07", "\x85", "\u2028"]
_PAPER = "paper.localhost"
FIELDS: list[list[str]] = [
    ["site", "create", "new<h>.example"],
    ["site", "create", "new.example", "--title", "New<h>x"],
    ["site", "create", "new.example", "--admin-email", "a@b.example<h>x"],
    ["site", "create", "new.example", "--admin-user", "editor<h>x"],
    ["site", "create", "new.example", "--alias", "www.new.example<h>x"],
    ["site", "create", "new.example", "--wordpress", "debian<h>x"],
    ["site", "settings", _PAPER, "--set", "<h>pictures=off"],
    ["site", "settings", _PAPER, "--set", "pictures=off<h>x"],
    ["site", "settings", _PAPER, "--set", "firewall=block<h>x"],
    ["site", "login", _PAPER, "--user", "editor<h>x"],
    ["site", "exec", _PAPER, "--", "tr<h>ue"],
    ["site", "latency", _PAPER, "--since", "24h<h>x"],
    ["site", "mail", _PAPER, "1<h>x"],
    ["site", "core", _PAPER, "--to", "debian<h>x", "--yes"],
    *(["site", "scan", _PAPER, option, "x<h>x"] for option in ("--quarantine", "--accept", "--restore", "--discard")),
    *(["site", *words, "paper<h>.localhost"] for words in (["show"], ["logs"], ["rotate", "--yes"], ["waf", "log"])),
    ["cache", "purge", "paper<h>.localhost", "--yes"],
    ["cache", "purge", _PAPER, "http://x<h>.example/"],
    ["cache", "explain", "http://paper.localhost/nobody<h>x/"],
    ["cache", "explain", "paper<h>.localhost"],
    ["cache", "explain", _PAPER, "--change", "1<h>x"],
    ["audit", "log", "--since", "1h<h>x"],
    ["audit", "verify", "--head", "0123456789ab<h>x"],
    ["logs", "nginx<h>x"],
    ["settings", "--set", "mail.sen<h>der=a@b.example"],
    *(["settings", "--set", f"{word}<h>x"] for word in (
        "http.port=8080", "http.listen=127.0.0.1", "http.proxies=127.0.0.1/32", "https.port=8443",
        "mail.relay_host=smtp.example.org", "mail.relay_user=editor", "mail.sender=a@b.example",
        "php.memory_limit=256M", "tenants.reach=10.0.0.0/8", "cache.max_pages_per_site=5")),
]  # fmt: skip


def test_bad_domains(command: CommandLine, paper: Newspaper) -> None:
    before = traces(paper.node)
    for domain in BAD_DOMAINS:
        assert "domain" in (said := command.refused_within(InvalidInput, "site", "create", "--", domain)).message or (
            "label" in said.message or "script" in said.message
        )
    for argument in ("a;b.example", "a\nb.example", "", b"\xff\x1b[1m.example"):
        command.refused(InvalidInput, "site", "create", "--", argument)
    assert traces(paper.node) == before


def test_bad_titles_addresses_and_names(command: CommandLine, paper: Newspaper) -> None:
    before = traces(paper.node)
    for option in BAD_OPTIONS:
        command.refused_within(InvalidInput, "site", "create", "new.example", *option)
    command.refused(InvalidInput, "site", "create", "new.example", *BAD_OPTIONS[0])
    assert traces(paper.node) == before


def test_lines_and_escapes_in_each_field(command: CommandLine, paper: Newspaper) -> None:
    """Refused in a sentence that no terminal obeys. The audit trail tells of it, and its copy has whole lines alone."""
    before = traces(paper.node)
    for words, other in zip(FIELDS, itertools.cycle(_OTHERS)):
        for harm in (_LINE, other):
            command.refused_within(PressroomError, *(word.replace("<h>", harm) for word in words))
    command.refused(NotFound, "logs", "nginx\x1b]0;owned\x07")
    assert traces(paper.node) == before
    assert trail.check(paper.node).fault is None


def test_domains_that_belong_to_somebody(command: CommandLine, paper: Newspaper) -> None:
    before = traces(paper.node)
    taken = [
        ["paper.localhost"],
        ["PAPER.localhost"],
        ["www.paper.localhost"],
        ["new.example", "--alias", "paper.localhost"],
        ["new.example", "--alias", "www.paper.localhost"],
        ["new.example", "--alias", "new.example"],
        ["new.example", "--alias", "b.example", "--alias", "b.example"],
    ]
    for words in taken:
        said = command.refused_within(Conflict, "site", "create", *words)
        assert "paper.localhost" in said.message or "twice" in said.message
    for words in taken[:5]:
        command.refused_within(Conflict, "site", "create", "--dry-run", *words)
    command.refused(Conflict, "site", "create", *taken[2])
    assert traces(paper.node) == before


def test_a_taken_alias_is_seen_before_a_core_is_fetched(command: CommandLine, paper: Newspaper, tmp_path: Path) -> None:
    """With a source that is not stored yet: a refused site must not leave its core behind."""
    cores = paper.node.maker.cores
    before = [core.name for core in cores.list()]
    other = tmp_path / "wordpress"
    (other / "wp-includes").mkdir(parents=True)
    said = command.refused(
        Conflict, "site", "create", "new.example", "--alias", "www.paper.localhost", "--wordpress", other
    )
    assert "www.paper.localhost belongs to" in said.stderr
    assert [core.name for core in cores.list()] == before


def test_a_half_made_site_is_finished_as_it_was_begun(command: CommandLine, paper: Newspaper) -> None:
    state = paper.node.state
    state.add_site(
        domain="half.localhost", title="Half", admin_email="a@example.org", admin_user="admin", aliases=(),
        core=paper.site.core, source="debian", salts=new_salts(),
    )  # fmt: skip
    try:
        refused = command.refused(Conflict, "site", "create", "half.localhost", "--alias", "other.localhost")
        assert "half made" in refused.stderr
        assert state.site("half.localhost").aliases == ()
    finally:
        command.done("site", "delete", "half.localhost", "--yes")


def test_sources_that_hold_no_wordpress(command: CommandLine, paper: Newspaper, tmp_path: Path) -> None:
    (tmp_path / "broken.zip").write_bytes(b"PK\x03\x04 and then nothing")
    (tmp_path / "empty").mkdir()
    (tmp_path / "file.txt").write_text("no archive")
    with zipfile.ZipFile(tmp_path / "other.zip", "w") as archive:
        archive.writestr("readme.txt", "no WordPress")
    with zipfile.ZipFile(tmp_path / "evil.zip", "w") as archive:
        archive.writestr("wordpress/../../../../../var/tmp/pressroom-evil", "out")
    before = traces(paper.node)
    sources: list[str | Path] = [
        "no-such-thing", "", tmp_path / "missing", "/dev/null", tmp_path / "broken.zip", tmp_path / "empty",
        tmp_path / "file.txt", tmp_path / "other.zip", tmp_path / "evil.zip", "$(id)",
    ]  # fmt: skip
    for source in sources:
        command.refused_within(BadSource, "site", "create", "new.example", "--wordpress", source)
    command.refused(BadSource, "site", "create", "new.example", "--wordpress", tmp_path / "broken.zip")
    assert traces(paper.node) == before
    assert not Path("/var/tmp/pressroom-evil").exists()


def test_names_of_nothing(command: CommandLine, paper: Newspaper) -> None:
    before = traces(paper.node)
    tries: list[tuple[type[PressroomError], list[str]]] = [
        (NotFound, ["site", "delete", "no.example", "--yes"]),
        (NotFound, ["site", "mail", "paper.localhost", "../../../etc/passwd"]),
        (NotFound, ["site", "core", "paper.localhost", "--back", "--yes"]),
        (NotFound, ["site", "exec", "no.example", "--", "id"]),
        (InvalidInput, ["site", "core", "paper.localhost"]),
        (Conflict, ["site", "delete", "www.paper.localhost", "--yes"]),
        (Conflict, ["site", "core", "paper.localhost", "--to", "debian", "--yes"]),
    ]
    for error, words in tries:
        command.refused_within(error, *words)
    assert traces(paper.node) == before


def test_a_preview_changes_nothing(command: CommandLine, paper: Newspaper) -> None:
    before = traces(paper.node)
    assert "new.example" in command.done("site", "create", "new.example", "--dry-run").stdout
    assert "Unix user" in command.done("site", "delete", "paper.localhost", "--dry-run").stdout
    assert str(command.root) in command.done("clean", "--dry-run").stdout
    assert "Nothing to do" in command.done("up", "--dry-run").stdout
    assert traces(paper.node) == before


def test_without_yes_and_without_a_terminal_nothing_is_done(command: CommandLine, paper: Newspaper) -> None:
    before = traces(paper.node)
    stored = paper.stored_keys()
    for words in (
        ["site", "delete", "paper.localhost"],
        ["clean"],
        ["cache", "purge", "paper.localhost"],
        ["site", "core", "paper.localhost", "--to", "debian"],
    ):
        assert "--yes" in command.refused(InvalidInput, *words).stderr
    piped = command.run("site", "delete", "paper.localhost", stdin="y\n")
    assert piped.exit_code == InvalidInput.exit_code
    assert traces(paper.node) == before
    assert len(paper.stored_keys()) >= len(stored) > 0


def test_two_at_once(command: CommandLine, paper: Newspaper) -> None:
    """One goes on, the other says what it is that has the lock; then a third has its way."""
    domains = ["first.localhost", "second.localhost"]
    before = {site.domain for site in paper.node.state.sites()}
    both = [
        subprocess.Popen(
            command.argv("site", "create", domain), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        for domain in domains
    ]
    said = [one.communicate(timeout=60) for one in both]
    codes = [one.returncode for one in both]
    try:
        assert sorted(codes) == [0, Busy.exit_code], said
        won, lost = domains[codes.index(0)], codes.index(Busy.exit_code)
        assert f"`pressroom site create {won}`" in said[lost][1] and said[lost][0] == ""
        assert {site.domain for site in paper.node.state.sites()} == before | {won}
    finally:
        for site in paper.node.state.sites():
            if site.domain in domains:
                command.done("site", "delete", site.domain, "--yes")


def test_a_lock_that_is_held(command: CommandLine, paper: Newspaper) -> None:
    with paper.node.locked("site create slow.example"):
        for words in (["cache", "purge", "paper.localhost", "--yes"], ["down"], ["clean", "--yes"], ["up"]):
            assert "`pressroom site create slow.example`" in command.refused(Busy, *words).stderr
    assert "taken out" in command.done("cache", "purge", "paper.localhost", f"http://{paper.host}/").stdout
    paper.await_hit()
