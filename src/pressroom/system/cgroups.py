"""Caps for all processes of one tenant, by the controllers that this machine has (cgroups(7), v2 or v1).

The node's groups lie in one of their own, `<prefix>`, below the root of each hierarchy.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

from pressroom.model.walls import Caps

MOUNT = Path("/sys/fs/cgroup")
# What all sites together get of a processor that is short, where another program gets 100 (cgroups(7), v2). More would
# be paid by nginx and MariaDB, which work for all of them.
_WEIGHT = 100
MEMORY, PROCESSES, PROCESSOR = "memory", "pids", "cpu"
_COUNTED = "cpuacct"  # in v1 what a group has used of the processor is counted by a controller of its own


class Cgroups:
    """One node's. What a machine cannot hold is left out: `held` tells what is not."""

    def __init__(self, prefix: str, mount: Path = MOUNT) -> None:
        self._prefix = prefix
        self._mount = mount

    def held(self) -> frozenset[str]:
        """Those of memory, pids and cpu that are capped here; in a container that may make no groups, none."""
        if self._unified():
            named = _read(self._mount / "cgroup.controllers").split() if os.access(self._mount, os.W_OK) else []
            return frozenset({MEMORY, PROCESSES, PROCESSOR} & set(named))
        return frozenset(name for name in (MEMORY, PROCESSES, PROCESSOR) if os.access(self._mount / name, os.W_OK))

    def admit(self, caps: Caps, pids: list[int]) -> None:
        """Put processes behind these caps. Raises OSError where the kernel refuses."""
        for folder in self._folders(caps.group):
            _make(folder, self._unified())
            _write(folder, _values(caps, unified=self._unified()))
            for pid in pids:
                (folder / "cgroup.procs").write_text(str(pid))

    def used(self) -> dict[str, float]:
        """Of each group that is there, the seconds that it has had of a processor."""
        used = {}
        for folder in (self._mount / self._counting() / self._prefix).glob("*/"):
            text = _read(folder / ("cpu.stat" if self._unified() else "cpuacct.usage"))
            words = text.split()
            if words and self._unified():
                used[folder.name] = int(words[words.index("usage_usec") + 1]) / 1e6
            elif words:
                used[folder.name] = int(words[0]) / 1e9
        return used

    def let_go_last(self, group: str, last: bool) -> None:
        """After all others who want the processor, or as they. Where the kernel knows no such thing (5.15), nothing."""
        folder = self._mount / ("" if self._unified() else PROCESSOR) / self._prefix / group
        with contextlib.suppress(OSError):  # gone meanwhile
            if (folder / "cpu.idle").exists():
                (folder / "cpu.idle").write_text("1" if last else "0")

    def remove(self, group: str) -> None:
        """Take the group away, where nothing runs in it any more."""
        for folder in self._folders(group):
            with contextlib.suppress(OSError):
                folder.rmdir()

    def remove_all(self) -> None:
        """The node's own with all that are empty in it."""
        for top in self._tops():
            for folder in [*top.glob("*/"), top]:
                with contextlib.suppress(OSError):
                    folder.rmdir()

    def _unified(self) -> bool:
        return (self._mount / "cgroup.controllers").exists()

    def _tops(self) -> Iterator[Path]:
        if self._unified():
            yield from [self._mount / self._prefix] if self.held() else []
        else:
            counted = {_COUNTED} if os.access(self._mount / _COUNTED, os.W_OK) else set()
            yield from (self._mount / name / self._prefix for name in sorted(self.held() | counted))

    def _counting(self) -> str:
        return "" if self._unified() else _COUNTED

    def _folders(self, group: str) -> Iterator[Path]:
        return (top / group for top in self._tops())


def _make(folder: Path, unified: bool) -> None:
    """In v2 a parent says which controllers its children have; it holds no processes itself."""
    if folder.is_dir():
        return
    folder.parent.mkdir(exist_ok=True)
    weight = ("cpu.weight", str(_WEIGHT)) if unified else ("cpu.shares", str(_WEIGHT * 1024 // 100))
    if (folder.parent / weight[0]).exists():
        (folder.parent / weight[0]).write_text(weight[1])
    if unified:
        for parent in (folder.parent.parent, folder.parent):
            have = set(_read(parent / "cgroup.controllers").split())
            for name in sorted(have & {MEMORY, PROCESSES, PROCESSOR}):
                with contextlib.suppress(OSError):
                    (parent / "cgroup.subtree_control").write_text(f"+{name}")
    folder.mkdir(exist_ok=True)


def _values(caps: Caps, *, unified: bool) -> list[tuple[str, str]]:
    """File and content. Swap is no way around a cap."""
    if unified:
        memory = [("memory.max", str(caps.memory)), ("memory.swap.max", "0"), ("memory.oom.group", "0")]
    else:
        memory = [("memory.limit_in_bytes", str(caps.memory)), ("memory.memsw.limit_in_bytes", str(caps.memory))]
    return [*memory, ("pids.max", str(caps.processes))]


def _write(folder: Path, values: list[tuple[str, str]]) -> None:
    """In v1 a bound of memory cannot pass the one with swap: which is to come first depends on what they were."""
    refused = []
    for name, value in values:
        if (folder / name).exists():
            try:
                (folder / name).write_text(value)
            except OSError:
                refused.append((name, value))
    for name, value in refused:
        (folder / name).write_text(value)


def _read(path: Path) -> str:
    try:
        return path.read_text()
    except OSError:
        return ""
