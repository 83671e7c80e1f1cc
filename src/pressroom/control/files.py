"""Files and folders as a plan wants them and as they are. Looking is here; deciding is in `plan`."""

from __future__ import annotations

import errno
import grp
import hashlib
import os
import pwd
import stat
from dataclasses import dataclass, field
from pathlib import Path

_LARGEST = 64 * 2**20  # bytes; nginx's tables of a thousand sites are far below that


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
    """What is there, None when nothing is. Links are not followed; a site's user may have put anything there."""
    try:
        status = path.lstat()
        digest = _digest(path) if stat.S_ISREG(status.st_mode) else None
    except (FileNotFoundError, NotADirectoryError):
        return None
    return SeenFile(status.st_mode & 0o7777, _user(status.st_uid), _group(status.st_gid), digest)


def _digest(path: Path) -> str | None:
    """None where it became no file meanwhile, "" where it is larger than any that we write."""
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        if error.errno in (errno.ELOOP, errno.ENXIO):
            return None
        raise
    with os.fdopen(handle, "rb") as file:
        status = os.fstat(handle)
        if not stat.S_ISREG(status.st_mode):
            return None
        return hashlib.sha256(file.read(_LARGEST)).hexdigest() if status.st_size < _LARGEST else ""


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
