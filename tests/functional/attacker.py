"""Somebody who has a site on the node, and tries what PHP and programs of his own can try."""

from __future__ import annotations

import contextlib
import json
import secrets
from collections.abc import Collection, Iterator, Mapping
from typing import Any
from unittest import mock

from pressroom.control.desired import site_program_name
from pressroom.operations import sites
from pressroom.system import files, network, process
from tests.functional.newspaper import Newspaper

# By which words each wall is put up (system/enclosure.py).
_WORDS = {
    "processes": {"--unshare-pid"},
    "ipc": {"--unshare-ipc"},
    "network": {"--unshare-net"},
    "rights": {"--no-new-privs", "--inh-caps=-all", "--bounding-set=-all"},
}
_BEGINNINGS = {"user": ("--reuid=", "--regid="), "limits": ("--nproc=", "--nofile=")}
_SCRIPT = """
error_reporting( 0 );
echo "\\x00", json_encode( ( function () { %s } )() );
"""


class Attacker:
    """PHP of the site's own, with nothing forbidden by PHP's settings."""

    def __init__(self, paper: Newspaper) -> None:
        self.paper = paper

    def runs(self, code: str, *, without: Collection[str] = (), timeout: float = 60.0) -> Any:
        """What the code returns, run behind the site's walls but for those named; None when it was ended before."""
        argv = ["php8.2", "-d", "memory_limit=-1", "-r", _SCRIPT % code]
        with sites.inside(self.paper.node, self.paper.site).enclosure(argv) as within:
            within.argv = lowered(within.argv, without)
            with mock.patch.object(network, "connect") if "network" in without else contextlib.nullcontext():
                done = process.run(argv, within=within, check=False, timeout=timeout)
        _, mark, answer = done.stdout.partition("\x00")
        assert mark or done.exit_code > 1, f"it did not begin: {done.stderr}"
        return json.loads(answer) if mark and answer else None

    def asks(self, code: str, **beside: str) -> Any:
        """What the code returns, run by the site's PHP-FPM for a visitor. `beside`: files beside it, by name."""
        with self.laid(code, **beside) as target, self.paper.client() as visitor:
            answer = visitor.get(target)
        assert answer.status_code == 200, f"{answer.status_code} {answer.text[:300]}"
        return json.loads(answer.text.partition("\x00")[2])

    @contextlib.contextmanager
    def laid(self, code: str, **beside: str) -> Iterator[str]:
        """A script of the site's own, in a new folder; its address."""
        user, folder = self.paper.place.unix_user, self.paper.place.content / f"attack-{secrets.token_hex(4)}"
        process.run(["mkdir", folder], user=user)
        try:
            for name, text in {"attack.php": f"<?php {_SCRIPT % code}", **beside}.items():
                process.run(["dd", "status=none", f"of={folder / name}"], user=user, stdin=text)
            yield f"/wp-content/{folder.name}/attack.php"
        finally:
            process.run(["rm", "-rf", folder], user=user)


def lowered(argv: list[str], walls: Collection[str]) -> list[str]:
    begin, end = argv.index("--block-fd") + 2, argv.index("--chdir")
    namespaces, view, rest = argv[:begin], argv[begin:end], argv[end:]
    calls = view[(at := view.index("--seccomp")) : at + 2]
    if "files" in walls:
        view = ["--bind", "/", "/", "--dev", "/dev", "--bind", "/dev/shm", "/dev/shm", "--proc", "/proc", *calls]
    if "calls" in walls:
        at = view.index("--seccomp")
        del view[at : at + 2]
    if "user" in walls:  # root, with all that root may
        rest = [word for word in rest if word not in {"--cap-drop", "ALL"} | _WORDS["rights"]]
    gone = {word for wall in walls for word in _WORDS.get(wall, set())}
    beginnings = tuple(word for wall in walls for word in _BEGINNINGS.get(wall, ()))
    made = [*namespaces, *view, *rest]
    return [word for word in made if word not in gone and not (beginnings and word.startswith(beginnings))]


@contextlib.contextmanager
def fpm_changed(paper: Newspaper, changes: Mapping[str, str]) -> Iterator[None]:
    """The configuration of the site's PHP-FPM with each of these texts replaced."""
    config, program = paper.place.fpm_config, site_program_name(paper.site.name)
    text = changed = config.read_text()
    for old, new in changes.items():
        assert old in changed
        changed = changed.replace(old, new)
    mode, owner, group = config.stat().st_mode & 0o777, config.owner(), config.group()

    def put(wanted: str) -> None:
        files.write(config, wanted, mode=mode, owner=owner, group=group)
        paper.node.engine.restart(program)

    try:
        put(changed)
        yield
    finally:
        put(text)
