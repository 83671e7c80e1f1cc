"""Mail that is accepted and not yet handed to the relay: one file a message, durable, bounded per site.

A file is one line of JSON (the envelope), then the message. Files do not change while they wait; when to try again
lives in memory, so that a restart tries everything at once.
"""

from __future__ import annotations

import json
import re
import secrets
import time
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

import structlog

from pressroom.mail.box import Letter
from pressroom.model.layout import Layout
from pressroom.system import files

_log = structlog.get_logger("mail")
MOST_BYTES_A_SITE = 50 * 1024 * 1024
_NAME = re.compile(r"([0-9]{19})-(s[1-9][0-9]{0,6})-[0-9a-f]{12}")


@dataclass
class Waiting:
    """One queued message: its file's name tells when it was accepted and by which site."""

    name: str
    site: str
    accepted_at: float  # Unix time
    size: int
    attempts: int = 0
    not_before: float = 0.0  # monotonic seconds


class Spool:
    """The queue. Used from one thread at a time."""

    def __init__(self, layout: Layout) -> None:
        self._folder = layout.mail / "spool"
        self._waiting: dict[str, Waiting] = {}
        self._bytes: Counter[str] = Counter()
        self._last_site = ""

    def open(self) -> int:
        """Take up what an earlier run left. Returns how many messages wait."""
        files.make_directory(self._folder, mode=0o700)
        for path in self._folder.iterdir():
            if found := _NAME.fullmatch(path.name):
                self._note(Waiting(path.name, found[2], int(found[1]) / 1e9, path.stat().st_size))
            else:
                path.unlink(missing_ok=True)  # Half-written when the power went; it was never acknowledged.
        return len(self._waiting)

    def __len__(self) -> int:
        return len(self._waiting)

    def has_room(self, site: str, size: int) -> bool:
        return self._bytes[site] + size <= MOST_BYTES_A_SITE

    def add(self, letter: Letter) -> None:
        """Queue a message; it is on disk when this returns. Raises NoSpace."""
        name = f"{time.time_ns():019d}-{letter.site}-{secrets.token_hex(6)}"
        data = _packed(letter)
        files.write(self._folder / name, data, mode=0o600)
        self._note(Waiting(name, letter.site, int(name[:19]) / 1e9, len(data)))

    def read(self, waiting: Waiting) -> Letter | None:
        """The message, or nothing when its file is gone or damaged; it is then no longer in the queue."""
        try:
            head, _, content = (self._folder / waiting.name).read_bytes().partition(b"\n")
            envelope = json.loads(head)
            return Letter(waiting.site, str(envelope["sender"]), tuple(map(str, envelope["recipients"])), content)
        except (OSError, ValueError, KeyError, TypeError) as error:
            _log.error("queued_mail_lost", name=waiting.name, error=repr(error))
            self.remove(waiting)
            return None

    def keep_for(self, waiting: Waiting, letter: Letter) -> None:
        """Keep the message for those of its recipients who have not got it yet."""
        files.write(self._folder / waiting.name, _packed(letter), mode=0o600)

    def remove(self, waiting: Waiting) -> None:
        (self._folder / waiting.name).unlink(missing_ok=True)
        if self._waiting.pop(waiting.name, None) is not None:
            self._bytes[waiting.site] -= waiting.size

    def next_ready(self, now: float) -> Waiting | None:
        """The next message to try: the sites take turns, so that one's flood does not hold up the others' mail."""
        ready: dict[str, Waiting] = {}
        for waiting in self._waiting.values():
            if waiting.not_before <= now and waiting.site not in ready:
                ready[waiting.site] = waiting
        if not ready:
            return None
        sites = sorted(ready)
        self._last_site = next((site for site in sites if site > self._last_site), sites[0])
        return ready[self._last_site]

    def next_time(self) -> float | None:
        """The monotonic time at which some message may be tried again."""
        return min((waiting.not_before for waiting in self._waiting.values()), default=None)

    def all(self) -> Iterable[Waiting]:
        return list(self._waiting.values())

    def _note(self, waiting: Waiting) -> None:
        self._waiting[waiting.name] = waiting
        self._bytes[waiting.site] += waiting.size


def _packed(letter: Letter) -> bytes:
    envelope = json.dumps({"sender": letter.sender, "recipients": letter.recipients})
    return envelope.encode() + b"\n" + letter.content
