"""The quarantine's files: out of every site's reach, for the platform's user alone, and run by nobody."""

from __future__ import annotations

from pathlib import Path

from pressroom.system import files


class Vault:
    """A folder for each site."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def keep(self, site: str, id: str, content: bytes) -> None:
        """On disk for good when it returns. Raises NoSpace."""
        files.make_directory(self._folder / site, mode=0o700)
        files.write(self._folder / site / id, content, mode=0o600)

    def content(self, site: str, id: str) -> bytes:
        return (self._folder / site / id).read_bytes()

    def remove(self, site: str, id: str) -> None:
        (self._folder / site / id).unlink(missing_ok=True)

    def forget(self, site: str) -> None:
        files.remove_tree(self._folder / site)
