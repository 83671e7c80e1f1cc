"""The mail daemon: ``python -m pressroom.mail.daemon --root ROOT``, as the platform user."""

from __future__ import annotations

import argparse
import asyncio
import logging
import os
import resource
import signal
import sys
from functools import partial
from pathlib import Path

import structlog

from pressroom.mail.delivery import FIRST_PAUSE, Delivery
from pressroom.mail.roster import MailRoster
from pressroom.mail.server import MailServer
from pressroom.mail.settings import SettingsFile, settings_path
from pressroom.model.layout import Layout
from pressroom.system import messages
from pressroom.system.daemon import log_as_json

_log = structlog.get_logger("mail")
LAST_WORDS = 1.5  # seconds that a message under way gets when we are told to end


async def serve(layout: Layout, *, first_pause: float) -> None:
    """Serve until SIGTERM or SIGINT."""
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    settings = SettingsFile(settings_path(layout))
    delivery = Delivery(layout, settings, first_pause=first_pause)
    waiting = delivery.open()
    server = MailServer(layout, MailRoster(layout.roster).sites, delivery.accept)
    relay = settings.current().relay
    _log.info("started", waiting=waiting, mode="catch" if relay is None else "relay")
    serving, delivering = asyncio.create_task(server.serve()), asyncio.create_task(delivery.run())
    await messages.serve(layout.mail_requests_socket, partial(_answer, server))
    stopping = asyncio.create_task(stop.wait())
    await asyncio.wait({stopping, serving, delivering}, return_when=asyncio.FIRST_COMPLETED)
    for task in (serving, delivering):
        if task.done():
            task.result()  # A fault of ours: end loudly, the engine starts us again.
    serving.cancel()
    delivery.stop()
    await asyncio.wait({delivering}, timeout=LAST_WORDS)
    _log.info("stopped")


async def _answer(server: MailServer, request: messages.Message) -> messages.Message:
    if request.get("op") != "attend":
        return {"ok": False, "why": "no such operation"}
    server.attend()
    return {"ok": True}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--root", type=Path, required=True)
    parser.add_argument(
        "--first-pause", type=float, default=FIRST_PAUSE, help="seconds until a refused try is repeated"
    )
    arguments = parser.parse_args()
    os.umask(0o077)
    logging.getLogger("mail.log").setLevel(logging.WARNING)  # aiosmtpd's own, which names every command.
    log_as_json()
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))  # a socket for each site, and connections to it
    loop = asyncio.new_event_loop()
    loop.run_until_complete(serve(Layout(arguments.root), first_pause=arguments.first_pause))
    sys.stderr.flush()
    # A thread that talks to a slow relay must not hold up the end: the message stays queued until it is settled.
    os._exit(0)


if __name__ == "__main__":
    main()
