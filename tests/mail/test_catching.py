"""Real msmtp, real Unix users, the real daemon, no relay: mail is caught in the sender's own box."""

from __future__ import annotations

import base64
import pwd
import socket
import time

import pytest

from pressroom.mail import server
from pressroom.mail.box import LARGEST_MESSAGE
from pressroom.mail.mailbox import list_messages, read_message

from .conftest import Node, until

HELLO = "To: Ann <ann@example.org>\nFrom: News <news@news.example>\nSubject: {}\n\nGood morning.\n"

_AT_ONCE = 2.0  # seconds; to start takes one on a quiet machine


def answer(client: socket.socket, line: bytes = b"") -> bytes:
    """Say a line and hear one answer."""
    if line:
        client.sendall(line + b"\r\n")
    heard = b""
    while not heard.endswith(b"\n") or heard.splitlines()[-1][3:4] == b"-":
        part = client.recv(4096)
        if not part:
            return heard
        heard += part
    return heard


def begun(client: socket.socket, recipient: bytes = b"ann@example.org") -> None:
    assert answer(client).startswith(b"220")
    assert answer(client, b"EHLO here").startswith(b"250")
    assert answer(client, b"MAIL FROM:<a@b.example>").startswith(b"250")
    assert answer(client, b"RCPT TO:<" + recipient + b">").startswith(b"250")


def test_a_site_s_mail_is_caught_in_its_own_box(running: Node) -> None:
    done = running.send_as("s1", HELLO.format("Your order"))
    assert (done.exit_code, done.stderr) == (0, "")
    (message,) = list_messages(running.layout, "s1")
    assert (message.subject, message.recipients) == ("Your order", ("ann@example.org",))
    assert message.sender == f"{running.layout.site('s1').unix_user}@localhost"
    assert "no relay" in message.why
    assert abs(message.at.timestamp() - time.time()) < 60
    assert list_messages(running.layout, "s2") == []
    opened = read_message(running.layout, "s1", message.id)
    assert ("From", "News <news@news.example>") in opened.headers
    assert [part.text for part in opened.parts] == ["Good morning.\n"]


def test_the_sender_that_php_names_is_the_envelope_s(running: Node) -> None:
    assert running.send_as("s1", HELLO.format("x"), "-f", "shop@news.example").exit_code == 0
    assert list_messages(running.layout, "s1")[0].sender == "shop@news.example"


@pytest.mark.parametrize(
    "written",
    ["Grüße aus Köln 🎉", f"=?UTF-8?B?{base64.b64encode('Grüße aus Köln 🎉'.encode()).decode()}?="],
    ids=["raw", "encoded"],
)
def test_a_subject_in_utf_8_is_decoded(running: Node, written: str) -> None:
    assert running.send_as("s2", HELLO.format(written)).exit_code == 0
    assert list_messages(running.layout, "s2")[0].subject == "Grüße aus Köln 🎉"


def test_blind_copies_are_recipients_and_not_in_the_text(running: Node) -> None:
    assert running.send_as("s1", "Bcc: boss@example.org\n" + HELLO.format("x")).exit_code == 0
    (message,) = list_messages(running.layout, "s1")
    assert set(message.recipients) == {"ann@example.org", "boss@example.org"}
    assert "boss" not in str(read_message(running.layout, "s1", message.id).headers)


def test_who_is_no_site_of_this_node_is_refused(running: Node) -> None:
    running.add_user("prffffff-s1")
    running.add_user(f"{running.layout.prefix}-s1x")
    for user in ("root", "nobody", "prffffff-s1", f"{running.layout.prefix}-s1x"):
        done = running.send(user, HELLO.format("x"))
        assert done.exit_code != 0, user
        assert "Only the site itself" in done.stderr, user
    assert list_messages(running.layout, "s1") == []
    assert running.log().count('"not the site\'s user"') == 4


def test_a_uid_without_a_name_is_refused(running: Node) -> None:
    unused = max(entry.pw_uid for entry in pwd.getpwall() if entry.pw_uid < 60000) + 1234
    assert answer(running.connect_as(unused)).startswith(b"554")


def test_what_a_message_says_of_itself_moves_it_nowhere(running: Node) -> None:
    lies = "Delivered-To: victim@example.org\nReturn-Path: <ceo@bank.example>\nX-Pressroom-Caught: for s2\n"
    assert running.send_as("s1", lies + HELLO.format("x")).exit_code == 0
    (message,) = list_messages(running.layout, "s1")
    assert message.recipients == ("ann@example.org",)
    assert message.sender.endswith("@localhost")
    assert "no relay" in message.why
    assert list_messages(running.layout, "s2") == []


@pytest.mark.parametrize(
    "command",
    [
        b"RCPT TO:<a@b.example\x1b[2J>",
        b"RCPT TO:<a@b.example\rDelivered-To:x@y.example>",
        b"RCPT TO:<a\x00@b.example>",
        b"RCPT TO:<" + b"a" * 300 + b"@b.example>",
        b"RCPT TO:<\xc3\xbc@b.example>",
    ],
)
def test_control_characters_in_an_address_are_refused(running: Node, command: bytes) -> None:
    with running.connect_as(running.uid("s1")) as client:
        begun(client)
        assert answer(client, command)[:1] == b"5"


def test_a_second_message_in_the_first_s_text_is_not_taken(running: Node) -> None:
    with running.connect_as(running.uid("s1")) as client:
        begun(client)
        assert answer(client, b"DATA").startswith(b"354")
        second = b"MAIL FROM:<x@y.example>\r\nRCPT TO:<z@y.example>\r\nDATA\r\n\r\nno\r\n.\r\n"
        client.sendall(b"Subject: one\r\n\r\nhello\r\n.\r\n" + second)
        assert b"250" not in answer(client)
    assert list_messages(running.layout, "s1") == []


def test_dots_and_long_lines_arrive_as_they_were(running: Node) -> None:
    body = ".one\n..two\n.\n" + "x" * 200_000 + "\nend\n"
    assert running.send_as("s1", HELLO.format("x") + body).exit_code == 0
    (message,) = list_messages(running.layout, "s1")
    assert read_message(running.layout, "s1", message.id).parts[0].text == "Good morning.\n" + body


def test_more_than_ten_megabytes_are_refused(running: Node) -> None:
    large = HELLO.format("large") + "x" * 72 + "\n"
    fits = large + ("y" * 70 + "\n") * (LARGEST_MESSAGE // 72 - 100)
    assert running.send_as("s1", fits).exit_code == 0
    done = running.send_as("s1", fits + ("y" * 70 + "\n") * 200)
    assert done.exit_code != 0
    assert "552" in done.stderr
    assert len(list_messages(running.layout, "s1")) == 1


def test_ten_megabytes_of_empty_lines_cost_no_hundreds(running: Node) -> None:
    assert running.daemon is not None
    with running.connect_as(running.uid("s1")) as client:
        begun(client)
        assert answer(client, b"DATA").startswith(b"354")
        client.sendall(b"\r\n" * (LARGEST_MESSAGE // 2 + 10) + b".\r\n")
        assert answer(client).startswith(b"552")
    status = (running.layout.root / f"/proc/{running.daemon.pid}/status").read_text()
    peak = int(status.split("VmHWM:")[1].split()[0])
    assert peak < 110_000, f"{peak} kB"


def test_one_site_s_connections_are_bounded_and_the_others_served(running: Node) -> None:
    held = [running.connect_as(running.uid("s1")) for _ in range(server.CONNECTIONS_A_SITE)]
    assert all(answer(client).startswith(b"220") for client in held)
    assert answer(running.connect_as(running.uid("s1"))).startswith(b"421")
    assert running.send_as("s2", HELLO.format("x")).exit_code == 0
    for client in held:
        client.close()
    until(lambda: running.send_as("s1", HELLO.format("x")).exit_code == 0)


def test_it_starts_at_once_and_ends_so_with_a_client_connected(node: Node) -> None:
    began = time.monotonic()
    node.start()
    took = time.monotonic() - began
    with node.connect_as(node.uid("s1")) as client:
        begun(client)
        assert node.stop() < _AT_ONCE
    assert took < _AT_ONCE
    assert "Traceback" not in node.log()
