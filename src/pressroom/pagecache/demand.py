"""How often visitors ask for which page, from the end of nginx's access logs. A sample is enough to order renders."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from pressroom.model.pagekey import key_of

_LONGEST_READ = 256 * 1024  # bytes a look and site; of a busier log only the newest part is read


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
