from __future__ import annotations

import hashlib
import io
import json
import socket
import threading
import zipfile
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from pressroom.model.errors import BadSource, NotFound, PressroomError
from pressroom.wordpress.releases import ReleaseSource

from .small_core import files_of, names_below

Answer = Callable[[BaseHTTPRequestHandler], None]


class Server:
    """A local wordpress.org: paths and what they answer, and which were asked for."""

    def __init__(self) -> None:
        self.answers: dict[str, bytes | Answer] = {}
        self.asked: list[str] = []
        self.gone = threading.Event()
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                outer.asked.append(self.path)
                answer = outer.answers.get(self.path)
                if callable(answer):
                    answer(self)
                    return
                self.send_response(404 if answer is None else 200)
                self.send_header("Content-Length", str(len(answer or b"")))
                self.end_headers()
                self.wfile.write(answer or b"")

            def log_message(self, *_: object) -> None:
                pass

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.base = f"http://127.0.0.1:{self.http.server_address[1]}"

    def publish(self, version: str, *, holds: str | None = None, sha1: bool = True) -> bytes:
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, text in files_of(holds or version).items():
                archive.writestr(f"wordpress/{name}", text)
        octets = buffer.getvalue()
        address = f"/wordpress-{version}.zip"
        self.answers[address] = octets
        if sha1:
            self.answers[f"{address}.sha1"] = hashlib.sha1(octets).hexdigest().encode()
        self.answers[f"{address}.md5"] = hashlib.md5(octets).hexdigest().encode()
        return octets

    def source(self, version: str, *, timeout: float = 20, deadline: float = 60) -> ReleaseSource:
        return ReleaseSource(version, downloads=self.base, api=self.base, timeout=timeout, deadline=deadline)


@pytest.fixture
def server() -> Iterator[Server]:
    server = Server()
    thread = threading.Thread(target=server.http.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield server
    server.gone.set()
    server.http.shutdown()
    thread.join()
    server.http.server_close()


def fetched(source: ReleaseSource, ground: Path) -> set[str]:
    (ground / "into").mkdir()
    source.fetch(ground / "into")
    return names_below(ground / "into")


def refused(source: ReleaseSource, ground: Path) -> PressroomError:
    (ground / "into").mkdir()
    with pytest.raises((BadSource, NotFound)) as caught:
        source.fetch(ground / "into")
    assert caught.value.hint
    assert list((ground / "into").iterdir()) == []
    return caught.value


def test_a_release_is_checked_and_unpacked(ground: Path, server: Server) -> None:
    octets = server.publish("6.4.3")
    told: list[tuple[int, int | None]] = []
    source = ReleaseSource("6.4.3", downloads=server.base, progress=lambda done, total: told.append((done, total)))
    assert fetched(source, ground) == set(files_of("6.4.3"))
    assert told[-1] == (len(octets), len(octets))
    assert server.asked == ["/wordpress-6.4.3.zip.sha1", "/wordpress-6.4.3.zip"]


def test_latest_asks_which_that_is(ground: Path, server: Server) -> None:
    server.publish("6.5")
    offers = {"offers": [{"current": "6.5", "version": "6.5"}, {"current": "6.4.3"}]}
    server.answers["/core/version-check/1.7/"] = json.dumps(offers).encode()
    assert fetched(server.source("latest"), ground) == set(files_of("6.5"))
    assert server.source("latest").fingerprint() is None
    assert server.source("6.5").fingerprint() != server.source("6.4").fingerprint()


def test_md5_stands_in_for_a_missing_sha1(ground: Path, server: Server) -> None:
    server.publish("6.4.3", sha1=False)
    assert fetched(server.source("6.4.3"), ground) == set(files_of("6.4.3"))


@pytest.mark.parametrize("sha1", [True, False])
def test_a_wrong_checksum_is_refused(ground: Path, server: Server, sha1: bool) -> None:
    octets = server.publish("6.4.3", sha1=sha1)
    server.answers["/wordpress-6.4.3.zip"] = octets[:-1] + b"\x01"
    error = refused(server.source("6.4.3"), ground)
    assert isinstance(error, BadSource)
    assert ("SHA1" if sha1 else "MD5") in error.message


@pytest.mark.parametrize("text", [b"", b"<html>hello</html>", b"0" * 39, b"g" * 40, b"\xff" * 40])
def test_a_checksum_that_is_none_is_refused(ground: Path, server: Server, text: bytes) -> None:
    server.publish("6.4.3")
    server.answers["/wordpress-6.4.3.zip.sha1"] = text
    assert "no checksum" in refused(server.source("6.4.3"), ground).message
    assert "/wordpress-6.4.3.zip" not in server.asked


def test_a_version_that_was_never_published_is_not_found(ground: Path, server: Server) -> None:
    error = refused(server.source("9.9.9"), ground)
    assert isinstance(error, NotFound)
    assert "9.9.9" in error.message


def test_a_release_that_holds_another_version_is_refused(ground: Path, server: Server) -> None:
    server.publish("6.4.3", holds="6.4.2")
    assert "6.4.2 instead" in refused(server.source("6.4.3"), ground).message


def test_a_zip_that_is_gone_though_its_checksum_is_there(ground: Path, server: Server) -> None:
    server.publish("6.4.3")
    del server.answers["/wordpress-6.4.3.zip"]
    assert "404" in refused(server.source("6.4.3"), ground).message


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"{}",
        b"null",
        b"{",
        b'{"offers": []}',
        b'{"offers": [{"current": 6}]}',
        b'{"offers": [{"current": "../6.4"}]}',
        b'{"offers": [{"current": "6.4\\n"}]}',
        b"[" * 100_000,
        b" " * 2_000_000,
    ],
)
def test_an_answer_that_names_no_latest_is_refused(ground: Path, server: Server, answer: bytes) -> None:
    server.answers["/core/version-check/1.7/"] = answer
    assert isinstance(refused(server.source("latest"), ground), BadSource)
    assert server.asked == ["/core/version-check/1.7/"]


def test_no_answer_about_the_latest(ground: Path, server: Server) -> None:
    assert "latest" in refused(server.source("latest"), ground).message


def test_a_connection_that_is_cut_is_explained(ground: Path, server: Server) -> None:
    octets = server.publish("6.4.3")

    def cut(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.send_header("Content-Length", str(len(octets)))
        handler.end_headers()
        handler.wfile.write(octets[: len(octets) // 2])
        handler.wfile.flush()
        handler.connection.shutdown(socket.SHUT_RDWR)
        handler.close_connection = True

    server.answers["/wordpress-6.4.3.zip"] = cut
    assert isinstance(refused(server.source("6.4.3"), ground), BadSource)


def say_nothing(server: Server) -> None:
    server.gone.wait(20)


def test_a_server_that_says_nothing_is_given_up(ground: Path, server: Server) -> None:
    server.publish("6.4.3")
    server.answers["/wordpress-6.4.3.zip"] = lambda handler: say_nothing(server)
    assert "timed out" in refused(server.source("6.4.3", timeout=0.3), ground).message


def test_a_server_that_drips_is_given_up(ground: Path, server: Server) -> None:
    server.publish("6.4.3")

    def drip(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.send_header("Content-Length", "100000")
        handler.end_headers()
        try:
            while not server.gone.wait(0.05):
                handler.wfile.write(b"x")
        except OSError:
            handler.close_connection = True

    server.answers["/wordpress-6.4.3.zip"] = drip
    assert "within 0.5 s" in refused(server.source("6.4.3", timeout=5, deadline=0.5), ground).message


@pytest.mark.parametrize("status", [403, 429, 500, 503])
def test_a_server_in_trouble_is_explained(ground: Path, server: Server, status: int) -> None:
    server.publish("6.4.3")
    server.answers["/wordpress-6.4.3.zip.sha1"] = lambda handler: handler.send_error(status)
    assert str(status) in refused(server.source("6.4.3"), ground).message


def test_redirects_are_followed_but_not_without_end(ground: Path, server: Server) -> None:
    octets = server.publish("6.4.3")

    def lead_to(place: str) -> Answer:
        def answer(handler: BaseHTTPRequestHandler) -> None:
            handler.send_response(302)
            handler.send_header("Location", place)
            handler.send_header("Content-Length", "0")
            handler.end_headers()

        return answer

    server.answers["/wordpress-6.4.3.zip"] = lead_to("/elsewhere.zip")
    server.answers["/elsewhere.zip"] = octets
    assert fetched(server.source("6.4.3"), ground) == set(files_of("6.4.3"))
    server.answers["/elsewhere.zip"] = lead_to("/elsewhere.zip")
    (ground / "into").rename(ground / "first")
    assert isinstance(refused(server.source("6.4.3"), ground), BadSource)


def test_nobody_listens(ground: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound and not listening: refused
        base = f"http://127.0.0.1:{taken.getsockname()[1]}"
        error = refused(ReleaseSource("6.4.3", downloads=base, api=base), ground)
    assert "could not be had" in error.message
    assert "network" in error.hint
