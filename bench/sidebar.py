"""What it costs that one widget stands on every page: as it is done, and two ways that were considered.

    sudo .venv/bin/python -m bench.sidebar rerender|patch --root var --domain news.localhost [--rounds 5]
    sudo .venv/bin/python -m bench.sidebar ssi --root var --domain news.localhost [--seconds 10]

``rerender``: an editor changes a widget of every page while readers read at a fixed rate, pages by Zipf's law; until
all pages are hits again: seconds, CPU, misses. ``patch``: the stored bytes of every page with a piece of it replaced,
compressed as renders are, written beside the store; against the renders that made them. ``ssi``: the front page from
its stored compressed files, against the same page put together by nginx from three included files; needs wrk.
Nothing is changed but the widget's text.
"""

from __future__ import annotations

import argparse
import http.client
import os
import pwd
import random
import re
import statistics
import subprocess
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path

from bench.quiet import quietly
from tests.functional.newspaper import Newspaper
from tests.truth.truth import fresh_renders

from pressroom.operations import cache
from pressroom.operations.node import Node, open_node
from pressroom.pagecache.renderer.renderer import _QUICK_BROTLI, _QUICK_GZIP, _compress
from pressroom.pagecache.store import PAGE, PageStore

_WIDGET = "text-3"  # in the foot of each page of the newsroom
_LEARN = 20.0  # seconds of reading before the first change: the renderer learns which pages are wanted
_SETTLE = 3.0  # seconds of reading between two rounds


@dataclass(frozen=True)
class Answer:
    """``at``: when it was asked for; both times in seconds."""

    at: float
    seconds: float
    state: str


class Readers:
    """Ask for pages at a fixed rate, the front page most, then by Zipf's law in an order that is always the same."""

    def __init__(self, paper: Newspaper, rate: float) -> None:
        keys = [row["key"] for row in cache.stored_pages(paper.node, paper.site.domain) if row["kind"] == PAGE]
        keys.sort()
        random.Random(7).shuffle(keys)
        keys.sort(key=lambda key: key != "/")
        self._keys, self._weights = keys, list(accumulate(1 / rank for rank in range(1, len(keys) + 1)))
        self._paper, self._rate, self._stop = paper, rate, threading.Event()
        self.answers: list[Answer] = []
        self._threads = [threading.Thread(target=self._read, args=(number,)) for number in range(4)]

    def __enter__(self) -> Readers:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def _read(self, number: int) -> None:
        chance, pause = random.Random(number), len(self._threads) / self._rate
        connection = http.client.HTTPConnection("127.0.0.1", self._paper.node.state.settings().http.port)
        due = time.monotonic() + pause * number / len(self._threads)
        while not self._stop.wait(max(0.0, due - time.monotonic())):
            (key,) = chance.choices(self._keys, cum_weights=self._weights)
            connection.request("GET", key, headers={"Host": self._paper.host, "Accept-Encoding": "br"})
            answer = connection.getresponse()
            answer.read()
            self.answers.append(Answer(due, time.monotonic() - due, answer.headers.get("x-pressroom-cache", "")))
            due += pause


def cpu_seconds(node: Node) -> Counter[str]:
    """CPU time of the node's processes so far, by what they are; the node has no other busy site."""
    prefix, names = node.layout.prefix, {"web": "nginx", "db": "MariaDB", "core": "daemons"}
    used: Counter[str] = Counter()
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            user = pwd.getpwuid(folder.stat().st_uid).pw_name
            fields = (folder / "stat").read_text().rpartition(")")[2].split()
        except (OSError, KeyError):
            continue
        if user.startswith(f"{prefix}-"):
            used[names.get(user.partition("-")[2], "PHP")] += sum(map(int, fields[11:15])) / os.sysconf("SC_CLK_TCK")
    return used


def rerender(paper: Newspaper, rounds: int, rate: float) -> None:
    pages = paper.warm().stored
    back, cpu, waits = [], Counter[str](), []
    missed, last, shares = [], [], []
    with Readers(paper, rate) as readers:
        time.sleep(_LEARN)
        idle_before, idle_from = cpu_seconds(paper.node), time.monotonic()
        time.sleep(_SETTLE)
        passed = time.monotonic() - idle_from
        idle = {name: used / passed for name, used in (cpu_seconds(paper.node) - idle_before).items()}
        for number in range(rounds):
            before, began = cpu_seconds(paper.node), time.monotonic()
            text = f"Written in a sail loft on Upper Quay, change {number} of {time.time_ns()}."
            paper.rest("PUT", f"widgets/{_WIDGET}", instance={"raw": {"title": "The Courier", "text": text}})
            answered = time.monotonic()
            cache.warm(paper.node, paper.site.domain, patience=600)
            ended = time.monotonic()
            cpu += cpu_seconds(paper.node) - before
            cpu -= Counter({name: each * (ended - began) for name, each in idle.items()})
            asked = [answer for answer in readers.answers if answered <= answer.at <= ended]
            misses = [answer for answer in asked if answer.state != "hit"]
            waits.append(answered - began)
            back.append(ended - answered)
            missed += misses
            shares.append(len(misses) / max(1, len(asked)))
            last.append(max((answer.at - answered for answer in misses), default=0.0))
            time.sleep(_SETTLE)
    hits = [answer.seconds for answer in readers.answers if answer.state == "hit"]
    total = sum(cpu.values()) / rounds
    print(f"{pages} pages, {rounds} changes of a widget on all of them, {rate:g} requests/s meanwhile")
    print(f"the editor's answer        {statistics.median(waits):.2f} s")
    print(f"until all are hits again   {statistics.median(back):.1f} s median, {max(back):.1f} s at most")
    print(f"wall time a page           {statistics.median(back) / pages * 1000:.1f} ms")
    print(f"CPU                        {total:.1f} s a change, {total / pages * 1000:.1f} ms a page: ", end="")
    print(", ".join(f"{name} {used / rounds:.1f} s" for name, used in cpu.most_common()))
    print(f"not hits at once           {statistics.mean(shares):.1%} of those until then", end="")
    print(f" ({min(shares):.1%} to {max(shares):.1%})")
    print(f"the last miss              {statistics.median(last):.1f} s after the answer (median)")
    if missed:
        seconds = statistics.median(answer.seconds for answer in missed)
        print(f"a miss takes               {seconds * 1000:.0f} ms median")
    print(f"a hit takes                {statistics.median(hits) * 1000:.1f} ms median, as the readers see it")


def patch(paper: Newspaper) -> None:
    paper.warm()
    rows = [row for row in cache.stored_pages(paper.node, paper.site.domain) if row["kind"] == PAGE]
    store, spent, done = PageStore(paper.node.layout.store), Counter[str](), 0
    with tempfile.TemporaryDirectory(dir=paper.node.layout.store.parent) as folder:
        for number, row in enumerate(rows):
            at = time.process_time()
            bodies = store.bodies(paper.site.name, row["generation"], row["key"], PAGE)  # reads and unpacks all forms
            spent["read, decompress"] += time.process_time() - at
            at = time.process_time()
            found = re.search(rb'<section id="text-3".*?</section>', bodies[0], re.DOTALL)
            if found is None:
                continue
            body = bodies[0][: found.start()] + found.group().replace(b"Quay", b"Wharf") + bodies[0][found.end() :]
            spent["replace"] += time.process_time() - at
            target = Path(folder) / str(number)
            target.mkdir()
            at = time.process_time()
            _compress(target, "page", body, _QUICK_BROTLI, _QUICK_GZIP)
            spent["compress, write"] += time.process_time() - at
            at = time.process_time()
            (target / "page").write_bytes(body)
            spent["write plain"] += time.process_time() - at
            done += 1
    sample = [row["key"] for row in random.Random(7).sample(rows, min(30, len(rows)))]
    before = cpu_seconds(paper.node)
    fresh_renders(paper, sample)
    php = (cpu_seconds(paper.node) - before)["PHP"]
    print(f"{'a render, PHP alone':20} {php / len(sample) * 1000:6.2f} ms, mean of {len(sample)}")


_NGINX = """
daemon off; worker_processes auto; pid {run}/nginx.pid; error_log {run}/error.log warn;
load_module /usr/lib/nginx/modules/ngx_http_brotli_static_module.so;
events {{ worker_connections 4096; }}
http {{
    access_log off; sendfile on; tcp_nopush on; keepalive_requests 1000000; default_type text/html; root {run};
    client_body_temp_path {run}/b; fastcgi_temp_path {run}/f; proxy_temp_path {run}/p; uwsgi_temp_path {run}/u;
    scgi_temp_path {run}/s;
    server {{ listen 127.0.0.1:{port};
        location / {{ brotli_static on; gzip_static on; }}
        location /ssi1/ {{ alias {run}/ssi/; ssi on; gzip on; gzip_comp_level 1; }}
        location /ssi6/ {{ alias {run}/ssi/; ssi on; gzip on; gzip_comp_level 6; }}
        location /ssi/ {{ ssi on; }}
    }}
}}
"""


@contextmanager
def front_page_server(paper: Newspaper, port: int) -> Iterator[int]:
    """An nginx of its own with the stored front page: whole in its three forms, and cut, with three pieces included.

    Yields its process id.
    """
    row = next(row for row in cache.stored_pages(paper.node, paper.site.domain) if row["key"] == "/")
    plain = PageStore(paper.node.layout.store).plain_file(paper.site.name, row["generation"], "/", PAGE)
    body = plain.read_bytes()
    cuts = [body.index(b">", len(body) * part // 100) + 1 for part in (10, 20, 60, 75, 90, 97)]
    pieces = [body[start:stop] for start, stop in zip([0, *cuts], [*cuts, len(body)], strict=True)]
    with tempfile.TemporaryDirectory(prefix="pressroom-ssi-") as name:
        run = Path(name)
        run.chmod(0o755)
        (run / "ssi").mkdir()
        for suffix in ("", ".br", ".gz"):
            (run / f"page{suffix}").write_bytes(plain.with_name(plain.name + suffix).read_bytes())
        page = b""
        for number, piece in enumerate(pieces):
            if number % 2:
                (run / "ssi" / f"part{number}").write_bytes(piece)
                piece = b'<!--# include virtual="part%d" -->' % number
            page += piece
        (run / "ssi" / "page").write_bytes(page)
        (run / "nginx.conf").write_text(_NGINX.format(run=run, port=port))
        server = subprocess.Popen(["nginx", "-p", run, "-c", run / "nginx.conf"])
        try:
            time.sleep(0.5)
            yield server.pid
        finally:
            server.terminate()
            server.wait()


def ssi(paper: Newspaper, port: int, seconds: int) -> None:
    paper.warm()
    ways = [("stored .br", "/page", "br"), ("stored .gz", "/page", "gzip"), ("SSI, gzip level 1", "/ssi1/page", "gzip"),
            ("SSI, gzip level 6", "/ssi6/page", "gzip"), ("SSI, not compressed", "/ssi/page", "identity")]  # fmt: skip
    with front_page_server(paper, port) as pid:
        print(f"{'':20} {'bytes':>7} {'requests/s':>11} {'CPU':>12}   p50 and p99 at 500 requests/s, 50 connections")
        for name, path, encoding in ways:
            connection = http.client.HTTPConnection("127.0.0.1", port)
            connection.request("GET", path, headers={"Accept-Encoding": encoding})
            size = len(connection.getresponse().read())
            before = workers_cpu(pid)
            full = wrk(port, path, encoding, ["-c50", f"-d{seconds}s"])
            each = (workers_cpu(pid) - before) / found_number(r"(\d+) requests in", full)
            with tempfile.NamedTemporaryFile("w", suffix=".lua") as script:
                script.write("function delay() return math.random(0, 200) end\n")
                script.flush()
                report = wrk(port, path, encoding, ["-c50", f"-d{seconds}s", "--latency", "-s", script.name])
            tail = [found.group(1) for part in ("50", "99") if (found := re.search(rf"{part}%\s+(\S+)", report))]
            most = found_number(r"Requests/sec:\s*([0-9.]+)", full)
            print(f"{name:20} {size:7} {most:11,.0f} {each * 1e6:9.0f} us   {' '.join(tail)}", flush=True)


def workers_cpu(master: int) -> float:
    """Seconds that the workers of an nginx have used."""
    children = Path(f"/proc/{master}/task/{master}/children").read_text().split()
    ticks = [Path(f"/proc/{child}/stat").read_text().rpartition(")")[2].split()[11:13] for child in children]
    return sum(int(used) for pair in ticks for used in pair) / os.sysconf("SC_CLK_TCK")


def found_number(pattern: str, text: str) -> float:
    match = re.search(pattern, text)
    assert match, text
    return float(match.group(1))


def wrk(port: int, path: str, encoding: str, options: list[str]) -> str:
    argv = ["wrk", "-t1", *options, "-H", f"Accept-Encoding: {encoding}", f"http://127.0.0.1:{port}{path}"]
    report = subprocess.run(argv, check=True, capture_output=True, text=True).stdout
    assert "Non-2xx" not in report, report
    return report


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["rerender", "patch", "ssi"])
    parser.add_argument("--root", type=Path, default=Path("var"))
    parser.add_argument("--domain", default="news.localhost")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--rate", type=float, default=50.0, help="requests a second")
    parser.add_argument("--seconds", type=int, default=10)
    parser.add_argument("--port", type=int, default=8285)
    arguments = parser.parse_args()
    quietly()
    node = open_node(arguments.root)
    with Newspaper(node, node.state.site(arguments.domain)) as paper:
        if arguments.what == "rerender":
            paper.log_in()
            rerender(paper, arguments.rounds, arguments.rate)
        elif arguments.what == "patch":
            patch(paper)
        else:
            ssi(paper, arguments.port, arguments.seconds)


if __name__ == "__main__":
    main()
