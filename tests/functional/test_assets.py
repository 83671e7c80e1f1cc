"""Style sheets and scripts: a browser may keep each version for good, and a changed file has another address."""

from __future__ import annotations

import hashlib
import os
import re
import time
import zlib
from html import unescape
from pathlib import Path

import pytest

from tests.functional.command_line import CommandLine
from tests.functional.newspaper import Newspaper

FOR_GOOD, TEN_MINUTES = "public, max-age=31536000, immutable", "public, max-age=600"
VERSION = re.compile(r"[?&]ver=[^&]*-[0-9a-f]{8}(?:&|$)")


def _assets(paper: Newspaper, page: str = "/") -> list[str]:
    """The addresses of the page's style sheets and scripts, from the root on."""
    with paper.client() as visitor:
        found = re.findall(
            r"""<(?:link|script)[^>]+(?:href|src)=['"]([^'"]+\.(?:css|js)[^'"]*)""", visitor.get(page).text
        )
    return [unescape(address).removeprefix(f"http://{paper.host}") for address in found]


def _style_sheet(paper: Newspaper) -> tuple[Path, str]:
    """A theme's style sheet that the front page names, and its address."""
    address = next(one for one in _assets(paper) if "/themes/" in one and ".css" in one)
    return paper.place.public / address.partition("?")[0][1:], address


def _await_another(paper: Newspaper, file: Path, address: str) -> str:
    until = time.monotonic() + 10
    while (now := _style_sheet(paper)[1]) == address:
        assert time.monotonic() < until, f"{file} has still the address that it had before its change"
        time.sleep(0.05)
    return now


def test_each_says_its_version_and_is_kept_for_good(paper: Newspaper) -> None:
    paper.await_hit("/")
    assets = _assets(paper)
    assert len(assets) >= 2 and all(VERSION.search(one) for one in assets), assets
    with paper.client() as visitor:
        for address in assets:
            answer = visitor.get(address)
            assert (answer.status_code, answer.headers["cache-control"]) == (200, FOR_GOOD), address


@pytest.mark.parametrize("argument", ["", "?ver=6.1", "?ver=1-abcdefg1", "?version=1-0123abcd"])
def test_an_address_that_tells_no_version_is_kept_for_ten_minutes(paper: Newspaper, argument: str) -> None:
    with paper.client() as visitor:
        answer = visitor.get(f"/wp-includes/css/dist/block-library/style.min.css{argument}")
    assert (answer.status_code, answer.headers["cache-control"]) == (200, TEN_MINUTES)


@pytest.mark.parametrize("way", ["longer", "as long"])
def test_a_changed_file_has_another_address(paper: Newspaper, way: str) -> None:
    """Also where the plugin's or theme's number stays as it was; and the page that names the old one is gone."""
    paper.await_hit("/")
    file, address = _style_sheet(paper)
    before, times = file.read_bytes(), (file.stat().st_atime_ns, file.stat().st_mtime_ns)
    try:
        file.write_bytes(before + b"/* more */" if way == "longer" else b" " + before[:-1])
        os.utime(file, ns=(times[0], times[1] + (0 if way == "longer" else 2_000_000_000)))
        now = _await_another(paper, file, address)
        assert now.partition("-")[0] == address.partition("-")[0]
        with paper.client() as visitor:
            assert visitor.get(now).content == file.read_bytes()
    finally:
        file.write_bytes(before)
        os.utime(file, ns=times)
    _await_another(paper, file, now)


def test_the_sheet_for_writing_from_right_to_left_counts_too(paper: Newspaper) -> None:
    paper.await_hit("/")
    file, address = _style_sheet(paper)
    turned = file.with_name(file.name.replace(".css", "-rtl.css"))
    before = turned.read_bytes() if turned.exists() else None
    turned.write_bytes((before or b"") + b"/* turned */")
    try:
        now = _await_another(paper, file, address)
    finally:
        turned.write_bytes(before) if before is not None else turned.unlink()
    _await_another(paper, file, now)


def test_nobody_asks_for_a_version_that_is_to_come(paper: Newspaper) -> None:
    """nginx would keep today's file under its address. A coming version's time and size can be known (or tried out)."""
    paper.await_hit("/")
    file, address = _style_sheet(paper)
    before, times = file.read_bytes(), (file.stat().st_atime_ns, file.stat().st_mtime_ns)
    coming, then = before + b"/* coming */", (times[1] // 10**9 + 5) * 10**9
    turned = file.with_name(file.name.replace(".css", "-rtl.css"))
    other = f"{int(turned.stat().st_mtime)}:{turned.stat().st_size}" if turned.exists() else ""
    state = f"{then // 10**9}:{len(coming)} {other}".encode()
    guesses = [f"{zlib.crc32(state):08x}", *(hashlib.new(name, state).hexdigest()[:8] for name in ("md5", "sha256"))]
    try:
        with paper.client() as visitor:
            for guess in guesses:
                assert visitor.get(address[:-8] + guess).content == before
            file.write_bytes(coming)
            os.utime(file, ns=(times[0], then))
            now = _await_another(paper, file, address)
            assert now[-8:] not in guesses
            assert visitor.get(now).content == coming
    finally:
        file.write_bytes(before)
        os.utime(file, ns=times)
    _await_another(paper, file, now)


def test_others_addresses_stay_as_they_are(paper: Newspaper) -> None:
    told = paper.php(
        "foreach (['https://cdn.example/wp-includes/a.js?ver=1', '/wp-includes/js/missing.js?ver=1',"
        " '/wp-content/../wp-admin/js/common.js?ver=1', home_url('/wp-admin/js/common.js'), '/?ver=1', false,"
        " home_url('/wp-admin/load-scripts.php?load=a.js&ver=1')] as $one)"
        " echo json_encode(apply_filters('script_loader_src', $one, 'x') === $one), ' ';"
    )
    assert told.split() == ["true"] * 7


def test_it_is_switched_per_site(paper: Newspaper, command: CommandLine) -> None:
    paper.await_hit("/")
    assets = _assets(paper)
    command.done("site", "settings", paper.site.domain, "--set", "assets=off")
    try:
        with paper.client() as visitor:
            assert visitor.get(assets[0]).headers["cache-control"] == TEN_MINUTES
            assert not VERSION.search(_assets(paper, "/?bypass=1")[0])
    finally:
        command.done("site", "settings", paper.site.domain, "--set", "assets=")
    with paper.client() as visitor:
        assert visitor.get(assets[0]).headers["cache-control"] == FOR_GOOD
