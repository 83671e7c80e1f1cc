"""`site core`: a site moves to another WordPress core and back; what it owns stays, and a killed move is finished."""

from __future__ import annotations

import hashlib
import os
import re
import signal
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from pressroom.control.inside import SiteWordPress
from pressroom.model.errors import NotFound
from pressroom.model.layout import SiteLayout
from pressroom.operations import running as nodes
from pressroom.operations import sites
from pressroom.operations.node import Node, open_node
from pressroom.system import process
from pressroom.wordpress.folders import DebianSource
from pressroom.wordpress.tree import core_of
from tests.functional.command_line import CommandLine, traces, write_as

DOMAIN = "moving.localhost"
SECOND = "6.1.99"
MARK = "<!-- of the second core -->"


@pytest.fixture(scope="module")
def second_core(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Debian's core with another version and one file that shows in every page."""
    folder = tmp_path_factory.mktemp("second") / "wordpress"
    folder.mkdir()
    DebianSource().fetch(folder)
    version = folder / "wp-includes/version.php"
    version.write_text(re.sub(r"\$wp_version = '[^']*'", f"$wp_version = '{SECOND}'", version.read_text()))
    filters = folder / "wp-includes/default-filters.php"
    filters.write_text(filters.read_text() + f"\nadd_action('wp_footer', function () {{ echo '{MARK}'; }});\n")
    return folder


@pytest.fixture(scope="module")
def first(node: Node, command: CommandLine) -> Iterator[str]:
    """The site; yields the name of the core that it begins with."""
    before = traces(node)
    made = command.done("site", "create", DOMAIN, "--title", "On the move", "--format", "json")
    assert made.json()["status"] == "ready"
    assert "Unix user" in made.stderr, "progress belongs on stderr"
    changed = {what for what, seen in traces(node).items() if seen != before[what]}
    assert changed == {*before}, "the comparison that other tests rely on does not see everything"
    yield made.json()["wordpress"]
    command.done("site", "delete", DOMAIN, "--yes")
    assert DOMAIN not in command.done("site", "list").stdout


def _page(node: Node, path: str = "/") -> httpx.Response:
    port = node.state.settings().http.port
    return httpx.get(f"http://127.0.0.1:{port}{path}", headers={"Host": f"{DOMAIN}:{port}"}, timeout=60, verify=False)


def _is_of_second(node: Node) -> bool:
    page = _page(node)
    assert page.status_code == 200 and "On the move" in page.text, (page.headers, page.text[:500])
    by_mark, by_version = MARK in page.text, f'content="WordPress {SECOND}"' in page.text
    assert by_mark is by_version
    return by_mark


def _own_files(place: SiteLayout) -> dict[str, str]:
    """Digests of what is the site's own."""
    files = [place.public / "wp-config.php", *(path for path in place.content.rglob("*") if path.is_file())]
    return {str(path): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def _core(command: CommandLine) -> str:
    return str(command.done("site", "show", DOMAIN, "--format", "json").json()["wordpress"])


def test_there_and_back(node: Node, command: CommandLine, first: str, second_core: Path) -> None:
    place = node.layout.site(node.state.site(DOMAIN).name)
    write_as(place.unix_user, place.content / "own.txt", "the site's own")
    sql = f"UPDATE {place.name}.wp_posts SET post_title='Kept through the move' WHERE ID=1"
    process.run(["mariadb", "-S", node.layout.mariadb_socket, "-e", sql])
    before = _own_files(place)
    assert not _is_of_second(node)

    said = command.done("site", "core", DOMAIN, "--to", second_core, "--yes")
    assert f"runs on {SECOND}-" in said.stdout
    assert _is_of_second(node) and "Kept through the move" in _page(node).text
    assert core_of(place.public) == SECOND and _own_files(place) == before

    said = command.done("site", "core", DOMAIN, "--back", "--yes")
    assert f"runs on {first}" in said.stdout and _core(command) == first
    assert not _is_of_second(node) and "Kept through the move" in _page(node).text
    assert _own_files(place) == before


def test_a_source_that_is_none(command: CommandLine, first: str, tmp_path: Path) -> None:
    said = command.run("site", "core", DOMAIN, "--to", tmp_path, "--yes")
    assert said.exit_code == 10 and "Try:" in said.stderr
    command.refused(NotFound, "site", "core", "no.example", "--to", "debian", "--yes")
    assert _core(command) == first


@pytest.mark.parametrize("moment", [pytest.param("exchanged", marks=pytest.mark.long), "upgraded"])
def test_a_move_that_was_killed_is_finished_by_up(
    node: Node, command: CommandLine, first: str, second_core: Path, moment: str
) -> None:
    """Killed with the new core in place, before its upgrade of the database or right after it."""
    assert not _is_of_second(node)
    child = os.fork()
    if child == 0:
        _move_and_die(node.root, second_core, moment)
    assert os.WIFSIGNALED(os.waitpid(child, 0)[1])
    try:
        command.done("up")
        assert _is_of_second(node), "pages of the old core are still served"
        assert _core(command).startswith(SECOND)
        assert command.done("up").stdout == "Everything runs already; nothing to do.\n"
    finally:
        nodes.up(node)  # gives the pause points back, which the command knows nothing of
        command.done("site", "core", DOMAIN, "--back", "--yes")
    assert _core(command) == first and not _is_of_second(node)


def _move_and_die(root: Path, source: Path, moment: str) -> None:
    """`site core` in this forked process, which kills itself at its upgrade step."""
    upgrade = SiteWordPress.upgrade

    def die(self: SiteWordPress) -> None:
        if moment == "upgraded":
            upgrade(self)
        os.kill(os.getpid(), signal.SIGKILL)

    SiteWordPress.upgrade = die  # type: ignore[method-assign]
    sites.move(open_node(root), DOMAIN, str(source))
    os._exit(0)
