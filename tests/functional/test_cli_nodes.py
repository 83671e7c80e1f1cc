"""Two nodes on one machine: neither disturbs the other, and `clean` takes one away without rest."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from pressroom.engine.orphans import await_end
from pressroom.model.errors import Conflict, NotRunning, PortTaken
from pressroom.operations import running as nodes
from pressroom.operations.node import Node, open_node
from pressroom.pagecache.store import PageStore
from pressroom.system import process
from tests.conftest import find_free_port
from tests.functional.command_line import CommandLine, traces, unix_users
from tests.functional.newspaper import Newspaper

DOMAIN = "second.localhost"
FOREIGN = "somebody's notes.txt"


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder that sites' users can reach, for a node's root in it."""
    folder = Path(tempfile.mkdtemp(prefix="pressroom-other-", dir="/var/tmp"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


@pytest.fixture(scope="module")
def second() -> Iterator[CommandLine]:
    """Another node with a site of its own and somebody's file in its root folder."""
    root = Path(tempfile.mkdtemp(prefix="pressroom-second-", dir="/var/tmp"))
    root.chmod(0o755)
    (root / FOREIGN).write_text("not a node's")
    command = CommandLine(root)
    try:
        assert command.done("up", "--port", str(find_free_port())).stdout == "Everything runs.\n"
        command.done("site", "create", DOMAIN, "--title", "The other paper")
        yield command
    finally:
        command.run("clean", "--yes")
        shutil.rmtree(root, ignore_errors=True)


def _get(node: Node, path: str = "/", domain: str = DOMAIN) -> httpx.Response:
    port = node.state.settings().http.port
    return httpx.get(f"http://127.0.0.1:{port}{path}", headers={"Host": f"{domain}:{port}"}, timeout=60, verify=False)


def _await_hit(node: Node, path: str = "/") -> None:
    until = time.monotonic() + 20
    while _get(node, path).headers.get("x-pressroom-cache") != "hit":
        assert time.monotonic() < until, f"{path} did not become a hit"
        time.sleep(0.05)


def _processes(root: Path, uids: set[int]) -> dict[int, str]:
    """The processes that belong to a node: by its users, or by its root in the command line."""
    found = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and int(entry.name) != os.getpid():
            try:
                words, uid = (entry / "cmdline").read_bytes(), entry.stat().st_uid
            except OSError:
                continue
            if words and (uid in uids or f"{root}/".encode() in words):  # without words: dead, and not yet collected
                found[int(entry.name)] = words.replace(b"\0", b" ").decode(errors="replace").strip()
    return found


def test_side_by_side(command: CommandLine, paper: Newspaper, second: CommandLine) -> None:
    node = open_node(second.root)
    _await_hit(node)
    assert "The other paper" in _get(node).text
    assert not {*unix_users(node)} & {*unix_users(paper.node)}
    assert _get(paper.node).status_code == 404 and _get(node, domain="paper.localhost").status_code == 404
    paper.await_hit()
    second.done("status")
    command.done("status")
    before = traces(paper.node)
    second.done("cache", "purge", DOMAIN, "--yes")
    second.done("down")
    with pytest.raises(httpx.ConnectError):
        _get(node)
    paper.await_hit()
    assert traces(paper.node) == before
    assert second.run("status").exit_code == NotRunning.exit_code
    assert "pressroom up" in second.refused(NotRunning, "site", "create", "third.localhost").stderr
    assert second.done("up").stdout == "Everything runs.\n"
    assert second.done("up").stdout == "Everything runs already; nothing to do.\n"
    _await_hit(node)


def test_a_full_disk(second: CommandLine) -> None:
    """The store fills up: hits go on, no half page is stored, and pages are stored when there is room again."""
    node = open_node(second.root)
    _await_hit(node, "/hello-world/")
    second.done("down")
    store = node.layout.store
    whole = second.root / "store-before"
    store.rename(whole)
    store.mkdir()
    process.run(["mount", "-t", "tmpfs", "-o", "size=2m,mode=0755", "none", store])
    try:
        process.run(["cp", "-a", f"{whole}/.", store])
        second.done("up")
        _await_hit(node)
        _await_hit(node, "/hello-world/")
        with _filled(store):
            second.done("cache", "purge", DOMAIN, f"{_url(node)}/hello-world/")
            _see_no_half_page(node)
        _await_hit(node, "/hello-world/")
    finally:
        second.done("down")
        process.run(["umount", store])
        store.rmdir()
        whole.rename(store)
        second.done("up")
    _await_hit(node)


def _url(node: Node) -> str:
    return f"http://{DOMAIN}:{node.state.settings().http.port}"


@contextmanager
def _filled(folder: Path) -> Iterator[None]:
    """Something that eats up the disk, and at once whatever is given back; until the block ends."""
    full, stop = threading.Event(), threading.Event()

    def eat() -> None:
        with (folder / "ballast").open("wb", buffering=0) as file:
            while not stop.is_set():
                try:
                    file.write(b"\0" * 4096)
                except OSError:
                    full.set()
                    time.sleep(0.001)

    eater = threading.Thread(target=eat)
    eater.start()
    try:
        assert full.wait(10)
        yield
    finally:
        stop.set()
        eater.join()
        (folder / "ballast").unlink()


def _see_no_half_page(node: Node) -> None:
    """For a second, in which the renderer tries again and again."""
    store = PageStore(node.layout.store)
    site = node.state.site(DOMAIN).name
    log = node.layout.log / "renderer.log"
    size = log.stat().st_size
    until = time.monotonic() + 20
    while "render_failed" not in log.read_text()[size:] or time.monotonic() < until - 19:
        assert time.monotonic() < until, "the renderer has not tried"
        assert _get(node).headers["x-pressroom-cache"] == "hit"
        missed = _get(node, "/hello-world/")
        assert missed.headers["x-pressroom-cache"] == "miss" and missed.text.rstrip().endswith("</html>")
        generation = store.current(site)
        assert generation is not None
        assert not store.plain_file(site, generation, "/hello-world/", "page").exists()


def test_a_port_that_is_taken(paper: Newspaper, second: CommandLine, folder: Path) -> None:
    port = str(paper.node.state.settings().http.port)
    third = CommandLine(folder / "node")
    said = third.refused(PortTaken, "up", "--port", port)
    assert port in said.stderr and "--port" in said.stderr
    third.refused(PortTaken, "demo", "--port", port)
    assert not third.root.exists() and not unix_users(open_node(third.root))
    # A node that runs does not move onto it either, and stays as it was.
    second.refused(PortTaken, "up", "--port", port)
    _await_hit(open_node(second.root))
    assert second.done("up").stdout == "Everything runs already; nothing to do.\n"
    paper.await_hit()


def test_another_port(second: CommandLine) -> None:
    """A running node moves to a free port: the old one is given back, the site answers at its new address."""
    node = open_node(second.root)
    old, new = node.state.settings().http.port, find_free_port()
    second.done("up", "--port", str(new))
    until = time.monotonic() + 10
    while True:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", old)) != 0:
                break
        assert time.monotonic() < until, "the old port is still open"
        time.sleep(0.05)
    _await_hit(node)
    page = _get(node).text
    assert f"{DOMAIN}:{new}/" in page and f":{old}/" not in page


def test_a_taken_port_is_not_set(second: CommandLine) -> None:
    node = open_node(second.root)
    before = node.state.settings()
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        second.refused(PortTaken, "settings", "--set", f"http.port={other.getsockname()[1]}")
    assert node.state.settings() == before
    _await_hit(node)


def test_a_killed_nginx_is_the_nodes_own(second: CommandLine) -> None:
    """Its master and all of Python killed: workers go on, hold the port, and end by `down`, or are followed by `up`."""
    node = open_node(second.root)
    for after in ("down", "up"):
        master = int(node.layout.nginx_pid.read_text())
        for pid in (int((node.layout.run / "supervisord.pid").read_text()), node.engine.pids()["nginx"], master):
            os.kill(pid, signal.SIGKILL)
            assert await_end(pid, 5)
        assert _get(node).status_code == 200
        second.done(after)
        if after == "down":
            with socket.socket() as probe:
                assert probe.connect_ex(("127.0.0.1", node.state.settings().http.port)) != 0
            second.done("up")
        assert int(node.layout.nginx_pid.read_text()) != master
        _await_hit(node)


def test_a_reader_that_goes_stops_no_command(second: CommandLine) -> None:
    """`pressroom … 2>&1 | head -1`"""
    domain = "unread.localhost"
    read, write = os.pipe()
    working = subprocess.Popen(
        second.argv("site", "create", domain), stdin=subprocess.DEVNULL, stdout=write, stderr=write
    )
    os.close(read)
    os.close(write)
    working.wait(timeout=60)
    assert second.run("site", "show", domain, "--format", "json").json()["status"] == "ready"
    second.done("site", "delete", domain, "--yes")


def test_a_folder_that_is_somebody_elses(folder: Path) -> None:
    """A node's root is the node's: `clean` takes etc, lib, log, … away, so `up` must not settle among others' own."""
    (folder / "lib").mkdir()
    (folder / "lib" / "precious").write_text("do not touch")
    other = CommandLine(folder)
    assert "lib" in other.refused(Conflict, "up", "--port", str(find_free_port())).stderr
    assert "nothing to remove" in other.done("clean", "--yes").stdout
    assert [str(path.relative_to(folder)) for path in folder.rglob("*")] == ["lib", "lib/precious"]
    for root in ("/", "/var"):
        before = sorted(Path(root).iterdir())
        CommandLine(Path(root)).refused(Conflict, "up", "--port", str(find_free_port()))
        assert "nothing to remove" in CommandLine(Path(root)).done("clean", "--dry-run").stdout
        assert sorted(Path(root).iterdir()) == before


def test_clean_leaves_nothing_but_what_is_somebody_elses(
    command: CommandLine, paper: Newspaper, second: CommandLine
) -> None:
    """The last of this file: the second node is gone after it."""
    node = open_node(second.root)
    uids = {user.pw_uid for user in pwd.getpwall() if user.pw_name in unix_users(node)}
    assert len(uids) == 5
    processes = _processes(second.root, uids)
    assert len(processes) > 6
    before = traces(paper.node)
    pids = paper.node.engine.pids()
    said = second.done("clean", "--yes")
    assert said.stdout == "Removed.\n" and "user" in said.stderr
    assert unix_users(node) == []
    assert _processes(second.root, set()) == {}
    # By number too; the users' numbers may be somebody's again.
    assert not [pid for pid, words in processes.items() if _processes(Path("/nowhere"), uids).get(pid) == words]
    assert [entry.name for entry in second.root.iterdir()] == [FOREIGN]
    assert (second.root / FOREIGN).read_text() == "not a node's"
    assert "nothing to remove" in second.done("clean", "--yes").stdout
    assert traces(paper.node) == before and paper.node.engine.pids() == pids
    command.done("status")
    paper.await_hit()


@pytest.mark.parametrize("right", ["REFERENCES", "PROCESS"])
def test_up_gives_the_platforms_account_what_it_lacks(node: Node, right: str) -> None:
    """As an earlier version had made it: without REFERENCES it would not see foreign keys, without PROCESS not what is
    prepared (XA), and pages would go stale.
    """
    user = node.layout.platform_user
    process.run(["mariadb", "-S", node.layout.mariadb_socket, "-e", f"REVOKE {right} ON *.* FROM '{user}'@localhost"])
    assert not node.database.may_follow(user)
    nodes.up(node)
    assert node.database.may_follow(user)
