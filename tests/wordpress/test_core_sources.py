from __future__ import annotations

import functools
import os
import socket
from pathlib import Path

import pytest

from pressroom.model.errors import BadSource, PackageUnavailable, PressroomError
from pressroom.wordpress.archives import ArchiveSource
from pressroom.wordpress.contents import Allowance
from pressroom.wordpress.folders import DEBIAN, DebianSource, FolderSource
from pressroom.wordpress.releases import ReleaseSource
from pressroom.wordpress.sources import Source, parse_source

from .small_core import FOREIGN, build, files_of, names_below


def new_folder(path: Path) -> Path:
    path.mkdir()
    return path


@pytest.mark.parametrize("text", ["6.4.3", "6.4", "6.5-beta1", "6.5-RC2", "latest", "10.0.1"])
def test_versions_mean_a_release(text: str) -> None:
    assert parse_source(text) == ReleaseSource(text)


def test_debian_and_its_folder_mean_the_package() -> None:
    assert parse_source("debian") == DebianSource()
    assert parse_source("/usr/share/wordpress/") == DebianSource()


def test_paths_mean_what_lies_there(ground: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ground)
    (ground / "6.4.3").mkdir()
    (ground / "wp.zip").write_bytes(b"")
    assert parse_source("./6.4.3") == FolderSource(ground / "6.4.3")
    assert parse_source("wp.zip") == ArchiveSource(ground / "wp.zip")
    assert parse_source(str(ground)) == FolderSource(ground)


@pytest.mark.parametrize(
    "text",
    ["", " ", "6", "6.4.3.2", "v6.4", "6.4.3\n", "Latest", "gone.zip", "/gone/folder", "../../gone"],
)
def test_what_names_no_source_is_refused_with_the_forms(
    ground: Path, monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    check_refused(ground, monkeypatch, text)


@pytest.mark.parametrize("text", ["a\0b", "a\nb", "x" * 5000, "/dev/null", "http://example.org/wp", "6.4; id"])
def test_odd_sources_are_refused_with_the_forms(ground: Path, monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    check_refused(ground, monkeypatch, text)


def check_refused(ground: Path, monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.chdir(ground)
    with pytest.raises(BadSource) as caught:
        parse_source(text)
    assert "`debian`" in caught.value.hint
    assert "\n" not in caught.value.message
    assert len(caught.value.message) < 400


@pytest.mark.parametrize("inside", ["", "wordpress"])
def test_a_folder_gives_its_core_and_nothing_else(ground: Path, inside: str) -> None:
    build(ground / "site" / inside, more=FOREIGN)
    FolderSource(ground / "site").fetch(new_folder(ground / "into"))
    assert names_below(ground / "into") == set(files_of("6.4.3"))


def refused(source: Source, ground: Path) -> PressroomError:
    into = new_folder(ground / "into")
    with pytest.raises((BadSource, PackageUnavailable)) as caught:
        source.fetch(into)
    assert caught.value.hint
    assert list(into.iterdir()) == []
    return caught.value


@pytest.mark.parametrize("target", ["/etc/passwd", "version.php", "/etc", "gone"])
@pytest.mark.parametrize("place", ["wp-includes/x", "wp-load.php", "wp-content/themes/x", "wp-content"])
def test_a_link_in_a_folder_is_not_followed(ground: Path, place: str, target: str) -> None:
    site = build(ground / "site")
    if place == "wp-content":
        (site / "wp-content").rename(ground / "elsewhere")
    (site / place).unlink(missing_ok=True)
    (site / place).symlink_to(target)
    error = refused(FolderSource(site), ground)
    assert place in error.message


def test_a_fifo_or_socket_in_a_folder_is_refused(ground: Path) -> None:
    site = build(ground / "site")
    os.mkfifo(site / "wp-includes/pipe.php")
    assert "pipe.php" in refused(FolderSource(site), ground).message
    (ground / "into").rmdir()
    (site / "wp-includes/pipe.php").unlink()
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(site / "wp-includes/sock"))
        assert "sock" in refused(FolderSource(site), ground).message


@pytest.mark.parametrize(
    "missing", ["wp-includes/version.php", "wp-settings.php", "wp-load.php", "index.php", "wp-admin"]
)
def test_what_is_no_whole_wordpress_is_refused(ground: Path, missing: str) -> None:
    site = build(ground / "site")
    (site / missing).rename(ground / "taken")
    assert missing in refused(FolderSource(site), ground).message


@pytest.mark.parametrize("text", ["<?php", "$wp_version = '../../x';", "$wp_version = '6.4/3';", "$wp_version = ''"])
def test_a_version_that_is_none_is_refused(ground: Path, text: str) -> None:
    site = build(ground / "site", more={"wp-includes/version.php": text})
    assert "version" in refused(FolderSource(site), ground).message


def test_a_folder_that_is_nested_without_end_is_refused(ground: Path) -> None:
    site = build(ground / "site")
    (site / "wp-includes" / "/".join("d" * 60)).mkdir(parents=True)
    assert "nested" in refused(FolderSource(site), ground).message


def test_too_many_files_in_a_folder_are_refused(ground: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pressroom.wordpress.folders.Allowance", functools.partial(Allowance, files=1000))
    site = build(ground / "site")
    for number in range(1001):
        (site / f"wp-includes/{number}").touch()
    assert "1,000" in refused(FolderSource(site), ground).message


def test_a_folders_fingerprint_follows_every_change(ground: Path) -> None:
    site = build(ground / "site", more=FOREIGN)
    source = FolderSource(site)
    seen = [source.fingerprint()]
    assert source.fingerprint() == seen[0]
    (site / "wp-config.php").write_text("this is no part of the core")
    assert source.fingerprint() == seen[0]
    status = (site / "wp-load.php").stat()
    (site / "wp-load.php").write_text("<?php // LOAD 6.4.3")
    os.utime(site / "wp-load.php", ns=(status.st_atime_ns, status.st_mtime_ns))
    seen.append(source.fingerprint())
    (site / "wp-includes/new.php").touch()
    seen.append(source.fingerprint())
    (site / "wp-includes/new.php").unlink()
    (site / "xmlrpc.php").unlink()
    seen.append(source.fingerprint())
    assert len(set(seen)) == 4


def test_the_package_is_taken_with_its_links_made_real(ground: Path) -> None:
    package = build(ground / "package", more={"wp-config.php": "Debian's", "wp-content/languages/de.mo": "mo"})
    (ground / "getid3").mkdir()
    (ground / "getid3/getid3.php").write_text("<?php // getid3")
    (package / "wp-includes/ID3").symlink_to("../../getid3")
    (package / "wp-includes/js/crop.js").symlink_to("../../../getid3/getid3.php")
    source = DebianSource(package)
    before = source.fingerprint()
    source.fetch(new_folder(ground / "into"))
    real = {"wp-includes/ID3/getid3.php", "wp-includes/js/crop.js"}
    assert names_below(ground / "into") == set(files_of("6.4.3")) | real
    assert not any(path.is_symlink() for path in (ground / "into").rglob("*"))
    (ground / "getid3/getid3.php").write_text("<?php // a security update")
    assert source.fingerprint() != before


def test_a_missing_package_is_explained(ground: Path) -> None:
    source = DebianSource(ground / "usr-share-wordpress")
    assert "apt-get install wordpress" in refused(source, ground).hint
    with pytest.raises(PackageUnavailable):
        source.fingerprint()


@pytest.mark.parametrize("target", ["gone", "loop", "."])
def test_a_package_with_a_link_that_leads_nowhere_is_explained(ground: Path, target: str) -> None:
    package = build(ground / "package")
    (package / "wp-includes/loop").symlink_to(target)
    assert "--reinstall" in refused(DebianSource(package), ground).hint


def test_debians_own_package_is_where_it_is_looked_for() -> None:
    assert (DEBIAN / "wp-includes/version.php").is_file()
