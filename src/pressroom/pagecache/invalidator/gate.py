"""A site's gate: the marker without which nginx does not serve the site's store.

The site's PHP may take the marker away when the invalidator does not answer; the platform alone puts it back. The
folder is writable for the site, so nothing is ever read through it: nginx and we only ask whether it is there, and a
render when it was renewed (php/recorder.php).
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
        """Whether the marker is there, and is a plain file (as nginx asks)."""
        try:
            return stat.S_ISREG((self._folder / site / "open").lstat().st_mode)
        except OSError:
            return False

    def close(self, site: str) -> None:
        (self._folder / site / "open").unlink(missing_ok=True)

    def open(self, site: str) -> bool:
        """Lay the marker. False when the site has put something else in its place, or its folder is gone."""
        try:
            handle = os.open(self._folder / site / "open", os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_NOFOLLOW, 0o644)
        except OSError:
            return self.is_open(site)
        try:
            os.fchown(handle, -1, (self._folder / site).stat().st_gid)
            os.fchmod(handle, 0o660)  # root lays it when a site is made, and the invalidator renews it
        finally:
            os.close(handle)
        return True

    def renew(self, site: str) -> None:
        """Say by the marker's time that the site's files have changed. One that is closed stays so, and says it too.

        One that is not ours is closed.
        """
        try:
            os.utime(self._folder / site / "open", follow_symlinks=False)
        except FileNotFoundError:
            pass
        except OSError:
            with contextlib.suppress(OSError):
                self.close(site)
