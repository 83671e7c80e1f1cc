"""A control plane that is not root: it has the root helper do what only root may, and nothing else."""

from __future__ import annotations

import dataclasses
import json
import os
import pwd
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest

from pressroom.control.maker import Maker
from pressroom.model.errors import NoRights
from pressroom.operations.node import Node
from pressroom.system import files
from tests.conftest import until
from tests.functional.command_line import CommandLine, Said, traces
from tests.functional.newspaper import Newspaper

DOMAIN = "unrooted.localhost"
PROGRAMS = b'{"op":"programs"}\n'


@dataclasses.dataclass(frozen=True)
class Unrooted(CommandLine):
    """The command, run by the control user."""

    node: Node

    def argv(self, *words: str | bytes | Path) -> list[str | bytes | Path]:
        layout = self.node.layout
        become = ("--reuid", layout.control_user, "--regid", layout.control_user, "--init-groups")
        path = [] if layout.code is None else [f"PYTHONPATH={layout.code}"]
        python: list[str | bytes | Path] = ["env", *path, layout.python, "-m", "pressroom.cli.main"]
        return ["setpriv", *become, "--no-new-privs", "--", *python, "--root", layout.root, *words]

    def run(self, *words: str | bytes | Path, stdin: str | None = None) -> Said:
        """In a process that never was root's."""
        done = subprocess.run(
            self.argv(*words), stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=120, check=False
        )
        assert "Traceback" not in done.stdout + done.stderr, done
        return Said(done.returncode, done.stdout, done.stderr)


@pytest.fixture
def unrooted(node: Node) -> Unrooted:
    return Unrooted(node.root, node)


@pytest.fixture
def made(unrooted: Unrooted, paper: Newspaper, tmp_path: Path) -> Iterator[Said]:
    """A site of another core than Debian's: what the control user has unpacked itself."""
    archive = Path(f"/var/tmp/{tmp_path.name}-{os.getpid()}.tar.gz")
    subprocess.run(["tar", "-C", "/usr/share", "-chzf", archive, "--exclude=languages", "wordpress"], check=True)
    try:
        yield unrooted.done("site", "create", DOMAIN, "--wordpress", archive)
    finally:
        archive.unlink()
        unrooted.done("site", "delete", DOMAIN, "--yes")


def test_the_life_of_a_site(unrooted: Unrooted, made: Said, command: CommandLine, paper: Newspaper) -> None:
    node = paper.node
    assert "make the Unix user" in made.stderr, "each change is told while it is made"
    assert command.done("site", "show", DOMAIN).stdout == unrooted.done("site", "show", DOMAIN).stdout
    link = unrooted.done("site", "login", DOMAIN).stdout.strip()
    with httpx.Client(timeout=30) as browser:
        port = node.state.settings().http.port
        address = link.replace(DOMAIN, "127.0.0.1", 1)
        answer = browser.get(address, headers={"Host": f"{DOMAIN}:{port}"})
        assert answer.status_code == 302 and any("wordpress_logged_in" in name for name in answer.cookies), answer
    unrooted.done("site", "settings", DOMAIN, "--set", "firewall=block")
    unrooted.done("site", "rotate", DOMAIN, "--yes")
    assert "stored" in unrooted.done("cache", "status", DOMAIN).stdout
    unrooted.done("cache", "purge", DOMAIN, "--yes")
    unrooted.done("site", "mail", DOMAIN)
    unrooted.done("site", "latency", DOMAIN)
    unrooted.done("site", "waf", "log", DOMAIN)
    unrooted.done("site", "scan", DOMAIN)
    unrooted.done("settings", "--set", "mail.sender=a@b.example")
    unrooted.done("status")
    assert "each as it was written" in unrooted.done("audit", "verify").stdout


def test_what_it_made_is_what_root_would_have_made(unrooted: Unrooted, made: Said, paper: Newspaper) -> None:
    maker, state = Maker(paper.node.layout), paper.node.state
    unrooted.done("settings", "--set", "mail.sender=c@d.example")
    assert maker.plan_node(state.settings()).actions == ()
    assert maker.make_site(state.site(DOMAIN), state.settings(), paper.node.roster()).changes == 0


@pytest.mark.parametrize(
    "words", ["up", "down", "clean --yes", "demo", f"site exec {DOMAIN} -- id", "doctor", "logs helper"]
)
def test_what_needs_root_says_so(unrooted: Unrooted, words: str) -> None:
    assert "sudo" in unrooted.refused(NoRights, *words.split()).stderr


def asked(node: Node, text: bytes, user: str = "root") -> dict[str, Any]:
    """The helper's first word to a user who sends that; none where it cannot be reached."""
    script = (
        "import contextlib, socket, sys\n"
        "c = socket.socket(socket.AF_UNIX); c.settimeout(30); c.connect(sys.argv[1])\n"
        "with contextlib.suppress(ConnectionError):\n"
        "    c.sendall(sys.stdin.buffer.read()); c.shutdown(socket.SHUT_WR)\n"
        "print(c.makefile().readline())"
    )
    become = ["setpriv", f"--reuid={user}", f"--regid={pwd.getpwnam(user).pw_gid}", "--clear-groups", "--"]
    argv = [*become, "/usr/bin/python3", "-c", script, str(node.layout.helper_socket)]
    done = subprocess.run(argv, input=text, capture_output=True, timeout=60, check=False)
    if b"PermissionError" in done.stderr:
        return {}
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


def test_strangers_do_not_reach_it(paper: Newspaper) -> None:
    """By the socket's mode; with that gone, by its peer. Each is told so, and logged."""
    node, socket_path = paper.node, paper.node.layout.helper_socket
    strangers = [paper.place.unix_user, node.layout.platform_user, node.layout.web_user, "nobody"]
    for user in strangers:
        assert asked(node, PROGRAMS, user) == {}
    folder_mode, mode = (path.stat().st_mode for path in (socket_path.parent, socket_path))
    try:
        socket_path.parent.chmod(0o755)
        socket_path.chmod(0o666)
        for user in strangers:
            assert asked(node, PROGRAMS, user)["kind"] == "NoRights"
    finally:
        socket_path.chmod(mode & 0o7777)
        socket_path.parent.chmod(folder_mode & 0o7777)
    assert asked(node, PROGRAMS, node.layout.control_user)["alive"] is True
    log = (node.layout.log / "helper.log").read_text()
    assert log.count("only the control plane is answered here") >= len(strangers)


@pytest.mark.parametrize(
    "text",
    [
        b"", b"\n", b"null\n", b"[]\n", b'{"op":"run","argv":["id"]}\n', b'{"op":"room","site":"../../root"}\n',
        b'{"op":"keep_core","incoming":"../../../root"}\n', b"\xff\xfe\n", b"[" * 1_000_000 + b"\n", b"x" * 20_000_000,
        b'{"op":"make_node","settings":{"php":{"auto_prepend_file":"/etc/passwd"}}}\n',
    ],
    ids=range(11),
)  # fmt: skip
def test_what_is_no_request_changes_nothing(paper: Newspaper, text: bytes) -> None:
    before = traces(paper.node)
    answer = asked(paper.node, text, paper.node.layout.control_user)
    assert answer["kind"] == "InvalidInput" and "Traceback" not in answer["error"]
    assert traces(paper.node) == before


def _stay(path: Path) -> float:
    """Begin a request and send no more; after how many seconds it is refused."""
    began = time.monotonic()
    with socket.socket(socket.AF_UNIX) as slow:
        slow.connect(str(path))
        slow.sendall(b'{"op":')
        slow.settimeout(30)
        assert b"InvalidInput" in slow.makefile("rb").readline()
    return time.monotonic() - began


def _drip(path: Path) -> float:
    """Send a little every two seconds; after how many seconds that ends."""
    began = time.monotonic()
    with socket.socket(socket.AF_UNIX) as slow:
        slow.connect(str(path))
        slow.settimeout(2)
        for _ in range(15):
            try:
                slow.sendall(b"[")
                if slow.recv(1000):
                    break
            except TimeoutError:
                continue
            except ConnectionError:
                break
    return time.monotonic() - began


def test_a_request_that_does_not_come_or_drips_in_ends(paper: Newspaper) -> None:
    path = paper.node.layout.helper_socket
    with ThreadPoolExecutor(2) as both:
        stayed, dripped = both.submit(_stay, path), both.submit(_drip, path)
        assert 5 < stayed.result() < 15 and 5 < dripped.result() < 15


def _working(paper: Newspaper) -> list[psutil.Process]:
    helper = paper.node.engine.pids().get("helper")
    return psutil.Process(helper).children() if helper else []


def test_so_many_at_once_and_no_more(paper: Newspaper) -> None:
    layout, idle = paper.node.layout, []
    try:
        for _ in range(20):
            idle.append(socket.socket(socket.AF_UNIX))
            idle[-1].connect(str(layout.helper_socket))
        until(lambda: len(_working(paper)) >= 8)
        time.sleep(0.5)  # nothing tells that no more will come
        assert len(_working(paper)) == 8
    finally:
        for one in idle:
            one.close()
    assert asked(paper.node, PROGRAMS, layout.control_user)["alive"] is True


def test_the_renderers_own_requests_are_not_the_control_users(paper: Newspaper) -> None:
    layout = paper.node.layout
    ask = (
        "import json, socket, sys\n"
        "c = socket.socket(socket.AF_UNIX); c.connect(sys.argv[1])\n"
        "c.sendall(json.dumps({'op': sys.argv[2], 'site': 's1', 'key': '/'}).encode() + b'\\n')\n"
        "print(c.makefile().readline())"
    )
    become = ["setpriv", f"--reuid={layout.control_user}", f"--regid={layout.control_user}", "--init-groups", "--"]
    for op, answered in (("status", True), ("begin", False), ("publish", False), ("picture", False)):
        argv = [*become, "/usr/bin/python3", "-c", ask, str(layout.invalidator_socket), op]
        done = subprocess.run(argv, capture_output=True, text=True, timeout=30, check=True)
        assert bool(done.stdout.strip()) == answered, (op, done.stdout)


SECRET = "who reads this is root"


def _link(tree: Path, secret: Path) -> None:
    (tree / "wp-includes/x.php").symlink_to(secret / "wp-load.php")


def _folder_link(tree: Path, secret: Path) -> None:
    shutil.rmtree(tree / "wp-includes")
    (tree / "wp-includes").symlink_to(secret / "wp-includes")


def _whole_link(tree: Path, secret: Path) -> None:
    shutil.rmtree(tree)
    tree.symlink_to(secret)


def _inner(tree: Path, secret: Path) -> None:
    shutil.rmtree(tree / "wp-includes")
    (tree / "wordpress").symlink_to(secret)


def _hard_link(tree: Path, secret: Path) -> None:
    """As a kernel without fs.protected_hardlinks lets anybody make one."""
    (tree / "wp-load.php").unlink()
    (tree / "wp-load.php").hardlink_to(secret / "wp-load.php")


def _fifo(tree: Path, secret: Path) -> None:
    os.mkfifo(tree / "wp-includes/x.php")


@pytest.mark.parametrize("bend", [_link, _folder_link, _whole_link, _inner, _hard_link, _fifo])
def test_what_comes_in_leads_nowhere(paper: Newspaper, bend: Any) -> None:
    """A core that the control user gives holds links to a WordPress that root alone may read."""
    node = paper.node
    tree, secret = (node.layout.incoming / name for name in ("bent", "secret"))
    node.layout.incoming.mkdir(exist_ok=True)
    owner = node.layout.control.stat()
    for copy in (tree, secret):
        shutil.copytree(node.maker.cores.get(paper.site.core).path, copy, ignore=shutil.ignore_patterns(".core.json"))
    with (secret / "wp-load.php").open("a") as file:
        file.write(f"// {SECRET}\n")
    (secret / "wp-load.php").chmod(0o600)
    cores = {core.name for core in node.maker.cores.list()}
    try:
        for path in (tree, *tree.rglob("*")):
            os.chown(path, owner.st_uid, owner.st_gid)
        bend(tree, secret)
        request = {"op": "keep_core", "incoming": tree.name}
        answer = asked(node, json.dumps(request).encode() + b"\n", node.layout.control_user)
        assert answer["ok"] is False
        found = subprocess.run(["grep", "-rl", SECRET, node.layout.cores], capture_output=True, check=False)
        assert found.returncode == 1, found.stdout
        assert {core.name for core in node.maker.cores.list()} == cores
    finally:
        for left in (tree, secret):
            files.remove_tree(left)
