"""A site's gate: an empty folder through which nginx's way to the site's store leads, and without which it finds none.

The site's PHP may remove it when the invalidator does not answer; the platform alone makes it again. What the gate lies
in is writable for the site, so the site may lay anything in its place. A link there is followed by nobody, for so all
gates are mounted (`mounts.bind_without_links`); and from a folder nginx goes on by ``..``, which cannot be forged.
"""

from __future__ import annotations

import contextlib
import os
import stat
from pathlib import Path


class Gates:
    """The gates below one folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def is_open(self, site: str) -> bool:
        try:
            mode = (self._folder / site / "open").lstat().st_mode
            return stat.S_ISDIR(mode) and bool(mode & stat.S_IXOTH)
        except OSError:
            return False

    def close(self, site: str) -> None:
        """Raises OSError where something lies in it, which nothing of ours does."""
        with contextlib.suppress(FileNotFoundError):
            (self._folder / site / "open").rmdir()

    def open(self, site: str) -> bool:
        """Make the folder, in the place of anything else. False where it cannot be made."""
        if self.is_open(site):
            return True
        gate = self._folder / site / "open"
        try:
            if not stat.S_ISDIR(gate.lstat().st_mode if os.path.lexists(gate) else 0):
                gate.unlink(missing_ok=True)
                gate.mkdir()
            gate.chmod(0o711)  # whatever the umask
        except OSError:
            return self.is_open(site)
        return True

    def renew(self, site: str) -> None:
        """Say by the gate's own time that the site's files have changed. One that is closed stays so, and says it too.

        One that is not ours is closed.
        """
        try:
            os.utime(self._folder / site / "open", follow_symlinks=False)
        except FileNotFoundError:
            pass
        except OSError:
            with contextlib.suppress(OSError):
                self.close(site)
