"""nginx's configuration as text: the node's, and one file for each site."""

from __future__ import annotations

from importlib import resources

from pressroom.model.layout import Layout, SiteLayout
from pressroom.model.pagekey import PAGING_PATTERN, PATH_PATTERN, TRACKING_PATTERN
from pressroom.model.site import NodeSettings, Site
from pressroom.stack.templates import fill

MODULES = (
    "/usr/lib/nginx/modules/ngx_http_brotli_filter_module.so",
    "/usr/lib/nginx/modules/ngx_http_brotli_static_module.so",
    "/usr/lib/nginx/modules/ngx_http_js_module.so",
)


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
    return site.domain if settings.http.port == 80 else f"{site.domain}:{settings.http.port}"


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
        scripts=layout.etc / "nginx",
        internal_socket=layout.internal_http_socket,
        listens=listens(settings),
        tls_listens=tls_listens(settings),
        upload_max=settings.php.upload_max,
        tracking=TRACKING_PATTERN,
        paging=PAGING_PATTERN,
        path=PATH_PATTERN,
    )


def script() -> str:
    """The njs script that answers feeds, sitemaps and redirects from the store."""
    return resources.files("pressroom.stack").joinpath("templates/head.js").read_text()


def fastcgi_file(site: SiteLayout) -> str:
    return str(site.nginx_config.with_suffix(".fastcgi"))


def site_config(site: Site, place: SiteLayout, settings: NodeSettings) -> str:
    return fill(
        "nginx-site.conf.j2",
        domain=site.domain,
        aliases=site.aliases,
        name=site.name,
        url=url(site, settings),
        listens=listens(settings),
        tls_listens=tls_listens(settings),
        certificate=place.certificate,
        public=place.public,
        gate=place.gate,
        settings=site.settings,
        asset_age="$pr_asset_age" if site.settings.assets else '"public, max-age=600"',
        pictures=place.pictures,
        picture_script=place.node.php / "picture.php",
        log=place.node.log / "nginx" / f"{site.name}.log",
        fastcgi=fastcgi_file(place),
        run=place.run,
        web_socket=place.web_socket,
        render_socket=place.render_socket,
        urgent_socket=place.urgent_socket,
        internal_socket=place.node.internal_http_socket,
        miss_socket=place.node.miss_socket,
        waiting_socket=place.node.waiting_socket,
    )


def fastcgi_config(site: Site, place: SiteLayout, settings: NodeSettings) -> str:
    return fill(
        "fastcgi.j2",
        public=place.public,
        domain=site.domain,
        host=host(site, settings),
        port=settings.http.port,
        scheme="http",
    )
