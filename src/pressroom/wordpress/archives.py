"""A WordPress in a .zip or .tar.gz: unpacked within walls, for an archive may come from anyone.

Refused: absolute names, `..`, backslashes, NUL and all that is not printable ASCII; links, devices, setuid;
names given twice; more files or real bytes than any WordPress has. After a refusal nothing is left.
"""

from __future__ import annotations

import contextlib
import errno
import gzip
import hashlib
import io
import os
import stat
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Protocol

from pressroom.model.errors import BadSource
from pressroom.system.files import remove_tree
from pressroom.wordpress.contents import (
    MOST_BYTES,
    MOST_FILES,
    MOST_LEVELS,
    NOT_WORDPRESS,
    Allowance,
    belongs,
)

_CHUNK = 1024 * 1024
# A zip's central directory is read into memory whole: this many bytes hold the 65,535 entries that a zip can have
# without zip64. What is larger comes as a .tar.gz or a folder.
_MOST_DIRECTORY_BYTES = 16 * 1024 * 1024
_END_OF_ZIP = struct.Struct("<4s4H2LH")  # APPNOTE 4.3.16
_ZIP64_LOCATOR_BYTES = 20
_MOST_COMMENT_BYTES = 65535
# Between two members of a tar there are headers only; long names and pax records fit in this many bytes.
_MOST_TAR_HEADER_BYTES = 64 * 1024
_MOST_TAR_PADDING_BYTES = 1024 * 1024
_BROKEN = (
    zipfile.BadZipFile,
    zipfile.LargeZipFile,
    tarfile.TarError,
    zlib.error,
    EOFError,
    struct.error,
    UnicodeDecodeError,
    NotImplementedError,
    RecursionError,
    OverflowError,
    ValueError,
)


class _Readable(Protocol):
    def read(self, size: int = -1, /) -> bytes: ...


@dataclass(frozen=True)
class ArchiveSource:
    """A .zip or .tar.gz on disk that holds a WordPress, at its top or in one folder."""

    path: Path
    most_files: int = MOST_FILES
    most_bytes: int = MOST_BYTES

    def describe(self) -> str:
        return f"the archive {self.path}"

    def fingerprint(self) -> str | None:
        """SHA-256 of the archive's bytes."""
        with _opened(self.path, self.describe()) as file:
            return f"archive {hashlib.file_digest(file, 'sha256').hexdigest()}"

    def fetch(self, into: Path) -> None:
        """Unpack into the empty folder `into`. Raises BadSource, after which `into` is empty again."""
        with emptied_on_failure(into):
            allowance = Allowance(self.describe(), files=self.most_files, octets=self.most_bytes)
            unpack(self.path, into, self.describe(), allowance)


@contextlib.contextmanager
def emptied_on_failure(folder: Path) -> Iterator[None]:
    """Leave `folder` empty when the block fails."""
    try:
        yield
    except BaseException:
        for entry in folder.iterdir():
            if entry.is_dir() and not entry.is_symlink():
                remove_tree(entry)
            else:
                entry.unlink()
        raise


def unpack(archive: Path, into: Path, label: str, allowance: Allowance) -> None:
    """Unpack the WordPress in `archive` into `into`, its top folder left out. Raises BadSource."""
    unpacked = into / ".unpacked"
    unpacked.mkdir(mode=0o700)
    target = _Target(unpacked, label, allowance)
    try:
        with _opened(archive, label) as file:
            magic = file.read(4)
            file.seek(0)
            if magic == b"PK\x03\x04":
                _unpack_zip(file, target)
            elif magic[:2] == b"\x1f\x8b":
                _unpack_tar(file, target)
            else:
                raise BadSource(f"{label} is neither a .zip nor a .tar.gz", hint=NOT_WORDPRESS)
    except (*_BROKEN, OSError) as error:
        if isinstance(error, OSError) and error.errno not in (None, errno.EINVAL):
            raise  # EINVAL: the archive names a place before its own beginning; gzip's errors have no number
        raise BadSource(
            f"{label} is damaged or not what it says: {str(error)[:200]}", hint="get the archive again"
        ) from error
    _lift(unpacked, into, label)
    remove_tree(unpacked)


@contextlib.contextmanager
def _opened(archive: Path, label: str) -> Iterator[io.BufferedReader]:
    try:
        file = archive.open("rb")
    except OSError as error:
        raise BadSource(f"{label} cannot be read: {error.strerror}", hint=NOT_WORDPRESS) from error
    with file:
        yield file


def _lift(unpacked: Path, into: Path, label: str) -> None:
    """Move what belongs to a core from the archive's top, or from its one folder with a core, to `into`."""
    tops = [unpacked, *sorted(path for path in unpacked.iterdir() if path.is_dir())]
    tops = [path for path in tops if (path / "wp-includes/version.php").is_file()]
    if len(tops) != 1:
        raise BadSource(f"{label} holds no WordPress, or more than one", hint=NOT_WORDPRESS)
    for entry in tops[0].iterdir():
        if belongs((entry.name,), directory=entry.is_dir()):
            entry.rename(into / entry.name)


class _Target:
    """The folder an archive is unpacked into: checks every name, counts, and writes nothing twice."""

    def __init__(self, folder: Path, label: str, allowance: Allowance) -> None:
        self._folder = folder
        self._label = label
        self._made = {folder}
        self._allowance = allowance

    def refuse(self, name: str, why: str) -> BadSource:
        shown = ascii(name[:100])
        return BadSource(
            f"{self._label}: {shown} {why}",
            hint="give an archive as WordPress publishes it; nothing was kept",
        )

    def check_mode(self, name: str, mode: int) -> None:
        if mode & stat.S_ISUID or (mode & stat.S_ISGID and not name.endswith("/")):
            raise self.refuse(name, "is setuid or setgid")

    def add_folder(self, name: str) -> None:
        self._make(self._place(name), name)

    def add_file(self, name: str, content: _Readable) -> None:
        place = self._place(name)
        if name.endswith("/") or place == self._folder:
            raise self.refuse(name, "is no name of a file")
        self._make(place.parent, name)
        self._allowance.count_entry()
        try:
            handle = os.open(place, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o644)
        except FileExistsError as error:
            raise self.refuse(name, "is there twice") from error
        with os.fdopen(handle, "wb") as file:
            while chunk := content.read(_CHUNK):
                self._allowance.count_bytes(len(chunk))
                file.write(chunk)

    def _place(self, name: str) -> Path:
        if not name.isascii() or not name.isprintable() or "\\" in name:
            raise self.refuse(name, "is a name with odd characters")
        parts = [part for part in name.split("/") if part not in ("", ".")]
        if name.startswith("/") or ".." in parts:
            raise self.refuse(name, "leads out of the archive")
        if len(parts) > MOST_LEVELS or len(name) > 1024 or any(len(part) > 255 for part in parts):
            raise self.refuse(name, "is too long or nested too deeply")
        return self._folder.joinpath(*parts)

    def _make(self, folder: Path, name: str) -> None:
        if folder in self._made:
            return
        self._make(folder.parent, name)
        self._allowance.count_entry()
        try:
            folder.mkdir(mode=0o755)
        except FileExistsError as error:
            raise self.refuse(name, "is a file and a folder at once") from error
        self._made.add(folder)


def _unpack_zip(file: IO[bytes], target: _Target) -> None:
    _check_directory_size(file)
    with zipfile.ZipFile(file) as archive:
        for info in archive.infolist():
            name, mode = info.orig_filename, info.external_attr >> 16
            target.check_mode(name, mode)
            if stat.S_IFMT(mode) not in (0, stat.S_IFREG, stat.S_IFDIR):
                raise target.refuse(name, "is a link or a device")
            if info.flag_bits & 0x1:
                raise target.refuse(name, "is encrypted")
            if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
                raise target.refuse(name, "is compressed in a way that is not read here")
            if name.endswith("/"):
                target.add_folder(name)
                continue
            with archive.open(info) as content:
                target.add_file(name, content)


def _check_directory_size(file: IO[bytes]) -> None:
    """Refuse a zip whose table of contents would fill the memory, before zipfile reads it.

    zipfile believes the last end record in the file, and a zip64 locator in front of it; so do we.
    """
    size = file.seek(0, os.SEEK_END)
    start = max(0, size - _MOST_COMMENT_BYTES - _END_OF_ZIP.size - _ZIP64_LOCATOR_BYTES)
    file.seek(start)
    end = file.read()
    file.seek(0)
    at = end.rfind(b"PK\x05\x06")
    if end[-_END_OF_ZIP.size :].startswith(b"PK\x05\x06") and end.endswith(b"\0\0"):
        at = len(end) - _END_OF_ZIP.size
    if at < 0 or len(end) - at < _END_OF_ZIP.size:
        raise zipfile.BadZipFile("it has no end")
    directory_bytes = _END_OF_ZIP.unpack_from(end, at)[5]
    is_zip64 = end[max(0, at - _ZIP64_LOCATOR_BYTES) : at].startswith(b"PK\x06\x07")
    if directory_bytes > _MOST_DIRECTORY_BYTES or is_zip64:
        raise zipfile.BadZipFile("its table of contents is larger than any WordPress's")


class _Metered:
    """A stream that gives only as many bytes as were allowed, whatever a header asks for."""

    def __init__(self, stream: _Readable) -> None:
        self._stream = stream
        self._left = 0

    def allow(self, octets: int) -> None:
        self._left = octets

    def read(self, size: int = -1, /) -> bytes:
        chunk = self._stream.read(size)
        self._left -= len(chunk)
        if self._left < 0:
            raise tarfile.ReadError("a header is larger than any WordPress's")
        return chunk


def _unpack_tar(file: IO[bytes], target: _Target) -> None:
    with gzip.GzipFile(fileobj=file) as plain:
        stream = _Metered(plain)
        stream.allow(_MOST_TAR_HEADER_BYTES)
        # `r|` reads forwards only; typeshed wants more methods than tarfile uses.
        with tarfile.open(mode="r|", fileobj=stream, encoding="utf-8") as archive:  # type: ignore[call-overload]
            while (info := archive.next()) is not None:
                stream.allow(info.size + _MOST_TAR_HEADER_BYTES)
                _add_member(archive, info, target)
                archive.members = []  # or it would keep every header
                stream.allow(_MOST_TAR_HEADER_BYTES)
        stream.allow(_MOST_TAR_PADDING_BYTES)
        while stream.read(_CHUNK):  # to the end, where gzip's checksum is compared
            pass


def _add_member(archive: tarfile.TarFile, info: tarfile.TarInfo, target: _Target) -> None:
    target.check_mode(info.name + ("/" if info.isdir() else ""), info.mode)
    if info.isdir():
        target.add_folder(info.name)
        return
    if info.type not in (tarfile.REGTYPE, tarfile.AREGTYPE) or info.issparse():
        raise target.refuse(info.name, "is a link or a device")
    content = archive.extractfile(info)
    if content is None:
        raise target.refuse(info.name, "has no content")
    target.add_file(info.name, content)
