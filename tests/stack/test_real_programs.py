"""What is rendered is what nginx, PHP and MariaDB take."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from pressroom.model.errors import CommandFailed
from pressroom.model.layout import Layout
from pressroom.model.site import NodeSettings, Site
from pressroom.stack import firewall, mariadb, nginx, php
from pressroom.system import process
from tests.stack import examples

SCENARIOS = [
    (examples.site(), examples.settings(port=18080)),
    (examples.site("s2", "paper.example.org", ("www.paper.example.org",)), examples.settings("*", 18081)),
]


@pytest.fixture
def layout() -> Iterator[Layout]:
    root = Path(tempfile.mkdtemp(prefix="pressroom-stack-", dir="/var/tmp"))
    made = Layout(root)
    for folder in (made.etc / "nginx" / "sites", made.etc / "php", made.log / "nginx", made.run / "nginx"):
        folder.mkdir(parents=True)
    for folder in (made.platform_run, made.mariadb_data, Path(f"{made.mariadb_data}-tmp"), made.binlogs):
        folder.mkdir(parents=True)
    yield made
    shutil.rmtree(root)


@pytest.mark.parametrize(("site", "settings"), SCENARIOS)
def test_nginx_takes_its_files(layout: Layout, site: Site, settings: NodeSettings) -> None:
    place = layout.site(site.name)
    node = nginx.node_config(layout, settings).replace(f"user {layout.web_user};", "user www-data;")
    layout.nginx_config.write_text(node)
    for name, text in nginx.scripts().items():
        (layout.etc / "nginx" / name).write_text(text)
    layout.nginx_servers.write_text(nginx.servers_config(layout, settings))
    layout.nginx_fastcgi.write_text(nginx.fastcgi_config(layout, settings))
    place.nginx_map.write_text(nginx.site_map(site))
    place.nginx_names.write_text(nginx.site_names(site))
    test: list[process.Argument] = ["nginx", "-t", "-q", "-c", layout.nginx_config, "-e", layout.log / "nginx.log"]
    assert "warn" not in process.run(test).stderr
    layout.nginx_fastcgi.unlink()
    with pytest.raises(CommandFailed):
        process.run(test)


@pytest.mark.parametrize(("site", "settings"), SCENARIOS)
def test_nginx_takes_the_firewalls_files(layout: Layout, site: Site, settings: NodeSettings) -> None:
    for folder in (layout.firewall_config.parent, layout.firewall_run):
        folder.mkdir()
    text = firewall.config(layout, settings).replace(f"user {layout.web_user};", "user www-data;")
    layout.firewall_config.write_text(text)
    layout.firewall_rules.write_text(firewall.rules(layout))
    layout.nginx_fastcgi.write_text(nginx.fastcgi_config(layout, settings))
    test: list[process.Argument] = ["nginx", "-t", "-q", "-c", layout.firewall_config, "-e", layout.log / "nginx.log"]
    assert "warn" not in process.run(test).stderr
    layout.firewall_rules.write_text(firewall.rules(layout) + "SecNoSuchThing On\n")
    with pytest.raises(CommandFailed):
        process.run(test)


@pytest.mark.parametrize(("site", "settings"), SCENARIOS)
def test_php_fpm_takes_its_file(layout: Layout, site: Site, settings: NodeSettings) -> None:
    place = layout.site(site.name)
    for folder in (place.public, place.private, place.run, place.log):
        folder.mkdir(parents=True)
    text = php.fpm_config(site, place, settings)
    for pool in ("web", "guests", "render", "urgent"):
        text = text.replace(f"[{pool}]", f"[{pool}]\nuser = www-data")
    place.fpm_config.write_text(text)
    test: list[process.Argument] = ["php-fpm8.2", "-t", "--fpm-config", place.fpm_config]
    assert process.run(test).stderr == ""
    place.fpm_config.write_text(text + "no_such_setting = on\n")
    with pytest.raises(CommandFailed):
        process.run(test)


@pytest.mark.parametrize(("site", "settings"), SCENARIOS)
def test_php_takes_wp_config(layout: Layout, site: Site, settings: NodeSettings) -> None:
    place = layout.site(site.name)
    place.public.mkdir(parents=True)
    layout.php.mkdir(parents=True)
    (layout.php / "prepend.php").write_text("<?php\n")
    (place.public / "wp-settings.php").write_text(
        "<?php echo json_encode([DB_NAME, DB_USER, DB_HOST, WP_HOME, AUTH_KEY, $table_prefix, ABSPATH]);"
    )
    config = place.public / "wp-config.php"
    config.write_text(php.wp_config(site, place, settings, "0123456789abcdef"))
    assert json.loads(process.run(["php8.2", config]).stdout) == [
        site.name,
        place.unix_user,
        f"localhost:{layout.mariadb_socket}",
        nginx.url(site, settings),
        "salt of AUTH_KEY",
        "wp_",
        f"{place.public}/",
    ]


def test_mariadb_takes_its_file(layout: Layout) -> None:
    config = layout.etc / "mariadb.cnf"
    config.write_text(mariadb.server_config(layout))
    done = process.run(["/usr/sbin/mariadbd", f"--defaults-file={config}", "--help", "--verbose"])
    shown = {line.split()[0]: line.split()[-1] for line in done.stdout.splitlines() if len(line.split()) >= 2}
    assert (shown["binlog-format"], shown["binlog-row-image"], shown["sync-binlog"]) == ("ROW", "FULL", "1")
    assert (shown["local-infile"], shown["skip-networking"]) == ("FALSE", "TRUE")
    assert "unknown" not in done.stderr
