"""nginx's configuration as text: the node's, all sites' servers, and two small files for each site."""

from __future__ import annotations

from importlib import resources

from pressroom.model.layout import Layout
from pressroom.model.pagekey import PAGING_PATTERN, PATH_PATTERN, TRACKING_PATTERN
from pressroom.model.site import NodeSettings, Site
from pressroom.stack.templates import fill

# Files of these kinds are no part of a site, whatever their names begin with.
_LEFTOVERS = (
    "sql|sqlite3?|dump|wpress|bak|backup|bkp|old|orig|save|sw[a-p]|tmp|rej|log|sh|py|ini|conf|cfg|ya?ml|env|pem|dist|phar|inc"
    "|php[0-9]|phps|phtml?|pht"
)
_ARCHIVES = "tar|t?gz|bz2|xz|zst|zip|7z|rar"
# What stands behind the name of a script or a dump that somebody has copied or packed.
_COPIES = f"bak|old|orig|save|backup|txt|copy|new|test|src|[0-9-]+|{_ARCHIVES}"
# Headers by which a proxy tells of the request it got, and anybody lies. As PHP names them.
CLAIMS = (
    "FORWARDED", "X_FORWARDED", "X_FORWARDED_FOR", "X_FORWARDED_HOST", "X_FORWARDED_PORT", "X_FORWARDED_PREFIX",
    "X_FORWARDED_PROTO", "X_FORWARDED_SERVER", "X_FORWARDED_SSL", "FORWARDED_FOR", "X_HOST", "X_HTTP_HOST_OVERRIDE",
    "X_ORIGINAL_HOST", "X_ORIGINAL_URL", "X_REWRITE_URL", "X_REAL_IP", "CLIENT_IP", "X_CLIENT_IP",
    "X_CLUSTER_CLIENT_IP", "X_REMOTE_IP", "X_REMOTE_ADDR", "TRUE_CLIENT_IP", "CF_CONNECTING_IP", "FASTLY_CLIENT_IP",
)  # fmt: skip
MODULES = (
    "/usr/lib/nginx/modules/ngx_http_brotli_filter_module.so",
    "/usr/lib/nginx/modules/ngx_http_brotli_static_module.so",
    "/usr/lib/nginx/modules/ngx_http_js_module.so",
)

# How many of those that are refused a worker of nginx lets wait at a time. Each takes 33 KB.
HELD = 1000
# Statuses by which the firewall tells the server in front what is not PHP's answer: it refused, or PHP did not answer.
REFUSED, DOWN = 460, 461


def listens(settings: NodeSettings) -> list[str]:
    """The addresses and ports in nginx's form."""
    return _addresses(settings.http.listen, settings.http.port)


def tls_listens(settings: NodeSettings) -> list[str]:
    """Those of HTTPS; none without it."""
    return [] if settings.https.port is None else _addresses(settings.http.listen, settings.https.port)


def _addresses(address: str, port: int) -> list[str]:
    if address == "127.0.0.1":
        return [f"127.0.0.1:{port}", f"[::1]:{port}"]
    if address == "*":
        return [f"*:{port}", f"[::]:{port}"]
    return [f"{address}:{port}"]


def loopback(settings: NodeSettings) -> str:
    """Where a site reaches its own server."""
    return "127.0.0.1" if settings.http.listen in ("127.0.0.1", "*") else settings.http.listen


def host(site: Site, settings: NodeSettings) -> str:
    """The site's Host header: its domain, with the port unless it is the scheme's own."""
    return site.domain + _suffix(settings)


def _suffix(settings: NodeSettings) -> str:
    """What stands behind a host name, unless it is the scheme's own port."""
    return "" if settings.http.port == 80 else f":{settings.http.port}"


def url(site: Site, settings: NodeSettings) -> str:
    """The site's address, without a slash at its end."""
    return f"http://{host(site, settings)}"


def node_config(layout: Layout, settings: NodeSettings) -> str:
    return fill(
        "nginx.conf.j2",
        modules=MODULES,
        web_user=layout.web_user,
        run=layout.run,
        log=layout.log,
        etc=layout.etc,
        sites_folder=layout.nginx_sites,
        scripts=layout.etc / "nginx",
        internal_socket=layout.internal_http_socket,
        listens=listens(settings),
        tls_listens=tls_listens(settings),
        upload_max=settings.php.upload_max,
        proxies=settings.http.proxies.split(",") if settings.http.proxies else (),
        tracking=TRACKING_PATTERN,
        paging=PAGING_PATTERN,
        path=PATH_PATTERN,
    )


def scripts() -> dict[str, str]:
    """njs's, by file: one answers feeds, sitemaps and redirects from the store, one lets who tries passwords wait."""
    templates = resources.files("pressroom.stack").joinpath("templates")
    return {name: templates.joinpath(name).read_text() for name in ("head.js", "wait.js")}


def servers_config(layout: Layout, settings: NodeSettings) -> str:
    """The servers of all sites."""
    return fill(
        "nginx-sites.conf.j2",
        listens=listens(settings),
        tls_listens=tls_listens(settings),
        scheme="http",
        port=_suffix(settings),
        sites_folder=layout.nginx_sites,
        certificates=layout.certificates,
        sites=layout.sites,
        gates=layout.gates,
        # Each site's store, by way of its gate, without which nothing is found (ADR 1).
        stored=f"{layout.gates}/$pr_site/open/../../../{layout.store.name}/$pr_site/current",
        store=layout.store,
        pictures=layout.pictures,
        picture_script=layout.php / "picture.php",
        log=layout.visits,
        fastcgi=layout.nginx_fastcgi,
        internal_socket=layout.internal_http_socket,
        miss_socket=layout.miss_socket,
        waiting_socket=layout.waiting_socket,
        leftovers=_LEFTOVERS,
        copies=_COPIES,
        archives=_ARCHIVES,
        firewall_socket=layout.firewall_socket,
        refused=REFUSED,
        down=DOWN,
        held=HELD,
    )


def fastcgi_config(layout: Layout, settings: NodeSettings) -> str:
    return fill(
        "fastcgi.j2",
        sites=layout.sites,
        suffix=_suffix(settings),
        port=settings.http.port,
        scheme="http",
        claims=CLAIMS,
    )


def site_map(site: Site) -> str:
    """The site's lines in nginx's tables (nginx.conf.j2 has their keys)."""
    lines = [f"{name} {site.name};" for name in (site.domain, *site.aliases)]
    lines += [f"={alias} {site.domain};" for alias in site.aliases]
    lines += [f"{site.name}:{what} off;" for what in ("pictures", "assets") if not getattr(site.settings, what)]
    lines += [f"{site.name}:{what} on;" for what in ("xmlrpc",) if getattr(site.settings, what)]
    lines.append(f"{site.name}:firewall {site.settings.firewall};")
    return "\n".join(lines) + "\n"


def site_names(site: Site) -> str:
    """The names by which nginx chooses the sites' server."""
    return f"server_name {' '.join((site.domain, *site.aliases))};\n"
