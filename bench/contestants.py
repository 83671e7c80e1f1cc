"""Who takes part in the comparison of speed: the same page of the same WordPress, kept and sent in five ways.

Each has an nginx of its own with as many workers as the machine has processors, the same certificate and the same TLS
settings; it answers over HTTP/1.1 on one port, over HTTPS with HTTP/2 on the next. The first three stand before a
WordPress without Pressroom (`stock.py`).
"""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

import httpx
from bench.stock import Stock

from pressroom.model.site import Site
from pressroom.operations.node import Node
from pressroom.pagecache.store import PageStore
from pressroom.stack import nginx

_FIRST_PORT = 18100
_NGINX = """
daemon off;
load_module /usr/lib/nginx/modules/ngx_http_brotli_filter_module.so;
load_module /usr/lib/nginx/modules/ngx_http_brotli_static_module.so;
user {user};
worker_processes auto;
worker_rlimit_nofile 65536;
pid {run}/nginx.pid;
error_log {run}/error.log warn;
events {{ worker_connections 16384; }}
http {{
    include /etc/nginx/mime.types;
    access_log off;
    sendfile on; tcp_nopush on;
    keepalive_timeout 65s; keepalive_requests 100000;
    client_body_temp_path {run}/body; fastcgi_temp_path {run}/fastcgi; proxy_temp_path {run}/proxy;
    uwsgi_temp_path {run}/uwsgi; scgi_temp_path {run}/scgi;
    ssl_protocols TLSv1.2 TLSv1.3; ssl_ecdh_curve X25519:prime256v1; ssl_prefer_server_ciphers off;
    ssl_ciphers ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-ECDSA-CHACHA20-POLY1305;
    ssl_session_cache shared:pressroom:10m; ssl_session_timeout 1d; ssl_buffer_size 4k;
    ssl_certificate {certificate}; ssl_certificate_key {certificate};
    {outside}
    server {{
        listen 127.0.0.1:{port} backlog=4096;
        listen 127.0.0.1:{tls_port} ssl http2 backlog=4096;
        {inside}
    }}
}}
"""
# WordOps's levels (gzip 6, brotli 4) for HTML and what goes with it.
_TYPES = "text/css application/javascript image/svg+xml"
_COMPRESSED = (
    f"gzip on; gzip_comp_level 6; gzip_vary on; gzip_types {_TYPES};"
    f" brotli on; brotli_comp_level 4; brotli_types {_TYPES};"
)
_PHP = """
        root {public};
        index index.php;
        location / {{ try_files $uri $uri/ /index.php$is_args$args; }}
        location ~* \\.(?:css|js|png|jpe?g|gif|webp|avif|svg|ico|woff2?)$ {{ expires 30d; }}
        location = /blank-page/ {{ default_type text/html; return 200 "{blank}"; }}
        location ~ \\.php$ {{
            include {fastcgi};
            fastcgi_param DOCUMENT_ROOT {public};
            fastcgi_param SCRIPT_FILENAME {public}$fastcgi_script_name;
            fastcgi_param SCRIPT_NAME $fastcgi_script_name;
            fastcgi_pass unix:{socket};
            {more}
        }}
"""
_BLANK = "<!DOCTYPE html><html lang='en'><title>Blank</title><link rel='icon' href='data:,'></html>"
# What WordOps, EasyEngine and Trellis have in common.
_KEPT = (
    "fastcgi_cache kept; fastcgi_cache_key $scheme$request_method$host$request_uri; fastcgi_cache_valid 200 3600s;"
    " fastcgi_ignore_headers Cache-Control Expires Set-Cookie; add_header X-Peer-Cache $upstream_cache_status;"
)
_VCL = """
vcl 4.1;
backend default {{ .host = "127.0.0.1"; .port = "{port}"; }}
sub vcl_recv {{ return (hash); }}
sub vcl_backend_response {{
    unset beresp.http.Set-Cookie;
    unset beresp.http.Cache-Control;
    set beresp.ttl = 1h;
    set beresp.do_gzip = true;
}}
"""


@dataclass(frozen=True)
class Contestant:
    """``http`` and ``https`` are ports of 127.0.0.1. ``most``: requests at once that it answers without errors."""

    name: str
    http: int
    https: int
    most: int = 512


class Field:
    """All contestants of one site, running. Their servers end with it.

    ``browsed`` are those that send a whole site, style sheets and pictures too; ``blank`` is a page without anything.
    """

    blank = "/blank-page/"

    def __init__(self, node: Node, site: Site, key: str, folder: Path) -> None:
        self._node, self._site, self._key, self._folder = node, site, key, folder
        self._place = node.layout.site(site.name)
        self._settings = node.state.settings()
        self.host = nginx.host(site, self._settings)
        self._ports = iter(range(_FIRST_PORT, _FIRST_PORT + 100))
        self._stack = ExitStack()

    def __enter__(self) -> Field:
        https = self._settings.https.port
        if https is None:
            raise SystemExit("the node has no HTTPS: pressroom settings --set https.port=8443, then pressroom up")
        os.chmod(self._folder, 0o755)  # noqa: PTH101
        try:
            self._stock = Stock(self._site, self._place, self._settings, self._folder / "stock")
            self._stack.callback(self._stock.close)
            fpm = ["php-fpm8.2", "--fpm-config", str(self._stock.config)]
            self._start(fpm, user=self._place.unix_user)
            # More at once than its workers and nginx answers 502.
            stock = replace(self._nginx("PHP-FPM", _COMPRESSED, self._php("")), most=5)
            path = f"fastcgi_cache_path {self._folder}/kept levels=1:2 keys_zone=kept:10m use_temp_path=off;"
            cached = self._nginx("nginx fastcgi_cache", f"{path} {_COMPRESSED}", self._php(_KEPT))
            ours = Contestant("Pressroom", self._settings.http.port, https)
            self.contestants = [stock, cached, self._varnish(stock), ours, self._bare()]
            self.browsed = [stock, ours]
            for contestant in self.contestants:
                self._await(contestant)
        except BaseException:
            self._stack.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def _php(self, more: str) -> str:
        stock, fastcgi = self._stock, self._node.layout.nginx_fastcgi
        return f'set $pr_site {self._place.name}; set $pr_ticket "";' + _PHP.format(
            public=stock.public, fastcgi=fastcgi, socket=stock.socket, more=more, blank=_BLANK
        )

    def _nginx(self, name: str, outside: str, inside: str, *, port: int | None = None) -> Contestant:
        """`port`: another server's, where this one has HTTPS alone."""
        own, tls_port = next(self._ports), next(self._ports)
        run = self._folder / name.replace(" ", "-")
        run.mkdir()
        config = run / "nginx.conf"
        config.write_text(
            _NGINX.format(
                user=self._place.unix_user if "fastcgi_pass" in inside else self._node.layout.web_user,
                run=run, certificate=self._place.certificate, outside=outside, inside=inside, port=own,
                tls_port=tls_port,
            )
        )  # fmt: skip
        self._start(["nginx", "-p", str(run), "-c", str(config)])
        return Contestant(name, port or own, tls_port)

    def _varnish(self, backend: Contestant) -> Contestant:
        """Varnish keeps the page compressed; an nginx in front of it ends TLS."""
        port = next(self._ports)
        (self._folder / "varnish.vcl").write_text(_VCL.format(port=backend.http))
        self._start(
            ["varnishd", "-F", "-n", str(self._folder / "varnish"), "-f", str(self._folder / "varnish.vcl"),
             "-a", f"127.0.0.1:{port}", "-s", "malloc,256m"]
        )  # fmt: skip
        outside = f"upstream varnish {{ server 127.0.0.1:{port}; keepalive 256; keepalive_requests 100000; }}"
        inside = (
            'location / { proxy_pass http://varnish; proxy_http_version 1.1; proxy_set_header Connection "";'
            " proxy_set_header Host $host; }"
        )
        return self._nginx("Varnish and nginx", outside, inside, port=port)

    def _bare(self) -> Contestant:
        """The very bytes that Pressroom sends, as plain files of an nginx that does nothing else."""
        store = PageStore(self._node.layout.store)
        generation = store.current(self._site.name)
        if generation is None:
            raise SystemExit(f"no page of {self._site.domain} is stored: pressroom cache warm {self._site.domain}")
        page = store.plain_file(self._site.name, generation, self._key, "page")
        files = self._folder / "files"
        files.mkdir()
        for ending in ("", ".br", ".gz"):
            shutil.copyfile(f"{page}{ending}", files / f"index.html{ending}")
        inside = f"root {files}; location / {{ try_files /index.html =404; brotli_static on; gzip_static on; }}"
        return self._nginx("the limit: bare files", "", inside)

    def _start(self, argv: list[str], *, user: str | None = None) -> None:
        server = subprocess.Popen(
            argv, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, user=user, group=user
        )

        def end() -> None:
            server.terminate()
            server.wait(timeout=20)

        self._stack.callback(end)
        time.sleep(0.3)
        if server.poll() is not None:
            raise SystemExit(f"{argv[0]} did not start: {server.stderr.read() if server.stderr else ''}")

    def _await(self, contestant: Contestant) -> None:
        """Until it answers the page, from what it keeps."""
        url = f"http://127.0.0.1:{contestant.http}{self._key}"
        until = time.monotonic() + 20
        while True:
            try:
                answers = [httpx.get(url, headers={"Host": self.host, "Accept-Encoding": "br"}) for _ in range(3)]
                if all(answer.status_code == 200 and "</html>" in answer.text for answer in answers):
                    return
                problem = f"it answers {answers[-1].status_code}"
            except httpx.HTTPError as error:
                problem = str(error)
            if time.monotonic() > until:
                raise SystemExit(f"{contestant.name} does not take part: {problem}")
            time.sleep(0.1)
