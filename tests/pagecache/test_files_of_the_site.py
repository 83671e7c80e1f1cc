"""Files that lie in a site's document root: which are sent, and which are nobody's."""

from __future__ import annotations

import pytest

from tests.pagecache.webserver import WebServer

SECRET = b"a secret"
NOBODYS = (
    "/wp-config.php",
    "/.git/config",
    "/.env",
    "/about/.htpasswd",
    "/dump.sql",
    "/wp-config.php.bak",
    "/wp-config.php~",
    "/backup.OLD",
    "/wp-content/debug.log",
    "/wp-content/plugins/shop/.git/config",
    "/wp-content/uploads/2026/11/shell.php",
    "/wp-content/uploads/2026/11/shell.PHP/x",
    "/wp-content/uploads/shell.phtml",
    "/wp-admin/install.php",
    "/wp-includes/archive.phar",
)
EVERYBODYS = ("/robots.html", "/.well-known/acme-challenge/token", "/wp-content/themes/a/style.css", "/about/key.txt")
FOLDERS = ("/about/", "/wp-content/", "/wp-content/uploads/2026/11/", "/wp-includes/", "/.git/", "/.well-known/")


@pytest.fixture(scope="module")
def full(web: WebServer) -> WebServer:
    for name in (*NOBODYS, *EVERYBODYS):
        file = web.layout.site("s1").public / name.removesuffix("/x")[1:]
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(SECRET)
    return web


@pytest.mark.parametrize("name", NOBODYS)
@pytest.mark.parametrize("more", ["", "?download=1"])
def test_what_is_nobodys_is_not_there(full: WebServer, name: str, more: str) -> None:
    answer = full.get(name + more)
    assert answer.status == 404
    assert SECRET not in answer.body


@pytest.mark.parametrize("name", EVERYBODYS)
def test_what_is_everybodys_is_sent(full: WebServer, name: str) -> None:
    answer = full.get(name)
    assert (answer.status, answer.body) == (200, SECRET)


@pytest.mark.parametrize("name", FOLDERS)
def test_no_folder_is_listed(full: WebServer, name: str) -> None:
    """WordPress is asked where it may have a page of that name (there is none here), else it is refused."""
    answer = full.get(name)
    assert answer.status in (403, 404, 503)
    assert b"Index of" not in answer.body


def test_the_folder_of_wp_admin_is_its_script(full: WebServer) -> None:
    (full.layout.site("s1").public / "wp-admin" / "index.php").write_bytes(SECRET)
    answer = full.get("/wp-admin/")
    assert (answer.status, answer.cache) == (503, "bypass; reason=script")  # there is no PHP here
