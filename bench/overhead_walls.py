"""For bench.overhead: what a page takes of PHP-FPM behind all its walls, behind none, and behind all but one."""

from __future__ import annotations

import os
import random
import re
import tempfile
import time
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from unittest import mock

from bench import fastcgi
from tests.functional.attacker import lowered

from pressroom.control.desired import site_program
from pressroom.engine.activated import Activated
from pressroom.model.site import Site
from pressroom.operations.node import Node
from pressroom.stack import nginx
from pressroom.system import enclosure, network
from pressroom.system.cgroups import Cgroups

PAGES = {"front page": "/?overhead", "login": "/wp-login.php"}
WARM_UP = 8  # requests
_NONE, _ALL = "none", "all"
# Which is taken away, by its names in tests/functional/attacker.py; the caps are no words of bwrap's.
_LESS = {
    "all but the calls' filter": "calls", "all but the caps": "caps", "all but the network": "network",
    "all but the files": "files",
}  # fmt: skip


@dataclass
class Took:
    """Seconds of each request: until its answer, and of the processor."""

    waited: list[float] = field(default_factory=list)
    worked: list[float] = field(default_factory=list)


class _Lowered(enclosure.Enclosure):
    """Without one of its walls."""

    missing = ""

    def __init__(self, *given: Any) -> None:
        super().__init__(*given)
        self.argv = lowered(self.argv, {self.missing})

    def admit(self, pid: int, *, slow_to_begin: bool = False) -> int:
        uncapped = mock.patch.object(Cgroups, "admit") if self.missing == "caps" else nullcontext()
        unconnected = mock.patch.object(network, "connect") if self.missing == "network" else nullcontext()
        with uncapped, unconnected:
            return super().admit(pid, slow_to_begin=slow_to_begin)


class Fpm:
    """The site's PHP-FPM once more, with sockets of its own."""

    def __init__(self, node: Node, site: Site, folder: Path, walls: str) -> None:
        place = node.layout.site(site.name)
        program = site_program(place, node.state.settings())
        names = [folder / path.name for path in program.sockets]
        caps = replace(program.walls.caps, group=folder.name) if program.walls else None
        behind = replace(program.walls, caps=caps) if program.walls and caps else None
        self._program = replace(
            program,
            sockets=tuple(names),
            log=folder / "log",
            idle_seconds=None,
            walls=None if walls == _NONE else behind,
        )
        self._prefix, self._missing = node.layout.prefix, _LESS.get(walls, "")
        self._socket = folder / place.web_socket.name
        self._params = _params(node, site)

    async def start(self) -> None:
        lowered = type("_Less", (_Lowered,), {"missing": self._missing})
        lower = mock.patch("pressroom.engine.activated.Enclosure", lowered) if self._missing else nullcontext()
        with lower:
            self._activated = Activated(self._program, self._prefix)
            await self._activated.start()
        self._require_walls()

    def _require_walls(self) -> None:
        """Those that are to be there, and no others. Raises SystemExit."""
        pid, walled = self._activated.pid, self._program.walls is not None
        there = {
            "files": _inode(pid, "mnt") != _inode("self", "mnt"),
            "network": _inode(pid, "net") != _inode("self", "net"),
            "calls": "Seccomp:\t2" in Path(f"/proc/{pid}/status").read_text(),
            "caps": self._prefix in Path(f"/proc/{pid}/cgroup").read_text(),
        }
        # Without a view of its own it has a mount namespace all the same.
        wanted = {name: walled and (name != self._missing or name == "files") for name in there}
        if there != wanted:
            raise SystemExit(f"other walls than meant: {there}")

    async def close(self) -> None:
        await self._activated.close()

    def ask(self, path: str) -> None:
        """Raises SystemExit for what is no page."""
        script = path.partition("?")[0] if path.partition("?")[0].endswith(".php") else "/index.php"
        query = path.partition("?")[2]
        public = self._params["DOCUMENT_ROOT"]
        asked = {"REQUEST_URI": path, "QUERY_STRING": query, "SCRIPT_NAME": script, "SCRIPT_FILENAME": public + script}
        answer = fastcgi.ask(self._socket, self._params | asked)
        if b"</html>" not in answer:
            raise SystemExit(f"{path}: {answer[:300]!r}")

    def worked(self) -> float:
        """Seconds of the processor that its worker has had."""
        master = self._activated.pid
        workers = Path(f"/proc/{master}/task/{master}/children").read_text().split()
        return sum(int(Path(f"/proc/{pid}/schedstat").read_text().split()[0]) for pid in workers) / 1e9

    def memory(self) -> int:
        """Bytes of those processes that are there for the walls' sake: bwrap's two."""
        found, pid = 0, self._activated.pid
        while (pid := _parent(pid)) != os.getpid():
            found += _own_bytes(pid)
        return found


def _inode(pid: int | str | None, namespace: str) -> int:
    return Path(f"/proc/{pid}/ns/{namespace}").stat().st_ino


def _parent(pid: int | None) -> int:
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])


def _own_bytes(pid: int) -> int:
    """What is this process's alone, and its part of what it shares."""
    text = Path(f"/proc/{pid}/smaps_rollup").read_text()
    return int(re.findall(r"^Pss:\s+(\d+)", text, re.MULTILINE)[0]) * 1024


def _params(node: Node, site: Site) -> dict[str, str]:
    """As nginx tells them (stack/templates/fastcgi.j2)."""
    public = str(node.layout.site(site.name).public)
    return {
        "REQUEST_METHOD": "GET", "DOCUMENT_ROOT": public, "SERVER_PROTOCOL": "HTTP/1.1", "REQUEST_SCHEME": "http",
        "GATEWAY_INTERFACE": "CGI/1.1", "SERVER_SOFTWARE": "nginx", "REMOTE_ADDR": "127.0.0.1", "REMOTE_PORT": "9",
        "SERVER_ADDR": "127.0.0.1", "SERVER_PORT": str(node.state.settings().http.port), "SERVER_NAME": site.domain,
        "HTTP_HOST": nginx.host(site, node.state.settings()), "REDIRECT_STATUS": "200",
    }  # fmt: skip


async def walls(node: Node, site: Site, rounds: int, requests: int) -> tuple[dict[str, dict[str, Took]], int]:
    """By page and walls; and the bytes of bwrap's processes."""
    kinds = (_NONE, _ALL, *_LESS)
    took = {page: {kind: Took() for kind in kinds} for page in PAGES}
    memory = 0
    for _ in range(rounds):
        with tempfile.TemporaryDirectory(prefix="overhead.", dir="/var/tmp") as name:
            fpms = {}
            for at, kind in enumerate(random.sample(kinds, len(kinds))):
                folder = Path(name) / f"overhead-{at}"
                folder.mkdir()
                fpms[kind] = Fpm(node, site, folder, kind)
            try:
                for fpm in fpms.values():
                    await fpm.start()
                for page, path in PAGES.items():
                    _ask_in_turns(fpms, path, requests, took[page])
                memory = fpms[_ALL].memory()
            finally:
                for fpm in fpms.values():
                    await fpm.close()
    return took, memory


def _ask_in_turns(fpms: dict[str, Fpm], path: str, requests: int, took: dict[str, Took]) -> None:
    for number in range(-WARM_UP, requests):
        for kind in random.sample(list(fpms), len(fpms)):
            before, began = fpms[kind].worked(), time.perf_counter()
            fpms[kind].ask(path)
            waited = time.perf_counter() - began
            if number >= 0:
                took[kind].waited.append(waited)
                took[kind].worked.append(fpms[kind].worked() - before)
