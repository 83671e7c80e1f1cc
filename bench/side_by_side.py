"""The same page by stock PHP-FPM, by nginx's fastcgi_cache, by Varnish, by Pressroom, and as bare files: how fast.

    sudo .venv/bin/python -m bench.side_by_side --root var [--page /] [--rounds 5] [--json FILE] [--charts FOLDER]

One interleaved run: in each round every contestant once, in random order; medians over the rounds, and each one's ratio
to Pressroom's. First at saturation (hits a second), over HTTPS with HTTP/2 and over plain HTTP/1.1; then at half of the
contestant's own saturation, over 1,000 connections, requests begun at fixed times, whether those before are answered or
not (over HTTP/1.1 a connection holds one at a time): of how many that were due is told beside, so that no wait hides.
Needs `make bench`'s Debian packages and a running demo; loopback alone; the client shares the processors. So what a hit
costs the server stands beside: the processor time of all on this machine but the client, which must be idle otherwise.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import platform
import random
import re
import resource
import statistics
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bench.charts import bars
from bench.contestants import Contestant, Field
from bench.quiet import quietly, settle, wake

from pressroom.operations.node import open_node

WAYS = {"HTTPS, HTTP/2": "https", "HTTP/1.1": "http"}
_CONNECTIONS, _STREAMS = 64, 8
_MANY = 1000  # connections of the load at a fixed rate


@dataclass
class Figures:
    """Of one contestant by one way: hits a second of each round, and the server's processor seconds for each hit;
    seconds each request took at half of that rate, and the share of the requests due then that were answered well.
    """

    rates: list[float] = field(default_factory=list)
    costs: list[float] = field(default_factory=list)
    waits: list[float] = field(default_factory=list)
    answered: float = math.nan

    def rate(self) -> float:
        return statistics.median(self.rates)

    def cost(self) -> float:
        """In microseconds."""
        return 1e6 * statistics.median(self.costs)

    def wait(self, share: float) -> float:
        """That quantile, in milliseconds; NaN where nothing was measured."""
        ordered = sorted(self.waits)
        return 1000 * ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else math.nan


def _load(contestant: Contestant, way: str, host: str, key: str, *options: str, well: bool = True) -> str:
    """h2load's report. With `well` the bench ends where one answer is none of 200."""
    port = getattr(contestant, WAYS[way])
    name = host.partition(":")[0]
    protocol = [] if way.startswith("HTTPS") else ["--h1"]
    scheme = "https" if way.startswith("HTTPS") else "http"
    argv = [
        "h2load", "-t1", *protocol, "-H", "Accept-Encoding: br, gzip", f"--connect-to=127.0.0.1:{port}", *options,
        f"{scheme}://{name}:{port}{key}",
    ]  # fmt: skip
    report = subprocess.run(argv, check=True, capture_output=True, text=True, timeout=300).stdout
    counts = re.search(r"status codes: (\d+) 2xx, (\d+) 3xx, (\d+) 4xx, (\d+) 5xx", report)
    failed = re.search(r"(\d+) failed, (\d+) errored, (\d+) timeout", report)
    bad = counts is None or int(counts[1]) == 0 or (well and any(int(counts[n]) for n in (2, 3, 4)))
    if bad or failed is None:
        raise SystemExit(f"{contestant.name} did not answer well:\n{report}")
    return report


def _others_worked() -> float:
    """Processor seconds of everything on this machine but the clients that have ended (proc(5), getrusage(2))."""
    user, nice, system, _, _, irq, softirq, *_ = map(int, Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:])
    clients = resource.getrusage(resource.RUSAGE_CHILDREN)
    all_of_it = (user + nice + system + irq + softirq) / os.sysconf("SC_CLK_TCK")
    return all_of_it - clients.ru_utime - clients.ru_stime


def saturate(contestant: Contestant, way: str, host: str, key: str, seconds: int) -> tuple[float, float]:
    """Hits a second at full load, and the processor seconds that each cost the server."""
    connections = min(_CONNECTIONS, contestant.most)
    streams = min(_STREAMS, contestant.most // connections) if way.startswith("HTTPS") else 1
    load = ("-c", str(connections), "-m", str(streams))
    _load(contestant, way, host, key, *load, "-n", str(2 * connections * streams))
    before = _others_worked()
    report = _load(contestant, way, host, key, *load, "-D", str(seconds))
    worked = _others_worked() - before
    rate = re.search(r"finished in [\d.]+\w+, ([\d.]+) req/s", report)
    done = re.search(r"(\d+) succeeded", report)
    if rate is None or done is None:
        raise SystemExit(f"h2load said nothing of requests a second:\n{report}")
    return float(rate[1]), worked / int(done[1])


def wait_at(
    contestant: Contestant, way: str, host: str, key: str, rate: float, seconds: int
) -> tuple[list[float], float]:
    """Seconds each request took, over many connections; and how many of the due ones were answered well, as a share."""
    connections = max(1, min(_MANY, round(rate)))
    each = rate / connections
    with tempfile.NamedTemporaryFile() as log:
        _load(
            contestant, way, host, key, "-c", str(connections), "-m", "32" if way.startswith("HTTPS") else "1",
            "-D", str(seconds), "--warm-up-time", "3", "--rps", f"{each:.4f}", "--log-file", log.name, well=False,
        )  # fmt: skip
        rows = [line.split("\t") for line in Path(log.name).read_text().splitlines()]
    waits = [int(row[2]) / 1e6 for row in rows if row[1] == "200"]
    return waits, len(waits) / (each * connections * seconds)


def run(
    field_: Field, key: str, *, rounds: int, seconds: int, ways: Sequence[str], chance: random.Random
) -> dict[str, dict[str, Figures]]:
    """By way and contestant."""
    found = {way: {contestant.name: Figures() for contestant in field_.contestants} for way in ways}
    for number in range(rounds):
        for way in ways:
            for contestant in chance.sample(field_.contestants, len(field_.contestants)):
                rate, cost = saturate(contestant, way, field_.host, key, seconds)
                found[way][contestant.name].rates.append(rate)
                found[way][contestant.name].costs.append(cost)
                print(f"round {number + 1} of {rounds}: {way}: {contestant.name}: {rate:,.0f} a second", flush=True)
    for way in ways:
        for contestant in chance.sample(field_.contestants, len(field_.contestants)):
            mine = found[way][contestant.name]
            mine.waits, mine.answered = wait_at(contestant, way, field_.host, key, mine.rate() / 2, 2 * seconds)
    return found


def table(found: dict[str, dict[str, Figures]]) -> str:
    """In Markdown."""
    lines = []
    for way, contestants in found.items():
        own, own_cost = contestants["Pressroom"].rate(), contestants["Pressroom"].cost()
        lines += [
            f"| {way} | hits/s | lowest and highest | Pressroom is | server's work a hit | of Pressroom's"
            " | at half of that: p50 | p99 | answered of the due |",
            "|---|---|---|---|---|---|---|---|---|",
        ]
        for name, figures in contestants.items():
            spread = f"{min(figures.rates):,.0f} … {max(figures.rates):,.0f}"
            ratio, more = f"{own / figures.rate():.2f} ×", f"{figures.cost() / own_cost:.2f} ×"
            if name == "Pressroom":
                ratio = more = ""
            waits = f"{figures.wait(0.5):.2f} ms | {figures.wait(0.99):.2f} ms | {figures.answered:.0%}"
            cost = f"{figures.cost():,.0f} µs | {more}"
            lines.append(f"| {name} | {figures.rate():,.0f} | {spread} | {ratio} | {cost} | {waits} |")
        lines.append("")
    return "\n".join(lines)


def machine() -> dict[str, str]:
    cpu = re.search(r"model name\s*: (.*)", Path("/proc/cpuinfo").read_text())
    count = len(re.findall(r"^processor", Path("/proc/cpuinfo").read_text(), re.MULTILINE))
    return {"processor": cpu[1] if cpu else "", "processors": str(count), "kernel": platform.release()}


def plain(found: dict[str, dict[str, Figures]]) -> dict[str, Any]:
    return {
        way: {
            name: {
                "hits_per_second": figures.rates,
                "server_seconds_per_hit": figures.costs,
                "p50_ms": figures.wait(0.5),
                "p99_ms": figures.wait(0.99),
                "requests": len(figures.waits),
                "answered": figures.answered,
            }
            for name, figures in contestants.items()
        }
        for way, contestants in found.items()
    }


def draw(found: dict[str, dict[str, Figures]], page: str, folder: Path) -> None:
    """A chart for each way."""
    folder.mkdir(parents=True, exist_ok=True)
    for way, contestants in found.items():
        rates = {name: figures.rate() for name, figures in contestants.items()}
        chart = bars(
            rates,
            {name: f"{rate:,.0f}" for name, rate in rates.items()},
            title=f"Hits a second, {way}",
            subtitle=f"the demo's page {page}; {machine()['processors']} processors, shared with the client",
            ours="Pressroom",
        )
        (folder / f"hits-{WAYS[way]}.svg").write_text(chart)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--root", type=Path, default=Path("var"))
    parser.add_argument("--domain", default="news.localhost")
    parser.add_argument("--page", default="/")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=5, help="of each load")
    parser.add_argument("--way", choices=list(WAYS), action="append", help="one way alone")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--charts", type=Path, help="write SVGs to this folder")
    arguments = parser.parse_args()
    quietly()
    node = open_node(arguments.root)
    settle(node, arguments.domain)
    ways = arguments.way or list(WAYS)
    with (
        tempfile.TemporaryDirectory(prefix="side-by-side.", dir="/var/tmp") as folder,
        Field(node, node.state.site(arguments.domain), arguments.page, Path(folder)) as field_,
    ):
        found = run(
            field_, arguments.page, rounds=arguments.rounds, seconds=arguments.seconds, ways=ways,
            chance=random.Random(arguments.seed),
        )  # fmt: skip
    wake(node)
    print(json.dumps(machine()))
    print(table(found))
    if arguments.charts:
        draw(found, arguments.page, arguments.charts)
    if arguments.json:
        arguments.json.write_text(json.dumps({"machine": machine(), "page": arguments.page, **plain(found)}, indent=1))


if __name__ == "__main__":
    main()
