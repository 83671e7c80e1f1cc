"""A site's WordPress without Pressroom: a copy of its files and database, by PHP-FPM as Debian sets it up."""

from __future__ import annotations

import os
import pwd
import shutil
from pathlib import Path

from pressroom.model.layout import SiteLayout
from pressroom.model.site import NodeSettings, Site
from pressroom.stack import nginx
from pressroom.system import process

# Debian's www.conf.
_POOL = """
[global]
daemonize = no
error_log = {folder}/fpm.log
[www]
listen = {socket}
listen.mode = 0666
listen.backlog = 511
pm = dynamic
pm.max_children = 5
pm.start_servers = 2
pm.min_spare_servers = 1
pm.max_spare_servers = 3
"""
_CONFIG = """<?php
define( 'DB_NAME', '{name}' );
define( 'DB_USER', '{user}' );
define( 'DB_PASSWORD', '' );
define( 'DB_HOST', 'localhost:{database}' );
define( 'DB_CHARSET', 'utf8mb4' );
define( 'DB_COLLATE', '' );
define( 'WP_HOME', '{url}' );
define( 'WP_SITEURL', '{url}' );
define( 'DISABLE_WP_CRON', true );
{salts}
$table_prefix = 'wp_';
define( 'ABSPATH', __DIR__ . '/' );
require_once ABSPATH . 'wp-settings.php';
"""
_OURS = ("db.php", "object-cache.php")
_DUMP = 600.0  # seconds for a copy of the database


class Stock:
    """In a folder that the site's user may enter. Uploads are the site's own, by a link.

    A database of its own, for WooCommerce keeps in it the paths of its files: on one database either makes them anew
    each time, after the other.
    """

    def __init__(self, site: Site, place: SiteLayout, settings: NodeSettings, folder: Path) -> None:
        self.public, self.socket = folder / "public", folder / "stock.sock"
        user = pwd.getpwnam(place.unix_user)
        folder.mkdir()
        os.chown(folder, user.pw_uid, user.pw_gid)
        self._sql = ("--socket", place.node.mariadb_socket, "--user", "root")
        self._database, self._account = f"{site.name}_stock", f"'{place.unix_user}'@'localhost'"
        self.close()
        try:
            self._copy_database(site.name)
        except BaseException:
            self.close()
            raise
        shutil.copytree(place.public, self.public, ignore=lambda parent, names: {*_OURS, "wp-config.php", "uploads"})
        (self.public / "wp-content" / "uploads").symlink_to(place.content / "uploads")
        salts = "\n".join(f"define( '{key}', {_php(salt.reveal())} );" for key, salt in site.salts)
        config = self.public / "wp-config.php"
        config.write_text(
            _CONFIG.format(
                name=self._database, user=place.unix_user, database=place.node.mariadb_socket,
                url=nginx.url(site, settings), salts=salts,
            )
        )  # fmt: skip
        config.chmod(0o600)
        process.run(["chown", "-Rh", f"{user.pw_uid}:{user.pw_gid}", self.public])
        self.config = folder / "fpm.conf"
        self.config.write_text(_POOL.format(folder=folder, socket=self.socket))

    def _copy_database(self, source: str) -> None:
        """Not by the binlog, which others follow."""
        self._ask(f"CREATE DATABASE {self._database}; GRANT ALL ON {self._pattern()}.* TO {self._account}")
        dump = process.run_bytes(["mariadb-dump", *self._sql, "--single-transaction", source], timeout=_DUMP)
        quietly = "--init-command=SET sql_log_bin=0"
        process.run(["mariadb", *self._sql, quietly, self._database], stdin=dump, timeout=_DUMP)

    def close(self) -> None:
        """The database goes; the folder is its owner's."""
        self._ask(f"DROP DATABASE IF EXISTS {self._database}")
        self._ask(f"REVOKE ALL ON {self._pattern()}.* FROM {self._account}", check=False)  # an error if there is none

    def _pattern(self) -> str:
        return "`" + self._database.replace("_", "\\_") + "`"

    def _ask(self, statement: str, *, check: bool = True) -> None:
        process.run(["mariadb", *self._sql, "-e", f"SET sql_log_bin=0; {statement}"], check=check)


def _php(text: str) -> str:
    """As PHP's single-quoted string."""
    escaped = text.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"
