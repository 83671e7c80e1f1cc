"""A site's gate: the link to the site's store through which nginx finds its pages, and without which it finds none.

The site's PHP may take the link away when the invalidator does not answer; the platform alone puts it back. The folder
is writable for the site, so whatever else lies in the link's place is no gate for us, and is never followed. But nginx
follows a link that the site laid itself, to whatever its workers may read (docs/security.md, "What is left open").
"""

from __future__ import annotations

import contextlib
import os
from pathlib import Path


class Gates:
    """The gates below one folder, of the stores below another."""

    def __init__(self, folder: Path, stores: Path) -> None:
        self._folder, self._stores = folder, stores

    def is_open(self, site: str) -> bool:
        """Whether the link is there, and leads to the site's store."""
        try:
            return (self._folder / site / "open").readlink() == self._stores / site
        except OSError:
            return False

    def close(self, site: str) -> None:
        (self._folder / site / "open").unlink(missing_ok=True)

    def open(self, site: str) -> bool:
        """Lay the link, in the place of anything else but a folder. False where there is one, or none for the link."""
        if self.is_open(site):
            return True
        link = self._folder / site / "open"
        try:
            link.unlink(missing_ok=True)
            link.symlink_to(self._stores / site)
        except OSError:
            return self.is_open(site)  # for a new site the command and the invalidator may do so at once
        return True

    def renew(self, site: str) -> None:
        """Say by the link's own time that the site's files have changed. One that is closed stays so, and says it too.

        One that is not ours is closed.
        """
        try:
            os.utime(self._folder / site / "open", follow_symlinks=False)
        except FileNotFoundError:
            pass
        except OSError:
            with contextlib.suppress(OSError):
                self.close(site)
