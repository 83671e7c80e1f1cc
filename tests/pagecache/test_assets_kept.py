"""Style sheets and scripts over a real nginx: each version is compressed once for each form that browsers take."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from pathlib import Path

import brotli
import pytest

from tests.pagecache.test_encodings import TABLE
from tests.pagecache.webserver import WebServer

SHEET = b"a { color: red; margin: 0 }\n" * 200
ONE, TWO = "?ver=1-0123abcd", "?ver=1-89ab4567"
_SHAPES: dict[str, Callable[[bytes], bytes]] = {"": lambda body: body, "gzip": gzip.decompress, "br": brotli.decompress}


def _write(web: WebServer, body: bytes, address: str, site: str = "s1") -> None:
    file = web.layout.site(site).public / address.lstrip("/")
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(body)


def _read(web: WebServer, target: str, *headers: str, host: str = "news.example.org") -> bytes:
    answer = web.get(target, *headers, host=host)
    assert answer.status == 200
    assert answer.headers.get("vary") == "Accept-Encoding" or len(answer.body) < 20, "what may be compressed says so"
    return _SHAPES[answer.headers.get("content-encoding", "")](answer.body)


@pytest.fixture(autouse=True)
def sheet(web: WebServer, request: pytest.FixtureRequest) -> str:
    """A style sheet of which nothing is kept yet, in a folder of this test's."""
    web.clear()
    address = f"/wp-content/themes/{abs(hash(request.node.nodeid))}/style.css"
    _write(web, SHEET, address)
    return address


@pytest.mark.parametrize(("accepts", "form"), TABLE)
@pytest.mark.parametrize("version", [ONE, ""])
def test_the_form_is_one_that_the_browser_takes(
    web: WebServer, sheet: str, version: str, accepts: str | None, form: str
) -> None:
    for _ in range(2):
        for others in ("br", "gzip", "identity"):
            assert _read(web, sheet + version, f"Accept-Encoding: {others}") == SHEET
        answer = web.get(sheet + version, *([] if accepts is None else [f"Accept-Encoding: {accepts}"]))
        assert answer.headers.get("content-encoding", "plain") == form
        assert _SHAPES[form.replace("plain", "")](answer.body) == SHEET
        assert answer.headers["content-type"] == "text/css"


@pytest.mark.parametrize("encoding", ["br", "gzip", "identity"])
def test_a_version_is_compressed_once_and_another_one_is_another_file(
    web: WebServer, sheet: str, encoding: str
) -> None:
    accepts = f"Accept-Encoding: {encoding}"
    assert _read(web, sheet + ONE, accepts) == SHEET
    _write(web, b"changed", sheet)
    assert _read(web, sheet + ONE, accepts) == SHEET, "it was compressed again"
    assert _read(web, sheet + TWO, accepts) == b"changed"
    assert _read(web, sheet, accepts) == b"changed"


def test_a_neighbours_file_of_the_same_name_is_another(web: WebServer, sheet: str) -> None:
    _write(web, b"the neighbour's", sheet, "s2")
    assert _read(web, sheet + ONE) == SHEET
    assert _read(web, sheet + ONE, host="other.example.org") == b"the neighbour's"


def test_what_is_not_there_is_not_kept(web: WebServer) -> None:
    missing = "/wp-content/themes/paper/missing.css"
    assert web.get(missing + ONE).status == 404
    _write(web, SHEET, missing)
    assert _read(web, missing + ONE) == SHEET


@pytest.mark.parametrize("target", ["/wp-content/themes/paper/.hidden/a.css", "/wp-content/uploads/a.php/a.css"])
def test_what_is_closed_stays_closed(web: WebServer, target: str) -> None:
    _write(web, SHEET, target)
    assert web.get(target + ONE).status == 404


def test_without_the_internal_way_files_come_as_they_are(web: WebServer, sheet: str) -> None:
    away = Path(f"{web.layout.internal_http_socket}.away")
    web.layout.internal_http_socket.rename(away)
    try:
        assert _read(web, sheet + ONE, "Accept-Encoding: br") == SHEET
    finally:
        away.rename(web.layout.internal_http_socket)
