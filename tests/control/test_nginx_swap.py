"""A reload by a real nginx."""

from __future__ import annotations

import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from http.client import HTTPConnection
from pathlib import Path

import pytest

from pressroom.control import nginx_swap
from pressroom.control.nginx_swap import NginxSwap
from pressroom.model.errors import CommandFailed
from pressroom.model.layout import Layout
from tests.conftest import until

_CONFIG = """
worker_processes 4;
pid {pid};
error_log {log} warn;
events {{}}
http {{
    access_log off;
    server {{ listen 127.0.0.1:{port}; location / {{ return 200 "{word}"; }} }}
}}
"""


class Nginx:
    """Answers with a word of its configuration."""

    def __init__(self, folder: Path, port: int) -> None:
        self.layout, self.port = Layout(folder), port
        for place in (self.layout.nginx_config.parent, self.layout.run, self.layout.log):
            place.mkdir(parents=True, exist_ok=True)

    def text(self, word: str) -> str:
        log = self.layout.log / "nginx.log"
        return _CONFIG.format(pid=self.layout.nginx_pid, log=log, port=self.port, word=word)

    def says(self) -> str:
        connection = HTTPConnection("127.0.0.1", self.port)
        connection.request("GET", "/")
        return connection.getresponse().read().decode()


@pytest.fixture
def nginx() -> Iterator[Nginx]:
    folder = Path(tempfile.mkdtemp(prefix="nginx-swap."))
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        nginx = Nginx(folder, free.getsockname()[1])
    nginx.layout.nginx_config.write_text(nginx.text("first"))
    process = subprocess.Popen(["nginx", "-c", nginx.layout.nginx_config, "-g", "daemon off;"])
    try:
        until(nginx.layout.nginx_pid.exists)
        until(lambda: _answers(nginx))
        yield nginx
    finally:
        process.terminate()
        process.wait(20)
        shutil.rmtree(folder)


def _answers(nginx: Nginx) -> bool:
    try:
        return nginx.says() == "first"
    except OSError:
        return False


def test_what_nginx_was_before_answers_nobody_after_a_swap(nginx: Nginx) -> None:
    swap = NginxSwap(nginx.layout)
    for word in (f"word {number}" for number in range(10)):
        swap.swap(((nginx.layout.nginx_config, nginx.text(word)),))
        assert {nginx.says() for _ in range(8)} == {word}


def test_an_nginx_that_keeps_to_what_it_was_is_told_and_its_files_are_as_before(
    nginx: Nginx, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It can say no after its test has passed: here to an address that is taken."""
    monkeypatch.setattr(nginx_swap, "_PATIENCE", 0.5)
    before = nginx.layout.nginx_config.read_text()
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        other = before.replace(f":{nginx.port};", f":{taken.getsockname()[1]};").replace("first", "second")
        with pytest.raises(CommandFailed, match="does not take over"):
            NginxSwap(nginx.layout).swap(((nginx.layout.nginx_config, other),))
    assert nginx.layout.nginx_config.read_text() == before
    assert nginx.says() == "first"


def test_without_an_nginx_the_files_alone_are_changed(tmp_path: Path) -> None:
    nginx = Nginx(tmp_path, 1)
    NginxSwap(nginx.layout).swap(((nginx.layout.nginx_config, nginx.text("new")),))
    assert nginx.layout.nginx_config.read_text() == nginx.text("new")
