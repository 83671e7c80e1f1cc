"""WordPress.org's checksums, from a server of the test's own in its place."""

from __future__ import annotations

import json
import ssl
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import ClassVar

import pytest

from pressroom.integrity.published import Published
from pressroom.stack.certificates import Authority

PLACE = "wp-content/plugins/akismet"
A, B = "a" * 64, "b" * 64


class _Answers(BaseHTTPRequestHandler):
    answers: ClassVar[dict[str, tuple[int, bytes]]] = {}
    asked: ClassVar[list[str]] = []

    def do_GET(self) -> None:
        type(self).asked.append(self.path)
        status, body = self.answers.get(self.path, (404, b"none"))
        self.send_response(status)
        if status == 302:
            self.send_header("Location", body.decode())
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        return


@pytest.fixture
def server(tmp_path: Path) -> Iterator[tuple[str, ssl.SSLContext]]:
    """Its address, and a context that trusts it."""
    authority = Authority.make("test", datetime.now(UTC))
    (tmp_path / "a.pem").write_text(authority.certificate)
    (tmp_path / "s.pem").write_text(authority.issue(("localhost",), datetime.now(UTC)))
    _Answers.answers, _Answers.asked = {}, []
    listening = ThreadingHTTPServer(("127.0.0.1", 0), _Answers)
    inside = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    inside.load_cert_chain(tmp_path / "s.pem")
    listening.socket = inside.wrap_socket(listening.socket, server_side=True)
    threading.Thread(target=listening.serve_forever, args=(0.02,), daemon=True).start()
    yield f"https://localhost:{listening.server_port}", ssl.create_default_context(cafile=str(tmp_path / "a.pem"))
    listening.shutdown()
    listening.server_close()


def _answer(files: dict[str, object]) -> bytes:
    return json.dumps({"plugin": "akismet", "files": files}).encode()


def test_what_is_published_is_taken(server: tuple[str, ssl.SSLContext]) -> None:
    files = {"akismet.php": {"sha256": A}, "x.js": {"sha256": [A, B]}, "x.css": {"sha256": A}}
    _Answers.answers["/akismet/5.0%2Bx.json"] = (200, _answer(files))
    published = Published(server[0], context=server[1])
    assert published.manifest(PLACE, "5.0+x") == {"akismet.php": A, "x.js": f"{A} {B}"}


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"{", b'{"files": []}', b'{"files": {"a.php": {"sha256": "x"}}}', b'{"files": {"a.php": 1}}', b"[" * 100_000]
)  # fmt: skip
def test_an_answer_that_is_none(body: bytes, server: tuple[str, ssl.SSLContext]) -> None:
    _Answers.answers["/akismet/5.json"] = (200, body)
    assert Published(server[0], context=server[1]).manifest(PLACE, "5") is None


@pytest.mark.parametrize("place", ["wp-content/themes/x", "wp-content/plugins/../x", "wp-content/plugins/A", "."])
def test_what_is_no_plugin_of_the_directory_is_not_asked_for(place: str, server: tuple[str, ssl.SSLContext]) -> None:
    assert Published(server[0], context=server[1]).manifest(place, "5") is None and _Answers.asked == []


def test_one_that_is_not_published_keeps_others_from_nothing(server: tuple[str, ssl.SSLContext]) -> None:
    published = Published(server[0], context=server[1])
    _Answers.answers["/akismet/5.json"] = (200, _answer({"a.php": {"sha256": A}}))
    assert published.manifest("wp-content/plugins/mine", "1") is None
    assert published.manifest(PLACE, "5") == {"a.php": A}


def test_a_redirection_is_not_followed(server: tuple[str, ssl.SSLContext]) -> None:
    _Answers.answers["/akismet/5.json"] = (302, f"{server[0]}/other.json".encode())
    _Answers.answers["/other.json"] = (200, _answer({"a.php": {"sha256": A}}))
    assert Published(server[0], context=server[1]).manifest(PLACE, "5") is None


def test_only_over_https(server: tuple[str, ssl.SSLContext]) -> None:
    """Guard: no handler for http."""
    plain = ThreadingHTTPServer(("127.0.0.1", 0), _Answers)
    threading.Thread(target=plain.serve_forever, args=(0.02,), daemon=True).start()
    _Answers.answers["/akismet/5.json"] = (200, _answer({"a.php": {"sha256": A}}))
    assert Published(f"http://localhost:{plain.server_port}").manifest(PLACE, "5") is None
    assert _Answers.asked == []
    plain.shutdown()
    plain.server_close()


def test_who_is_not_trusted_is_not_believed(server: tuple[str, ssl.SSLContext]) -> None:
    """Guard: the context checks the certificate."""
    _Answers.answers["/akismet/5.json"] = (200, _answer({"a.php": {"sha256": A}}))
    assert Published(server[0]).manifest(PLACE, "5") is None and _Answers.asked == []


def test_one_that_cannot_be_reached_is_asked_again_after_an_hour(server: tuple[str, ssl.SSLContext]) -> None:
    now = [0.0]
    published = Published(server[0], context=server[1], clock=lambda: now[0])
    published._address = "https://localhost:1"
    assert published.manifest(PLACE, "5") is None
    published._address = server[0]
    assert published.manifest(PLACE, "5") is None and _Answers.asked == []
    now[0] = 3601
    published.manifest(PLACE, "5")
    assert _Answers.asked
