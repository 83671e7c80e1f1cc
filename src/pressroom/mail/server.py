"""The SMTP server on the sites' Unix sockets. Who sends is told by the socket and by the kernel (SO_PEERCRED), never by
the client.
"""

from __future__ import annotations

import asyncio
import contextlib
import pwd
import re
import socket
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable

import structlog
from aiosmtpd.smtp import SMTP, Envelope, Session

from pressroom.mail.box import LARGEST_MESSAGE, Letter
from pressroom.model.layout import Layout, SiteLayout
from pressroom.system.peer import peer_of
from pressroom.system.site_sockets import SiteSockets

_log = structlog.get_logger("mail")
CONNECTIONS_A_SITE = 8  # each can hold a whole message in memory
MOST_RECIPIENTS = 100
COMMAND_TIMEOUT = 60.0  # seconds for one command, the message's text included
_TICK = 1.0  # seconds between two looks at which sites there are
_QUEUE = 256  # connections of a site that may wait to be taken
_END = b"\r\n.\r\n"
_ADDRESS = re.compile(r"[!-;=?-~]{1,254}")  # printable ASCII without <, > and space

Accept = Callable[[Letter], Awaitable[str]]


class _SiteHandler:
    """aiosmtpd's hooks for one connection, bound to the site at its other end."""

    def __init__(self, site: str, accept: Accept) -> None:
        self._site = site
        self._accept = accept

    async def handle_MAIL(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if not _ADDRESS.fullmatch(address):
            return "553 5.1.7 That sender address cannot be used"
        envelope.mail_from = address
        return "250 OK"

    async def handle_RCPT(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if not _ADDRESS.fullmatch(address):
            return "553 5.1.3 That recipient address cannot be used"
        if len(envelope.rcpt_tos) >= MOST_RECIPIENTS:
            return f"452 4.5.3 More than {MOST_RECIPIENTS} recipients in one message"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        content = envelope.content if isinstance(envelope.content, bytes) else b""
        return await self._accept(Letter(self._site, envelope.mail_from or "", tuple(envelope.rcpt_tos), content))

    async def handle_exception(self, error: Exception) -> str:
        _log.error("session_failed", site=self._site, error=repr(error))
        return "451 4.3.0 The message could not be taken; try again later"


class SiteSMTP(SMTP):
    """aiosmtpd's server, but for DATA.

    The library keeps an object for each line: ten megabytes of empty lines would become hundreds. Here the text is
    one buffer, it may have lines of any length, and only CRLF.CRLF ends it.
    """

    async def smtp_DATA(self, arg: str | None) -> None:
        assert self.envelope is not None
        if await self.check_helo_needed():
            return
        if arg:
            await self.push("501 Syntax: DATA")
            return
        if not self.envelope.rcpt_tos:
            await self.push("503 Error: need RCPT command")
            return
        await self.push("354 End data with <CR><LF>.<CR><LF>")
        text = await self._read_text()
        if text is None:
            await self.push("552 5.3.4 The message is larger than 10 MB")
        else:
            self.envelope.content = text
            await self.push(await self._call_handler_hook("DATA"))
        self.envelope = self._create_envelope()

    async def _read_text(self) -> bytes | None:
        """The message without its dots (RFC 5321, 4.5.2); None when it was too large (all of it was read)."""
        data, too_large = bytearray(b"\r\n"), False  # The CRLF before the text: a text may be empty.
        while (end := data.find(_END, max(0, len(data) - 65536 - len(_END)))) < 0:
            chunk = await self._reader.read(65536)
            if not chunk:
                raise ConnectionResetError("the client left in the middle of a message")
            data += chunk
            if len(data) > LARGEST_MESSAGE + 65536:
                too_large = True
                del data[: -len(_END)]
        if end + len(_END) < len(data):  # Whoever speaks before our answer may be smuggling (two ends of one text).
            raise ConnectionResetError("the client went on before the answer")
        if too_large or end - 2 > LARGEST_MESSAGE:
            return None
        return bytes(data[:end]).replace(b"\r\n.", b"\r\n")[2:] + (b"\r\n" if end else b"")


class MailServer:
    """Listens for each site at a socket of its own; connections that are not the site's are refused."""

    def __init__(self, layout: Layout, sites: Callable[[], Iterable[str]], accept: Accept) -> None:
        """`sites` tells which there are."""
        self._layout = layout
        self._sites = sites
        self._accept = accept
        self._open: Counter[str] = Counter()
        self._sockets = SiteSockets(self._welcome, queue=_QUEUE)

    async def serve(self) -> None:
        """For ever, for the sites that there are meanwhile."""
        try:
            while True:
                self.attend()
                await asyncio.sleep(_TICK)
        finally:
            self._sockets.attend({})

    def attend(self) -> None:
        self._sockets.attend({site: self._layout.site(site).mail_socket for site in self._sites()})

    async def _welcome(self, site: str, peer: socket.socket) -> None:
        uid = peer_of(peer).uid
        if uid != _user_of(self._layout.site(site)):
            _log.warning("refused", site=site, uid=uid, why="not the site's user")
            _send_away(peer, b"554 5.7.1 Only the site itself may send mail here\r\n")
        elif self._open[site] >= CONNECTIONS_A_SITE:
            _send_away(peer, b"421 4.7.0 Too many connections of this site; try again later\r\n")
        else:
            self._open[site] += 1
            loop = asyncio.get_running_loop()
            await loop.connect_accepted_socket(lambda: self._protocol(loop, site), peer)

    def _protocol(self, loop: asyncio.AbstractEventLoop, site: str) -> SMTP:
        gone = self._gone

        class Counted(SiteSMTP):
            def connection_lost(self, error: Exception | None) -> None:
                gone(site)
                super().connection_lost(error)

        return Counted(
            _SiteHandler(site, self._accept),
            data_size_limit=LARGEST_MESSAGE,
            hostname="localhost",
            ident="Pressroom",
            timeout=COMMAND_TIMEOUT,
            loop=loop,
        )

    def _gone(self, site: str) -> None:
        self._open[site] -= 1
        if self._open[site] <= 0:
            del self._open[site]


def _user_of(place: SiteLayout) -> int | None:
    try:
        return pwd.getpwnam(place.unix_user).pw_uid
    except KeyError:
        return None


def _send_away(peer: socket.socket, words: bytes) -> None:
    with contextlib.suppress(OSError):
        peer.setblocking(False)
        peer.send(words)
    peer.close()
