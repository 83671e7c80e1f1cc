"""Requests that carry a marker, and where it turns up: in the page store, or in what a visitor without one gets."""

from __future__ import annotations

import contextlib
import gzip
import hashlib
import os
import re
import secrets
from collections.abc import Iterable, Iterator
from pathlib import Path

import brotli

from pressroom.control.nginx_swap import NginxSwap
from pressroom.operations import sites
from pressroom.system import files
from tests.functional.newspaper import Newspaper
from tests.functional.raw import Answer, RawConnection, request

MIRROR = Path(__file__).parent / "plugin" / "pressroom-mirror"
_MARKERS = re.compile(rb"mk[0-9a-f]{12}")
FORMS = ("identity", "gzip", "br", "gzip, br")

# What others have in front of WordPress: nginx's own cache, whose key is the host and the path.
_NAIVE = """
        fastcgi_cache naive;
        fastcgi_cache_key "$pr_site$uri";
        fastcgi_cache_valid any 10m;
        fastcgi_ignore_headers Cache-Control Expires Set-Cookie Vary;
        add_header X-Naive $upstream_cache_status always;
"""


def marker() -> str:
    """What a request carries and nothing else on the machine does."""
    return "mk" + secrets.token_hex(6)


def activate(paper: Newspaper) -> None:
    sites.install_extension(paper.node, paper.site, MIRROR, "plugins")
    _plugin(paper, "activate_plugin")


def deactivate(paper: Newspaper) -> None:
    _plugin(paper, "deactivate_plugins")


def _plugin(paper: Newspaper, function: str) -> None:
    paper.php(
        f"require_once ABSPATH . 'wp-admin/includes/plugin.php'; {function}('pressroom-mirror/pressroom-mirror.php');"
    )
    paper.warm()


class CleanVisitor:
    """Somebody with nothing but a Host header, and the forms that browsers take."""

    def __init__(self, paper: Newspaper) -> None:
        self._host = paper.host
        self._connection = RawConnection(port(paper))

    def get(self, target: str, form: str = "identity") -> Answer:
        return self._connection.ask(request(target, f"Accept-Encoding: {form}", host=self._host))

    def _shows(self, target: str, form: str) -> bool:
        answer = self.get(target, form)
        return _foreign(answer.text + repr(answer.headers).encode(), target)

    def markers(self, targets: Iterable[str]) -> list[str]:
        """Where somebody else's marker is in an answer."""
        return [f"{target} ({form})" for target in targets for form in FORMS if self._shows(target, form)]


def _foreign(data: bytes, own: str) -> bool:
    """Whether there is a marker that does not stand in the address itself: what has one there is a page of its own."""
    return any(found not in own.encode(errors="surrogateescape") for found in _MARKERS.findall(data))


def port(paper: Newspaper) -> int:
    return paper.node.state.settings().http.port


def stored(paper: Newspaper) -> dict[str, str]:
    """Name and SHA-256 of each page in the site's store; its compressed forms are made smaller later on."""
    folder = paper.node.layout.store / paper.site.name
    found: dict[str, str] = {}
    for file in sorted((folder / "current").resolve().rglob("*")):
        with contextlib.suppress(FileNotFoundError):
            if file.is_file() and file.suffix not in (".br", ".gz"):
                found[str(file.relative_to(folder))] = hashlib.sha256(file.read_bytes()).hexdigest()
    return found


def marked_files(paper: Newspaper) -> list[str]:
    """Files of the node's stores with a marker that is not in their own name; compressed ones are unpacked."""
    layout = paper.node.layout
    found = []
    for top in (layout.store, layout.pictures):
        for folder, _, names in os.walk(top):  # which minds no folder that is taken away meanwhile
            for file in (Path(folder, name) for name in names):
                if _foreign(_unpacked(file), str(file)):
                    found.append(str(file))
    return found


def _unpacked(file: Path) -> bytes:
    unpack = {".gz": gzip.decompress, ".br": brotli.decompress}.get(file.suffix, bytes)
    with contextlib.suppress(FileNotFoundError, EOFError, brotli.error):  # taken out, or half written beside the store
        return bytes(unpack(file.read_bytes()))
    return b""


@contextlib.contextmanager
def naive_cache(paper: Newspaper) -> Iterator[None]:
    """The page store taken out of service, and nginx's own cache, with a usual key, in its place."""
    layout = paper.node.layout
    zone = f"    gzip off;\n    fastcgi_cache_path {layout.run}/nginx/naive keys_zone=naive:4m;\n"
    door = "    location @wordpress {\n        set $pr_cache $pr_origin;\n"
    changes = [
        (layout.nginx_config, "    gzip off;\n", zone),
        (
            layout.nginx_config,
            '        "" "";\n        "~^authorization"',
            '        "" "path";\n        "~^authorization"',
        ),
        (layout.nginx_servers, door, f"{door}{_NAIVE}"),
    ]
    after = {path: path.read_text() for path, _, _ in changes}
    for path, old, new in changes:
        assert after[path].count(old) == 1, old
        after[path] = after[path].replace(old, new)
    with nginx_with(paper, after):
        yield


@contextlib.contextmanager
def nginx_with(paper: Newspaper, texts: dict[Path, str]) -> Iterator[None]:
    """Other texts in the place of these files of nginx's."""
    before = {path: path.read_text() for path in texts}
    try:
        _take_over(paper, texts)
        yield
    finally:
        _take_over(paper, before)


def _take_over(paper: Newspaper, texts: dict[Path, str]) -> None:
    for path, text in texts.items():
        files.write(path, text)
    NginxSwap(paper.node.layout).reload()
