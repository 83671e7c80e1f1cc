"""Archives that mean harm, each with the check that refuses it and without: what it was made for comes about then."""

from __future__ import annotations

import gzip
import io
import os
import shutil
import stat
import tarfile
import unicodedata
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest

from pressroom.model.errors import BadSource
from pressroom.wordpress import archives
from pressroom.wordpress.archives import ArchiveSource
from pressroom.wordpress.contents import MOST_BYTES, MOST_FILES, Allowance
from tests.wall_table import Seen

from .small_core import files_of, names_below

Make = Callable[[Path], Path]
CANARY = b"canary"
_NAMES, _KINDS = "its names are checked", "files and folders alone are unpacked"


def _member(name: str, content: bytes = CANARY, **fields: object) -> tuple[tarfile.TarInfo, bytes]:
    info = tarfile.TarInfo(name)
    info.size = len(content)
    for field, value in fields.items():
        setattr(info, field, value)
    return info, content


def _tar(ground: Path, *members: tuple[tarfile.TarInfo, bytes]) -> Path:
    """A whole small WordPress, and these."""
    whole = [_member(f"wordpress/{name}", text.encode()) for name, text in files_of("6.4.3").items()]
    with tarfile.open(ground / "wp.tar.gz", "w:gz", errors="surrogateescape") as archive:
        for info, content in [*whole, *members]:
            archive.addfile(info, io.BytesIO(content))
    return ground / "wp.tar.gz"


def _zip(ground: Path, *names: str) -> Path:
    with zipfile.ZipFile(ground / "wp.zip", "w") as archive:
        for name, text in files_of("6.4.3").items():
            archive.writestr(f"wordpress/{name}", text)
        for name in names:
            info = zipfile.ZipInfo("x")
            info.filename = name
            archive.writestr(info, CANARY)
    return ground / "wp.zip"


def _fetch(archive: Path, ground: Path, **limits: int) -> Path:
    into = ground / "into"
    into.mkdir()
    ArchiveSource(archive, **limits).fetch(into)
    return into


def _refused(archive: Path, ground: Path, **limits: int) -> None:
    """In a sentence; nothing is left of it."""
    before = names_below(ground)
    with pytest.raises(BadSource):
        _fetch(archive, ground, **limits)
    assert list((ground / "into").iterdir()) == [] and names_below(ground) == before
    (ground / "into").rmdir()


# -- names ------------------------------------------------------------------------------------------------------------

_OUT = "wordpress/../../../outside"
_TWINS = tuple(f"wordpress/wp-includes/{unicodedata.normalize(form, 'é')}.php" for form in ("NFC", "NFD"))
_BYTES = "wordpress/wp-includes/caf\udce9.php"


def _outside(ground: Path) -> bool:
    return (ground / "outside").exists()


def _twins(ground: Path) -> bool:
    """Two files of one name, as people read it."""
    names = [path.name for path in (ground / "into/wp-includes").iterdir()]
    return len({unicodedata.normalize("NFC", name) for name in names}) < len(names)


NAMES: dict[str, tuple[Make, Callable[[Path], bool]]] = {
    "`../` in a tar": (lambda ground: _tar(ground, _member(_OUT)), _outside),
    "`../` in a zip": (lambda ground: _zip(ground, _OUT), _outside),
    "an absolute path in a tar": (lambda ground: _tar(ground, _member(str(ground / "outside"))), _outside),
    "an absolute path in a zip": (lambda ground: _zip(ground, str(ground / "outside")), _outside),
    "`../` in a tar's second name for a file": (
        lambda ground: _tar(ground, _member("wordpress/wp-includes/x.php", pax_headers={"path": _OUT})), _outside,
    ),
    "names in a tar that differ by normalisation": (lambda ground: _tar(ground, *map(_member, _TWINS)), _twins),
    "names in a zip that differ by normalisation": (lambda ground: _zip(ground, *_TWINS), _twins),
    "a name in a tar that is not UTF-8": (
        lambda ground: _tar(ground, _member(_BYTES)),
        lambda ground: b"caf\xe9.php" in os.listdir(os.fsencode(ground / "into/wp-includes")),  # noqa: PTH208
    ),
}  # fmt: skip


@pytest.mark.parametrize("what", NAMES)
def test_names(ground: Path, monkeypatch: pytest.MonkeyPatch, seen: Seen, what: str) -> None:
    make, came_about = NAMES[what]
    archive = make(ground)
    _refused(archive, ground)
    assert not _outside(ground)
    monkeypatch.setattr(archives._Target, "_place", lambda target, name: target._folder / name)
    monkeypatch.setattr(
        archives._Target, "_make", lambda target, folder, name: folder.mkdir(parents=True, exist_ok=True)
    )
    _fetch(archive, ground)
    assert came_about(ground)
    seen.both(f"an archive: {what}", _NAMES)


def test_a_zips_second_name_for_a_file_is_not_believed(ground: Path) -> None:
    """Info-ZIP's Unicode Path (APPNOTE 4.6.9), which leads out; the first one does not."""
    with zipfile.ZipFile(_zip(ground), "a") as archive:
        info = zipfile.ZipInfo("wordpress/wp-includes/x.php")
        name = b"\x01" + zlib.crc32(info.filename.encode()).to_bytes(4, "little") + _OUT.encode()
        info.extra = b"\x75\x70" + len(name).to_bytes(2, "little") + name
        archive.writestr(info, CANARY)
    into = _fetch(ground / "wp.zip", ground)
    assert not _outside(ground) and (into / "wp-includes/x.php").read_bytes() == CANARY


# -- kinds ------------------------------------------------------------------------------------------------------------


def _link_and_through_it(ground: Path) -> Path:
    (ground / "elsewhere").mkdir()
    link = _member("wordpress/wp-includes/out", b"", type=tarfile.SYMTYPE, linkname=str(ground / "elsewhere"))
    return _tar(ground, link, _member("wordpress/wp-includes/out/canary"))


def _hard_link(ground: Path) -> Path:
    (ground / "secret").write_bytes(CANARY)
    return _tar(ground, _member(_X, b"", type=tarfile.LNKTYPE, linkname=str(ground / "secret")))


def _odd(**fields: object) -> Make:
    return lambda ground: _tar(ground, _member(_X, b"", **fields))


def _mode(ground: Path) -> int:
    return (ground / "into/wp-includes/x.php").lstat().st_mode


_X = "wordpress/wp-includes/x.php"
KINDS: dict[str, tuple[Make, Callable[[Path], bool]]] = {
    "a link, then a file through it": (_link_and_through_it, lambda ground: (ground / "elsewhere/canary").exists()),
    "a hard link": (_hard_link, lambda ground: (ground / "into/wp-includes/x.php").read_bytes() == CANARY),
    "a character device": (
        _odd(type=tarfile.CHRTYPE, devmajor=1, devminor=3), lambda ground: stat.S_ISCHR(_mode(ground)),
    ),
    "a block device": (_odd(type=tarfile.BLKTYPE, devmajor=7, devminor=0), lambda ground: stat.S_ISBLK(_mode(ground))),
    "a FIFO": (_odd(type=tarfile.FIFOTYPE), lambda ground: stat.S_ISFIFO(_mode(ground))),
    "a setuid file": (_odd(mode=0o4755), lambda ground: bool(_mode(ground) & stat.S_ISUID)),
    "a setgid file": (_odd(mode=0o2755), lambda ground: bool(_mode(ground) & stat.S_ISGID)),
}  # fmt: skip


@pytest.mark.parametrize("what", KINDS)
def test_kinds(ground: Path, monkeypatch: pytest.MonkeyPatch, seen: Seen, what: str) -> None:
    """Of tars; of a zip's entries no more than files is made by anybody here."""
    make, came_about = KINDS[what]
    archive = make(ground)
    _refused(archive, ground)
    monkeypatch.setattr(archives, "_add_member", lambda tar, info, target: tar.extract(info, target._folder))
    _fetch(archive, ground)
    assert came_about(ground)
    seen.both(f"an archive: {what}", _KINDS)


# -- bounds -----------------------------------------------------------------------------------------------------------


_PART = 8 * 2**20


def _bomb(ground: Path, octets: int) -> Path:
    """WordPress, and zeros that come to so many bytes, a whole number of parts."""
    info, plain = tarfile.TarInfo("wordpress/wp-includes/zeros"), io.BytesIO()
    info.size = octets
    with tarfile.open(fileobj=plain, mode="w") as archive:
        for name, text in files_of("6.4.3").items():
            archive.addfile(_member(f"wordpress/{name}", text.encode())[0], io.BytesIO(text.encode()))
        head = plain.getvalue() + info.tobuf()
    zeros = gzip.compress(bytes(_PART), 1)
    path = ground / "bomb.tar.gz"
    path.write_bytes(gzip.compress(head) + zeros * (octets // _PART) + gzip.compress(bytes(1024)))
    return path


def _many(ground: Path, count: int) -> Path:
    """WordPress, and so many folders and more, 36 in each other."""
    deep = "/".join("d" * 35)
    folders = (_member(f"wordpress/wp-includes/{n}/{deep}", b"", type=tarfile.DIRTYPE) for n in range(-(-count // 36)))
    return _tar(ground, *folders)


@pytest.mark.long
def test_a_bomb_is_stopped_by_the_bound_that_holds(disk: Path) -> None:
    bomb = _bomb(disk, MOST_BYTES)  # and WordPress is above it
    assert bomb.stat().st_size < MOST_BYTES / 200
    _refused(bomb, disk)


@pytest.mark.long
def test_many_small_files_are_stopped_by_the_bound_that_holds(disk: Path) -> None:
    archive = _many(disk, MOST_FILES)
    assert archive.stat().st_size < 2**20
    _refused(archive, disk)


def test_bounds(ground: Path, monkeypatch: pytest.MonkeyPatch, seen: Seen) -> None:
    """Lower ones, once counted and once not."""
    bomb, many = _bomb(ground, _PART), _many(ground, 1800)
    _refused(bomb, ground, most_bytes=_PART)
    _refused(many, ground, most_files=1800)
    monkeypatch.setattr(Allowance, "count_bytes", lambda allowance, octets: None)
    assert (_fetch(bomb, ground, most_bytes=_PART) / "wp-includes/zeros").stat().st_size == _PART
    shutil.rmtree(ground / "into")
    monkeypatch.setattr(Allowance, "count_entry", lambda allowance: None)
    assert len(list((_fetch(many, ground, most_files=1800) / "wp-includes").rglob("*"))) > 1800
    seen.both("an archive: a decompression bomb", "its bytes are counted")
    seen.both("an archive: files without end", "they are counted")
