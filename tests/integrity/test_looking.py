"""The look at a document root: what it tells, and what somebody may lay there so that it does not end, or follows."""

from __future__ import annotations

import hashlib
import os
import socket
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pressroom.integrity import beneath
from pressroom.integrity.limits import MOST_OF_FILE, Bounds
from pressroom.integrity.looking import Look
from pressroom.integrity.matcher import Matcher, compiled

SHELL = b"<?php @eval($_POST['nothing']);"
Told = list[dict[str, Any]]
Looks = Callable[..., Told]


@pytest.fixture
def public(tmp_path: Path) -> Path:
    for name in ("wp-admin", "wp-includes", "wp-content/plugins/a", "wp-content/themes/t", "wp-content/uploads/2026"):
        (tmp_path / "public" / name).mkdir(parents=True)
    return tmp_path / "public"


@pytest.fixture
def looks(public: Path) -> Looks:
    def look(units: list[str] | None = None, **bounds: Any) -> Told:
        told: Told = []
        top = beneath.folder(str(public))
        try:
            Look(top, str(public), Matcher(compiled()), told.append, Bounds(**bounds)).run(units)
        finally:
            os.close(top)
        assert "done" in told[-1]
        return told

    return look


def _of(told: Told, path: str) -> dict[str, Any]:
    (one,) = [each for each in told if each.get("file") == path or each.get("odd") == path]
    return one


def test_code_and_the_core_are_told_with_their_digests(public: Path, looks: Looks) -> None:
    (public / "index.php").write_bytes(b"<?php echo 1;")
    (public / "wp-includes/picture.png").write_bytes(b"png")
    (public / "wp-content/plugins/a/style.css").write_bytes(b"css")
    (public / "wp-content/uploads/2026/index.php").write_bytes(b"<?php\n// Silence is golden.\n")
    told = looks()
    assert _of(told, "index.php")["digest"] == hashlib.sha256(b"<?php echo 1;").hexdigest()
    assert _of(told, "index.php")["silent"] is False
    assert _of(told, "wp-includes/picture.png")["rules"] == []
    assert _of(told, "wp-content/uploads/2026/index.php")["silent"] is True
    assert not [one for one in told if "style.css" in one.get("file", "")]


def test_an_extension_is_told_with_its_version(public: Path, looks: Looks) -> None:
    (public / "wp-content/plugins/a/a.php").write_bytes(b"<?php\n/*\n * Plugin Name: A\n * Version: 1.2.3 */\n")
    (public / "wp-content/plugins/hello.php").write_bytes(b"<?php\n/*\nPlugin Name: H\nVersion: 7\n*/")
    (public / "wp-content/themes/t/style.css").write_bytes(b"/*\nTheme Name: T\nVersion: 0.9\n*/")
    versions = {one["extension"]: one["version"] for one in looks() if "extension" in one}
    assert versions == {
        "wp-content/plugins/a": "1.2.3", "wp-content/plugins/hello.php": "7", "wp-content/themes/t": "0.9",
    }  # fmt: skip


def test_a_look_at_one_extension_is_told_of_it_alone(public: Path, looks: Looks) -> None:
    (public / "wp-content/plugins/a/a.php").write_bytes(SHELL)
    (public / "index.php").write_bytes(SHELL)
    told = looks(["wp-content/plugins/a", "wp-content/plugins/gone"])
    place = "wp-content/plugins/a"
    assert [one.get("file", one.get("extension")) for one in told[:-1]] == [place, f"{place}/a.php"]


@pytest.mark.parametrize("name", ["x.PHP", "x.php7", "x.phtml", "x.inc", "x.php.jpg", "x", "x.txt", ".x", "x.js"])
def test_malware_is_found_by_any_name(name: str, public: Path, looks: Looks) -> None:
    (public / "wp-content/uploads/2026" / name).write_bytes(SHELL)
    assert "runs_what_a_request_brings" in _of(looks(), f"wp-content/uploads/2026/{name}")["rules"]


def test_a_name_that_is_no_text(public: Path, looks: Looks) -> None:
    name = os.fsdecode(b"\xff\n\xfe.php")
    (public / name).write_bytes(SHELL)
    assert _of(looks(), name)["rules"]


def test_links_are_not_followed(public: Path, tmp_path: Path, looks: Looks) -> None:
    """Guard: O_NOFOLLOW. A link to a folder outside, to a file outside, and to what is inside under a name for PHP."""
    (tmp_path / "secret").mkdir()
    (tmp_path / "secret/shell.php").write_bytes(SHELL)
    (public / "folder").symlink_to(tmp_path / "secret")
    (public / "file.php").symlink_to(tmp_path / "secret/shell.php")
    (public / "note.txt").write_bytes(b"nothing")
    (public / "run.php").symlink_to("note.txt")
    (public / "again.txt").symlink_to("note.txt")
    told = looks()
    assert not [one for one in told if one.get("rules")]
    assert {one["odd"] for one in told if "odd" in one} == {"folder", "file.php", "run.php"}


def test_what_is_no_file_is_not_opened(public: Path, looks: Looks) -> None:
    """Guard: the look before the opening. A FIFO would make us wait, and tell its other end that somebody reads."""
    for folder in (public, public / "wp-includes"):
        os.mkfifo(folder / "fifo.php")
        with socket.socket(socket.AF_UNIX) as listener:
            os.chdir(folder)
            listener.bind("socket.php")
    began = time.monotonic()
    told = looks()
    assert [one for one in told if "file" in one] == [] and time.monotonic() - began < 5


def test_a_fifo_that_comes_into_a_files_place_is_not_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Guards: O_NONBLOCK, and the second look, at what was opened."""
    os.mkfifo(tmp_path / "x.php")
    regular = Path(__file__).stat()
    monkeypatch.setattr(os, "stat", lambda *_, **__: regular)  # as it was a moment before
    top = beneath.folder(str(tmp_path))
    with pytest.raises(OSError, match="no regular file"):
        beneath.file("x.php", top)
    os.close(top)


def test_a_huge_file_is_read_in_part_and_told(public: Path, looks: Looks) -> None:
    with (public / "big.php").open("wb") as file:
        file.write(SHELL)
        file.truncate(MOST_OF_FILE * 20)
    told = looks()
    assert [one["kind"] for one in told if one.get("odd") == "big.php"] == ["unread"]
    (seen,) = [one for one in told if one.get("file") == "big.php"]
    assert seen["rules"] and seen["digest"] is None


def test_a_media_file_is_looked_at_at_both_ends(public: Path, looks: Looks) -> None:
    (public / "a.mp4").write_bytes(b"\0" * 3_000_000 + b"<?php echo 1;")
    (public / "b.mp4").write_bytes(b"<?php echo 1;" + b"\0" * 3_000_000)
    assert {one["file"] for one in looks() if "file" in one} == {"a.mp4", "b.mp4"}


def test_folders_nested_without_end(public: Path, looks: Looks) -> None:
    os.chdir(public)
    for _ in range(300):
        Path("d").mkdir()
        os.chdir("d")
    os.chdir("/")
    (odd,) = [one for one in looks() if "odd" in one]
    assert odd["kind"] == "unread" and "nested" in odd["why"]


def test_too_many_files_cut_it_short(public: Path, looks: Looks) -> None:
    for number in range(200):
        (public / f"wp-content/uploads/2026/{number}.txt").touch()
    (public / "wp-includes/x.php").write_bytes(SHELL)
    told = looks(files=50)
    assert told[-1]["cut"] == "there are more than 50 files"
    assert _of(told, "wp-includes/x.php")["rules"], "uploads come last, so that they hide nothing else"


def test_time_cuts_it_short(public: Path, looks: Looks) -> None:
    assert looks(seconds=-1)[-1]["cut"] == "it took more than -1 seconds"
