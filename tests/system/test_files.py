"""Writing files on a real disk, a full one, and without rights."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from pressroom.model.errors import NoRights, NoSpace
from pressroom.system import files


def _mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def _names(folder: Path) -> list[str]:
    return sorted(entry.name for entry in folder.iterdir())


def test_text_and_bytes_come_back(tmp_path: Path) -> None:
    files.write(tmp_path / "a", "ä\r\n")
    files.write(tmp_path / "b", b"\xff\0\r\n", durable=False)
    assert (tmp_path / "a").read_bytes() == "ä\r\n".encode()
    assert (tmp_path / "b").read_bytes() == b"\xff\0\r\n"
    assert _names(tmp_path) == ["a", "b"]


def test_mode_and_owner_are_what_was_asked_for_whatever_was_there(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_text("old")
    path.chmod(0o777)
    before = os.umask(0o777)
    try:
        files.write(path, "new", mode=0o640, owner="nobody", group="www-data")
    finally:
        os.umask(before)
    assert (_mode(path), path.owner(), path.group()) == (0o640, "nobody", "www-data")
    files.write(path, "newer")
    assert (_mode(path), path.owner(), path.group()) == (0o644, "root", "root")


def test_a_link_is_replaced_and_not_followed(tmp_path: Path) -> None:
    victim, path = tmp_path / "victim", tmp_path / "a"
    victim.write_text("precious")
    path.symlink_to(victim)
    files.write(path, "new")
    assert not path.is_symlink()
    assert (path.read_text(), victim.read_text()) == ("new", "precious")


def test_a_hard_link_elsewhere_keeps_the_old_text(tmp_path: Path) -> None:
    path, other = tmp_path / "a", tmp_path / "b"
    files.write(path, "old")
    other.hardlink_to(path)
    files.write(path, "new")
    assert other.read_text() == "old"


def test_readers_see_only_whole_versions(tmp_path: Path) -> None:
    path = tmp_path / "a"
    versions = [b"a" * 300_000, b"b" * 100_000, b"c"]
    files.write(path, versions[0])
    seen: set[bytes] = set()
    done = threading.Event()

    def read() -> None:
        while not done.is_set():
            seen.add(path.read_bytes())

    reader = threading.Thread(target=read)
    reader.start()
    rounds = 0
    while rounds < 100 or (len(seen) < len(versions) and rounds < 5000):
        files.write(path, versions[rounds % len(versions)], durable=False)
        rounds += 1
    done.set()
    reader.join()
    assert seen == set(versions)
    assert _names(tmp_path) == ["a"]


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """64 KB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(folder)], check=True)
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def test_a_full_disk_leaves_the_old_file_and_nothing_else(small_disk: Path) -> None:
    path = small_disk / "a"
    files.write(path, "old", mode=0o600)
    for durable in (True, False):
        with pytest.raises(NoSpace, match=str(path)) as caught:
            files.write(path, b"x" * 200_000, durable=durable)
        assert caught.value.hint
    assert path.read_text() == "old"
    assert _names(small_disk) == ["a"]
    files.write(path, "new")
    assert path.read_text() == "new"


def test_no_room_for_another_name_is_no_space(tmp_path: Path) -> None:
    folder = tmp_path / "disk"
    folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "nr_inodes=2", "tmpfs", str(folder)], check=True)
    try:
        files.write(folder / "a", "old")
        with pytest.raises(NoSpace):
            files.write(folder / "a", "new")
        with pytest.raises(NoSpace):
            files.make_directory(folder / "b")
        assert (folder / "a").read_text() == "old"
        assert _names(folder) == ["a"]
    finally:
        subprocess.run(["umount", str(folder)], check=True)


def test_free_bytes(small_disk: Path) -> None:
    assert 0 < files.free_bytes(small_disk) <= 64 * 1024
    before = files.free_bytes(small_disk / "not" / "there")
    files.write(small_disk / "a", b"x" * 16_384)
    assert before - files.free_bytes(small_disk) == 16_384


_AS_NOBODY = """\
import os, sys
from pathlib import Path
from pressroom.model.errors import NoRights
from pressroom.system import files
folder = Path(sys.argv[1])
os.setgroups([]); os.setgid(65534); os.setuid(65534)
calls = {
    "write": lambda: files.write(folder / "a", "new"),
    "write new": lambda: files.write(folder / "b", "new"),
    "make": lambda: files.make_directory(folder / "c"),
    "change": lambda: files.make_directory(folder, mode=0o777),
    "remove": lambda: files.remove_tree(folder / "tree"),
}
for name, call in calls.items():
    try:
        call()
    except NoRights as error:
        assert error.hint and str(folder) in error.message, name
        print(name)
"""


def test_without_rights_the_error_says_so_and_nothing_changes(shared_folder: Path) -> None:
    (shared_folder / "a").write_text("old")
    (shared_folder / "tree").mkdir()
    (shared_folder / "tree" / "leaf").write_text("old")
    done = subprocess.run(
        [sys.executable, "-c", _AS_NOBODY, str(shared_folder)], capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines() == ["write", "write new", "make", "change", "remove"]
    assert _names(shared_folder) == ["a", "tree"]
    assert (shared_folder / "a").read_text() == "old"
    assert (shared_folder / "tree" / "leaf").exists()


def test_a_disk_that_is_read_only_is_no_rights(small_disk: Path) -> None:
    files.write(small_disk / "a", "old")
    subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)
    with pytest.raises(NoRights, match="Read-only"):
        files.write(small_disk / "a", "new")


def test_other_errors_leave_no_file_beside(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    with pytest.raises(IsADirectoryError):
        files.write(tmp_path / "folder", "text")
    with pytest.raises(KeyError):
        files.write(tmp_path / "a", "text", owner="nosuchuser")
    assert _names(tmp_path) == ["folder"]


def test_a_directory_gets_mode_and_owner_also_when_it_stands(tmp_path: Path) -> None:
    path = tmp_path / "a" / "b"
    for mode in (0o2750, 0o700):
        files.make_directory(path, mode=mode, owner="nobody", group="www-data")
        assert (_mode(path), path.owner(), path.group()) == (mode, "nobody", "www-data")
    files.make_directory(path, mode=0o711)
    assert (_mode(path), path.owner()) == (0o711, "nobody")


def test_a_tree_is_removed_without_following_links(tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.mkdir()
    (victim / "leaf").write_text("precious")
    tree = tmp_path / "tree"
    (tree / "deep").mkdir(parents=True)
    (tree / "deep" / "link").symlink_to(victim)
    (tree / "leaf").hardlink_to(victim / "leaf")
    files.remove_tree(tree)
    files.remove_tree(tree)
    tree.symlink_to(victim)
    files.remove_tree(tree)
    assert _names(tmp_path) == ["victim"]
    assert (victim / "leaf").read_text() == "precious"


def test_a_tree_is_removed_while_another_removes_from_its_other_end(tmp_path: Path) -> None:
    tree = tmp_path / "tree"
    tree.mkdir()
    for number in range(1000):
        (tree / str(number)).touch()
    order = [entry.path for entry in os.scandir(tree)]
    begin = threading.Event()

    def remove_from_the_end() -> None:
        begin.wait()
        for path in reversed(order):
            Path(path).unlink(missing_ok=True)

    other = threading.Thread(target=remove_from_the_end)
    other.start()
    begin.set()
    files.remove_tree(tree)
    other.join()
    assert not tree.exists()


def test_a_link_in_a_folders_place_is_not_followed(tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.mkdir(mode=0o700)
    (tmp_path / "link").symlink_to(victim)
    with pytest.raises(OSError, match="link"):
        files.make_directory(tmp_path / "link", mode=0o777, owner="nobody")
    assert _mode(victim) == 0o700 and victim.stat().st_uid == 0


@pytest.fixture
def theirs() -> Iterator[Path]:
    """A folder of somebody's, and beside it what root alone may read and write."""
    with tempfile.TemporaryDirectory(dir="/var/tmp") as name:
        above = Path(name)
        above.chmod(0o755)
        (above / "roots").write_text("root's")
        (above / "roots").chmod(0o600)
        folder = above / "theirs"
        folder.mkdir()
        os.chown(folder, 65534, 65534)
        yield folder


def test_what_somebody_put_into_his_folder_leads_root_nowhere(theirs: Path) -> None:
    secret = theirs.parent / "roots"
    (theirs / "link").symlink_to(secret)
    (theirs / "hard").hardlink_to(secret)
    with files.as_owner_of(theirs):
        for name in ("link", "hard"):
            with pytest.raises(PermissionError):
                (theirs / name).read_text()
            with pytest.raises(PermissionError):
                (theirs / name).write_text("theirs")
        with files.as_owner_of(theirs):
            (theirs / "own").write_text("theirs")
        with pytest.raises(PermissionError):
            secret.read_text()
    assert (theirs / "own").stat().st_uid == 65534
    assert secret.read_text() == "root's"


def test_another_thread_keeps_its_rights(theirs: Path) -> None:
    read: list[str] = []
    go = threading.Event()

    def other() -> None:
        go.wait(10)
        read.append((theirs.parent / "roots").read_text())

    thread = threading.Thread(target=other)
    thread.start()
    with files.as_owner_of(theirs):
        go.set()
        thread.join()
    assert read == ["root's"]


def test_a_folder_of_roots_own_takes_nothing_away(tmp_path: Path) -> None:
    with files.as_owner_of(tmp_path):
        (tmp_path / "x").write_text("x")


def test_the_end_of_a_file_is_read(tmp_path: Path) -> None:
    (tmp_path / "log").write_text("one\ntwo\n")
    assert files.read_end(tmp_path / "log", 4) == b"two\n"
    assert files.read_end(tmp_path / "log", 400) == b"one\ntwo\n"


@pytest.mark.timeout(10)
@pytest.mark.parametrize(
    "lay",
    [os.mkfifo, Path.mkdir, lambda path: path.symlink_to("/etc/shadow"), lambda path: path.symlink_to("/dev/zero")],
    ids=["a pipe", "a folder", "a link", "a link to a device"],
)
def test_what_is_no_file_is_not_read(lay: Callable[[Path], None], tmp_path: Path) -> None:
    lay(tmp_path / "log")
    with pytest.raises(OSError, match="log"):
        files.read_end(tmp_path / "log", 400)
