"""A site's WordPress without Pressroom: a copy of its files, on the same database, by PHP-FPM as Debian sets it up."""

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


class Stock:
    """In a folder that the site's user may enter. Uploads are the site's own, by a link."""

    def __init__(self, site: Site, place: SiteLayout, settings: NodeSettings, folder: Path) -> None:
        self.public, self.socket = folder / "public", folder / "stock.sock"
        user = pwd.getpwnam(place.unix_user)
        folder.mkdir()
        os.chown(folder, user.pw_uid, user.pw_gid)
        shutil.copytree(place.public, self.public, ignore=lambda parent, names: {*_OURS, "wp-config.php", "uploads"})
        (self.public / "wp-content" / "uploads").symlink_to(place.content / "uploads")
        salts = "\n".join(f"define( '{key}', {_php(salt.reveal())} );" for key, salt in site.salts)
        config = self.public / "wp-config.php"
        config.write_text(
            _CONFIG.format(
                name=site.name, user=place.unix_user, database=place.node.mariadb_socket,
                url=nginx.url(site, settings), salts=salts,
            )
        )  # fmt: skip
        config.chmod(0o600)
        process.run(["chown", "-Rh", f"{user.pw_uid}:{user.pw_gid}", self.public])
        self.config = folder / "fpm.conf"
        self.config.write_text(_POOL.format(folder=folder, socket=self.socket))


def _php(text: str) -> str:
    """As PHP's single-quoted string."""
    escaped = text.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"
