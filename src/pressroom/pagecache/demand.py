"""What visitors ask for: misses as nginx tells them, and how often which page, from the end of its access logs.

Of the logs a sample is enough to order renders.
"""

from __future__ import annotations

import re
import socket
from collections import Counter
from pathlib import Path

from pressroom.model.pagekey import key_of

_LONGEST_READ = 256 * 1024  # bytes a look and site; of a busier log only the newest part is read
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


class AccessLog:
    """One site's log, read on from where the last look ended."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._offset: int | None = None

    def hits(self) -> Counter[str]:
        """Requests a key since the last look. A log that is missing or was rotated counts as empty."""
        try:
            with self._path.open("rb") as file:
                end = file.seek(0, 2)
                if self._offset is None or self._offset > end:
                    self._offset = max(0, end - _LONGEST_READ)
                file.seek(max(self._offset, end - _LONGEST_READ))
                lines = file.read().split(b"\n")
                self._offset = end - len(lines[-1])
        except OSError:
            return Counter()
        return Counter(key for line in lines[:-1] if (key := _key(line)) is not None)


def _key(line: bytes) -> str | None:
    """The key of one line of the `site` format: time, status, "cache", seconds, bytes, method, target."""
    words = line.decode(errors="replace").split(" ")
    if len(words) < 7 or words[-2] != "GET" or b'"asset"' in line:
        return None
    return key_of(words[-1])
