"""Files that are taken away and put back, while the site's user exchanges folders for links under our hands."""

from __future__ import annotations

import contextlib
import io
import multiprocessing
import os
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from pressroom.integrity import beneath
from pressroom.integrity.taking import Refused, Taking, put

ROUNDS = 5000
SECRET = b"<?php // a neighbour's"


@pytest.fixture
def public(tmp_path: Path) -> Path:
    (tmp_path / "public/uploads").mkdir(parents=True)
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside/x.php").write_bytes(SECRET)
    return tmp_path / "public"


@pytest.fixture
def top(public: Path) -> Iterator[int]:
    handle = beneath.folder(str(public))
    yield handle
    os.close(handle)


def _take(top: int, path: str, digest: str | None = None) -> bytes:
    taking = Taking(top, path, digest)
    try:
        taking.remove()
    finally:
        taking.close()
    return taking.content


def _put(top: int, path: str, content: bytes, mode: int = 0o640) -> None:
    put(top, path, io.BytesIO(content), size=len(content), mode=mode, time=1_700_000_000_000_000_000)


def test_there_and_back(top: int, public: Path) -> None:
    file = public / "uploads/x.php"
    file.write_bytes(b"<?php echo 1;")
    file.chmod(0o604)
    taking = Taking(top, "uploads/x.php", None)
    facts = taking.facts()
    taking.remove()
    taking.close()
    assert not file.exists()
    put(top, "uploads/x.php", io.BytesIO(taking.content), **facts)
    assert file.read_bytes() == b"<?php echo 1;" and file.stat().st_mode & 0o7777 == 0o604
    assert [entry.name for entry in file.parent.iterdir()] == ["x.php"]


def test_rights_that_no_restored_file_gets(top: int, public: Path) -> None:
    _put(top, "x", b"", mode=0o6755)
    assert (public / "x").stat().st_mode & 0o7777 == 0o755


@pytest.mark.parametrize(
    "path", ["../outside/x.php", "uploads/../../outside/x.php", "/etc/passwd", "", "uploads//x", "."]
)
def test_a_path_that_leads_out(path: str, top: int) -> None:
    with pytest.raises(OSError):
        Taking(top, path, None)
    with pytest.raises(OSError):
        _put(top, path, b"")


def test_another_file_than_was_found(top: int, public: Path) -> None:
    (public / "x.php").write_bytes(b"1")
    with pytest.raises(Refused, match="has changed"):
        _take(top, "x.php", "0" * 64)
    taking = Taking(top, "x.php", None)
    (public / "y.php").write_bytes(b"2")
    (public / "y.php").replace(public / "x.php")
    with pytest.raises(Refused, match="exchanged"):
        taking.remove()
    taking.close()
    assert (public / "x.php").read_bytes() == b"2"


def test_a_file_of_another_user(top: int, public: Path) -> None:
    """A core's file is root's: here somebody else's than ours."""
    (public / "x.php").write_bytes(b"1")
    os.chown(public / "x.php", 12345, 12345)
    with pytest.raises(Refused, match="another user"):
        _take(top, "x.php")


@pytest.mark.parametrize("lies_there", ["file", "link", "dangling link", "folder", "fifo"])
def test_what_lies_in_the_place_stays(lies_there: str, top: int, public: Path) -> None:
    """Guards: link(2) to a name that must not be there; O_EXCL."""
    place, outside = public / "x.php", public.parent / "outside/x.php"
    make: dict[str, Callable[[], object]] = {
        "file": lambda: place.write_bytes(b"mine"), "link": lambda: place.symlink_to(outside),
        "dangling link": lambda: place.symlink_to("/nowhere"), "folder": place.mkdir, "fifo": lambda: os.mkfifo(place),
    }  # fmt: skip
    make[lies_there]()
    before = place.lstat()
    with pytest.raises(Refused, match="is there already"):
        _put(top, "x.php", b"restored")
    assert place.lstat().st_ino == before.st_ino and outside.read_bytes() == SECRET
    assert [entry.name for entry in public.iterdir() if entry.name.startswith(".restored")] == []


def test_content_that_breaks_off(top: int, public: Path) -> None:
    with pytest.raises(Refused, match="whole"):
        put(top, "x.php", io.BytesIO(b"half"), size=8, mode=0o640, time=0)
    assert list(public.glob("*.php")) == []


@contextlib.contextmanager
def _meanwhile(exchange: Callable[[], None]) -> Iterator[None]:
    """Another process does this over and over; it is done once at least."""
    done, first = multiprocessing.Event(), multiprocessing.Event()

    def run() -> None:
        while not done.is_set():
            exchange()
            first.set()

    attacker = multiprocessing.get_context("fork").Process(target=run)
    attacker.start()
    assert first.wait(10)
    try:
        yield
    finally:
        done.set()
        attacker.join()
    assert attacker.exitcode == 0


def _rounds(met: Counter[str], *names: str) -> Iterator[int]:
    """Thousands, and until the two have met often enough."""
    until, number = time.monotonic() + 100, 0
    while number < ROUNDS or any(met[name] < 50 for name in names):
        assert time.monotonic() < until, "the two did not meet"
        yield number
        number += 1


def test_a_link_in_the_way(top: int, public: Path) -> None:
    (public / "uploads").rmdir()
    (public / "uploads").symlink_to(public.parent / "outside")
    with pytest.raises(OSError):
        Taking(top, "uploads/x.php", None)
    with pytest.raises(OSError):
        _put(top, "uploads/y.php", b"")
    assert not (public.parent / "outside/y.php").exists()


def test_a_link_that_comes_into_a_files_place(top: int, public: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Guard: O_NOFOLLOW at the file itself; here the look before saw a regular file."""
    regular = Path(__file__).stat()
    (public / "x.php").symlink_to(public.parent / "outside/x.php")
    monkeypatch.setattr(os, "stat", lambda *_, **__: regular)
    with pytest.raises(OSError):
        Taking(top, "x.php", None)


def test_folders_that_become_links_meanwhile(top: int, public: Path) -> None:
    """Thousands of rounds. Guard: each part of the path is opened with O_NOFOLLOW, and what follows is done by that
    descriptor. Nothing outside is read, removed or written.
    """
    real, away, outside = public / "uploads", public / "away", public.parent / "outside"

    def exchange() -> None:
        real.rename(away)
        real.symlink_to(outside)
        real.unlink()
        away.rename(real)
        for _ in range(20):  # for as long as the rest takes, all is in order
            real.stat()

    met = Counter[str]()
    with _meanwhile(exchange):
        for number in _rounds(met, "taken", "restored"):
            with contextlib.suppress(Refused, OSError):
                _put(top, "uploads/x.php", b"<?php // %d" % number)
                met["restored"] += 1
            with contextlib.suppress(Refused, OSError):
                assert _take(top, "uploads/x.php") != SECRET
                met["taken"] += 1
            assert (outside / "x.php").read_bytes() == SECRET and len(list(outside.iterdir())) == 1


def test_files_that_become_links_meanwhile(top: int, public: Path) -> None:
    """The same, of the file itself. Guard: O_NOFOLLOW at the file."""
    file, outside = public / "uploads/x.php", public.parent / "outside/x.php"

    def exchange() -> None:
        (public / "next").symlink_to(outside)
        (public / "next").replace(file)
        (public / "next").write_bytes(b"<?php // mine")
        (public / "next").replace(file)

    met = Counter[str]()
    with _meanwhile(exchange):
        for _ in _rounds(met, "taken"):
            with contextlib.suppress(Refused, OSError):
                assert _take(top, "uploads/x.php") != SECRET
                met["taken"] += 1
    assert outside.read_bytes() == SECRET
