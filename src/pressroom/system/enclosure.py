"""Starts programs behind walls: bubblewrap makes the namespaces, util-linux takes the rights away.

The way in: bwrap (root) makes a file system of what may be seen, with processes, IPC and network of its own, and waits
at a descriptor until we have put it behind its caps and joined its network; then prlimit and setpriv turn into the
program, as its user, with no capability, and none to be had again by a set-user-ID program.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import pwd
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType

from pressroom.model.walls import Walls
from pressroom.system import network, process, syscalls
from pressroom.system.cgroups import Cgroups

# Of /etc, what programs need and what tells nothing of this machine or its other tenants.
_ETC = (
    "alternatives", "ca-certificates", "fonts", "gai.conf", "host.conf", "ImageMagick-6", "ld.so.cache", "ld.so.conf",
    "ld.so.conf.d", "localtime", "magic", "mime.types", "nsswitch.conf", "php", "protocols", "services", "ssl",
    "timezone",
)  # fmt: skip
_LINKS = ("bin", "sbin", "lib", "lib32", "lib64", "libx32")  # into /usr, as Debian has them
_TEMPORARY = ("/tmp", "/var/tmp")
_SHARED_MEMORY = 64 * 2**20  # bytes in /dev/shm
# Where systemd-resolved says which servers it asks itself; resolv.conf then names but its own on the loopback.
_RESOLV = (Path("/run/systemd/resolve/resolv.conf"), Path("/etc/resolv.conf"))
# To enter the folder where the program begins, and to become its user.
_RIGHTS_TO_GIVE_UP = ("CAP_DAC_READ_SEARCH", "CAP_SETUID", "CAP_SETGID", "CAP_SETPCAP")


class Enclosure:
    """One program that is about to begin behind walls.

    Start `argv`, with `descriptors` inherited under their own numbers; then `admit` it. A context: what is still held
    at its end is let go, and a program that was not admitted ends.
    """

    def __init__(self, walls: Walls, user: str, prefix: str, command: Sequence[str], cwd: Path) -> None:
        """`prefix` is the node's own (Layout.prefix). Raises KeyError for a user who is not there."""
        self._walls, self._prefix = walls, prefix
        self._ours: list[int] = []
        self._theirs: list[int] = []
        entry = pwd.getpwnam(user)
        info, info_in = os.pipe()
        wait_out, self._release = os.pipe()
        self._info = info
        self._ours += [info, self._release]
        self._theirs += [_high(info_in), _high(wait_out)]
        self.argv = [
            "/usr/bin/bwrap", "--die-with-parent", "--unshare-pid", "--unshare-ipc", "--unshare-uts", "--unshare-net",
            "--unshare-cgroup-try", "--hostname", "site", "--info-fd", str(self._theirs[0]),
            "--block-fd", str(self._theirs[1]), *self._system(entry), *_binds(walls), "--chdir", str(cwd),
            "--cap-drop", "ALL", *(word for right in _RIGHTS_TO_GIVE_UP for word in ("--cap-add", right)), "--",
            "/usr/bin/prlimit", f"--nofile={walls.caps.open_files}", f"--nproc={walls.caps.processes}", "--core=0",
            "/usr/bin/setpriv", f"--reuid={entry.pw_uid}", f"--regid={entry.pw_gid}", "--clear-groups",
            "--no-new-privs", "--inh-caps=-all", "--bounding-set=-all", "--", *command,
        ]  # fmt: skip

    @property
    def descriptors(self) -> tuple[int, ...]:
        return tuple(self._theirs)

    def admit(self, pid: int, *, slow_to_begin: bool = False) -> int:
        """Put the started process behind its caps, join its network, and let it go on.

        One that is slow to begin (PHP-FPM takes four times as long as its network) goes on meanwhile.

        Returns the process that stands for the whole enclosure within: its end is the end of all.
        Raises OSError or CommandFailed; it is then to be killed.
        """
        self._close(self._theirs)
        text = b""
        while not text.rstrip().endswith(b"}"):
            more = os.read(self._info, 4096)
            if not more:
                raise OSError(f"bwrap did not begin: {text.decode(errors='replace')}")
            text += more
        within = int(json.loads(text)["child-pid"])
        Cgroups(self._prefix).admit(self._walls.caps, [pid, within])
        if slow_to_begin:
            os.write(self._release, b"\n")
        network.connect(self._prefix, within)
        if not slow_to_begin:
            os.write(self._release, b"\n")
        return within

    def __enter__(self) -> Enclosure:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._close(self._theirs)
        self._close(self._ours)

    def _system(self, entry: pwd.struct_passwd) -> list[str]:
        users = f"root:x:0:0:root:/:/usr/sbin/nologin\n{entry.pw_name}:x:{entry.pw_uid}:{entry.pw_gid}::/tmp:/bin/sh\n"
        groups = f"root:x:0:\n{entry.pw_name}:x:{entry.pw_gid}:\n"
        words = ["--ro-bind", "/usr", "/usr"]
        for name in _LINKS:
            words += ["--symlink", f"usr/{name}", f"/{name}"]
        words += ["--perms", "0755", "--dir", "/etc"]
        for name in _ETC:
            words += ["--ro-bind-try", f"/etc/{name}", f"/etc/{name}"]
        for path, text in (
            ("/etc/passwd", users),
            ("/etc/group", groups),
            ("/etc/hosts", "127.0.0.1 localhost\n::1 localhost\n"),
            ("/etc/resolv.conf", "".join(f"nameserver {address}\n" for address in resolvers())),
        ):
            words += ["--perms", "0444", "--ro-bind-data", str(self._data(text)), path]
        words += ["--proc", "/proc", "--dev", "/dev", "--perms", "1777", "--size", str(_SHARED_MEMORY)]
        return [*words, "--tmpfs", "/dev/shm", "--seccomp", str(self._data(syscalls.program()))]

    def _data(self, content: str | bytes) -> int:
        """A descriptor that bwrap reads this from."""
        handle = os.memfd_create("walls")
        os.write(handle, content.encode() if isinstance(content, str) else content)
        os.lseek(handle, 0, os.SEEK_SET)
        self._theirs.append(_high(handle))
        return self._theirs[-1]

    @staticmethod
    def _close(handles: list[int]) -> None:
        while handles:
            with contextlib.suppress(OSError):
                os.close(handles.pop())


def _binds(walls: Walls) -> list[str]:
    words: list[str] = []
    for name in _TEMPORARY:
        # What lies below is put in by name, which must not make folders in the tenant's own.
        if any(path.is_relative_to(name) for path in (*walls.reads, *walls.writes)):
            words += ["--perms", "1777", "--size", str(_SHARED_MEMORY), "--tmpfs", name]
        else:
            words += ["--bind", str(walls.tmp), name]
    # bwrap itself would make the folders above for root alone.
    above = {parent for path in (*walls.reads, *walls.writes) for parent in path.parents}
    for folder in sorted(str(path) for path in above - {Path("/"), *map(Path, _TEMPORARY)}):
        words += ["--perms", "0755", "--dir", folder]
    for path in walls.reads:
        words += ["--ro-bind", str(path), str(path)]
    for path in walls.writes:
        words += ["--bind", str(path), str(path)]
    return [*words, "--remount-ro", "/"]


def refused() -> str:
    """Why no namespaces can be made here, in bwrap's words; empty where they can."""
    argv = ["bwrap", "--ro-bind", "/", "/", "--unshare-pid", "--unshare-net", "--proc", "/proc", "true"]
    return process.run(argv, check=False).stderr.strip()


def resolvers() -> list[str]:
    """The machine's name servers that can be asked from behind walls: not those on its loopback."""
    for path in _RESOLV:
        try:
            lines = [line.split() for line in path.read_text().splitlines()]
        except OSError:
            continue
        return [words[1] for words in lines if words[:1] == ["nameserver"] and _outside(words[1:])]
    return []


def _outside(words: list[str]) -> bool:
    return bool(words) and "." in words[0] and not words[0].startswith("127.")


def _high(handle: int) -> int:
    """The same above those that a program inherits as its sockets, and inheritable."""
    high = fcntl.fcntl(handle, fcntl.F_DUPFD, 64)
    os.close(handle)
    return high
