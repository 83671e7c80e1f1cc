"""Files and folders as a plan wants them and as they are. Looking is here; deciding is in `plan`."""

from __future__ import annotations

import grp
import hashlib
import pwd
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True)
class WantedFile:
    """A file that the platform writes. With ``user`` it lies where that site can write too: written as that user."""

    path: Path
    text: str = field(repr=False)
    mode: int = 0o644
    owner: str = "root"
    group: str = "root"
    user: str | None = None


@dataclass(frozen=True)
class WantedDirectory:
    path: Path
    mode: int = 0o755
    owner: str = "root"
    group: str = "root"


@dataclass(frozen=True)
class SeenFile:
    """A file as it is; the text by its SHA-256. A folder has no digest."""

    mode: int
    owner: str
    group: str
    digest: str | None


def look(path: Path) -> SeenFile | None:
    """What is there, None when nothing is. Links are not followed."""
    try:
        status = path.lstat()
        digest = hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() and not path.is_symlink() else None
    except (FileNotFoundError, NotADirectoryError):
        return None
    return SeenFile(status.st_mode & 0o7777, _user(status.st_uid), _group(status.st_gid), digest)


def file_is_right(wanted: WantedFile, seen: SeenFile | None) -> bool:
    if seen is None or seen.digest != hashlib.sha256(wanted.text.encode()).hexdigest():
        return False
    return wanted.user is not None or (seen.mode, seen.owner, seen.group) == (wanted.mode, wanted.owner, wanted.group)


def directory_is_right(wanted: WantedDirectory, seen: SeenFile | None) -> bool:
    return (
        seen is not None
        and seen.digest is None
        and (seen.mode, seen.owner, seen.group) == (wanted.mode, wanted.owner, wanted.group)
    )


def _user(number: int) -> str:
    try:
        return pwd.getpwuid(number).pw_name
    except KeyError:
        return str(number)


def _group(number: int) -> str:
    try:
        return grp.getgrgid(number).gr_name
    except KeyError:
        return str(number)
