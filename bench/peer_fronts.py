"""nginx with fastcgi_cache in front of a site, as WordOps, EasyEngine and Trellis set it up: one server a cache."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
from tests.functional.newspaper import Newspaper
from tests.truth.truth import Stored

from pressroom.stack import nginx
from pressroom.system import process

# What is not cached: the addresses, arguments and cookies of Trellis's defaults; WordOps has the same and more.
_SKIP_PATHS = "/wp-admin/|/wp-json/|/xmlrpc.php|wp-.*.php|/feed/|index.php|sitemap(_index)?.xml"
_SKIP_COOKIES = "comment_author|wordpress_[a-f0-9]+|wp-postpass|wordpress_no_cache|wordpress_logged_in"

_SERVER = """
    fastcgi_cache_path {folder} levels=1:2 keys_zone={name}:10m inactive=60m use_temp_path=off;
    server {{
        listen 127.0.0.1:{port};
        root {public};
        set $pr_site {site};
        set $pr_ticket "";
        set $skip_cache 0;
        if ($request_method !~ ^(GET|HEAD)$) {{ set $skip_cache 1; }}
        if ($query_string != "") {{ set $skip_cache 1; }}
        if ($request_uri ~* "{skip_paths}") {{ set $skip_cache 1; }}
        if ($http_cookie ~* "{skip_cookies}") {{ set $skip_cache 1; }}
        location / {{ try_files $uri @wordpress; }}
        location @wordpress {{
            include {fastcgi};
            fastcgi_param SCRIPT_FILENAME {public}/index.php;
            fastcgi_param SCRIPT_NAME /index.php;
            fastcgi_pass unix:{socket};
            fastcgi_cache {name};
            fastcgi_cache_key "$scheme$request_method$host$request_uri";
            fastcgi_cache_valid 200 301 302 {seconds}s;
            fastcgi_cache_bypass $skip_cache;
            fastcgi_no_cache $skip_cache;
            fastcgi_cache_use_stale error timeout invalid_header updating http_500 http_503;
            fastcgi_cache_background_update on;
            fastcgi_cache_lock on;
            fastcgi_ignore_headers Cache-Control Expires Set-Cookie;
            add_header X-Peer-Cache $upstream_cache_status always;
        }}
    }}
"""
_NGINX = """
daemon off;
user {user};
worker_processes 1;
pid {run}/nginx.pid;
error_log {run}/error.log warn;
events {{ }}
http {{
    include /etc/nginx/mime.types;
    access_log off;
    client_body_temp_path {run}/body; fastcgi_temp_path {run}/fastcgi; proxy_temp_path {run}/proxy;
    uwsgi_temp_path {run}/uwsgi; scgi_temp_path {run}/scgi;
    {servers}
}}
"""


@dataclass(frozen=True)
class FastcgiCache:
    """One cache. Its files lie in ``folder``, where the site's own PHP may remove them."""

    name: str
    port: int
    folder: Path
    host: str

    def warm(self, keys: Iterable[str]) -> dict[str, Stored]:
        for file in self.folder.glob("*/*/*"):
            file.unlink(missing_ok=True)
        return {key: page for key, (status, page) in self._answers(keys).items() if status in ("MISS", "HIT")}

    def held(self, keys: Iterable[str]) -> dict[str, Stored]:
        return {key: page for key, (status, page) in self._answers(keys).items() if status in ("HIT", "STALE")}

    def _answers(self, keys: Iterable[str]) -> dict[str, tuple[str, Stored]]:
        """What a visitor without cookies gets, and nginx's word for where it came from. Pages with status 200."""
        names = list(keys)
        headers = {"Host": self.host, "Accept-Encoding": "identity"}
        with (
            httpx.Client(base_url=f"http://127.0.0.1:{self.port}", headers=headers, timeout=60) as visitor,
            ThreadPoolExecutor(4) as pool,
        ):
            answers = dict(zip(names, pool.map(visitor.get, names), strict=True))
        return {
            key: (answer.headers.get("x-peer-cache", ""), Stored(0, answer.content))
            for key, answer in answers.items()
            if answer.status_code == 200
        }


@contextmanager
def fronts(paper: Newspaper, names: Sequence[str], first_port: int, seconds: int) -> Iterator[list[FastcgiCache]]:
    """An nginx of its own with a cache of each name, on ports from the first on; `seconds`: how long a page is good."""
    place, settings = paper.place, paper.node.state.settings()
    run = place.private / "peers"
    process.run(["mkdir", "-p", run], user=place.unix_user)
    host = nginx.host(paper.site, settings)
    caches = [
        FastcgiCache(name, first_port + number, folder_of(paper, name), host) for number, name in enumerate(names)
    ]
    servers = "".join(
        _SERVER.format(
            name=cache.name, port=cache.port, folder=cache.folder, public=place.public, socket=place.web_socket,
            fastcgi=paper.node.layout.nginx_fastcgi, site=place.name, seconds=seconds,
            skip_paths=_SKIP_PATHS, skip_cookies=_SKIP_COOKIES,
        )
        for cache in caches
    )  # fmt: skip
    config = run / "nginx.conf"
    # Root, who alone may enter both its own folder and that of the site's sockets.
    config.write_text(_NGINX.format(user="root", run=run, servers=servers))
    server = subprocess.Popen(["nginx", "-p", run, "-c", config])
    try:
        _await_answer(caches[-1])
        yield caches
    finally:
        server.terminate()
        server.wait()


def folder_of(paper: Newspaper, name: str) -> Path:
    """Where the files of a cache of that name are."""
    return paper.place.private / "peers" / name


def _await_answer(cache: FastcgiCache) -> None:
    until = time.monotonic() + 10
    while True:
        try:
            httpx.get(f"http://127.0.0.1:{cache.port}/wp-includes/images/blank.gif")
            return
        except httpx.HTTPError:
            assert time.monotonic() < until, "the peers' nginx does not answer"
            time.sleep(0.05)
