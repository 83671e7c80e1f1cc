"""Everything killed while readers read: hits go on, misses get an honest 503, `up` brings all back."""

from __future__ import annotations

import contextlib
import os
import pwd
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from pressroom.operations import cache
from pressroom.operations import running as nodes
from tests.functional.newspaper import Newspaper

SECONDS = 6


@pytest.fixture(autouse=True)
def brought_back(paper: Newspaper) -> Iterator[None]:
    """Whatever happens in a test, the node runs again after it."""
    yield
    nodes.up(paper.node)
    nodes.wait_for_answer(paper.node)
    paper.log_in()
    paper.await_hit()


def _processes(paper: Newspaper) -> Iterator[tuple[int, str]]:
    """Process number and command of everything below the node's root but nginx."""
    root = str(paper.node.root).encode()
    mark = f"PRESSROOM_PROGRAM={paper.node.layout.prefix}:".encode()
    users = {u.pw_uid for u in pwd.getpwall() if u.pw_name.startswith(f"{paper.node.layout.prefix}-")}
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit() or int(entry.name) == os.getpid():
            continue
        try:
            words, environment = (entry / "cmdline").read_bytes(), (entry / "environ").read_bytes()
        except OSError:
            continue
        ours = mark in environment or entry.stat().st_uid in users or (root in words and b"supervisord" in words)
        if ours and not words.startswith(b"nginx:"):
            yield int(entry.name), words.replace(b"\0", b" ").decode(errors="replace")


def _kill_all_but_nginx(paper: Newspaper) -> list[str]:
    """-9 for supervisord first, so that it brings nothing back."""
    killed = []
    for first in (True, False):
        for pid, command in list(_processes(paper)):
            if ("supervisord" in command) is first:
                with contextlib.suppress(ProcessLookupError):  # the root helper ends when nobody asks it
                    os.kill(pid, signal.SIGKILL)
                killed.append(command)
    return killed


def test_hits_go_on_when_all_else_is_killed(paper: Newspaper) -> None:
    paper.node.engine.stop("cron")  # an event due just now would rightly take the pages out
    # So would a start, pages that were made within a second of a change of code, as the test before may have left them.
    time.sleep(1.1)
    cache.purge(paper.node, paper.site.domain)
    paper.warm()
    nginx_pid = int(paper.node.layout.nginx_pid.read_text())
    load = subprocess.Popen(
        [shutil.which("wrk") or "wrk", "-t1", "-c50", f"-d{SECONDS}s", "-H", f"Host: {paper.host}", f"{paper.base}/"],
        stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    time.sleep(SECONDS / 3)
    killed = _kill_all_but_nginx(paper)
    wanted = {
        "mariadbd",
        "php-fpm",
        "pagecache.invalidator.daemon",
        "pagecache.renderer.daemon",
        "supervisord",
        "activator",
        "keeper",
    }
    assert wanted == {word for word in wanted if any(word in command for command in killed)}
    report, _ = load.communicate(timeout=SECONDS + 20)
    assert "Non-2xx" not in report and "Socket errors" not in report, report
    assert int(re.search(r"(\d+) requests in", report).group(1)) > 1000  # type: ignore[union-attr]
    with paper.client() as visitor:
        assert visitor.get("/").headers["x-pressroom-cache"] == "hit"
        missed = visitor.get("/?not-stored")
        assert (missed.status_code, missed.headers["retry-after"]) == (503, "5")
    assert {part.state for part in nodes.status(paper.node) if part.name not in ("nginx", "firewall")} == {"stopped"}

    nodes.up(paper.node)
    assert int(paper.node.layout.nginx_pid.read_text()) == nginx_pid, "nginx was not kept"
    assert {part.state for part in nodes.status(paper.node)} <= {"running", "starting", "asleep"}
    with paper.client() as visitor:
        assert visitor.get("/").headers["x-pressroom-cache"] == "hit", "the stored pages were thrown away"
        assert visitor.get("/?not-stored").status_code == 200


def test_a_change_while_all_was_dead_is_seen(paper: Newspaper) -> None:
    """The invalidator reads on from its saved place: what was changed meanwhile takes the pages out."""
    paper.await_hit()
    pid = paper.program_pid("invalidator")
    paper.node.engine.stop("invalidator")
    assert not Path(f"/proc/{pid}").exists()
    paper.sql("UPDATE wp_pressroom_test SET word='changed-meanwhile' WHERE id=1")
    paper.node.engine.start("invalidator")
    until = time.monotonic() + 5
    with paper.client() as visitor:
        while "table=changed-meanwhile" not in paper.foot(visitor):
            assert time.monotonic() < until
            time.sleep(0.02)


def test_database_down(paper: Newspaper) -> None:
    paper.await_hit()
    paper.node.engine.stop("mariadb")
    with paper.client() as visitor:
        assert visitor.get("/").headers["x-pressroom-cache"] == "hit"
        missed = visitor.get("/?not-stored")
        assert (missed.status_code, missed.headers["retry-after"]) == (503, "5")
    states = {part.name: part.state for part in nodes.status(paper.node)}
    assert states["mariadb"] == "stopped" and states["nginx"] == "running"


def test_php_down(paper: Newspaper) -> None:
    paper.await_hit()
    name = f"php-{paper.site.name}"
    paper.node.engine.stop(name)
    with paper.client() as visitor:
        assert visitor.get("/").headers["x-pressroom-cache"] == "hit"
        missed = visitor.get("/?not-stored")
        assert (missed.status_code, missed.headers["retry-after"]) == (503, "5")
    assert {part.name: part.state for part in nodes.status(paper.node)}[name] == "stopped"


def test_a_purged_binlog_drops_the_pages(paper: Newspaper) -> None:
    paper.await_hit()
    paper.node.engine.stop("invalidator")
    paper.sql("UPDATE wp_pressroom_test SET word='purged' WHERE id=1")
    paper.sql("FLUSH BINARY LOGS")
    paper.sql("FLUSH BINARY LOGS")
    paper.sql("PURGE BINARY LOGS BEFORE NOW() + INTERVAL 1 DAY")
    paper.node.engine.start("invalidator")
    until = time.monotonic() + 30
    with paper.client() as visitor:
        while "table=purged" not in paper.foot(visitor):
            assert time.monotonic() < until, (paper.node.layout.log / "invalidator.log").read_text()[-3000:]
            time.sleep(0.02)
    paper.await_hit()


def test_database_restarted(paper: Newspaper) -> None:
    """The tailer finds its way back by itself."""
    paper.await_hit()
    paper.node.engine.restart("mariadb")
    until = time.monotonic() + 20
    while not paper.node.database.alive():
        assert time.monotonic() < until
        time.sleep(0.05)
    paper.sql("UPDATE wp_pressroom_test SET word='after-restart' WHERE id=1")
    with paper.client() as visitor:
        while "table=after-restart" not in paper.foot(visitor):
            assert time.monotonic() < until
            time.sleep(0.02)
