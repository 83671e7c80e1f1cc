"""Many sites on one machine: what each costs, and whether the last is as quick as the first.

    sudo .venv/bin/python -m bench.many_sites [--sites 1000] [--folder /var/tmp] [--json FILE] [--charts FOLDER]

Makes a node of its own, creates sites one after the other, and looks at it at 1, 10, 100 and so on, when all pages are
stored and what can sleep sleeps (after two seconds here): memory (PSS, so that what is shared counts once), processes,
disk and files, the time of commands, of a hit, of the first page of a sleeping site, and of a site more while visitors
ask for pages. Removes the node at the end.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import closing
from dataclasses import asdict, dataclass, field
from http.client import HTTPConnection
from pathlib import Path

from bench.charts import bars
from bench.quiet import quietly
from bench.side_by_side import machine

from pressroom.control import desired
from pressroom.engine.protocol import ProgramState
from pressroom.model.site import Site
from pressroom.operations import cache, settings, sites
from pressroom.operations import running as nodes
from pressroom.operations.node import Node, open_node
from pressroom.stack import nginx
from pressroom.system import process

_SLEEP = 2  # seconds without a request
_REST = 180.0  # seconds until the node has come to rest, at the most
_SAMPLE = 20  # sites that are woken, and hits
_EDGE = 10  # creations that are timed up to the first hit, before each look


@dataclass
class Look:
    """The node with so many sites. Bytes, seconds; ``memory`` by kind of process, ``commands`` by their words."""

    sites: int
    create: list[float]
    memory: dict[str, int]
    processes: dict[str, int]
    awake: int
    disk: int
    files: int
    stored: int
    commands: dict[str, float] = field(default_factory=dict)
    hits: list[float] = field(default_factory=list)
    woken: list[float] = field(default_factory=list)
    while_awake: list[float] = field(default_factory=list)
    one_more: float = 0.0
    asked_meanwhile: int = 0
    lost_meanwhile: int = 0


class Field:
    """A node and the sites that were made on it."""

    def __init__(self, node: Node, chance: random.Random) -> None:
        self.node = node
        self.sites: list[Site] = []
        self._chance = chance
        wanted = node.state.settings()
        self._settings = wanted

    def create(self, *, to_first_hit: bool) -> float:
        """Seconds of the command, or until the first hit."""
        domain = f"many{len(self.sites)}.localhost"
        began = time.monotonic()
        new = sites.NewSite.check(
            domain, title=domain, admin_email="a@b.example", admin_user="admin", aliases=[], wordpress="debian"
        )
        site = sites.create(self.node, new)
        self.sites.append(site)
        while to_first_hit and self.get(site, "/")[1] != "hit":
            time.sleep(0.01)
        return time.monotonic() - began

    def get(self, site: Site, path: str) -> tuple[int, str]:
        """Status, and hit, miss or bypass; by a connection of its own (httpx would take 40 ms to make a client)."""
        connection = HTTPConnection(nginx.loopback(self._settings), self._settings.http.port, timeout=60)
        with closing(connection):
            connection.request("GET", path, headers={"Host": nginx.host(site, self._settings)})
            answer = connection.getresponse()
            answer.read()
            return answer.status, answer.headers.get("x-pressroom-cache", "")

    def timed(self, site: Site, path: str, state: str) -> float:
        began = time.perf_counter()
        status, told = self.get(site, path)
        took = time.perf_counter() - began
        if status != 200 or not told.startswith(state):
            raise SystemExit(f"{site.domain}{path}: {status} {told}")
        return took

    def states(self) -> dict[str, ProgramState]:
        names = {desired.site_program_name(site.name) for site in self.sites}
        return {name: state for name, state in self.node.engine.states().items() if name in names}

    def awake(self) -> int:
        return sum(state is not ProgramState.ASLEEP for state in self.states().values())

    def rest(self) -> None:
        """Until all pages are stored and nobody but the audit or a site's own events is up, three minutes at most."""
        until = time.monotonic() + _REST
        while time.monotonic() < until:
            statuses = [cache.status(self.node, site.domain) for site in self.sites[-_EDGE:]]
            most = max(1, len(self.sites) // 20)
            if all(not s.queued and not s.rendering for s in statuses) and self.awake() <= most:
                return
            time.sleep(1)

    def look(self, created: list[float]) -> Look:
        self.rest()
        memory, processes = _processes(self.node)
        disk, files = self._used("--block-size=1"), self._used("--inodes")
        stored = sum(int(s["stored"]) for s in cache.ask_invalidator(self.node, {"op": "status"})["sites"].values())
        look = Look(len(self.sites), created, memory, processes, self.awake(), disk, files, stored)
        for words in ("site list", "status", "cache status", f"site show {self.sites[-1].domain}"):
            look.commands[words.removesuffix(f" {self.sites[-1].domain}")] = self._command(words)
        for _ in range(_SAMPLE * 5):
            look.hits.append(self.timed(self._chance.choice(self.sites), "/", "hit"))
        sleeping = [s for s in self.sites if self.states()[desired.site_program_name(s.name)] is ProgramState.ASLEEP]
        for site in self._chance.sample(sleeping, min(_SAMPLE, len(sleeping))):
            look.woken.append(self.timed(site, "/?s=first", "bypass"))
            look.while_awake += [self.timed(site, "/?s=second", "bypass") for _ in range(3)]
        self._one_more(look)
        return look

    def _used(self, what: str) -> int:
        """Below the root. It fails over a file that goes meanwhile, as those of renders do, and counts the others."""
        argv: list[process.Argument] = ["du", "-sx", what, self.node.layout.root]
        return int(process.run(argv, timeout=900, check=False).stdout.split()[0])

    def _command(self, words: str) -> float:
        argv = [sys.executable, "-m", "pressroom.cli.main", "--root", str(self.node.root), *words.split()]
        began = time.perf_counter()
        subprocess.run(argv, check=True, capture_output=True)
        return time.perf_counter() - began

    def _one_more(self, look: Look) -> None:
        """Create a site while two visitors ask for pages of others, and count answers that are no hits."""
        others, done = list(self.sites), threading.Event()
        lost: list[str] = []
        asked: list[int] = []

        def visit(chance: random.Random) -> None:
            while not done.is_set():
                asked.append(1)
                try:
                    if self.get(chance.choice(others), "/")[1] != "hit":
                        lost.append("no hit")
                except OSError as error:
                    lost.append(repr(error))

        visitors = [threading.Thread(target=visit, args=(random.Random(number),)) for number in range(2)]
        for visitor in visitors:
            visitor.start()
        look.one_more = self.create(to_first_hit=True)
        done.set()
        for visitor in visitors:
            visitor.join()
        look.asked_meanwhile, look.lost_meanwhile = len(asked), len(lost)
        for why in sorted(set(lost)):
            print(f"  lost: {why}")


def _processes(node: Node) -> tuple[dict[str, int], dict[str, int]]:
    """Bytes (PSS) and numbers of the node's processes by kind."""
    prefix, root = node.layout.prefix, str(node.layout.root).encode()
    memory: dict[str, int] = {}
    count: dict[str, int] = {}
    for entry in Path("/proc").iterdir():
        with contextlib.suppress(OSError, KeyError):
            if not entry.name.isdigit() or int(entry.name) == os.getpid():
                continue
            words = (entry / "cmdline").read_bytes()
            kind = _kind(entry.owner(), words, prefix, root)
            if kind is None:
                continue
            rollup = (entry / "smaps_rollup").read_text()
            memory[kind] = memory.get(kind, 0) + int(rollup.partition("\nPss:")[2].split()[0]) * 1024
            count[kind] = count.get(kind, 0) + 1
    return memory, count


def _kind(owner: str, words: bytes, prefix: str, root: bytes) -> str | None:
    if owner.startswith(f"{prefix}-s"):
        return "sites' PHP"
    if owner == f"{prefix}-db":
        return "MariaDB"
    if owner == f"{prefix}-web" or (owner == "root" and b"nginx" in words and root in words):
        return "nginx"
    if owner == f"{prefix}-core":
        return "invalidator, renderer, cron, mail"
    return "engine" if owner == "root" and root in words and b"bench.many_sites" not in words else None


def _milliseconds(values: list[float]) -> str:
    return f"{statistics.median(values) * 1000:.0f}, {max(values) * 1000:.0f} at most" if values else "-"


def _seconds(values: list[float]) -> str:
    return f"{statistics.median(values):.2f}, {max(values):.2f} at most"


def table(looks: list[Look]) -> str:
    """In Markdown: a column for each number of sites."""
    kinds = sorted({kind for look in looks for kind in look.memory})
    commands = list(looks[0].commands)
    rows = [
        ("create, to the first hit (s)", [_seconds(x.create) for x in looks]),
        *((f"memory, {kind} (MB)", [f"{x.memory.get(kind, 0) / 1e6:.0f}" for x in looks]) for kind in kinds),
        ("memory without MariaDB (MB)", [f"{_without_mariadb(x) / 1e6:.0f}" for x in looks]),
        ("processes", [str(sum(x.processes.values())) for x in looks]),
        ("sites awake", [str(x.awake) for x in looks]),
        ("disk (MB)", [f"{x.disk / 1e6:,.0f}" for x in looks]),
        ("files and folders", [f"{x.files:,}" for x in looks]),
        ("stored pages", [f"{x.stored:,}" for x in looks]),
        ("a hit (ms)", [_milliseconds(x.hits) for x in looks]),
        ("first page of a sleeping site (ms)", [_milliseconds(x.woken) for x in looks]),
        ("the same, awake (ms)", [_milliseconds(x.while_awake) for x in looks]),
        *((f"`pressroom {words}` (s)", [f"{x.commands[words]:.2f}" for x in looks]) for words in commands),
        ("one site more, to its first hit (s)", [f"{x.one_more:.2f}" for x in looks]),
        ("hits asked for meanwhile, lost", [f"{x.asked_meanwhile:,}, {x.lost_meanwhile}" for x in looks]),
    ]  # fmt: skip
    head = "| sites | " + " | ".join(f"{look.sites:,}" for look in looks) + " |"
    return "\n".join([head, "|---" * (len(looks) + 1) + "|", *(f"| {n} | {' | '.join(v)} |" for n, v in rows)])


def _without_mariadb(look: Look) -> int:
    return sum(bytes_ for kind, bytes_ in look.memory.items() if kind != "MariaDB")


def draw(looks: list[Look], folder: Path) -> None:
    most = looks[-1]
    memory = {**most.memory, "all but MariaDB": _without_mariadb(most)}
    chart = bars(
        {kind: bytes_ / 1e6 for kind, bytes_ in memory.items()},
        {kind: f"{bytes_ / 1e6:,.0f} MB" for kind, bytes_ in memory.items()},
        title=f"Memory of {most.sites:,} sites on one machine",
        subtitle=f"MB, {most.stored:,} pages stored, {most.awake} sites awake",
        ours="all but MariaDB",
    )
    (folder / "many-sites.svg").write_text(chart)


def run(node: Node, most: int) -> list[Look]:
    field_ = Field(node, random.Random(1))
    marks = [10**power for power in range(len(str(most))) if 10**power < most] + [most]
    looks: list[Look] = []
    for mark in marks:
        created: list[float] = []
        while len(field_.sites) < mark:
            edge = mark - len(field_.sites) <= _EDGE
            took = field_.create(to_first_hit=edge)
            if edge:
                created.append(took)
            print(f"\r{len(field_.sites)} sites, the last in {took:.2f} s", end="", flush=True)
        print()
        looks.append(field_.look(created))
        print(table(looks[-1:]), flush=True)
    return looks


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sites", type=int, default=1000)
    parser.add_argument("--folder", type=Path, default=Path("/var/tmp"))
    parser.add_argument("--port", type=int, default=8091)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--charts", type=Path)
    arguments = parser.parse_args()
    quietly()
    root = Path(tempfile.mkdtemp(prefix="pressroom-bench-", dir=arguments.folder))
    root.chmod(0o755)
    node = open_node(root)
    try:
        nodes.up(node, port=arguments.port)
        settings.change(node, [f"php.sleep_seconds={_SLEEP}"])
        nodes.wait_for_answer(node)
        looks = run(node, arguments.sites)
        print(json.dumps(machine()))
        print(table(looks))
        if arguments.json:
            arguments.json.write_text(json.dumps({"machine": machine(), "looks": [asdict(x) for x in looks]}, indent=1))
        if arguments.charts:
            draw(looks, arguments.charts)
    finally:
        nodes.clean(node)
        shutil.rmtree(root, ignore_errors=True)


if __name__ == "__main__":
    main()
