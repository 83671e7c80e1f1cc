"""The content once for all tests, and a real WordPress on a real MariaDB that has been filled with it."""

from __future__ import annotations

import json
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from pressroom.demo.newsroom import FILL_SCRIPT, PLUGIN_DIR, PLUGIN_NAME, THEME_DIR, THEME_NAME, Counts, write_content
from pressroom.system.process import Completed, run

UNTIL = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)
CORE = Path("/usr/share/wordpress")
INSTALL_SCRIPT = FILL_SCRIPT.parents[1] / "php" / "install.php"
SITE = "http://courier.example"


@dataclass(frozen=True)
class Written:
    """What the generator made, and the seconds it took."""

    folder: Path
    counts: Counts
    seconds: float

    @property
    def content(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads((self.folder / "content.json").read_text())
        return found


@dataclass(frozen=True)
class Newspaper:
    """A filled WordPress, without a web server: pages are rendered by PHP's command line."""

    home: Path
    written: Written
    first_fill: Completed
    seconds: float

    def fill(self) -> Completed:
        return run(["php", FILL_SCRIPT, self.written.folder, self.home / "wp"])

    def page(self, path: str) -> str:
        """The HTML of a page."""
        code = (
            f"$_SERVER=['HTTP_HOST'=>'courier.example','REQUEST_URI'=>'{path}','REQUEST_METHOD'=>'GET',"
            "'SERVER_PROTOCOL'=>'HTTP/1.1','SCRIPT_NAME'=>'/index.php','PHP_SELF'=>'/index.php',"
            "'SERVER_NAME'=>'courier.example','REMOTE_ADDR'=>'127.0.0.1']+$_SERVER;"
            "ini_set('display_errors','1');require 'index.php';"
        )
        return run(["php", "-r", code], cwd=self.home / "wp").stdout

    def php(self, code: str) -> str:
        """What a piece of PHP prints inside this WordPress."""
        before = "$_SERVER['HTTP_HOST']='courier.example';require 'wp-load.php';"
        return run(["php", "-r", before + code], cwd=self.home / "wp").stdout

    def sql(self, query: str) -> str:
        return run(["mariadb", "-uroot", f"--socket={self.home}/m.sock", "-N", "wp", "-e", query]).stdout


@pytest.fixture(scope="session")
def written(tmp_path_factory: pytest.TempPathFactory) -> Written:
    folder = tmp_path_factory.mktemp("content")
    began = time.monotonic()
    counts = write_content(folder, until=UNTIL)
    return Written(folder, counts, time.monotonic() - began)


def _config(home: Path) -> str:
    salts = ("AUTH_KEY", "SECURE_AUTH_KEY", "LOGGED_IN_KEY", "NONCE_KEY")
    lines = [f"define('{name}', '{name.lower()}');" for name in salts]
    lines += [f"define('{name.replace('KEY', 'SALT')}', 'salt {name.lower()}');" for name in salts]
    return "\n".join(
        [
            "<?php",
            "define('DB_NAME', 'wp'); define('DB_USER', 'root'); define('DB_PASSWORD', '');",
            f"define('DB_HOST', 'localhost:{home}/m.sock');",
            "define('DB_CHARSET', 'utf8mb4'); define('DB_COLLATE', '');",
            "define('DISABLE_WP_CRON', true); define('WP_HTTP_BLOCK_EXTERNAL', true);",
            *lines,
            "$table_prefix = 'wp_';",
            "if (!defined('ABSPATH')) { define('ABSPATH', __DIR__ . '/'); }",
            "require_once ABSPATH . 'wp-settings.php';",
        ]
    )


def _install(home: Path) -> None:
    site = home / "wp"
    shutil.copytree(CORE, site, ignore_dangling_symlinks=True)
    (site / "wp-config.php").write_text(_config(home))
    (site / "wp-content" / "uploads").mkdir(exist_ok=True)
    shutil.copytree(PLUGIN_DIR, site / "wp-content" / "plugins" / PLUGIN_NAME)
    shutil.copytree(THEME_DIR, site / "wp-content" / "themes" / THEME_NAME)
    answers = {"url": SITE, "title": "New", "user": "chief", "email": "chief@courier.example"}
    run(["php", INSTALL_SCRIPT, site], stdin=json.dumps({**answers, "password": "a long password"}))


def _interrupt_a_fill(home: Path, content: Path) -> None:
    """Kill a fill in the midst of the articles; the one that follows must not see a trace of it."""
    argv = ["php", str(FILL_SCRIPT), str(content), str(home / "wp")]
    with subprocess.Popen(argv, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as fill:
        assert fill.stderr is not None
        for line in fill.stderr:
            if line.startswith("progress 4"):
                fill.kill()
                break
        else:
            pytest.fail("the fill ended before it could be interrupted")


@pytest.fixture(scope="session")
def newspaper(written: Written) -> Iterator[Newspaper]:
    home = Path(tempfile.mkdtemp(prefix="courier-", dir="/var/tmp"))
    data = home / "db"
    run(
        [
            "mariadb-install-db",
            "--no-defaults",
            "--user=root",
            f"--datadir={data}",
            "--auth-root-authentication-method=normal",
        ]
    )
    server = subprocess.Popen(
        [
            "/usr/sbin/mariadbd",
            "--no-defaults",
            "--user=root",
            f"--datadir={data}",
            f"--socket={home}/m.sock",
            f"--pid-file={home}/m.pid",
            "--skip-networking",
            "--log-bin=b",
            "--server-id=7",
            "--binlog-format=ROW",
            "--sync-binlog=1",
            "--innodb-flush-log-at-trx-commit=1",
        ],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        run(["mariadb-admin", "-uroot", f"--socket={home}/m.sock", "--wait=60", "ping"])
        run(["mariadb", "-uroot", f"--socket={home}/m.sock", "-e", "CREATE DATABASE wp CHARACTER SET utf8mb4"])
        _install(home)
        _interrupt_a_fill(home, written.folder)
        began = time.monotonic()
        first = run(["php", FILL_SCRIPT, written.folder, home / "wp"])
        yield Newspaper(home, written, first, time.monotonic() - began)
    finally:
        server.terminate()
        server.wait(60)
        shutil.rmtree(home)
