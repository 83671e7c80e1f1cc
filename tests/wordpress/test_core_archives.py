from __future__ import annotations

import io
import random
import stat
import struct
import tarfile
import tracemalloc
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from pressroom.model.errors import BadSource
from pressroom.wordpress.archives import ArchiveSource
from pressroom.wordpress.contents import Allowance

from .small_core import FOREIGN, files_of, names_below


def make_zip(path: Path, prefix: str = "wordpress/", more: dict[str, str] | None = None) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in {**files_of("6.4.3"), **(more or {})}.items():
            archive.writestr(prefix + name, text)
    return path


def make_tar(path: Path, prefix: str = "wordpress/", more: dict[str, str] | None = None) -> Path:
    with tarfile.open(path, "w:gz") as archive:
        for name, text in {**files_of("6.4.3"), **(more or {})}.items():
            info = tarfile.TarInfo(prefix + name)
            info.size = len(text.encode())
            archive.addfile(info, io.BytesIO(text.encode()))
    return path


@pytest.mark.parametrize("make", [make_zip, make_tar])
@pytest.mark.parametrize("prefix", ["", "wordpress/", "./", "WordPress-6.4.3/"])
def test_a_good_archive_gives_the_core_and_nothing_else(ground: Path, make: Callable[..., Path], prefix: str) -> None:
    into = ground / "into"
    into.mkdir()
    ArchiveSource(make(ground / "wp", prefix, FOREIGN)).fetch(into)
    inner = {name for name in FOREIGN if name.startswith("wp-content/")}  # the core store drops these
    assert names_below(into) == set(files_of("6.4.3")) | inner
    assert (into / "wp-load.php").read_text() == files_of("6.4.3")["wp-load.php"]


def refused(archive: Path, **limits: int) -> str:
    """The refusal's message; nothing may be left in the target, nor beside it."""
    into = archive.parent / "into"
    into.mkdir()
    before = names_below(archive.parent)
    with pytest.raises(BadSource) as caught:
        ArchiveSource(archive, **limits).fetch(into)
    assert caught.value.hint
    assert list(into.iterdir()) == []
    assert names_below(archive.parent) == before
    into.rmdir()
    return caught.value.message


ODD_NAMES = [
    "../outside.txt",
    "wordpress/../../outside.txt",
    "wordpress/wp-admin/../../../outside.txt",
    "/tmp/outside.txt",
    "//tmp/outside.txt",
    "wordpress/a\\..\\b.php",
    "wordpress/a\nb.php",
    "wordpress/a\x7fb.php",
    "wordpress/ü.php",
    "wordpress/" + "a/" * 60 + "b.php",
    "wordpress/" + "a" * 300 + ".php",
    "wordpress/wp-load.php",  # there already
    "wordpress/wp-load.php/x.php",  # a file and a folder at once
    "wordpress/wp-admin",  # the same the other way round
    "",
]


@pytest.mark.filterwarnings("ignore:Duplicate name")
@pytest.mark.parametrize("name", [*ODD_NAMES, "wordpress/a\0b.php"])
def test_a_zip_with_an_odd_name_is_refused(ground: Path, name: str) -> None:
    path = make_zip(ground / "wp.zip")
    with zipfile.ZipFile(path, "a") as archive:
        info = zipfile.ZipInfo("x")
        info.filename = name
        archive.writestr(info, "canary")
    refused(path)


@pytest.mark.parametrize("name", [*ODD_NAMES, "wordpress/\udcff.php"])
@pytest.mark.parametrize("form", [tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
def test_a_tar_with_an_odd_name_is_refused(ground: Path, name: str, form: int) -> None:
    path = ground / "wp.tar.gz"
    with tarfile.open(path, "w:gz", format=form, errors="surrogateescape") as archive:
        for good, text in [*files_of("6.4.3").items(), (None, "canary")]:
            info = tarfile.TarInfo(name if good is None else f"wordpress/{good}")
            info.size = len(text)
            archive.addfile(info, io.BytesIO(text.encode()))
    refused(path)


@pytest.mark.parametrize(
    ("mode", "said"),
    [
        (stat.S_IFLNK | 0o777, "link"),
        (stat.S_IFCHR | 0o666, "device"),
        (stat.S_IFBLK | 0o666, "device"),
        (stat.S_IFIFO | 0o666, "device"),
        (stat.S_IFSOCK | 0o666, "device"),
        (stat.S_IFREG | 0o4755, "setuid"),
        (stat.S_IFREG | 0o2755, "setgid"),
    ],
)
def test_a_zip_with_an_odd_kind_of_file_is_refused(ground: Path, mode: int, said: str) -> None:
    path = make_zip(ground / "wp.zip")
    with zipfile.ZipFile(path, "a") as archive:
        info = zipfile.ZipInfo("wordpress/wp-includes/x.php")
        info.create_system, info.external_attr = 3, mode << 16
        archive.writestr(info, "/etc/passwd")
    assert said in refused(path)


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        (tarfile.SYMTYPE, "link"),
        (tarfile.LNKTYPE, "link"),
        (tarfile.CHRTYPE, "device"),
        (tarfile.BLKTYPE, "device"),
        (tarfile.FIFOTYPE, "device"),
        (tarfile.CONTTYPE, "device"),
        (b"Z", "device"),
        (tarfile.REGTYPE, "setuid"),
    ],
)
def test_a_tar_with_an_odd_kind_of_file_is_refused(ground: Path, kind: bytes, said: str) -> None:
    path = ground / "wp.tar.gz"
    with tarfile.open(path, "w:gz") as archive:
        info = tarfile.TarInfo("wordpress/wp-includes/x.php")
        info.type, info.linkname, info.mode = kind, "/etc/passwd", 0o4755 if said == "setuid" else 0o644
        archive.addfile(info)
    assert said in refused(path)


def test_a_link_and_then_a_file_through_it_is_refused(ground: Path) -> None:
    outside = ground / "outside"
    outside.mkdir()
    path = ground / "wp.tar.gz"
    with tarfile.open(path, "w:gz") as archive:
        link = tarfile.TarInfo("wordpress/wp-includes")
        link.type, link.linkname = tarfile.SYMTYPE, str(outside)
        archive.addfile(link)
        info = tarfile.TarInfo("wordpress/wp-includes/version.php")
        info.size = 6
        archive.addfile(info, io.BytesIO(b"canary"))
    refused(path)


def test_wordpress_with_a_dozen_large_plugins_goes_in() -> None:
    allowance = Allowance("a shop's folder")
    for _ in range(60_000):
        allowance.count_entry()
    allowance.count_bytes(1_000_000_000)


def test_too_many_files_are_refused(ground: Path) -> None:
    many = {f"wp-includes/{number}.php": "" for number in range(1000)}
    assert "1,000 files" in refused(make_zip(ground / "wp", more=many), most_files=1000)


def test_folders_count_too(ground: Path) -> None:
    deep = {f"wp-includes/{n}" + "/d" * 30 + "/x.php": "" for n in range(40)}
    assert "1,000 files" in refused(make_tar(ground / "wp", more=deep), most_files=1000)


@pytest.mark.parametrize("make", [make_zip, make_tar])
def test_a_bomb_is_stopped_by_its_real_bytes(ground: Path, make: Callable[..., Path]) -> None:
    path = make(ground / "wp", more={"wp-includes/zeros": "0" * 30_000_000})
    assert path.stat().st_size < 200_000
    assert "20 MB" in refused(path, most_bytes=20 * 1024 * 1024)


def test_a_zip_that_lies_about_its_sizes_is_refused(ground: Path) -> None:
    path = make_zip(ground / "wp.zip", more={"wp-includes/zeros": "0" * 1_000_000})
    octets = path.read_bytes()
    lying = octets.replace(struct.pack("<L", 1_000_000), struct.pack("<L", 10))
    assert lying != octets
    path.write_bytes(lying)
    assert "damaged" in refused(path)


def test_a_zip_whose_table_of_contents_would_fill_the_memory_is_refused(
    ground: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pressroom.wordpress.archives._MOST_DIRECTORY_BYTES", 1024 * 1024)
    path = ground / "wp.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for number in range(4_000):
            archive.writestr(f"{number:0250}", "")
    del archive
    tracemalloc.start()
    assert "table of contents" in refused(path)
    assert tracemalloc.get_traced_memory()[1] < 4_000_000
    tracemalloc.stop()


def test_a_tar_whose_header_would_fill_the_memory_is_refused(ground: Path) -> None:
    path = ground / "wp.tar.gz"
    with tarfile.open(path, "w:gz", format=tarfile.PAX_FORMAT) as archive:
        info = tarfile.TarInfo("wordpress/index.php")
        info.pax_headers = {"comment": "x" * 50_000_000}
        archive.addfile(info)
    del archive, info
    tracemalloc.start()
    assert "header" in refused(path)
    assert tracemalloc.get_traced_memory()[1] < 4_000_000
    tracemalloc.stop()


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_other_compressions_are_refused(ground: Path, method: int) -> None:
    with zipfile.ZipFile(ground / "wp.zip", "w", method) as archive:
        archive.writestr("wordpress/index.php", "<?php")
    assert "compressed" in refused(ground / "wp.zip")


def test_an_encrypted_zip_is_refused(ground: Path) -> None:
    path = make_zip(ground / "wp.zip")
    octets = bytearray(path.read_bytes())
    at = octets.find(b"PK\x01\x02")
    octets[at + 8] |= 1
    path.write_bytes(octets)
    assert "encrypted" in refused(path)


@pytest.mark.parametrize("make", [make_zip, make_tar])
def test_an_archive_that_was_cut_is_refused(ground: Path, make: Callable[..., Path]) -> None:
    whole = make(ground / "wp").read_bytes()
    for length in range(0, len(whole) - 1, len(whole) // 40):
        (ground / "wp").write_bytes(whole[:length])
        refused(ground / "wp")


def test_the_checksum_at_a_tars_end_is_compared(ground: Path) -> None:
    octets = bytearray(make_tar(ground / "wp").read_bytes())
    octets[-8] ^= 1  # CRC-32, then four bytes of length
    (ground / "wp").write_bytes(octets)
    assert "damaged" in refused(ground / "wp")


@pytest.mark.parametrize("make", [make_zip, make_tar])
def test_a_damaged_archive_is_refused_or_harmless(ground: Path, make: Callable[..., Path]) -> None:
    whole = make(ground / "wp").read_bytes()
    dice = random.Random(7)
    refusals = 0
    for _ in range(300):
        octets = bytearray(whole)
        for _ in range(dice.choice((1, 1, 4))):
            octets[dice.randrange(4, len(octets))] = dice.randrange(256)
        (ground / "wp").write_bytes(octets)
        into = ground / "into"
        into.mkdir()
        try:
            ArchiveSource(ground / "wp").fetch(into)
        except BadSource:
            refusals += 1
            assert list(into.iterdir()) == []
        for name in names_below(into):
            (into / name).unlink()
        for folder in sorted(into.rglob("*"), reverse=True):
            folder.rmdir()
        into.rmdir()
    assert refusals > 150


@pytest.mark.parametrize("content", [b"", b"PK", b"<html>404</html>", b"\x1f\x8bnonsense", b"PK\x03\x04" + b"x" * 99])
def test_what_is_no_archive_is_refused(ground: Path, content: bytes) -> None:
    (ground / "wp.zip").write_bytes(content)
    refused(ground / "wp.zip")


def test_an_archive_without_wordpress_or_with_two_is_refused(ground: Path) -> None:
    with zipfile.ZipFile(ground / "none.zip", "w") as archive:
        archive.writestr("plugin/plugin.php", "<?php")
    assert "no WordPress" in refused(ground / "none.zip")
    two = {f"../b/{name}": text for name, text in files_of("6.4.3").items()}
    with zipfile.ZipFile(make_zip(ground / "two.zip", "a/"), "a") as archive:
        for name, text in two.items():
            archive.writestr(name.removeprefix("../"), text)
    assert "more than one" in refused(ground / "two.zip")


def test_the_fingerprint_follows_the_bytes(ground: Path) -> None:
    one = ArchiveSource(make_zip(ground / "one.zip")).fingerprint()
    (ground / "copy.zip").write_bytes((ground / "one.zip").read_bytes())
    assert ArchiveSource(ground / "copy.zip").fingerprint() == one
    assert ArchiveSource(make_zip(ground / "two.zip", more={"wp-new.php": ""})).fingerprint() != one


def test_an_archive_that_went_away_is_explained(ground: Path) -> None:
    with pytest.raises(BadSource, match="No such file"):
        ArchiveSource(ground / "gone.zip").fingerprint()
