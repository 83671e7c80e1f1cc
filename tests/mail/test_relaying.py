"""A second aiosmtpd plays the relay: it can be down, refuse, ask for a password."""

from __future__ import annotations

import json
import ssl
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from pressroom.mail.mailbox import list_messages
from pressroom.mail.settings import Relay
from pressroom.model.secrets import Secret
from pressroom.system import files, process

from .conftest import Node, free_port, until

HELLO = "To: {}\nFrom: News <news@news.example>\nSubject: x\n\nGood morning.\n"


class FakeRelay:
    """Takes mail and keeps it; refuses whom its recipients' names ask it to refuse."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.taken: list[tuple[str | None, tuple[str, ...], bytes]] = []
        self.logins: list[tuple[str, str]] = []
        self.busy = False
        self._controller: Controller | None = None

    async def handle_RCPT(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if address.startswith("nobody"):
            return "550 5.1.1 no such\x1b[2J person"
        if address.startswith("grey") and self.busy:
            return "450 4.2.0 come back later"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        content = envelope.content if isinstance(envelope.content, bytes) else b""
        if b"drop me" in content:
            assert server.transport is not None
            server.transport.close()
            return "451 gone"
        self.taken.append((envelope.mail_from, tuple(envelope.rcpt_tos), content))
        return "250 OK"

    def authenticate(self, server: SMTP, session: Session, envelope: Envelope, how: str, given: object) -> AuthResult:
        assert isinstance(given, LoginPassword)
        self.logins.append((given.login.decode(), given.password.decode()))
        return AuthResult(success=self.logins[-1] == ("mailer", "s3cret word"))

    def start(self, tls: ssl.SSLContext | None = None) -> None:
        if tls is None:
            self._controller = Controller(self, hostname="127.0.0.1", port=self.port)
        else:
            self._controller = Controller(
                self,
                hostname="127.0.0.1",
                port=self.port,
                tls_context=tls,
                require_starttls=True,
                auth_required=True,
                authenticator=self.authenticate,
            )
        self._controller.start()

    def stop(self) -> None:
        if self._controller is not None:
            self._controller.stop()
            self._controller = None

    def settings(self) -> Relay:
        return Relay(host="127.0.0.1", port=self.port, tls="none")

    def recipients(self) -> list[str]:
        return [one for _, recipients, _ in self.taken for one in recipients]


@pytest.fixture
def relay() -> Iterator[FakeRelay]:
    relay = FakeRelay(free_port())
    yield relay
    relay.stop()


def test_mail_is_forwarded_and_not_kept(node: Node, relay: FakeRelay) -> None:
    relay.start()
    node.configure(relay.settings())
    node.start()
    assert node.send_as("s1", HELLO.format("ann@example.org")).exit_code == 0
    until(lambda: relay.recipients() == ["ann@example.org"])
    sender, _, content = relay.taken[0]
    assert sender == "news@news.example"  # msmtp's stand-in gives way to From
    assert content.endswith(b"\r\n\r\nGood morning.\r\n")
    assert b"X-Pressroom" not in content
    until(lambda: node.queued() == 0)
    assert list_messages(node.layout, "s1") == []


def test_the_configured_sender_replaces_the_program_s(node: Node, relay: FakeRelay) -> None:
    relay.start()
    node.configure(relay.settings().model_copy(update={"sender": "bounces@host.example"}))
    node.start()
    assert node.send_as("s1", HELLO.format("ann@example.org"), "-f", "other@news.example").exit_code == 0
    until(lambda: [sender for sender, _, _ in relay.taken] == ["bounces@host.example"])


def test_mail_waits_while_the_relay_is_down_and_survives_a_restart(node: Node, relay: FakeRelay) -> None:
    node.configure(relay.settings())
    node.start()
    for number in range(3):
        assert node.send_as("s1", HELLO.format(f"ann{number}@example.org")).exit_code == 0
    until(lambda: '"relay_down"' in node.log())
    assert node.stop() < 2.0
    assert node.queued() == 3
    node.start()
    until(lambda: node.log().count('"relay_down"') == 2)
    relay.start()
    until(lambda: len(relay.taken) == 3)
    assert sorted(relay.recipients()) == ["ann0@example.org", "ann1@example.org", "ann2@example.org"]
    until(lambda: node.queued() == 0)
    assert node.log().count('"relay_down"') == 2, "said once a time it goes down, not once a try"
    assert '"relay_up"' in node.log()


def test_a_refused_recipient_bounces_into_the_box_and_the_others_get_it_once(node: Node, relay: FakeRelay) -> None:
    relay.busy = True
    relay.start()
    node.configure(relay.settings())
    node.start()
    assert node.send_as("s2", HELLO.format("nobody@example.org, ann@example.org, grey@example.org")).exit_code == 0
    until(lambda: len(list_messages(node.layout, "s2")) == 1)
    (bounce,) = list_messages(node.layout, "s2")
    assert bounce.recipients == ("nobody@example.org",)
    assert "550 5.1.1 no such\\x1b[2J person" in bounce.why
    relay.busy = False
    until(lambda: relay.recipients() == ["ann@example.org", "grey@example.org"])
    until(lambda: node.queued() == 0)


def test_a_message_that_the_relay_breaks_off_at_does_not_hold_up_the_others(node: Node, relay: FakeRelay) -> None:
    relay.start()
    node.configure(relay.settings())
    node.start()
    assert node.send_as("s1", HELLO.format("ann@example.org") + "drop me\n").exit_code == 0
    until(lambda: '"waiting": 1' in node.log())
    assert node.send_as("s2", HELLO.format("bob@example.org")).exit_code == 0
    until(lambda: relay.recipients() == ["bob@example.org"])
    assert '"relay_down"' not in node.log()
    assert node.queued() == 1


def test_after_a_day_it_is_given_up_into_the_box(node: Node, relay: FakeRelay) -> None:
    node.configure(relay.settings())
    spool = node.layout.mail / "spool"
    files.make_directory(spool, owner=node.core)
    for age, name in ((25, "old"), (25, "older"), (23, "young")):
        at = time.time_ns() - age * 3600 * 10**9
        envelope = json.dumps({"sender": "a@b.example", "recipients": [f"{name}@example.org"]})
        text = envelope.encode() + b"\nSubject: x\r\n\r\nhello\r\n"
        files.write(spool / f"{at:019d}-s1-{at % 16**12:012x}", text, mode=0o600, owner=node.core)
    node.start()
    until(lambda: len(list_messages(node.layout, "s1")) == 2)
    caught = list_messages(node.layout, "s1")
    assert {message.recipients[0] for message in caught} == {"old@example.org", "older@example.org"}
    assert all("given up after 24 hours" in message.why for message in caught)
    until(lambda: node.queued() == 1)


def test_a_site_over_its_hourly_limit_hears_451_and_the_others_send(node: Node, relay: FakeRelay) -> None:
    relay.start()
    node.configure(relay.settings(), hourly_limit=3)
    node.start()
    assert node.send_as("s1", HELLO.format("a@example.org, b@example.org")).exit_code == 0
    assert node.send_as("s1", HELLO.format("c@example.org")).exit_code == 0
    done = node.send_as("s1", HELLO.format("d@example.org"))
    assert done.exit_code != 0
    assert "451 4.7.1" in done.stderr
    assert node.send_as("s2", HELLO.format("e@example.org")).exit_code == 0
    until(lambda: len(relay.recipients()) == 4)
    assert "d@example.org" not in relay.recipients()


def test_a_change_of_the_settings_is_seen_and_a_removed_relay_leaves_nothing_behind(
    node: Node, relay: FakeRelay
) -> None:
    node.start()
    assert node.send_as("s1", HELLO.format("ann@example.org")).exit_code == 0
    assert len(list_messages(node.layout, "s1")) == 1
    node.configure(relay.settings())
    assert node.send_as("s1", HELLO.format("bob@example.org")).exit_code == 0
    until(lambda: '"relay_down"' in node.log())
    assert len(list_messages(node.layout, "s1")) == 1
    node.configure(None)
    until(lambda: len(list_messages(node.layout, "s1")) == 2 and node.queued() == 0)


def test_settings_that_cannot_be_read_leave_the_last_good_ones(node: Node, relay: FakeRelay) -> None:
    relay.start()
    node.configure(relay.settings())
    node.start()
    (node.layout.etc / "mail.json").write_text('{"relay": {"host": "a b", "password": "hush"}')
    assert node.send_as("s1", HELLO.format("ann@example.org")).exit_code == 0
    until(lambda: relay.recipients() == ["ann@example.org"])
    assert '"settings_refused"' in node.log()
    assert "hush" not in node.log()


def test_a_password_that_smtp_cannot_carry_is_said_and_the_mail_waits(node: Node, relay: FakeRelay) -> None:
    relay.start()
    node.configure(Relay(host="127.0.0.1", port=relay.port, tls="none", user="mailer", password=Secret("pässwort")))
    node.start()
    assert node.send_as("s1", HELLO.format("ann@example.org")).exit_code == 0
    until(lambda: '"relay_down"' in node.log())
    assert node.queued() == 1
    assert "sswort" not in node.log()
    node.configure(relay.settings())
    until(lambda: relay.recipients() == ["ann@example.org"])


def _certificate(folder: Path) -> tuple[Path, Path]:
    key, certificate = folder / "relay.key", folder / "relay.pem"
    words = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=127.0.0.1"
    process.run([*words.split(), "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", key, "-out", certificate])
    return key, certificate


def test_the_password_goes_over_verified_tls_only(node: Node, relay: FakeRelay) -> None:
    key, certificate = _certificate(node.layout.etc)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    relay.start(context)
    unknown = Relay(host="127.0.0.1", port=relay.port, user="mailer", password=Secret("s3cret word"))
    node.configure(unknown)
    node.start()
    assert node.send_as("s1", HELLO.format("ann@example.org")).exit_code == 0
    until(lambda: "certificate verify failed" in node.log().lower())
    assert relay.logins == []
    node.configure(unknown.model_copy(update={"ca_file": certificate}))
    until(lambda: relay.recipients() == ["ann@example.org"])
    assert ("mailer", "s3cret word") in relay.logins
    assert "s3cret" not in node.log()
