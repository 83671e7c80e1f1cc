"""What ATTACKS calls "files and processes": each attempt fails, and was seen to succeed without the walls it names."""

from __future__ import annotations

import contextlib
import re
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path
from unittest import mock

import pytest

from pressroom.control.desired import site_program_name
from pressroom.system import network, process
from pressroom.system.cgroups import Cgroups
from tests.conftest import until
from tests.functional.attacker import Attacker
from tests.functional.attempts import ATTEMPTS
from tests.functional.newspaper import Newspaper
from tests.functional.poison import nginx_with
from tests.wall_table import Seen


@pytest.mark.parametrize(("name", "walls", "code"), ATTEMPTS, ids=[name for name, *_ in ATTEMPTS])
def test_it_fails(name: str, walls: str, code: str, paper: Newspaper, neighbour: Newspaper, seen: Seen) -> None:
    places = {
        "<A>": paper.place.home,
        "<B>": neighbour.place.home,
        "<R>": paper.node.layout.root,
        "<D>": paper.program_pid("mariadb"),
        "<P>": neighbour.program_pid(site_program_name(neighbour.site.name)),
    }
    for mark, place in places.items():
        code = code.replace(mark, str(place))
    attacker = Attacker(paper)
    assert attacker.runs(code) is False
    assert attacker.asks(code) is False
    all_of_them = walls.split()
    for one in all_of_them if len(all_of_them) > 1 else ():
        assert attacker.runs(code, without=set(all_of_them) - {one}) is False, f"{one} keeps it out by itself"
    assert attacker.runs(code, without=all_of_them) is True, "without its walls it comes through"
    seen.both(name, ", ".join(all_of_them))


def test_nginx_sends_no_neighbours_file_by_a_link(paper: Newspaper, neighbour: Newspaper, seen: Seen) -> None:
    """To a file, as it is and where nginx compresses or chooses; and by a folder. Its workers may read both sites'."""
    canary, mine = neighbour.place.content / "canary.txt", paper.place.content
    process.run(["dd", "status=none", f"of={canary}"], user=neighbour.place.unix_user, stdin="a neighbour's text")
    links = {"x.txt": canary, "x.css": canary, "x.jpg": canary, "folder": canary.parent}
    for name, target in links.items():
        process.run(["ln", "-s", target, mine / name], user=paper.place.unix_user)
    servers = paper.node.layout.nginx_servers
    text = re.sub(r"disable_symlinks if_not_owner from=[^;]*;", "disable_symlinks off;", servers.read_text())

    def sent() -> set[str]:
        asked = ("x.txt", "x.css", "x.css?ver=1-01234567", "x.jpg", "folder/canary.txt")
        with paper.client() as visitor:
            return {name for name in asked if "neighbour's" in visitor.get(f"/wp-content/{name}").text}

    try:
        assert sent() == set()
        with nginx_with(paper, {servers: text}):
            assert sent() >= {"x.txt", "x.css", "x.jpg", "folder/canary.txt"}
    finally:
        process.run(["rm", "-f", *(mine / name for name in links)], user=paper.place.unix_user)
        process.run(["rm", "-f", canary], user=neighbour.place.unix_user)
    seen.both("a neighbour's file by a link that nginx is asked for", "nginx follows no link to another owner's")


# -- what another program of the machine has open -------------------------------------------------------------------


@contextlib.contextmanager
def _listening(family: int, address: object) -> Iterator[socket.socket]:
    with socket.socket(family, socket.SOCK_STREAM) as listener:
        listener.bind(address)  # type: ignore[arg-type]  # of any family
        listener.listen(16)
        yield listener


def test_an_abstract_socket_of_the_machine(paper: Newspaper, seen: Seen) -> None:
    code = (
        '$socket = socket_create( AF_UNIX, SOCK_STREAM, 0 ); return socket_connect( $socket, "\\0pressroom-canary" );'
    )
    attacker = Attacker(paper)
    with _listening(socket.AF_UNIX, "\0pressroom-canary"):
        assert attacker.runs(code) is False
        assert attacker.asks(code) is False
        assert attacker.runs(code, without=("network",)) is True
    seen.both("an abstract socket of the machine", "network")


@contextlib.contextmanager
def _shared_memory() -> Iterator[int]:
    """That everybody may open, by the key that is given."""
    number = process.run(["ipcmk", "--shmem", "4096", "--mode", "0666"]).stdout.split()[-1]
    try:
        lines = [line.split() for line in Path("/proc/sysvipc/shm").read_text().splitlines()]
        yield next(int(words[0]) for words in lines if words[1] == number)
    finally:
        process.run(["ipcrm", "--shmem-id", number])


def test_shared_memory_of_another_program(paper: Newspaper, seen: Seen) -> None:
    attacker = Attacker(paper)
    with _shared_memory() as key:
        code = f"return (bool) shmop_open( {key}, 'a', 0, 0 );"
        assert attacker.runs(code) is False
        assert attacker.asks(code) is False
        assert attacker.runs(code, without=("ipc",)) is True
    seen.both("System V's shared memory of another program", "IPC")


@pytest.mark.parametrize("address", ["127.0.0.1", network.GATEWAY])
def test_a_service_of_the_machine(address: str, paper: Newspaper, seen: Seen) -> None:
    with _listening(socket.AF_INET, ("0.0.0.0", 0)) as listener:
        port = listener.getsockname()[1]
        code = f"return (bool) fsockopen( '{address}', {port}, $number, $why, 2 );"
        attacker = Attacker(paper)
        assert attacker.runs(code) is False
        assert attacker.asks(code) is False
        if address == "127.0.0.1":
            assert attacker.runs(code, without=("network",)) is True
            seen.both("a service on the machine's loopback", "network")
        else:
            with _without_rules(paper):
                assert attacker.runs(code) is True
            seen.both("a service of the machine, by its address in the site's network", "nftables' rules")


@contextlib.contextmanager
def _without_rules(paper: Newspaper) -> Iterator[None]:
    table = network.table(paper.node.layout.prefix)
    rules = process.run(["nft", "list", "table", "inet", table]).stdout
    process.run(["nft", "flush", "table", "inet", table])
    try:
        yield
    finally:
        process.run(["nft", "-f", "-"], stdin=rules)


class _World:
    """A network beyond the machine, with a server that answers on some addresses."""

    ADDRESSES = ("203.0.113.9", "169.254.169.254", "10.77.0.9")

    def __enter__(self) -> _World:
        self._run("ip", "netns", "add", "pr-world")
        self._run("ip", "link", "add", "pr-world0", "type", "veth", "peer", "name", "eth0", "netns", "pr-world")
        self._run("ip", "addr", "add", "198.51.100.1/24", "dev", "pr-world0")
        self._run("ip", "link", "set", "pr-world0", "up")
        inside = ("ip", "netns", "exec", "pr-world", "ip")
        self._run(*inside, "addr", "add", "198.51.100.2/24", "dev", "eth0")
        for address in self.ADDRESSES:
            self._run(*inside, "addr", "add", f"{address}/32", "dev", "eth0")
            self._run("ip", "route", "add", f"{address}/32", "via", "198.51.100.2")
        self._run(*inside, "link", "set", "eth0", "up")
        self._run(*inside, "route", "add", "default", "via", "198.51.100.1")
        code = (
            "import socketserver; socketserver.TCPServer(('', 7777), socketserver.BaseRequestHandler).serve_forever()"
        )
        argv = ["ip", "netns", "exec", "pr-world", "python3", "-c", code]
        self._server = subprocess.Popen(argv)
        until(lambda: socket.socket().connect_ex((self.ADDRESSES[0], 7777)) == 0)
        return self

    def __exit__(self, *error: object) -> None:
        self._server.kill()
        self._server.wait()
        self._run("ip", "link", "del", "pr-world0")
        self._run("ip", "netns", "del", "pr-world")

    @staticmethod
    def _run(*argv: str) -> None:
        process.run(argv)


def test_the_world_can_be_reached_and_what_is_private_cannot(paper: Newspaper, seen: Seen) -> None:
    attacker = Attacker(paper)
    with _World() as world:
        code = "return (bool) fsockopen( '%s', 7777, $number, $why, 3 );"
        public, metadata, private = (code % address for address in world.ADDRESSES)
        assert attacker.runs(public) is True and attacker.asks(public) is True
        for one in (metadata, private):
            assert attacker.runs(one) is False
            assert attacker.asks(one) is False
        with _without_rules(paper):
            assert attacker.runs(metadata) is True
            assert attacker.runs(private) is True
    seen.both("a provider's metadata (169.254.169.254), a private network", "nftables' rules")


# -- what it takes --------------------------------------------------------------------------------------------------


_FORKS = (
    "$made = 0; while ( $made < 400 ) { $pid = pcntl_fork(); if ( $pid === 0 ) { sleep( 20 ); exit; }"
    " if ( $pid < 0 ) return $made; $made++; } return $made;"
)


@contextlib.contextmanager
def _uncapped() -> Iterator[None]:
    with mock.patch.object(Cgroups, "admit"):
        yield


def test_processes_without_end(paper: Newspaper, seen: Seen) -> None:
    """By two walls, each of which would do."""
    most = paper.node.state.settings().tenants.processes
    attacker = Attacker(paper)
    assert 20 < attacker.runs(_FORKS, without=("limits",)) < most
    with _uncapped():
        assert 20 < attacker.runs(_FORKS) < most
        assert attacker.runs(_FORKS, without=("limits",)) == 400
    seen.both("processes without end", "the user's limit, the cgroup")


def test_memory_without_end(paper: Newspaper, neighbour: Newspaper, seen: Seen) -> None:
    code = "$all = str_repeat( 'x', 1700 * 1024 * 1024 ); return true;"
    assert Attacker(paper).runs(code) is None
    with neighbour.client() as visitor:
        assert visitor.get("/").status_code == 200
    with _uncapped():
        assert Attacker(paper).runs(code) is True
    seen.both("1.7 GB of memory", "the cgroup")


def test_shared_memory_without_end(paper: Newspaper, seen: Seen) -> None:
    code = "return file_put_contents( '/dev/shm/x', str_repeat( 'x', 100 * 1024 * 1024 ) ) === 100 * 1024 * 1024;"
    assert Attacker(paper).runs(code) is False
    seen.kept_out("100 MB in /dev/shm", "its size")


def test_what_it_leaves_behind_ends_with_its_php(paper: Newspaper, seen: Seen) -> None:
    Attacker(paper).asks("exec( 'setsid sleep 12345 > /dev/null 2>&1 &' ); return true;")
    assert _sleepers()
    paper.node.engine.restart(site_program_name(paper.site.name))
    assert not _sleepers()
    seen.kept_out("a daemon left behind", "processes")


def _sleepers() -> list[str]:
    return process.run(["pgrep", "-f", "^sleep 12345$"], check=False).stdout.split()
