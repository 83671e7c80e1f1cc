"""Hands one message to the relay and says what became of it, recipient by recipient. Blocking: for a thread."""

from __future__ import annotations

import contextlib
import email.parser
import email.utils
import re
import smtplib
import ssl
from dataclasses import dataclass, field

from pressroom.mail.box import Letter
from pressroom.mail.msmtp import NOBODY_DOMAIN
from pressroom.mail.settings import Relay

TIMEOUT = 15.0  # seconds for each step of the conversation
_LINE_END = re.compile(rb"\r\n|\r|\n")


class RelayDown(Exception):
    """The relay cannot be reached, or will not talk to us at all. Every message has to wait."""


@dataclass
class Outcome:
    """Who is left: `later` got a temporary refusal, `never` a final one (with the relay's words)."""

    later: dict[str, str] = field(default_factory=dict)
    never: dict[str, str] = field(default_factory=dict)


def send(relay: Relay, letter: Letter) -> Outcome:
    """Send a message to its recipients. Raises RelayDown."""
    try:
        client = _connected(relay)
    except (OSError, smtplib.SMTPException, ValueError) as error:  # ValueError: a name or password beyond ASCII.
        raise RelayDown(str(error) or type(error).__name__) from error
    try:
        return _sent(client, relay, letter)
    except (OSError, smtplib.SMTPException) as error:
        # The relay talks to us and left over this message: only this one waits, or it would hold up all others.
        return Outcome(later=dict.fromkeys(letter.recipients, f"the relay broke off: {error}"))
    finally:
        with contextlib.suppress(OSError, smtplib.SMTPException):  # A bad goodbye undoes nothing.
            client.quit()
        client.close()


def _connected(relay: Relay) -> smtplib.SMTP:
    """A client that has introduced itself, over TLS where that is asked for, and logged in."""
    context = ssl.create_default_context(cafile=relay.ca_file) if relay.tls != "none" else None
    name = "localhost"  # Else smtplib asks the DNS for our full name, which can take long.
    client: smtplib.SMTP
    if relay.tls == "tls":
        client = smtplib.SMTP_SSL(relay.host, relay.port, name, timeout=TIMEOUT, context=context)
    else:
        client = smtplib.SMTP(relay.host, relay.port, name, timeout=TIMEOUT)
    try:
        if relay.tls == "starttls":
            client.starttls(context=context)
        if relay.user is not None and relay.password is not None:
            client.login(relay.user, relay.password.reveal())
    except BaseException:
        client.close()
        raise
    return client


def _sent(client: smtplib.SMTP, relay: Relay, letter: Letter) -> Outcome:
    content = _LINE_END.sub(b"\r\n", letter.content)
    try:
        refused = client.sendmail(envelope_sender(relay, letter), letter.recipients, content)
    except smtplib.SMTPRecipientsRefused as error:
        refused = error.recipients
    except smtplib.SMTPResponseException as error:  # The sender or the text was refused, for all.
        refused = {one: (error.smtp_code, _bytes(error.smtp_error)) for one in letter.recipients}
    outcome = Outcome()
    for recipient, (code, words) in refused.items():
        side = outcome.never if 500 <= code <= 599 else outcome.later
        side[recipient] = f"{code} {words.decode(errors='replace')}"[:300]
    return outcome


def envelope_sender(relay: Relay, letter: Letter) -> str:
    """The configured sender, else the program's, else (msmtp's stand-in) the address in From."""
    if relay.sender is not None:
        return relay.sender
    if not letter.sender.endswith(f"@{NOBODY_DOMAIN}"):
        return letter.sender
    head = re.split(rb"\r?\n\r?\n", letter.content[: 64 * 1024], maxsplit=1)[0]
    value = str(email.parser.BytesHeaderParser().parsebytes(head).get("From", ""))
    address = email.utils.parseaddr(value)[1]
    return address if re.fullmatch(r"[!-;=?-~]+@[!-;=?-~]+", address) and len(address) <= 254 else letter.sender


def _bytes(words: bytes | str) -> bytes:
    return words if isinstance(words, bytes) else words.encode(errors="replace")
