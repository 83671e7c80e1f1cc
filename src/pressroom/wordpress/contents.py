"""What belongs to a WordPress core, and how much of it there may be. Pure but for reading one file."""

from __future__ import annotations

import re
from pathlib import Path

from pressroom.model.errors import BadSource

CONTENT = "wp-content"
TREES = ("wp-admin", "wp-includes")
# Against archives that would fill the disk. WordPress with WooCommerce, Elementor, Jetpack and twelve more plugins has
# some 60,000 files and folders; what is a site's own (uploads, caches) is never counted, for it is left out.
MOST_FILES = 150_000
MOST_BYTES = 2 * 1024 * 1024 * 1024
MOST_LEVELS = 40

_ROOT_FILE = re.compile(r"index\.php|xmlrpc\.php|wp-(?!config)[a-z0-9-]+\.php")
# Of wp-content only what a new site begins with: never uploads, caches, dumps or another host's drop-ins.
_TEMPLATE = frozenset({"index.php", "themes", "plugins", "mu-plugins", "languages"})
_VERSION_CONTROL = frozenset({".git", ".svn", ".hg"})
_REQUIRED = (
    ("wp-includes/version.php", False),
    ("wp-settings.php", False),
    ("wp-load.php", False),
    ("index.php", False),
    ("wp-admin", True),
    ("wp-content", True),
)
_VERSION = re.compile(rb"""^\s*\$wp_version\s*=\s*(['"])([0-9][0-9A-Za-z.+-]{0,31})\1\s*;""", re.MULTILINE)
NOT_WORDPRESS = "give `debian`, a version such as `6.4.3`, a folder or an archive that holds all of WordPress"


def belongs(parts: tuple[str, ...], *, directory: bool) -> bool:
    """Whether the entry at `parts` (below the core's root) is part of a core.

    Left out: wp-config files of any name (they hold another site's secrets), the readme and licence texts
    that tell strangers the version, and all that a running site has put beside its WordPress.
    """
    if parts[-1] in _VERSION_CONTROL:
        return False
    if len(parts) == 1:
        return parts[0] in (*TREES, CONTENT) if directory else bool(_ROOT_FILE.fullmatch(parts[0]))
    if parts[0] == CONTENT:
        return parts[1] in _TEMPLATE
    return parts[0] in TREES


def version_in(php: bytes) -> str | None:
    """The value of $wp_version in the text of a wp-includes/version.php, None where there is none."""
    found = _VERSION.search(php)
    return found.group(2).decode() if found else None


def check_is_wordpress(folder: Path, label: str) -> str:
    """The version of the whole WordPress in `folder`. Raises BadSource that names what is missing."""
    for name, directory in _REQUIRED:
        path = folder / name
        if not (path.is_dir() if directory else path.is_file()):
            raise BadSource(f"{label} is no whole WordPress: {name} is missing", hint=NOT_WORDPRESS)
    version = version_in((folder / "wp-includes/version.php").read_bytes()[:65536])
    if version is None:
        raise BadSource(f"{label} is no WordPress: wp-includes/version.php names no version", hint=NOT_WORDPRESS)
    return version


class Allowance:
    """Counts what a source really holds, and raises BadSource beyond what any WordPress needs."""

    def __init__(self, label: str, *, files: int = MOST_FILES, octets: int = MOST_BYTES) -> None:
        self._label = label
        self._files = self._files_left = files
        self._octets = self._octets_left = octets

    def count_entry(self) -> None:
        """One more file or folder."""
        self._files_left -= 1
        if self._files_left < 0:
            raise self._refusal(f"more than {self._files:,} files")

    def count_bytes(self, octets: int) -> None:
        """`octets` more bytes of content."""
        self._octets_left -= octets
        if self._octets_left < 0:
            raise self._refusal(f"more than {self._octets // (1024 * 1024)} MB")

    def _refusal(self, what: str) -> BadSource:
        return BadSource(
            f"{self._label} holds {what}",
            hint="give WordPress as it was published, without a site's uploads, caches and backups",
        )
