"""For bench.overhead: what the firewall costs a page, and a hit what both put into nginx's configuration."""

from __future__ import annotations

import random
import re
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import httpx
from bench.overhead_walls import PAGES, WARM_UP, Took

from pressroom.model.site import Site
from pressroom.operations import settings, sites
from pressroom.operations.node import Node
from pressroom.stack import nginx

_SETTINGS = ("off", "detect", "block")
_ATTACK = "/?overhead=%3Cscript%3Ealert(1)%3C/script%3E"
AS_IT_IS, WITHOUT = "as it is", "without"
_ADDED = re.compile(
    r"^ *(?:add_header (?:X-Content-Type-Options|Referrer-Policy) .*|limit_req(?:_zone|_status|_log_level)? .*)\n"
    r"|^ *if \(\$pr_checked\) \{\n.*\n *\}\n",
    re.MULTILINE,
)


def firewall(node: Node, site: Site, rounds: int, requests: int) -> dict[str, dict[str, Took]]:
    """By page and setting; the processor's time is that of the firewall's nginx."""
    took = {page: {how: Took() for how in _SETTINGS} for page in PAGES}
    before = site.settings.firewall
    try:
        for _ in range(rounds):
            for how in random.sample(_SETTINGS, len(_SETTINGS)):
                _set(node, site, how)
                with _visitor(node, site) as visitor:
                    for page, path in PAGES.items():
                        _ask(node, visitor, path, requests, took[page][how])
    finally:
        _change(node, site, before)
    return took


def _visitor(node: Node, site: Site) -> httpx.Client:
    headers = {"Host": nginx.host(site, node.state.settings())}
    return httpx.Client(base_url=f"http://127.0.0.1:{node.state.settings().http.port}", headers=headers, timeout=60)


def _change(node: Node, site: Site, how: str) -> None:
    settings.change_site(node, site.domain, [f"firewall={how}"])
    sites.finish(node, node.state.site(site.domain))


def _set(node: Node, site: Site, how: str) -> None:
    """Until all of nginx's workers have taken it over."""
    _change(node, site, how)
    right, until = 0, time.monotonic() + 20
    while right < 5:
        with _visitor(node, site) as visitor:  # a connection of its own: a worker that goes closes those that it has
            right = right + 1 if (visitor.get(_ATTACK).status_code == 403) == (how == "block") else 0
        if time.monotonic() > until:
            raise SystemExit(f"the firewall does not come to {how}")
    time.sleep(1)


def _ask(node: Node, visitor: httpx.Client, path: str, requests: int, took: Took) -> None:
    for number in range(-WARM_UP, requests):
        before, began = _firewall_worked(node), time.perf_counter()
        answer = visitor.get(path)
        waited = time.perf_counter() - began
        if answer.status_code != 200 or answer.headers.get("x-pressroom-cache") == "hit":
            raise SystemExit(f"{path} was answered {answer.status_code}, not by PHP")
        if number >= 0:
            took.waited.append(waited)
            took.worked.append(_firewall_worked(node) - before)


def _firewall_worked(node: Node) -> float:
    master = node.layout.firewall_pid.read_text().strip()
    workers = Path(f"/proc/{master}/task/{master}/children").read_text().split()
    return sum(int(Path(f"/proc/{pid}/schedstat").read_text().split()[0]) for pid in workers) / 1e9


def hits(node: Node, site: Site, rounds: int, seconds: int) -> dict[str, list[float]]:
    """Hits a second at saturation, by two nginx of its own."""
    rates: dict[str, list[float]] = {AS_IT_IS: [], WITHOUT: []}
    host = nginx.host(site, node.state.settings())
    with tempfile.TemporaryDirectory(prefix="overhead.", dir="/var/tmp") as name, ExitStack() as stack:
        Path(name).chmod(0o755)
        ports = {
            kind: stack.enter_context(_nginx(node, Path(name) / kind.replace(" ", "-"), port, kind == WITHOUT))
            for kind, port in ((AS_IT_IS, 18181), (WITHOUT, 18182))
        }
        for _ in range(rounds):
            for kind in random.sample(list(ports), len(ports)):
                argv = ["wrk", "-t1", "-c64", f"-d{seconds}s", "-H", f"Host: {host}", "-H", "Accept-Encoding: br"]
                report = subprocess.run(
                    [*argv, f"http://127.0.0.1:{ports[kind]}/"], check=True, capture_output=True, text=True
                ).stdout
                found = re.search(r"Requests/sec:\s*([0-9.]+)", report)
                if found is None or "Non-2xx" in report:
                    raise SystemExit(report)
                rates[kind].append(float(found[1]))
    return rates


@contextmanager
def _nginx(node: Node, folder: Path, port: int, less: bool) -> Iterator[int]:
    """The node's configuration with a port and sockets of its own."""
    folder.mkdir()
    layout, node_settings = node.layout, node.state.settings()
    texts = {
        "nginx.conf": nginx.node_config(layout, node_settings),
        "servers.conf": nginx.servers_config(layout, node_settings),
    }
    for name, text in texts.items():
        text = re.sub(r"listen [^;u]*:\d+(?: default_server)?(?: ssl http2)?(?: default_server)?;", "", text)
        text = re.sub(r"ssl_(?:certificate|certificate_key|reject_handshake) .*;", "", text)
        text = text.replace(str(layout.internal_socket), str(folder / "internal.sock"))
        text = text.replace(str(layout.etc / "nginx" / "servers.conf"), str(folder / "servers.conf"))
        text = re.sub(r"^pid .*;", f"pid {folder}/pid;", text, flags=re.MULTILINE)
        text = text.replace(f"{layout.run}/nginx/assets", f"{folder}/assets")
        if name == "servers.conf":
            text = text.replace("server {", f"server {{ listen 127.0.0.1:{port};", 1)
        (folder / name).write_text(_ADDED.sub("", text) if less else text)
    server = subprocess.Popen(["nginx", "-c", str(folder / "nginx.conf"), "-g", "daemon off;"], stderr=subprocess.PIPE)
    try:
        time.sleep(0.5)
        if server.poll() is not None:
            raise SystemExit(server.stderr.read().decode() if server.stderr else "nginx did not start")
        yield port
    finally:
        server.terminate()
        server.wait(timeout=20)
