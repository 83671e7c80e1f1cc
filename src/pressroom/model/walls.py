"""What a program of a tenant may see, reach and take: one description, which each engine puts into practice."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Caps:
    """Upper bounds for all that runs behind one tenant's walls, whichever program began it.

    ``group`` names what shares them (a site's short name). ``memory`` in bytes, ``processes`` and ``open_files``
    (of one process) as numbers, as are ``connections`` to MariaDB (None: it does not reach that). The processor is
    shared among groups in equal parts when it is short; no bound otherwise.
    """

    group: str
    memory: int
    processes: int
    open_files: int
    connections: int | None = None


@dataclass(frozen=True)
class Walls:
    """The machine as a tenant's program finds it.

    Its own processes alone; the system's programs and libraries (`/usr`), read-only; of the rest, ``reads`` and, to
    be written, ``writes``, each under its own name; ``tmp`` under the names /tmp and /var/tmp. No network but what is
    outside: nothing of this machine's loopback, of private or link-local addresses (but ``reach``, in CIDR notation);
    names are asked of ``resolvers``.
    """

    reads: tuple[Path, ...]
    writes: tuple[Path, ...]
    tmp: Path
    caps: Caps


@dataclass(frozen=True)
class Space:
    """Upper bounds of what a tenant may have on disk: bytes, and files with folders and links."""

    bytes: int
    files: int


@dataclass(frozen=True)
class AccountCaps:
    """Upper bounds of a site's account in MariaDB: connections at once, seconds of one statement (0: none).

    A statement's is where a session begins; its own code may raise it.
    """

    connections: int
    statement_seconds: float
