"""A site's gate: the link to the site's store through which nginx finds its pages, and without which it finds none.

The site's PHP may take the link away when the invalidator does not answer; the platform alone puts it back. The folder
is writable for the site, so whatever else lies in the link's place is no gate for us, and is never followed. nginx
follows a link only to what belongs to the link's owner: one that the site laid itself leads to files of its own.
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
        """Whether the link is there, leads to the site's store, and is its owner's."""
        link, store = self._folder / site / "open", self._stores / site
        try:
            return link.readlink() == store and link.lstat().st_uid == store.stat().st_uid
        except OSError:
            return False

    def close(self, site: str) -> None:
        (self._folder / site / "open").unlink(missing_ok=True)

    def open(self, site: str) -> bool:
        """Lay the link, in the place of anything else but a folder. False where there is one, or none for the link."""
        if self.is_open(site):
            return True
        try:
            self._lay(site)
        except OSError:
            return self.is_open(site)  # for a new site the command and the invalidator may do so at once
        return True

    def _lay(self, site: str) -> None:
        link, store = self._folder / site / "open", self._stores / site
        if os.geteuid() == 0:  # beside, where the site cannot exchange it before it has its owner
            beside, owner = self._folder / f".{site}", store.stat()
            beside.unlink(missing_ok=True)
            beside.symlink_to(store)
            os.chown(beside, owner.st_uid, owner.st_gid, follow_symlinks=False)
            beside.replace(link)
        else:
            link.unlink(missing_ok=True)
            link.symlink_to(store)

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
