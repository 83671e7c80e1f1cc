"""A socket for each site: what comes of it for the others when one is flooded, and which are there when."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from select import select

import pytest

from pressroom.mail.box import Letter
from pressroom.mail.mailbox import list_messages
from pressroom.mail.server import MailServer
from pressroom.system import files, messages
from tests.wall_table import Seen

from .conftest import Node, until
from .test_catching import HELLO, answer

_WALL = "a socket for each site"
_MAILS = 20
_KNOCKING = 200  # fewer than the queue has room for
_FULL = "Resource temporarily unavailable"  # the kernel's word
# Until it is ended: connects, and has the last hundred connections open.
_KNOCKS = """
import collections, socket, sys
held = collections.deque(maxlen=100)
while True:
    peer = socket.socket(socket.AF_UNIX)
    peer.setblocking(False)
    try:
        peer.connect(sys.argv[1])
        held.append(peer)
    except OSError:
        peer.close()
"""


@contextmanager
def _flooded(node: Node, site: str) -> Iterator[None]:
    """By three processes of the site's own."""
    argv = [sys.base_prefix + "/bin/python3", "-c", _KNOCKS, str(node.layout.site(site).mail_socket)]
    attackers = [
        subprocess.Popen(argv, user=node.uid(site), group=node.layout.site(site).unix_user, extra_groups=[], cwd="/")
        for _ in range(3)
    ]
    try:
        yield
        assert all(attacker.poll() is None for attacker in attackers)
    finally:
        for attacker in attackers:
            attacker.kill()
            attacker.wait()


def test_a_flood_by_one_site_is_not_anothers_refusal(running: Node, seen: Seen) -> None:
    with _flooded(running, "s1"):
        until(lambda: _FULL in running.send_as("s1", HELLO.format("x")).stderr)  # for who stands in the same queue
        sent = [running.send_as("s2", HELLO.format("x")) for _ in range(_MAILS)]
        assert [done.stderr for done in sent if done.exit_code != 0] == []
    assert len(list_messages(running.layout, "s2")) == _MAILS
    seen.both("connections to the mail's socket without end", _WALL)
    until(lambda: running.send_as("s1", HELLO.format("x")).exit_code == 0)


@pytest.mark.parametrize(("who", "at"), [("s1", "s2"), ("s2", "s1")])
def test_at_another_site_s_socket_nobody_is_heard(running: Node, who: str, at: str) -> None:
    done = running.send(running.layout.site(who).unix_user, HELLO.format("x"), at=at)
    assert done.exit_code != 0
    assert "Only the site itself" in done.stderr
    assert list_messages(running.layout, "s1") == list_messages(running.layout, "s2") == []


def test_who_waits_in_one_queue_is_taken_in_turns(node: Node) -> None:
    """What there is to be refused is refused at once, and between two of them the loop sees to the others."""

    async def accept(letter: Letter) -> str:
        raise AssertionError

    async def turns() -> int:
        serving = asyncio.create_task(MailServer(node.layout, lambda: ["s1"], accept).serve())
        await asyncio.sleep(0)
        with ExitStack() as held:
            knocks = [held.enter_context(node.connect_as(node.uid("s1"))) for _ in range(_KNOCKING)]
            count = 0
            while not select([knocks[-1]], [], [], 0)[0]:
                count += 1
                await asyncio.sleep(0)
        serving.cancel()
        return count

    assert asyncio.run(asyncio.wait_for(turns(), 20)) >= _KNOCKING - 1


def _welcomes(node: Node, site: str) -> bool:
    try:
        with node.connect_as(node.uid(site), site) as client:
            return answer(client).startswith(b"220")
    except OSError:
        return False


def _attended(node: Node) -> None:
    """The daemon has looked, as whoever makes or removes a site has it look."""
    assert messages.ask(node.layout.mail_requests_socket, {"op": "attend"}, what="mail") == {"ok": True}


def test_a_site_has_a_socket_as_soon_as_the_daemon_is_told_until_it_goes(running: Node) -> None:
    folder: Path = running.layout.objects / "s3"
    running.add_user(running.layout.site("s3").unix_user)
    running.tell("s1", "s2", "s3")
    _attended(running)  # its folder is missing: the others stay
    assert _welcomes(running, "s1")
    files.make_directory(folder, owner=running.core)
    _attended(running)
    assert _welcomes(running, "s3")
    running.tell("s1", "s2")
    _attended(running)
    assert not _welcomes(running, "s3")
    assert _welcomes(running, "s2")


def test_a_socket_whose_folder_was_made_anew_comes_back(running: Node) -> None:
    folder = running.layout.objects / "s2"
    files.remove_tree(folder)
    files.make_directory(folder, owner=running.core)
    until(lambda: _welcomes(running, "s2"))


def test_a_list_that_cannot_be_read_leaves_the_last_one(running: Node) -> None:
    for text in ("{", '{"name": "s1"}', "[3]", '[{"name": 3}]'):
        files.write(running.layout.roster, text)
        _attended(running)
        assert _welcomes(running, "s1"), text
    assert running.log().count('"roster_refused"') == 4
