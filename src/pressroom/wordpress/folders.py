"""A WordPress that lies on this machine: Debian's package, or any folder."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from pressroom.model.errors import BadSource, PackageUnavailable
from pressroom.wordpress.archives import emptied_on_failure
from pressroom.wordpress.contents import (
    CONTENT,
    MOST_LEVELS,
    NOT_WORDPRESS,
    Allowance,
    belongs,
    check_is_wordpress,
)
from pressroom.wordpress.descriptors import Chosen, Marks, copy_tree, directory

DEBIAN = Path("/usr/share/wordpress")
_INSTALL = "apt-get install wordpress wordpress-theme-twentytwentythree"
# What a folder says while somebody else changes it under our hands.
_CHANGED = (errno.ELOOP, errno.ENOTDIR, errno.ENOENT, errno.ENXIO, errno.EINVAL, errno.ESTALE)


@dataclass(frozen=True)
class FolderSource:
    """A folder that holds a WordPress, or one folder `wordpress` with it. Links in it are refused."""

    path: Path

    def describe(self) -> str:
        return f"the folder {self.path}"

    def fingerprint(self) -> str | None:
        """Digest of all names, sizes and times: tells within some 20 ms whether anything was touched."""
        top = self._top()
        return f"folder {top} {_digest_of_times(top, _core_alone, follow=False)}"

    def fetch(self, into: Path) -> None:
        """Copy the core into the empty folder `into`. Raises BadSource, after which `into` is empty again."""
        top = self._top()
        check_is_wordpress(top, self.describe())
        _copy(top, into, _core_alone, self.describe(), follow=False)

    def _top(self) -> Path:
        inner = self.path / "wordpress"
        if not (self.path / "wp-includes").is_dir() and (inner / "wp-includes").is_dir():
            return inner
        return self.path


@dataclass(frozen=True)
class DebianSource:
    """Debian's `wordpress` package. Its many links into other packages become real files.

    Left out besides what every core leaves out: wp-content/languages (the wordpress-l10n package holds some
    60 languages, which every site would get a copy of).
    """

    path: Path = DEBIAN

    def describe(self) -> str:
        return "Debian's wordpress package"

    def fingerprint(self) -> str | None:
        """Digest of all names, sizes and times, the linked packages' files included."""
        self._check_installed()
        return f"debian {_digest_of_times(self.path, self._chosen, follow=True)}"

    def fetch(self, into: Path) -> None:
        """Copy the package's core into the empty folder `into`.

        Raises PackageUnavailable when the package, or one that it links to, is missing.
        """
        self._check_installed()
        try:
            _copy(self.path, into, self._chosen, self.describe(), follow=True)
        except BadSource as error:
            raise PackageUnavailable(
                f"Debian's wordpress package is not whole: {error.message}",
                hint=f"run `{_INSTALL} --reinstall`",
            ) from error

    def _check_installed(self) -> None:
        if not (self.path / "wp-includes/version.php").is_file():
            raise PackageUnavailable("Debian's wordpress package is not installed", hint=f"run `{_INSTALL}`")

    @staticmethod
    def _chosen(parts: tuple[str, ...], is_directory: bool) -> bool:
        return parts[:2] != (CONTENT, "languages") and belongs(parts, directory=is_directory)


@dataclass(frozen=True)
class GivenSource:
    """A core's tree that `owner` (a user's number), with fewer rights than ours, has put together. `folder` is a
    descriptor of it. Nothing in it is followed.
    """

    folder: int
    owner: int

    def describe(self) -> str:
        return "what was fetched"

    def fingerprint(self) -> str | None:
        return None

    def fetch(self, into: Path) -> None:
        """Raises BadSource, after which `into` is empty again."""
        with _explained(into, self.describe()), directory(into) as target:
            allowance = Allowance(self.describe())
            copy_tree(self.folder, target, _ours(), _core_alone, allowance=allowance, owner=self.owner)


def _core_alone(parts: tuple[str, ...], is_directory: bool) -> bool:
    return belongs(parts, directory=is_directory)


def _ours() -> Marks:
    return Marks(os.geteuid(), os.getegid())


def _copy(top: Path, into: Path, chosen: Chosen, label: str, *, follow: bool) -> None:
    with _explained(into, label), directory(top, follow=True) as source, directory(into) as target:
        copy_tree(source, target, _ours(), chosen, follow=follow, allowance=Allowance(label))


@contextlib.contextmanager
def _explained(into: Path, label: str) -> Iterator[None]:
    try:
        with emptied_on_failure(into):
            yield
    except OSError as error:
        if error.errno not in _CHANGED:
            raise
        raise BadSource(
            f"{label} changed while it was read: {error.filename}: {error.strerror}",
            hint="let nobody write there, then try again; " + NOT_WORDPRESS,
        ) from error


def _digest_of_times(top: Path, chosen: Chosen, *, follow: bool) -> str:
    lines = sorted(_times(str(top), chosen, follow, ()))
    return hashlib.sha256("\0".join(lines).encode(errors="surrogateescape")).hexdigest()


def _times(folder: str, chosen: Chosen, follow: bool, parts: tuple[str, ...]) -> Iterator[str]:
    if len(parts) > MOST_LEVELS:
        return
    with os.scandir(folder) as entries:
        for entry in entries:
            place = (*parts, entry.name)
            is_directory = entry.is_dir(follow_symlinks=follow)
            if not chosen(place, is_directory):
                continue
            if is_directory:
                yield from _times(entry.path, chosen, follow, place)
                continue
            try:
                status = entry.stat(follow_symlinks=follow)
            except FileNotFoundError:  # a dangling link; fetch says so
                continue
            # ctime too: a file may be changed and given its old mtime again.
            numbers = f"{status.st_size} {status.st_mtime_ns} {status.st_ctime_ns} {status.st_ino}"
            yield f"{'/'.join(place)} {numbers}"
