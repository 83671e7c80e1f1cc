"""For bench.overhead: what the firewall costs a page, and a hit what both put into nginx's configuration."""

from __future__ import annotations

import random
import re
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import httpx
from bench.overhead_walls import PAGES, WARM_UP, Took

from pressroom.model.site import Site
from pressroom.operations.node import Node
from pressroom.stack import nginx

_FIRST_PORT = 18181
_SETTINGS = ("off", "detect", "block")
_PAUSE = 1.2  # times as long as a request took: a site that takes half of a processor goes last (system/turns.py)
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
    host = nginx.host(site, node.state.settings())
    for _ in range(rounds):
        with _servers(node, {how: partial(_set, how) for how in _SETTINGS}) as servers, ExitStack() as stack:
            visitors = {
                how: stack.enter_context(
                    httpx.Client(base_url=f"http://127.0.0.1:{server.port}", headers={"Host": host}, timeout=60)
                )
                for how, server in servers.items()
            }
            for how, visitor in visitors.items():
                if (visitor.get(_ATTACK).status_code == 403) != (how == "block"):
                    raise SystemExit(f"the firewall is not set to {how}")
            for page, path in PAGES.items():
                _ask_in_turns(node, visitors, path, requests, took[page])
    return took


def _set(how: str, config: str) -> str:
    """For all sites."""
    changed, times = re.subn(r"(map \S+ \$pr_firewall \{)[^}]*\}", rf"\1 default {how}; }}", config)
    return changed if times else config


def _ask_in_turns(
    node: Node, visitors: dict[str, httpx.Client], path: str, requests: int, took: dict[str, Took]
) -> None:
    for number in range(-WARM_UP, requests):
        for how in random.sample(list(visitors), len(visitors)):
            before, began = _firewall_worked(node), time.perf_counter()
            answer = visitors[how].get(path)
            waited = time.perf_counter() - began
            if answer.status_code != 200 or answer.headers.get("x-pressroom-cache") == "hit":
                raise SystemExit(f"{path} was answered {answer.status_code}, not by PHP")
            if number >= 0:
                took[how].waited.append(waited)
                took[how].worked.append(_firewall_worked(node) - before)
            time.sleep(_PAUSE * waited)


def _firewall_worked(node: Node) -> float:
    return _worked(int(node.layout.firewall_pid.read_text()))


def _worked(master: int) -> float:
    """Seconds of the processor that the workers of an nginx have had."""
    workers = Path(f"/proc/{master}/task/{master}/children").read_text().split()
    return sum(int(Path(f"/proc/{pid}/schedstat").read_text().split()[0]) for pid in workers) / 1e9


def hits(node: Node, site: Site, rounds: int, seconds: int) -> dict[str, Took]:
    """At saturation: seconds from one hit to the next, and of the processor for each."""
    took = {AS_IT_IS: Took(), WITHOUT: Took()}
    host = nginx.host(site, node.state.settings())
    with _servers(node, {AS_IT_IS: str, WITHOUT: partial(_ADDED.sub, "")}) as servers:
        for _ in range(rounds):
            for kind in random.sample(list(servers), len(servers)):
                argv = ["wrk", "-t1", "-c64", f"-d{seconds}s", "-H", f"Host: {host}", "-H", "Accept-Encoding: br"]
                url = f"http://127.0.0.1:{servers[kind].port}/"
                before = _worked(servers[kind].pid)
                report = subprocess.run([*argv, url], check=True, capture_output=True, text=True).stdout
                found = re.search(r"(\d+) requests in ([0-9.]+)s", report)
                if found is None or "Non-2xx" in report:
                    raise SystemExit(report)
                took[kind].waited.append(float(found[2]) / int(found[1]))
                took[kind].worked.append((_worked(servers[kind].pid) - before) / int(found[1]))
    return took


@dataclass(frozen=True)
class _Server:
    """``pid`` is its master's."""

    port: int
    pid: int


@contextmanager
def _servers(node: Node, kinds: dict[str, Callable[[str], str]]) -> Iterator[dict[str, _Server]]:
    """An nginx of its own for each, with the node's configuration, changed."""
    with tempfile.TemporaryDirectory(prefix="overhead.", dir="/var/tmp") as name, ExitStack() as stack:
        Path(name).chmod(0o755)
        yield {
            kind: stack.enter_context(_nginx(node, Path(name) / f"nginx-{at}", _FIRST_PORT + at, change))
            for at, (kind, change) in enumerate(kinds.items())
        }


@contextmanager
def _nginx(node: Node, folder: Path, port: int, change: Callable[[str], str]) -> Iterator[_Server]:
    """The node's configuration with a port and sockets of its own."""
    folder.mkdir()
    layout, node_settings = node.layout, node.state.settings()
    texts = {
        "nginx.conf": nginx.node_config(layout, node_settings),
        "servers.conf": nginx.servers_config(layout, node_settings),
    }
    for name, text in texts.items():
        for at, taken in enumerate((node_settings.http.port, node_settings.https.port)):
            text = re.sub(rf"(listen \S+:){taken}\b", rf"\g<1>{port + 100 * at}", text)
        text = text.replace(str(layout.internal_http_socket), str(folder / "internal.sock"))
        text = text.replace(str(layout.etc / "nginx" / "servers.conf"), str(folder / "servers.conf"))
        text = re.sub(r"^pid .*;", f"pid {folder}/pid;", text, flags=re.MULTILINE)
        text = text.replace(f"{layout.run}/nginx/assets", f"{folder}/assets")
        (folder / name).write_text(change(text))
    server = subprocess.Popen(["nginx", "-c", str(folder / "nginx.conf"), "-g", "daemon off;"], stderr=subprocess.PIPE)
    try:
        time.sleep(0.5)
        if server.poll() is not None:
            raise SystemExit(server.stderr.read().decode() if server.stderr else "nginx did not start")
        yield _Server(port, server.pid)
    finally:
        server.terminate()
        server.wait(timeout=20)
