"""The store's own files, secrets and leftovers are answered by 404, whatever lies on disk."""

from __future__ import annotations

import os

import pytest

from pressroom.pagecache.store import TYPED
from tests.pagecache.webserver import WebServer

CANARY = b"canary"
LEFTOVERS = [
    "wp-config.php", "wp-config.php~", "wp-config.php.save", "wp-config.php.bak", ".env", ".git/config", ".htaccess",
    ".user.ini", "dump.sql", "DUMP.SQL", "a.bak", "a.old", "a.orig", "a.swp", "debug.log", "wp-content/debug.log",
    "wp-content/dump.sql", "backup.sh", "php.ini", "site.conf", "a.inc", "wp-content/.git/HEAD", "wp-includes/x.bak",
    "wp-content/uploads/x.php", "wp-content/uploads/2026/01/x.PHP", "wp-content/uploads/x.phtml",
    "wp-content/uploads/x.php7", "wp-content/uploads/x.pht", "wp-content/uploads/.x", "wp-admin/install.php",
    "wp-admin/setup-config.php", "readme.html", "README.HTML", "license.txt", "licence.txt", "wp-config-sample.php",
    "wp-config.txt", "wp-config.php.txt", "wp-config.php.1", "wp-config-backup.php", "x.php.old", "_wp-config.php",
    "wp-config.zip", "index.php.save", "x.php-bak", "x.php5", "x.phtml", "x.phps", "wp-content/x.pht", "dump.sql.gz",
    "dump.sql-1", "dump.SQL.zip", "db.sqlite", "site.tar.gz", "backup.zip", "a.tgz", "html.7z", "x.wpress",
    "wp-content/updraft/b.zip", "wp-content/backups-dup-lite/x.zip", "wp-content/ai1wm-backups/x",
    "wp-content/upgrade/x", "wp-content/wflogs/rules.php", "error_log", "wp-admin/error_log", "composer.json",
    "composer.lock", "x.yml", "a.env", "wp-content/uploads/a.py", "wp-content/uploads/dump.sql.bz2", "x.swo",
    "server.pem", ".DS_Store", ".vscode/sftp.json", "wp-includes/version.php", "wp-includes/x/y.php",
    "wp-admin/includes/file.php",
]  # fmt: skip
DOWNLOADS = [
    "wp-content/uploads/2026/x.zip", "wp-content/uploads/x.tar.gz", "wp-content/uploads/x.php_.jpg", "sitemap.xml.gz",
    "ads.txt", "wp-content/uploads/wp-config-explained.png", "wp-content/plugins/a/readme.txt",
    "wp-includes/js/jquery.php.min.js", "wp-content/themes/a/sql.js", "wp-content/uploads/x.pdf",
    "wp-content/uploads/catalog", ".well-known/security.txt",
]  # fmt: skip


@pytest.fixture(scope="module")
def full(web: WebServer) -> WebServer:
    web.put("/", CANARY)
    web.put("/internals/", CANARY)
    web.put("/internals", CANARY)
    web.put("/internals/feed/", CANARY, kind=TYPED, head={"status": 200, "headers": {"Content-Type": "text/xml"}})
    public = web.layout.site("s1").public
    for name in LEFTOVERS + DOWNLOADS:
        (public / name).parent.mkdir(parents=True, exist_ok=True)
        (public / name).write_bytes(CANARY)
    return web


@pytest.mark.parametrize(
    "target",
    [
        "/.page", "/.page.br", "/.page.gz", "/internals/.page", "/internals/.page.br", "/internals/.page.gz",
        "/internals/feed/.head", "/internals/feed/.body", "/internals/feed/.body.br", "/.pressroom/body/.page",
        "/.pressroom/body/internals/feed/.body", "/.pressroom/body/../body/internals/feed/.body",
        "/.pressroom/", "/%2epressroom/body/internals/feed/.body", "/internals/%2epage", "/x/.page.br",
    ],
)  # fmt: skip
def test_the_stores_own_files_are_not_there(full: WebServer, target: str) -> None:
    answer = full.get(target)
    assert answer.status == 404
    assert CANARY not in answer.body


@pytest.mark.parametrize("target", ["/internals.page", "/internals.page.gz", "/current/internals/", "/g1/internals/"])
def test_a_name_of_a_file_in_the_store_is_no_page(full: WebServer, target: str) -> None:
    answer = full.get(target)
    assert not answer.is_hit
    assert CANARY not in answer.body


@pytest.mark.parametrize("name", LEFTOVERS)
def test_secrets_and_leftovers_are_not_there(full: WebServer, name: str) -> None:
    answer = full.get(f"/{name}")
    assert answer.status == 404
    assert CANARY not in answer.body


@pytest.mark.parametrize("name", DOWNLOADS)
def test_what_a_site_offers_is_there(full: WebServer, name: str) -> None:
    assert full.get(f"/{name}").body == CANARY


@pytest.mark.parametrize(
    "target",
    [
        "/%77p-config.php", "//wp-config.php", "/./wp-config.php", "/x/../wp-config.php", "/wp-config.php/", "/%2eenv",
        "/wp-content/uploads/x%2ephp", "/wp-content/uploads/../uploads/x.php", "/wp-content/uploads/x.php/y",
        "/wp-content/uploads/%2e%2e/uploads/x.php", "/dump%2esql", "/wp-config.php%7e", "/wp-content//uploads/x.php",
    ],
)  # fmt: skip
def test_no_other_spelling_leads_to_them(full: WebServer, target: str) -> None:
    answer = full.get(target)
    assert answer.status == 404
    assert CANARY not in answer.body


@pytest.mark.parametrize("target", ["/../../etc/passwd", "/%2e%2e/%2e%2e/etc/passwd", "/..%2f..%2fetc/passwd", "/\x00"])
def test_a_target_that_leaves_the_root_is_refused(full: WebServer, target: str) -> None:
    answer = full.get(target)
    assert answer.status in (400, 503)
    assert not answer.is_hit and b"root:" not in answer.body


def test_a_link_to_a_file_of_another_owner_is_not_followed(full: WebServer) -> None:
    public = full.layout.site("s1").public
    secret = full.layout.root / "secret.txt"
    secret.write_bytes(CANARY)
    link = public / "x.txt"
    link.symlink_to(secret)
    assert full.get("/x.txt").body == CANARY  # root's link to root's file
    os.chown(link, 33, 33, follow_symlinks=False)
    answer = full.get("/x.txt")
    assert answer.status == 503
    assert CANARY not in answer.body


def test_an_image_with_a_script_behind_it_is_not_run(full: WebServer) -> None:
    images = full.layout.site("s1").public / "wp-content" / "uploads"
    (images / "x.jpg").write_bytes(b"<?php echo 'canary';")
    assert full.get("/wp-content/uploads/x.jpg/a.php").status == 404
