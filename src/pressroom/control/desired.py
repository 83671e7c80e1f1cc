"""What a node and its sites should be: folders, files, programs. Pure."""

from __future__ import annotations

import functools
import hashlib
from importlib import resources
from pathlib import Path

from pressroom.control.files import WantedDirectory, WantedFile
from pressroom.engine.protocol import Program
from pressroom.mail.msmtp import msmtprc
from pressroom.mail.settings import MailSettings, Relay, settings_text
from pressroom.model.layout import Layout, SiteLayout
from pressroom.model.secrets import Secret
from pressroom.model.site import NodeSettings, Site
from pressroom.stack import firewall, mariadb, nginx, php, walls
from pressroom.system import daemon

MARIADB, INVALIDATOR, RENDERER, CRON, MAIL, NGINX = "mariadb", "invalidator", "renderer", "cron", "mail", "nginx"
FIREWALL, SCANNER, GOVERNOR, HELPER = "firewall", "scanner", "governor", "helper"

# The invalidator's niceness. It needs little, and at once: while it waits for the processor, pages are wrong (after
# plain SQL), or an editor waits.
_AT_ONCE = -5
# The scanner's: whoever waits for a page goes first.
_AFTER_OTHERS = 10
# Seconds for which the worker that looks at a site's files, and the root helper, wait for a further request.
_SCAN_IDLE = 5.0
_HELPER_IDLE = 30.0


CERTIFICATE_MODE = 0o400  # of nginx's own user


def site_program_name(site: str) -> str:
    return f"php-{site}"


def scan_program_name(site: str) -> str:
    return f"scan-{site}"


def node_users(layout: Layout) -> list[tuple[str, tuple[str, ...]]]:
    """Each user with the groups it joins. The platform reads nginx's logs and writes what nginx serves; the control
    user reads them too, and speaks with the platform's daemons.
    """
    return [
        (layout.web_user, ()),
        (layout.database_user, ()),
        (layout.platform_user, (layout.web_user,)),
        (layout.control_user, (layout.web_user, layout.platform_user)),
    ]


def node_directories(layout: Layout) -> list[WantedDirectory]:
    web, database, platform = layout.web_user, layout.database_user, layout.platform_user
    control = layout.control_user
    return [
        WantedDirectory(layout.root),
        WantedDirectory(layout.control, 0o700, control, control),
        WantedDirectory(layout.keys, 0o700),
        WantedDirectory(layout.made, 0o700),
        WantedDirectory(layout.made / "installed", 0o700),
        WantedDirectory(layout.made / "planted", 0o700),
        WantedDirectory(layout.etc),
        WantedDirectory(layout.etc / "nginx"),
        WantedDirectory(layout.nginx_sites),
        WantedDirectory(layout.firewall_config.parent),
        WantedDirectory(layout.etc / "php"),
        WantedDirectory(layout.etc / "programs"),
        WantedDirectory(layout.activated),
        WantedDirectory(layout.certificates, 0o711),
        WantedDirectory(layout.run),
        WantedDirectory(layout.mariadb_run, 0o755, database, database),
        WantedDirectory(layout.public_run, 0o755, platform, platform),
        WantedDirectory(layout.run / "nginx", 0o700, web, web),
        WantedDirectory(layout.firewall_run, 0o700, web, web),
        WantedDirectory(layout.platform_run, 0o750, platform, platform),
        WantedDirectory(layout.helper_socket.parent, 0o2750, "root", control),
        WantedDirectory(layout.log, 0o2755, "root", control),  # what lies there may be for its group to read
        WantedDirectory(layout.log / "nginx", 0o2750, "root", web),
        WantedDirectory(layout.root / "lib"),
        WantedDirectory(layout.php),
        WantedDirectory(layout.sites, 0o711),
        WantedDirectory(layout.images, 0o700),
        WantedDirectory(layout.cores),
        WantedDirectory(layout.gates, 0o711),
        WantedDirectory(layout.objects, 0o711),
        WantedDirectory(layout.store, 0o2750, platform, web),
        WantedDirectory(layout.pictures, 0o2750, platform, web),
        WantedDirectory(layout.cache, 0o700, platform, platform),
        WantedDirectory(layout.audit, 0o700, platform, platform),
        WantedDirectory(layout.scans, 0o700, platform, platform),
        WantedDirectory(layout.quarantine, 0o700, platform, platform),
        WantedDirectory(layout.mail, 0o750, platform, platform),
        WantedDirectory(layout.mariadb_data, 0o700, database, database),
        WantedDirectory(Path(f"{layout.mariadb_data}-tmp"), 0o700, database, database),
        WantedDirectory(layout.binlogs, 0o2750, database, platform),
    ]


def node_files(layout: Layout, settings: NodeSettings) -> list[WantedFile]:
    """All but nginx's and the programs' own, which are changed by their own actions."""
    platform = layout.platform_user
    files = [
        WantedFile(layout.etc / "mariadb.cnf", mariadb.server_config(layout)),
        WantedFile(layout.etc / "msmtprc", msmtprc()),
        WantedFile(layout.etc / "mail.json", _mail_settings(settings), 0o640, "root", platform),
        WantedFile(layout.firewall_config, firewall.config(layout, settings)),
        WantedFile(layout.firewall_rules, firewall.rules(layout)),
    ]
    return files + [WantedFile(layout.php / name, text) for name, text in php_scripts().items()]


@functools.cache
def php_scripts() -> dict[str, str]:
    """What runs inside WordPress: text by name."""
    folder = resources.files("pressroom").joinpath("php")
    return {
        entry.name: entry.read_text()
        for entry in sorted(folder.iterdir(), key=lambda entry: entry.name)
        if entry.name.endswith(".php")
    }


def _php_version() -> str:
    """A name for these scripts. With them wp-config.php changes, and with that the site's pages go."""
    return hashlib.blake2b(repr(php_scripts()).encode(), digest_size=8).hexdigest()


def _mail_settings(settings: NodeSettings) -> str:
    mail = settings.mail
    if mail.relay_host is None:
        return settings_text(MailSettings())
    return settings_text(
        MailSettings(
            relay=Relay(
                host=mail.relay_host,
                port=mail.relay_port,
                tls=mail.relay_tls,
                user=mail.relay_user,
                password=None if mail.relay_password is None else Secret(mail.relay_password.get_secret_value()),
                sender=mail.sender,
            )
        )
    )


def node_nginx_files(layout: Layout, settings: NodeSettings) -> list[WantedFile]:
    return [
        *(WantedFile(layout.etc / "nginx" / name, text) for name, text in nginx.scripts().items()),
        WantedFile(layout.nginx_fastcgi, nginx.fastcgi_config(layout, settings)),
        WantedFile(layout.nginx_servers, nginx.servers_config(layout, settings)),
        WantedFile(layout.nginx_config, nginx.node_config(layout, settings)),
    ]


def _daemon(layout: Layout, name: str, module: str, *arguments: str, priority: int, nice: int = 0) -> Program:
    return Program(
        name=name,
        argv=(str(layout.python), "-m", module, "--root", str(layout.root), *arguments),
        user=layout.platform_user,
        directory=layout.root,
        environment=daemon.environment(layout.code),
        start_seconds=0.15,
        priority=priority,
        nice=nice,
        log=layout.log / f"{name}.log",
    )


def mariadb_program(layout: Layout) -> Program:
    return Program(
        name=MARIADB,
        argv=("/usr/sbin/mariadbd", f"--defaults-file={layout.etc / 'mariadb.cnf'}"),
        user=layout.database_user,
        directory=layout.mariadb_data,
        environment=(("UMASK", "0640"),),  # its files' mode: who may enter its folder of binlogs may read them
        stop_seconds=60,
        start_seconds=0.15,
        priority=10,
        log=layout.log / "mariadb-start.log",
    )


def governor_program(layout: Layout, settings: NodeSettings) -> Program:
    """As MariaDB's user, with one of root's rights: to give its threads their precedence back."""
    user, right = layout.database_user, "-all,+sys_nice"
    rights = (f"--inh-caps={right}", f"--ambient-caps={right}", f"--bounding-set={right}", "--no-new-privs")
    bounds = ("--database-mb", str(settings.tenants.database_mb), "--binlog-mb", str(settings.tenants.binlog_mb))
    module = (str(layout.python), "-m", "pressroom.database.governor", "--root", str(layout.root))
    return Program(
        name=GOVERNOR,
        argv=(
            *("/usr/bin/setpriv", f"--reuid={user}", f"--regid={user}", "--clear-groups", *rights),
            *("--", *module, *bounds),
        ),
        user="root",
        directory=layout.root,
        environment=daemon.environment(layout.code),
        start_seconds=0.15,
        priority=15,
        nice=_AT_ONCE,
        log=layout.log / f"{GOVERNOR}.log",
    )


def helper_program(layout: Layout) -> Program:
    """Does what only root may when the control plane asks; there is none until then."""
    code = () if layout.code is None else ("--code", str(layout.code))
    module = (str(layout.python), "-sP", "-m", "pressroom.control.helper", "--root", str(layout.root))
    return Program(
        name=HELPER,
        argv=(*module, *code),
        user="root",
        directory=layout.root,
        environment=daemon.environment(layout.code),
        sockets=(layout.helper_socket,),
        idle_seconds=_HELPER_IDLE,
        autostart=False,
        start_seconds=0.2,
        priority=60,
        log=layout.log / f"{HELPER}.log",
    )


def daemon_programs(layout: Layout, settings: NodeSettings) -> list[Program]:
    most = str(settings.cache.max_pages_per_site)
    package = "pressroom"
    return [
        _daemon(
            layout, INVALIDATOR, f"{package}.pagecache.invalidator.daemon", "--max-pages", most,
            *(("--objects",) if settings.php.object_cache_mb else ()), priority=20, nice=_AT_ONCE,
        ),
        _daemon(
            layout, RENDERER, f"{package}.pagecache.renderer.daemon", "--max-pages", most,
            "--concurrency", str(settings.cache.render_concurrency),
            "--audit-percent", f"{settings.cache.audit_percent:g}", priority=60,
        ),
        _daemon(layout, CRON, f"{package}.cron.daemon", priority=60),
        _daemon(layout, MAIL, f"{package}.mail.daemon", priority=30),
        _daemon(
            layout, SCANNER, f"{package}.integrity.daemon",
            *(word for digest in _own_drop_ins() for word in ("--ours", digest)), priority=60, nice=_AFTER_OTHERS,
        ),
    ]  # fmt: skip


def _own_drop_ins() -> list[str]:
    """Digests of what the platform writes into sites' wp-content."""
    return [hashlib.sha256(text.encode()).hexdigest() for text in (php.db_drop_in(), php.object_cache_drop_in())]


def nginx_program(layout: Layout) -> Program:
    """Hits depend on no process of ours but nginx. It sees to all logs in its folder."""
    return _kept_nginx(
        layout,
        NGINX,
        (layout.nginx_pid, layout.internal_http_socket, layout.nginx_config),
        logs=layout.log / "nginx",
        priority=50,
        autostart=False,  # the store is checked before it is served
    )


def firewall_program(layout: Layout, settings: NodeSettings) -> Program:
    """Another nginx, for requests that go to PHP. With its files its definition changes, so that it is started anew."""
    return _kept_nginx(
        layout,
        FIREWALL,
        (layout.firewall_pid, layout.firewall_socket, layout.firewall_config),
        environment=(("PRESSROOM_FIREWALL", firewall.version(layout, settings)), *firewall.ENVIRONMENT),
        priority=45,
    )


def _kept_nginx(
    layout: Layout,
    name: str,
    places: tuple[Path, Path, Path],
    *,
    logs: Path | None = None,
    environment: tuple[tuple[str, str], ...] = (),
    priority: int,
    autostart: bool = True,
) -> Program:
    """A keeper holds nginx, which outlives it. `places`: its pid file, socket, and configuration."""
    pid, socket, config = places
    keeper = (str(layout.python), "-m", "pressroom.engine.keeper", "--pidfile", str(pid), "--socket", str(socket))
    folder = () if logs is None else ("--logs", str(logs))
    return Program(
        name=name,
        argv=(*keeper, *folder, "--", "/usr/sbin/nginx", "-c", str(config), "-e", str(layout.log / f"{name}.log")),
        user="root",
        directory=layout.root,
        environment=(*daemon.environment(layout.code), *environment),
        start_seconds=0.15,
        priority=priority,
        log=layout.log / f"{name}-start.log",
        autostart=autostart,
        adopt=True,
    )


# -- one site ----------------------------------------------------------------------------------------------


def site_directories(place: SiteLayout) -> list[WantedDirectory]:
    """The home and the sockets' folder are root's, so that no path there can be exchanged."""
    user, web, platform = place.unix_user, place.node.web_user, place.node.platform_user
    return [
        WantedDirectory(place.home, 0o711),
        WantedDirectory(place.private, 0o700, user, user),
        WantedDirectory(place.run, 0o2750, "root", web),
        WantedDirectory(place.log, 0o700, user, user),
        WantedDirectory(place.gate.parent, 0o771, user, platform),
        WantedDirectory(place.object_versions.parent, 0o2750, platform, user),
        WantedDirectory(place.pictures, 0o2750, platform, web),
    ]


def site_private_directories(place: SiteLayout) -> list[Path]:
    """Made by the site's user itself, inside its private folder."""
    return [*(place.private / name for name in ("tmp", "sessions", "logins")), place.compiled_code]


def site_files(site: Site, place: SiteLayout, settings: NodeSettings, *, pauses: bool) -> list[WantedFile]:
    user = place.unix_user
    return [
        WantedFile(place.fpm_config, php.fpm_config(site, place, settings)),
        WantedFile(
            place.public / "wp-config.php",
            php.wp_config(site, place, settings, _php_version(), pauses=pauses),
            0o640,
            "root",
            user,
        ),
        WantedFile(place.content / "db.php", php.db_drop_in(), 0o640, user, user, user=user),
        *_object_cache(place, settings),
    ]


def _object_cache(place: SiteLayout, settings: NodeSettings) -> list[WantedFile]:
    """Where it is off, a drop-in of the site's own is left alone, and ours does nothing."""
    user, drop_in = place.unix_user, place.content / "object-cache.php"
    on = settings.php.object_cache_mb > 0
    return [WantedFile(drop_in, php.object_cache_drop_in(), 0o640, user, user, user=user)] if on else []


def site_nginx_files(site: Site, place: SiteLayout) -> list[WantedFile]:
    return [WantedFile(place.nginx_map, nginx.site_map(site)), WantedFile(place.nginx_names, nginx.site_names(site))]


def site_program(place: SiteLayout, settings: NodeSettings) -> Program:
    return Program(
        name=site_program_name(place.name),
        argv=(
            "/usr/sbin/php-fpm8.2",
            "--nodaemonize",
            "--fpm-config",
            str(place.fpm_config),
            *(word for setting in php.master_settings(place, settings) for word in ("-d", setting)),
        ),
        user=place.unix_user,
        directory=place.public,
        environment=(
            ("HOME", str(place.private)),
            ("TMPDIR", str(place.private / "tmp")),
            ("FPM_SOCKETS", php.inherited_sockets(place)),
        ),
        sockets=place.php_sockets,
        idle_seconds=settings.php.sleep_seconds or None,
        walls=walls.site_walls(place, settings),
        stop_signal="QUIT",
        start_seconds=0.2,
        priority=40,
        log=place.node.log / f"php-{place.name}.log",
    )


def scan_program(place: SiteLayout, settings: NodeSettings) -> Program:
    """Looks at the site's files when the scanner asks: as the site's user, behind walls."""
    worker = (str(place.node.python), "-sP", "-m", "pressroom.integrity.worker", "--public", str(place.public))
    return Program(
        name=scan_program_name(place.name),
        argv=worker,
        user=place.unix_user,
        directory=place.public,
        environment=daemon.environment(place.node.code),
        sockets=(place.scan_socket,),
        idle_seconds=_SCAN_IDLE,
        autostart=False,
        walls=walls.scan_walls(place, settings),
        start_seconds=0.2,
        priority=60,
        log=place.node.log / f"scan-{place.name}.log",
    )
