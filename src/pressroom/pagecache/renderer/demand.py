"""What visitors ask for: misses as nginx tells them, and how often which page, of which a sample orders renders."""

from __future__ import annotations

import re
import socket
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from pressroom.model.pagekey import key_of
from pressroom.pagecache.renderer.access_log import Visit

_MISS = re.compile(rb"pressroom: (s[0-9]+) (\S+)\s*\Z")
_MOST_AT_ONCE = 64


class MissSocket:
    """Where nginx names the site and the target of each miss, a datagram each. Whatever else arrives is ignored."""

    def __init__(self, path: Path) -> None:
        path.unlink(missing_ok=True)
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.setblocking(False)
        self._socket.bind(str(path))
        path.chmod(0o666)

    def fileno(self) -> int:
        return self._socket.fileno()

    def misses(self) -> list[tuple[str, str]]:
        """Site and key of those that wait to be read; of very many the first."""
        found = []
        for _ in range(_MOST_AT_ONCE):
            try:
                match = _MISS.search(self._socket.recv(8192))
            except BlockingIOError:
                break
            key = key_of(match.group(2).decode("ascii", errors="replace")) if match else None
            if match and key is not None:
                found.append((match.group(1).decode(), key))
        return found


def hits(visits: Iterable[Visit]) -> Counter[str]:
    """Requests a key."""
    wanted = (
        visit.target.decode(errors="replace") for visit in visits if visit.method == b"GET" and visit.state != b"asset"
    )
    return Counter(key for target in wanted if (key := key_of(target)) is not None)
