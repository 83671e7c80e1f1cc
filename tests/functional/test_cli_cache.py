"""`cache purge`, `cache explain`, `cache audit`, as the owner of a site uses them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest

from pressroom.cli.cache_commands import _only_domain
from pressroom.model.errors import InvalidInput, NotFound, PressroomError
from pressroom.operations import cache
from pressroom.operations.node import Node
from pressroom.pagecache.store import PageStore
from tests.functional.command_line import CommandLine
from tests.functional.newspaper import Newspaper

TAMPERED = b"<!-- somebody was here -->"


@pytest.fixture(autouse=True, scope="module")
def without_events(paper: Newspaper) -> Iterator[None]:
    """WordPress's events write when they are due, and so take the pages out: rightly, and not expected here."""
    paper.node.engine.stop("cron")
    yield
    paper.node.engine.start("cron")


@pytest.fixture(autouse=True)
def warm(paper: Newspaper) -> None:
    paper.warm()
    paper.await_hit()
    paper.await_hit("/article-1/")


def _cached(paper: Newspaper, path: str) -> str:
    with paper.client() as visitor:
        return visitor.get(path).headers["x-pressroom-cache"]


def test_purge_of_one_page(command: CommandLine, paper: Newspaper) -> None:
    dropped = cache.status(paper.node, paper.site.domain).dropped_at
    said = command.done("cache", "purge", "paper.localhost", f"http://{paper.host}/article-1/?utm_source=x")
    assert (said.stdout, said.stderr) == ("One page was taken out.\n", "")
    assert _cached(paper, "/") == "hit" and cache.status(paper.node, paper.site.domain).dropped_at == dropped
    paper.await_hit("/article-1/")


def test_purge_of_all(command: CommandLine, paper: Newspaper) -> None:
    stored = len(paper.stored_keys())
    assert stored > 10
    said = command.done("cache", "purge", "paper.localhost", "--yes")
    assert said.stdout == f"{stored} pages were taken out.\n"
    assert cache.status(paper.node, paper.site.domain).dropped_why == "purged by hand"
    paper.await_hit()


def test_explain(command: CommandLine, paper: Newspaper) -> None:
    command.done("cache", "purge", "paper.localhost", "--yes")
    paper.warm()
    answer = command.done("cache", "explain", f"http://{paper.host}/article-1/", "--format", "json").json()
    assert answer["stored"] is True, answer
    assert answer["size"] > 1000 and answer["queries"] > 5
    assert answer["depends_on"] and answer["last_drop_why"] == "purged by hand"
    assert answer["last_drop_at"] <= answer["rendered_at"]
    said = command.done("cache", "explain", f"http://{paper.host}/article-1/").stdout
    assert f"/article-1/ is stored.\nIt was made at {answer['rendered_at']} in " in said
    assert f"It depends on {answer['depends_on']} (--format json lists each).\n" in said
    assert f"right until {answer['valid_until']}: " in said
    assert said.endswith(f"at {answer['last_drop_at']}: purged by hand.\n")


def test_why_pages_are_not_stored(command: CommandLine, paper: Newspaper) -> None:
    paper.php("wp_insert_post(['post_type' => 'page', 'post_status' => 'publish', 'post_title' => 'Not everybody',"
              " 'post_name' => 'not-everybody', 'post_password' => 'secret']);")  # fmt: skip
    with paper.client() as visitor:
        visitor.get("/not-everybody/")
    paper.warm()
    said = command.done("cache", "explain", f"http://{paper.host}/not-everybody/").stdout
    (told,) = [line for line in command.done("cache", "status").stdout.splitlines() if "(/not-everybody/): " in line]
    assert told.startswith("paper.localhost: one page is not stored")
    assert said.splitlines()[0].endswith("/not-everybody/ may not be stored: " + told.partition("): ")[2] + ".")
    paper.php("wp_delete_post(get_page_by_path('not-everybody')->ID, true);")  # others' pages are all hits


def test_the_last_change_is_told_of_a_domain(command: CommandLine, paper: Newspaper) -> None:
    paper.sql("UPDATE wp_posts SET post_title='Told' WHERE post_name='article-1'")
    paper.await_hit("/article-1/")
    told = command.done("cache", "explain", "paper.localhost", "--change", "LAST", "--format", "json").json()
    assert "/article-1/" in told["pages"]
    assert told == command.done(
        "cache", "explain", "paper.localhost", "--change", str(told["sequence"]), "--format", "json"
    ).json()  # fmt: skip


def _node_of(*domains: str) -> Node:
    sites = [SimpleNamespace(domain=domain) for domain in domains]
    return cast("Node", SimpleNamespace(state=SimpleNamespace(sites=lambda: sites)))


def test_the_only_site_need_not_be_named_for_its_last_change(command: CommandLine) -> None:
    assert _only_domain(_node_of("a.example")) == "a.example"
    with pytest.raises(InvalidInput):
        _only_domain(_node_of("a.example", "b.example"))
    command.refused(InvalidInput, "cache", "explain")


@pytest.mark.parametrize(
    ("error", "url"),
    [
        (NotFound, lambda host: f"http://{host}/never-asked-for/"),
        (NotFound, lambda host: f"http://{host}/日本/"),  # an address as people write it
        (NotFound, lambda host: "http://foreign.example/"),
        (InvalidInput, lambda host: f"http://{host}/?s=search"),
        (InvalidInput, lambda host: f"http://{host}/wp-admin/"),
        (InvalidInput, lambda host: f"http://{host}/../../etc/passwd"),
        (InvalidInput, lambda host: f"{host}/article-1/"),
        (InvalidInput, lambda host: "/article-1/"),
        (InvalidInput, lambda host: "http://[::1/"),
    ],
    ids=["unknown", "letters", "foreign", "arguments", "wp-admin", "outside", "no scheme", "no host", "broken"],
)
def test_explain_of_what_is_no_page(
    command: CommandLine, paper: Newspaper, error: type[PressroomError], url: Callable[[str], str]
) -> None:
    command.refused(error, "cache", "explain", url(paper.host))


def test_purge_of_a_page_of_another_site(command: CommandLine, paper: Newspaper) -> None:
    """The address must be one of the site that is named."""
    for words in (["paper.localhost", "http://foreign.example/"], ["foreign.example", "--yes"]):
        said = command.run("cache", "purge", *words)
        assert said.exit_code in (InvalidInput.exit_code, NotFound.exit_code), said
        assert "Try:" in said.stderr and said.stdout == ""
    assert _cached(paper, "/") == "hit"


def _stored_file(paper: Newspaper, key: str) -> Path:
    store = PageStore(paper.node.layout.store)
    generation = store.current(paper.site.name)
    assert generation is not None
    return store.plain_file(paper.site.name, generation, key, "page")


def test_audit_finds_what_is_not_right_and_takes_it_out(command: CommandLine, paper: Newspaper) -> None:
    clean = command.done("cache", "audit", "paper.localhost", "--limit", "100", "--format", "json").json()
    assert clean["checked"] > 10 and clean["violations"] == []

    file = _stored_file(paper, "/article-1/")
    file.write_bytes(file.read_bytes().replace(b"</body>", TAMPERED + b"</body>"))
    with paper.client() as visitor:
        plain = {"Accept-Encoding": "identity"}
        assert TAMPERED in visitor.get("/article-1/", headers=plain).content
        said = command.run("cache", "audit", "paper.localhost", "--limit", "100")
        assert said.exit_code == 1
        assert "/article-1/" in said.stdout and TAMPERED.decode() in said.stdout
        assert TAMPERED not in visitor.get("/article-1/", headers=plain).content
    evidence = Path(said.stdout.strip().rpartition("Evidence: ")[2])
    assert TAMPERED in (evidence / "stored").read_bytes() and TAMPERED not in (evidence / "fresh").read_bytes()
    paper.forget_evidence()
    paper.await_hit("/article-1/")
    assert TAMPERED not in _stored_file(paper, "/article-1/").read_bytes()
    again = command.done("cache", "audit", "paper.localhost", "--limit", "100", "--format", "json").json()
    assert again["violations"] == []
