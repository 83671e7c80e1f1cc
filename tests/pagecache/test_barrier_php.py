"""The asker's side of the barrier, `php/barrier.php`: for how long it waits, and when it closes the gate."""

from __future__ import annotations

import contextlib
import errno
import itertools
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import pressroom
from pressroom.model.walls import Space
from pressroom.system import images, mounts

_CODE = (
    "define('PRESSROOM_GATE', $argv[1]); define('PRESSROOM_BARRIER_SOCKET', $argv[2]); require $argv[3];"
    " Pressroom_Barrier::wrote(); Pressroom_Barrier::wait();"
)
_BARRIER = Path(pressroom.__file__).parent / "php" / "barrier.php"


def _behind(times: int) -> Callable[[socket.socket], None]:
    def answer(peer: socket.socket) -> None:
        peer.recv(100)
        for _ in range(times):
            time.sleep(0.4)
            peer.sendall(b"BEHIND\n")
        peer.sendall(b"PASSED\n")

    return answer


def _silence(peer: socket.socket) -> None:
    peer.recv(100)
    peer.recv(100)  # until it hangs up


@pytest.mark.parametrize(
    ("answer", "was_open", "stays", "least", "most"),
    [
        (_behind(0), True, True, 0.0, 0.9),
        (_behind(5), True, True, 2.0, 3.5),
        (_silence, True, False, 1.0, 1.9),
        (_behind(15), True, False, 3.0, 4.5),  # longer than anybody waits
        (_behind(15), False, False, 1.0, 1.9),  # nothing that is stored is served
    ],
)
def test_the_gate_stays_open_while_the_invalidator_says_that_it_goes_on(
    tmp_path: Path,
    answer: Callable[[socket.socket], None],
    *,
    was_open: bool,
    stays: bool,
    least: float,
    most: float,
) -> None:
    gate, barrier = tmp_path / "open", tmp_path / "barrier.php"
    if was_open:
        gate.mkdir()
    text = _BARRIER.read_text()
    assert "LONGEST_SHELL = 25.0" in text
    barrier.write_text(text.replace("LONGEST_SHELL = 25.0", "LONGEST_SHELL = 3.0"))
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(tmp_path / "barrier.sock"))
        server.listen()

        def serve() -> None:
            peer, _ = server.accept()
            with peer:
                try:
                    answer(peer)
                except OSError:
                    return  # it did not wait for it

        thread = threading.Thread(target=serve)
        thread.start()
        began = time.monotonic()
        argv = ["php8.2", "-d", "error_log=/dev/null", "-r", _CODE, "--", str(gate), str(tmp_path / "barrier.sock")]
        subprocess.run([*argv, str(barrier)], check=True, timeout=30)
        seconds = time.monotonic() - began
        thread.join()
    assert gate.exists() is stays
    assert least <= seconds < most


@pytest.mark.parametrize(
    ("installing", "is_open", "asks"), [(True, False, False), (True, True, True), (False, False, True)]
)
def test_a_site_that_is_being_installed_waits_for_nobody(
    tmp_path: Path, *, installing: bool, is_open: bool, asks: bool
) -> None:
    """It has no pages, and the invalidator does not know it yet."""
    gate = tmp_path / "gate" / "open"
    gate.parent.mkdir()
    if is_open:
        gate.mkdir()
    code = f"define( 'WP_INSTALLING', true ); {_CODE}" if installing else _CODE
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(tmp_path / "barrier.sock"))
        server.listen()
        server.settimeout(0.2)
        argv = ["php8.2", "-d", "error_log=/dev/null", "-r", code, "--", str(gate), str(tmp_path / "barrier.sock")]
        subprocess.run([*argv, str(_BARRIER)], check=True, timeout=30)
        try:
            server.accept()
        except TimeoutError:
            assert not asks
        else:
            assert asks


@pytest.fixture
def full(tmp_path: Path) -> Iterator[Path]:
    """The folder of a gate that has left one cookie before, on a file system with room for no file more."""
    place = tmp_path / "place"
    images.make(tmp_path / "image", Space(64 * 2**20, 32))
    images.mount(tmp_path / "image", place)
    try:
        (place / "open").mkdir()
        assert _asked(place).startswith("WAIT 0 cookie-")
        for number in itertools.count():
            (place / str(number)).touch()
    except OSError as error:
        assert error.errno == errno.ENOSPC
        yield place
    finally:
        mounts.unmount(place)


def _asked(place: Path) -> str:
    """What the invalidator is asked, which answers that it has passed."""
    path = place.parent / "barrier.sock"
    asked: list[str] = []
    path.unlink(missing_ok=True)
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(path))
        server.listen()
        server.settimeout(0.1)
        ended = threading.Event()

        def serve() -> None:
            while not asked:
                nobody_more = ended.is_set()
                with contextlib.suppress(TimeoutError), server.accept()[0] as peer:
                    asked.append(peer.recv(100).decode())
                    peer.sendall(b"PASSED\n")
                if nobody_more:
                    return

        thread = threading.Thread(target=serve)
        thread.start()
        argv = ["php8.2", "-d", "error_log=/dev/null", "-r", _CODE, "--", str(place / "open"), str(path), str(_BARRIER)]
        subprocess.run(argv, check=True, timeout=30)
        ended.set()
        thread.join()
    return asked[0] if asked else ""


def test_a_site_without_room_for_a_file_waits_for_its_files_all_the_same(full: Path) -> None:
    assert _asked(full).startswith("WAIT 0 cookie-")
    assert (full / "open").exists() and not list(full.glob("cookie-*"))


def test_where_no_cookie_can_be_left_nothing_is_believed(full: Path) -> None:
    (full / "seed").unlink()
    (full / "instead").touch()
    _asked(full)
    assert not (full / "open").exists()
