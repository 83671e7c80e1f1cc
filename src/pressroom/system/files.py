"""The one module that writes files: beside, fsync, rename; and what goes with it (owners, modes, trees)."""

from __future__ import annotations

import contextlib
import ctypes
import errno
import grp
import os
import pwd
import shutil
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path

from pressroom.model.errors import NoRights, NoSpace

_libc = ctypes.CDLL(None, use_errno=True)


def write(
    path: Path,
    content: str | bytes,
    *,
    mode: int = 0o644,
    owner: str | None = None,
    group: str | None = None,
    durable: bool = True,
) -> None:
    """Replace `path` by `content` in one step: whoever reads sees the old text or the new, never a part.

    With `durable` the bytes are on disk before the name points at them. Raises NoSpace when the disk is
    full (the old file stands), NoRights when the system refuses.
    """
    data = content.encode() if isinstance(content, str) else content
    with explained(path):
        handle, beside = tempfile.mkstemp(prefix=f".{path.name[:100]}.", dir=path.parent)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(data)
                file.flush()
                os.fchmod(file.fileno(), mode)
                if owner is not None or group is not None:
                    os.fchown(file.fileno(), user_id(owner), group_id(group))
                if durable:
                    os.fsync(file.fileno())
            Path(beside).replace(path)
        except BaseException:
            Path(beside).unlink(missing_ok=True)
            raise
        if durable:
            sync_directory(path.parent)


def read_end(path: Path, most: int) -> bytes:
    """The last `most` bytes of a file that lies where another user may have laid anything.

    Raises OSError for a link, a pipe, a folder or a device: none is followed, waited for or read.
    """
    handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        status = os.fstat(handle)
        if not stat.S_ISREG(status.st_mode):
            raise OSError(errno.EINVAL, "it is no ordinary file", str(path))
        return os.pread(handle, most, max(0, status.st_size - most))
    finally:
        os.close(handle)


def make_directory(path: Path, *, mode: int = 0o755, owner: str | None = None, group: str | None = None) -> None:
    """Make `path` (and its parents) and give it that mode and owner, also when it stands already. Raises OSError for a
    link.
    """
    with explained(path):
        path.mkdir(parents=True, exist_ok=True)
        handle = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
        try:
            if owner is not None or group is not None:
                os.fchown(handle, user_id(owner), group_id(group))
            os.fchmod(handle, mode)
        finally:
            os.close(handle)


def make_file(path: Path, *, mode: int = 0o644) -> None:
    """An empty one, if none is there."""
    with explained(path):
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, mode))


def remove_tree(path: Path) -> None:
    """Remove a folder and all below it; it may be gone already. Links are removed, never followed."""
    with explained(path):
        if path.is_symlink():
            path.unlink(missing_ok=True)
        else:
            shutil.rmtree(path, onerror=_unless_gone)


def _unless_gone(function: object, path: str, caught: tuple[type[BaseException], BaseException, object]) -> None:
    """What somebody else removed meanwhile must not end the removal of the rest."""
    if not isinstance(caught[1], FileNotFoundError):
        raise caught[1]


def sync_directory(path: Path) -> None:
    """Make the names in `path` durable (fsync of the directory, as rename(2) needs after a power loss)."""
    handle = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def free_bytes(path: Path) -> int:
    """Bytes an ordinary user may still write on the file system of `path` or its nearest parent."""
    while not path.exists():
        path = path.parent
    numbers = os.statvfs(path)
    return numbers.f_bavail * numbers.f_frsize


def user_id(name: str | None) -> int:
    return -1 if name is None else pwd.getpwnam(name).pw_uid


def group_id(name: str | None) -> int:
    return -1 if name is None else grp.getgrnam(name).gr_gid


@contextlib.contextmanager
def as_owner_of(folder: Path) -> Iterator[None]:
    """For root, in this thread: with the rights on files of the folder's owner alone (setfsuid(2)).

    What lies there is his, links too; by them root would be led to files that he himself could not touch.
    """
    owner = folder.stat()
    if os.geteuid() != 0 or owner.st_uid == 0:
        yield
        return
    before = _become(owner.st_uid, owner.st_gid)
    try:
        yield
    finally:
        _become(*before)


def _become(user: int, group: int) -> tuple[int, int]:
    """Returns who this thread was. These calls tell of no error."""
    group_before = _libc.setfsgid(group)
    before = _libc.setfsuid(user)
    if _libc.setfsuid(-1) != user:
        raise NoRights("the system does not let us give up rights on files", hint="look at the machine's seccomp rules")
    return before, group_before


@contextlib.contextmanager
def explained(path: Path) -> Iterator[None]:
    """Turn the two errors a user can mend, no space and no rights, into ours."""
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise NoSpace(
                f"no space left to write {path}",
                hint="free some space on that disk, then run the command again; nothing half-written is left",
            ) from error
        if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
            raise NoRights(
                f"not allowed to write {path}: {error.strerror}",
                hint="run the command as root (or with sudo), or choose another folder with --root",
            ) from error
        raise
