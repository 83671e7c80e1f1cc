"""A control plane that is not root: it has the root helper do what only root may, and nothing else."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from unittest import mock

import httpx
import psutil
import pytest

from pressroom.control import helper
from pressroom.control import requests as r
from pressroom.control.maker import Maker
from pressroom.model.errors import NoRights
from pressroom.model.layout import Layout
from pressroom.model.site import opened
from pressroom.operations.node import Node
from pressroom.system import daemon, files, forking
from tests.conftest import until
from tests.functional import forked
from tests.functional.command_line import CommandLine, Said, traces
from tests.functional.newspaper import Newspaper
from tests.wordpress.small_core import build

DOMAIN = "unrooted.localhost"
PROGRAMS = b'{"op":"programs"}\n'


@dataclasses.dataclass(frozen=True)
class Unrooted(CommandLine):
    """The command, run by the control user."""

    node: Node

    def run(self, *words: str | bytes | Path, stdin: str | None = None) -> Said:
        """In a process that never was root's, nor was the one that it is a child of."""
        layout = self.node.layout
        become = ("--reuid", layout.control_user, "--regid", layout.control_user, "--init-groups")
        environment = {"PATH": os.environ["PATH"], "LANG": "C.UTF-8", "COLUMNS": "200"}
        if layout.code is not None:
            environment["PYTHONPATH"] = str(layout.code)
        done = forked.run(
            ["--root", str(layout.root), *map(os.fsdecode, words)],
            environment=environment,
            python=["setpriv", *become, "--no-new-privs", "--", str(layout.python)],
        )
        said = Said(done.returncode, done.stdout.decode(), done.stderr.decode())
        assert "Traceback" not in said.stdout + said.stderr, said
        return said


@pytest.fixture(scope="module")
def unrooted(node: Node) -> Unrooted:
    return Unrooted(node.root, node)


@pytest.mark.parametrize(
    "words", ["up", "down", "clean --yes", "demo", f"site exec {DOMAIN} -- id", "doctor", "logs helper"]
)
def test_what_needs_root_says_so(unrooted: Unrooted, paper: Newspaper, words: str) -> None:
    assert "sudo" in unrooted.refused(NoRights, *words.split()).stderr


def asked(path: Path, text: bytes, user: str = "root") -> dict[str, Any]:
    """The helper's first word to a user who sends that to its socket; none where it cannot be reached."""
    script = (
        "import contextlib, socket, sys\n"
        "c = socket.socket(socket.AF_UNIX); c.settimeout(30); c.connect(sys.argv[1])\n"
        "with contextlib.suppress(ConnectionError):\n"
        "    c.sendall(sys.stdin.buffer.read()); c.shutdown(socket.SHUT_WR)\n"
        "print(c.makefile().readline())"
    )
    become = ["setpriv", f"--reuid={user}", f"--regid={pwd.getpwnam(user).pw_gid}", "--clear-groups", "--"]
    argv = [*become, "/usr/bin/python3", "-c", script, str(path)]
    done = subprocess.run(argv, input=text, capture_output=True, timeout=60, check=False)
    if b"PermissionError" in done.stderr:
        return {}
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


class Log:
    """A helper's log, from here on."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._from = path.stat().st_size if path.exists() else 0

    def refusals(self) -> list[dict[str, Any]]:
        lines = self._path.read_bytes()[self._from :].splitlines() if self._path.exists() else []
        return [told for line in lines if (told := json.loads(line))["event"] == "refused"]

    def tells_of(self, user: str, answer: dict[str, Any]) -> bool:
        """Whether there is one line, of this refusal of this user."""
        wanted = (pwd.getpwnam(user).pw_uid, answer["kind"], answer["error"])
        return [(one["uid"], one["kind"], one["why"]) for one in self.refusals()] == [wanted]


@pytest.fixture
def log(paper: Newspaper) -> Log:
    return Log(paper.node.layout.log / "helper.log")


def test_strangers_do_not_reach_it(paper: Newspaper) -> None:
    """By the socket's mode; with that gone, by its peer. Each is told so, and logged."""
    node, socket_path = paper.node, paper.node.layout.helper_socket
    strangers = [paper.place.unix_user, node.layout.platform_user, node.layout.web_user, "nobody"]
    for user in strangers:
        assert asked(socket_path, PROGRAMS, user) == {}
    folder_mode, mode = (path.stat().st_mode for path in (socket_path.parent, socket_path))
    try:
        socket_path.parent.chmod(0o755)
        socket_path.chmod(0o666)
        for user in strangers:
            log = Log(node.layout.log / "helper.log")
            answer = asked(socket_path, PROGRAMS, user)
            assert answer["kind"] == "NoRights" and log.tells_of(user, answer)
    finally:
        socket_path.chmod(mode & 0o7777)
        socket_path.parent.chmod(folder_mode & 0o7777)
    assert asked(socket_path, PROGRAMS, node.layout.control_user)["alive"] is True


NO_REQUESTS = [
    b"", b"\n", b"null\n", b"[]\n", b'{"op":null}\n', b'{"op":["programs"]}\n', b'{"op":"PROGRAMS"}\n',
    b'{"op":"run","argv":["id"]}\n', b'{"op":"exec","site":"s1","command":["id"]}\n', b'{"op":"up"}\n',
    b'{"op":"programs","site":"s1"}\n', b'{"op":"room","site":"../../root"}\n', b'{"op":"room","site":"s1/../s2"}\n',
    *(f'{{"op":"keep_core","incoming":"{path}"}}\n'.encode() for path in ("../../../root", "/root", "..", ".", "a/b")),
    b"\xff\xfe\n", b"[" * 1_000_000 + b"\n", b"x" * 20_000_000,
    b'{"op":"make_node","settings":{"php":{"auto_prepend_file":"/etc/passwd"}}}\n',
]  # fmt: skip
OUTSIDE = {
    "name": "../../etc", "domain": "../../etc", "aliases": ["/etc"], "core": "../../6.1-0123456789ab",
    "title": "a\nb", "admin_user": "../root", "salts": {"AUTH_KEY": "'"},
}  # fmt: skip


def _of_the_site(paper: Newspaper, op: type[r.RemoveSite | r.RepairCore], **other: Any) -> bytes:
    """A request about it in which all is right but for what is other."""
    whole: dict[str, Any] = {"op": op.model_fields["op"].default, "settings": opened(paper.node.state.settings())}
    if op is r.RemoveSite:
        whole["roster"] = []
    return json.dumps({**whole, "site": {**opened(r.WantedSite.of(paper.site)), **other}}).encode() + b"\n"


def test_what_is_no_request_changes_nothing(paper: Newspaper) -> None:
    """Unknown verbs, fields that there are not, paths that lead out: each is refused, and logged."""
    layout, before = paper.node.layout, traces(paper.node, gates=False)
    outside = [_of_the_site(paper, op, **{name: value}) for op in (r.RemoveSite, r.RepairCore)
               for name, value in OUTSIDE.items()]  # fmt: skip
    assert r.parse(_of_the_site(paper, r.RemoveSite)) and r.parse(_of_the_site(paper, r.RepairCore))
    for text in (*NO_REQUESTS, *outside):
        log = Log(layout.log / "helper.log")
        answer = asked(layout.helper_socket, text, layout.control_user)
        assert answer["kind"] == "InvalidInput" and "Traceback" not in answer["error"], text[:200]
        assert log.tells_of(layout.control_user, answer), text[:200]
    assert traces(paper.node, gates=False) == before


@dataclasses.dataclass(frozen=True)
class Own:
    """A helper of a test's own that everybody may reach."""

    socket: Path
    log: Path


@contextlib.contextmanager
def own_helper(layout: Layout, change: Callable[[], object] = lambda: None) -> Iterator[Own]:
    """The helper's own code in a child of ours; `change` is done there before it begins."""
    with tempfile.TemporaryDirectory(prefix="pressroom-helper-", dir="/var/tmp") as folder:
        own = Own(Path(folder) / "s", Path(folder) / "log")
        Path(folder).chmod(0o755)
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(str(own.socket))
            listener.listen()
            own.socket.chmod(0o666)
            child = os.fork()
            if child == 0:
                try:
                    sys.stderr = own.log.open("a", buffering=1)
                    daemon.log_as_json()
                    change()
                    forking.serve(listener, lambda connection: helper.serve(connection, layout))
                finally:
                    os._exit(0)
        try:
            yield own
        finally:
            os.kill(child, signal.SIGTERM)
            os.waitpid(child, 0)


def _refused_by(own: Own, control_user: str) -> int:
    """Somebody else, an unknown verb and a path outside are refused; how many of them its log tells of."""
    tries = [("nobody", PROGRAMS), (control_user, b'{"op":"run"}\n'), (control_user, b'{"op":"room","site":"/"}\n')]
    told = 0
    for user, text in tries:
        log = Log(own.log)
        answer = asked(own.socket, text, user)
        assert answer["ok"] is False
        told += log.tells_of(user, answer)
    return told


def test_without_its_log_nobody_would_know(node: Node) -> None:
    """Guard: what the tests above look for in the log is not there once the helper does not log."""
    with own_helper(node.layout) as own:
        assert _refused_by(own, node.layout.control_user) == 3
    with own_helper(node.layout, lambda: mock.patch.object(helper, "_log").start()) as silent:
        assert _refused_by(silent, node.layout.control_user) == 0


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
    """Send a little again and again; after how many seconds that ends."""
    began = time.monotonic()
    with socket.socket(socket.AF_UNIX) as slow:
        slow.connect(str(path))
        slow.settimeout(0.3)
        for _ in range(60):
            try:
                slow.sendall(b"[")
                if slow.recv(1000):
                    break
            except TimeoutError:
                continue
            except ConnectionError:
                break
    return time.monotonic() - began


def test_a_request_that_does_not_come_or_drips_in_ends(node: Node) -> None:
    """By a helper whose patience is two seconds."""
    patience = 2.0
    assert helper._PATIENCE == 10.0
    shorter = mock.patch.object(helper, "_PATIENCE", patience)
    with own_helper(node.layout, shorter.start) as own, ThreadPoolExecutor(2) as both:
        stayed, dripped = both.submit(_stay, own.socket), both.submit(_drip, own.socket)
        assert patience / 2 < stayed.result() < 7 and patience / 2 < dripped.result() < 7


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
    assert asked(layout.helper_socket, PROGRAMS, layout.control_user)["alive"] is True


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


@pytest.fixture
def incoming(node: Node) -> Iterator[tuple[Path, Path]]:
    """Two small WordPresses among what comes in: the control user's, and one that root alone may read."""
    tree, secret = (node.layout.incoming / name for name in ("bent", "secret"))
    user = node.layout.control_user
    files.make_directory(node.layout.incoming, mode=0o700, owner=user, group=user)
    try:
        for folder in (tree, secret):
            build(folder, "6.4.3", {"wp-load.php": f"<?php // {folder.name}"})
            for path in (folder, *folder.rglob("*")):
                shutil.chown(path, user, user)
        (secret / "wp-load.php").write_text(f"<?php // {SECRET}\n")
        (secret / "wp-load.php").chmod(0o600)
        shutil.chown(secret / "wp-load.php", 0, 0)
        yield tree, secret
    finally:
        for left in (tree, secret):
            files.remove_tree(left)


def _give(node: Node, tree: Path) -> dict[str, Any]:
    request = {"op": "keep_core", "incoming": tree.name}
    return asked(node.layout.helper_socket, json.dumps(request).encode() + b"\n", node.layout.control_user)


def _cores(node: Node) -> set[str]:
    return {core.name for core in node.maker.cores.list()}


def test_what_comes_in_is_kept(paper: Newspaper, incoming: tuple[Path, Path]) -> None:
    """Where nothing is bent: it is for their links that the next ones are refused."""
    before = _cores(paper.node)
    core = _give(paper.node, incoming[0])["core"]
    assert _cores(paper.node) == {*before, core}
    paper.node.maker.cores.remove(core)


@pytest.mark.parametrize("bend", [_link, _folder_link, _whole_link, _inner, _hard_link, _fifo])
def test_what_comes_in_leads_nowhere(paper: Newspaper, incoming: tuple[Path, Path], log: Log, bend: Any) -> None:
    """A core that the control user gives holds links to a WordPress that root alone may read."""
    node, cores = paper.node, _cores(paper.node)
    bend(*incoming)
    answer = _give(node, incoming[0])
    assert answer["ok"] is False and log.tells_of(node.layout.control_user, answer)
    found = subprocess.run(["grep", "-rl", SECRET, node.layout.cores], capture_output=True, check=False)
    assert found.returncode == 1, found.stdout
    assert _cores(node) == cores


@pytest.fixture(scope="module")
def made(unrooted: Unrooted, paper: Newspaper) -> Iterator[Said]:
    """A site of another core than Debian's: what the control user has unpacked itself."""
    archive = Path(f"/var/tmp/pressroom-core-{os.getpid()}.tar.gz")
    left_out = [f"--exclude={name}" for name in ("languages", "twentytwentyone", "twentytwentytwo")]
    subprocess.run(["tar", "-C", "/usr/share", "-I", "gzip -1", "-chf", archive, *left_out, "wordpress"], check=True)
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
