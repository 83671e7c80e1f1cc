"""The newsroom: one command from nothing to a running newspaper whose every page is a hit."""

from __future__ import annotations

import http.client
import json
import shutil
import statistics
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from pressroom.demo import newsroom
from pressroom.model.errors import NotFound
from pressroom.model.site import NodeSettings, Site, SiteStatus
from pressroom.operations import cache, sites
from pressroom.operations import running as nodes
from pressroom.operations.node import Node
from pressroom.stack import nginx
from pressroom.system import process

DOMAIN = "news.localhost"
_FILLED = "newsroom-filled"
_MEASURING = 60.0  # seconds at the most
_HITS, _STOCK = 400, 12
# The newest article's date is fixed, so that the paper is the same on every machine.
UNTIL = datetime(2026, 11, 20, 17, 0, tzinfo=UTC)
ARTICLES = 184
_FROM_HTTP_TO_HTTPS = 8443 - 8080
Step = Callable[[str], None]


@dataclass(frozen=True)
class Measured:
    """Milliseconds for one page over one kept connection: from the store, and from PHP-FPM."""

    hit_p50: float
    hit_p99: float
    stock_p50: float
    stock_p99: float


@dataclass(frozen=True)
class DemoResult:
    """What the demo prints."""

    url: str
    https_url: str | None
    authority: str | None
    login: str
    pages: int
    seconds: float
    made: bool
    measured: Measured


def https_port(node: Node, port: int | None, asked: int | None) -> int | None:
    """A new node's is as far from its HTTP port as 8443 is from 8080."""
    if asked is not None or node.exists():
        return asked
    wanted = (port or NodeSettings().http.port) + _FROM_HTTP_TO_HTTPS
    return wanted if wanted < 2**16 else None


def run(node: Node, *, port: int | None, https_port: int | None, step: Step, waiting: cache.Waiting) -> DemoResult:
    """Bring the demo up; run again, it finds everything done."""
    began = time.monotonic()
    step("bringing the node up")
    changes = nodes.up(node, port=port, https_port=https_port)
    site, created = _site(node, step)
    filled = _fill(node, site, step)
    step("rendering the pages")
    figures = cache.warm(node, DOMAIN, waiting=waiting)
    step("measuring")
    cache.rest(node, _MEASURING)
    measured = measure(node, site, "/")
    cache.rest(node, 0)
    settings = node.state.settings()
    secure = settings.https.port is not None
    return DemoResult(
        nginx.url(site, settings) + "/",
        f"https://{site.domain}:{settings.https.port}/" if secure else None,
        str(node.root / node.layout.authority_certificate.relative_to(node.layout.root)) if secure else None,
        sites.login_link(node, DOMAIN),
        figures.stored,
        time.monotonic() - began,
        bool(changes) or created or filled,
        measured,
    )


def _site(node: Node, step: Step) -> tuple[Site, bool]:
    try:
        site = node.state.site(DOMAIN)
        if site.status is SiteStatus.READY:
            return site, False
    except NotFound:
        pass
    step(f"creating {DOMAIN}")
    new = sites.NewSite.check(
        DOMAIN,
        title=newsroom.TITLE,
        admin_email="editor@news.localhost",
        admin_user="editor",
        aliases=["www.news.localhost"],
        wordpress="debian",
    )
    return sites.create(node, new), True


def _fill(node: Node, site: Site, step: Step) -> bool:
    """Fill the demo's own site, once."""
    marker = node.layout.made / _FILLED
    if marker.exists() and marker.read_text() == site.name:
        return False
    fill(node, site, step)
    marker.write_text(site.name)
    return True


def fill(node: Node, site: Site, step: Step, *, articles: int = ARTICLES) -> None:
    """Make a fresh site the newsroom: theme, plugin, articles, pictures, comments. Filled already, it stays so."""
    place = node.layout.site(site.name)
    step("writing articles and pictures")
    sites.install_extension(node, site, newsroom.PLUGIN_DIR, "plugins", newsroom.PLUGIN_NAME)
    sites.install_extension(node, site, newsroom.THEME_DIR, "themes", newsroom.THEME_NAME)
    with tempfile.TemporaryDirectory(prefix="newsroom.") as folder:
        content = Path(folder) / "newsroom"
        newsroom.write_content(content, until=UNTIL, articles=articles)
        shutil.copyfile(newsroom.FILL_SCRIPT, content / "fill.php")
        packed = process.run_bytes(["tar", "-C", folder, "-c", "newsroom"])
    unpack = ["tar", "-C", str(place.private), "-x", "--no-same-owner", "-f", "-"]
    sites.run_inside(node, site, unpack, stdin=packed)
    step("filling the newsroom")
    inside = str(place.private / "newsroom")
    argv = ["php8.2", "-d", "memory_limit=512M", f"{inside}/fill.php", inside, str(place.public)]
    sites.run_inside(node, site, argv, timeout=300)
    sites.run_inside(node, site, ["rm", "-rf", "--", inside])


def measure(node: Node, site: Site, key: str) -> Measured:
    """Time one page over one connection: whole answers, from asking to the last byte."""
    host, settings = nginx.host(site, node.state.settings()), node.state.settings()
    address = (nginx.loopback(settings), settings.http.port)
    hits = _times(address, host, [key] * _HITS, "hit")
    # An unknown argument is never answered from the store: this is WordPress on PHP-FPM.
    stock = _times(address, host, [f"{key}?measure={number}" for number in range(_STOCK)], "bypass")
    return Measured(statistics.median(hits), _p99(hits), statistics.median(stock), _p99(stock))


def _times(address: tuple[str, int], host: str, targets: list[str], expected: str) -> list[float]:
    connection = http.client.HTTPConnection(*address, timeout=60)
    headers = {"Host": host, "Accept-Encoding": "br, gzip", "User-Agent": "Pressroom demo"}
    times = []
    for target in targets:
        began = time.perf_counter()
        connection.request("GET", target, headers=headers)
        answer = connection.getresponse()
        answer.read()
        if (answer.getheader("X-Pressroom-Cache") or "").startswith(expected):
            times.append((time.perf_counter() - began) * 1000)
    connection.close()
    if not times:
        raise NotFound(f"no {expected} among {len(targets)} requests", hint=f"pressroom cache status {DOMAIN}")
    return times


def _p99(values: list[float]) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * 0.99))]


def as_text(result: DemoResult) -> str:
    """One JSON object with the same figures, for scripts."""
    return json.dumps(
        {
            "url": result.url,
            "https_url": result.https_url,
            "authority": result.authority,
            "login": result.login,
            "pages_stored": result.pages,
            "seconds": round(result.seconds, 1),
            "hit_ms": {"p50": round(result.measured.hit_p50, 3), "p99": round(result.measured.hit_p99, 3)},
            "php_ms": {"p50": round(result.measured.stock_p50, 1), "p99": round(result.measured.stock_p99, 1)},
        }
    )
