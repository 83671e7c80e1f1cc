"""PHP's side of a site as text: its FPM master's configuration, wp-config.php and the drop-ins."""

from __future__ import annotations

from pathlib import Path

from pressroom.model.layout import SiteLayout
from pressroom.model.site import NodeSettings, Site
from pressroom.stack import nginx
from pressroom.stack.templates import fill
from pressroom.system import network

# Longest time one request may take. Seconds.
REQUEST_TIMEOUT = 300
# A worker without a request ends after so long; one that is there keeps the site's PHP awake. Seconds.
_WORKER_IDLE = 20

# What PHP reads only when its master starts. A file's time is looked at in each request, and no path is believed for
# longer than two seconds, unless `php/code.php` knows better.
_MASTER_SETTINGS = (
    "opcache.enable=1",
    "opcache.validate_timestamps=1",
    "opcache.revalidate_freq=0",
    "opcache.enable_file_override=1",
    "opcache.memory_consumption=128",
    "opcache.interned_strings_buffer=16",
    "opcache.max_accelerated_files=20000",
    "realpath_cache_size=4096k",
    "realpath_cache_ttl=2",
)


def master_settings(place: SiteLayout, settings: NodeSettings) -> tuple[str, ...]:
    """With the object cache off, APCu is too: what a render would read there is in no record."""
    size, jit = settings.php.object_cache_mb, settings.php.jit_mb
    objects = (f"apc.enabled={1 if size else 0}", *((f"apc.shm_size={size}M",) if size else ()))
    jit_settings = ("opcache.jit=tracing", f"opcache.jit_buffer_size={jit}M") if jit else ()
    return (*objects, *jit_settings, *_MASTER_SETTINGS, f"opcache.file_cache={place.compiled_code}")


def inherited_sockets(place: SiteLayout) -> str:
    """FPM_SOCKETS, by which PHP-FPM hands sockets to its successor: here we are its predecessor."""
    return ",".join(f"{fpm_name(path)}={number}" for number, path in enumerate(place.php_sockets, start=3))


def fpm_name(path: Path) -> Path:
    """What FPM calls the socket: not its path, for at its end it removes what has that name."""
    return path.with_suffix(".inherited")


def sendmail(place: SiteLayout) -> str:
    """PHP's sendmail_path: what a site mails is caught, or goes to the relay."""
    return f"/usr/bin/msmtp -C {place.node.etc / 'msmtprc'} --socket={place.mail_socket} -t -i"


def fpm_config(site: Site, place: SiteLayout, settings: NodeSettings) -> str:
    objects = settings.php.object_cache_mb > 0
    return fill(
        "php-fpm.conf.j2",
        domain=site.domain,
        name=site.name,
        log=place.log,
        public=place.public,
        private=place.private,
        pools=[
            ("web", fpm_name(place.web_socket), settings.php.max_children, False),
            ("guests", fpm_name(place.guests_socket), settings.php.max_children, False),
            ("render", fpm_name(place.render_socket), settings.cache.render_concurrency, objects),
            ("urgent", fpm_name(place.urgent_socket), settings.cache.render_concurrency, objects),
        ],
        timeout=REQUEST_TIMEOUT,
        idle=min(_WORKER_IDLE, settings.php.sleep_seconds or _WORKER_IDLE),
        memory_limit=settings.php.memory_limit,
        upload_max=settings.php.upload_max,
        sendmail=sendmail(place),
    )


def wp_config(site: Site, place: SiteLayout, settings: NodeSettings, version: str, *, pauses: bool = False) -> str:
    """`version` names the platform's own PHP, by which pages are made as well; `pauses` turns on the pause points that
    tests use to make a race certain.
    """
    node = place.node
    return fill(
        "wp-config.php.j2",
        domain=site.domain,
        name=site.name,
        version=version,
        url=nginx.url(site, settings),
        loopback=network.GATEWAY,
        barrier_socket=place.barrier_socket,
        gate=place.gate,
        logins=place.private / "logins",
        assets=site.settings.assets,
        styles=site.settings.styles,
        prefetch=site.settings.prefetch,
        authors=site.settings.authors,
        object_versions=place.object_versions if settings.php.object_cache_mb else None,
        pauses=place.private if pauses else None,
        prepend=node.php / "prepend.php",
        database_user=place.unix_user,
        database_host=f"localhost:{node.mariadb_socket}",
        salts=[(key, salt.reveal()) for key, salt in site.salts],
        tmp=place.private / "tmp",
        table_prefix="wp_",
    )


def db_drop_in() -> str:
    return fill("db.php.j2")


def object_cache_drop_in() -> str:
    return fill("object-cache.php.j2")
