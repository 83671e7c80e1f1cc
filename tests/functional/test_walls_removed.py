"""The freshness tests are worth something only if they fail without what they test: each wall is taken away once.

A race that is rare is made certain: the invalidator is stopped (SIGSTOP), or a render is held at a pause point.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager

from pressroom.control.desired import site_program_name
from pressroom.operations import cache
from pressroom.system import files
from tests.functional.newspaper import Newspaper
from tests.wall_table import Seen

_OLD_PAGE = ("the page from before a change, while the invalidator is dead", "the barrier")
_OLD_RENDER = ("a render that a change has overtaken", "the fence")


@contextmanager
def _stopped(paper: Newspaper, program: str) -> Iterator[None]:
    pid = paper.program_pid(program)
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


@contextmanager
def _php_changed(paper: Newspaper, name: str, old: str, new: str) -> Iterator[None]:
    """The platform's PHP with one thing replaced. PHP is started anew: it looks at files' times every two seconds."""
    path = paper.node.layout.php / name
    text = path.read_text()
    assert text.count(old) == 1, f"{old!r} is not in {name} once"

    def put(content: str) -> None:
        files.write(path, content)
        paper.node.engine.restart(site_program_name(paper.site.name))

    put(text.replace(old, new))
    try:
        yield
    finally:
        put(text)


def _change(paper: Newspaper, word: str) -> float:
    began = time.monotonic()
    with paper.client() as writer:
        assert writer.get(f"/?pressroom_test=write-redirect&value={word}").status_code == 302
    return time.monotonic() - began


def _await_open_gate(paper: Newspaper) -> None:
    until = time.monotonic() + 15
    while not paper.place.gate.exists():
        assert time.monotonic() < until, "the gate was not opened again"
        time.sleep(0.05)


def test_a_dead_invalidator_costs_speed_not_freshness(paper: Newspaper, seen: Seen) -> None:
    paper.await_hit()
    with paper.client() as visitor:
        with _stopped(paper, "invalidator"):
            seconds = _change(paper, "while-stopped")
            assert seconds < 1.5
            answer = visitor.get("/")
            assert "option=while-stopped;" in answer.text
            assert answer.headers["x-pressroom-cache"] == "bypass; reason=gate"
        _await_open_gate(paper)
        paper.await_hit()
        assert "option=while-stopped;" in paper.foot(visitor)
    seen.kept_out(*_OLD_PAGE)


def test_an_invalidator_that_hangs_is_started_anew(paper: Newspaper) -> None:
    """Nothing else would end it, and what is changed by plain SQL would go unseen."""
    paper.await_hit()
    pid = paper.program_pid("invalidator")
    os.kill(pid, signal.SIGSTOP)
    paper.sql("UPDATE wp_pressroom_test SET word='while it hung' WHERE id=1")
    until = time.monotonic() + 30
    while paper.node.engine.pids().get("invalidator", pid) in (pid, 0):
        assert time.monotonic() < until, "it hangs still"
        time.sleep(0.2)
    with paper.client() as visitor:  # it has to start, and to read on from where it was
        while "table=while it hung" not in paper.foot(visitor):
            assert time.monotonic() < until, "the change goes unseen"
            time.sleep(0.2)
    _await_open_gate(paper)
    paper.await_hit()


def test_without_the_barrier_the_old_page_is_seen(paper: Newspaper, seen: Seen) -> None:
    """The same as above with the wait taken out: here the stale page must be seen."""
    paper.await_hit()
    with (
        _php_changed(
            paper, "barrier.php", "foreach ( self::$connections as $connection )", "foreach ( array() as $connection )"
        ),
        paper.client() as visitor,
    ):
        paper.await_hit()
        with _stopped(paper, "invalidator"):
            _change(paper, "without-barrier")
            answer = visitor.get("/")
            assert answer.headers["x-pressroom-cache"] == "hit"
            assert "option=without-barrier;" not in answer.text
    paper.await_hit()
    seen.came_through(*_OLD_PAGE)


def _render_overtaken(paper: Newspaper, word: str) -> str:
    """Hold a render at its end, change what it has read, let it go on; what the front page says then, as a hit."""
    paper.await_hit()
    paper.warm()
    held = paper.pause("finish")
    paper.sql("UPDATE wp_pressroom_test SET word='held' WHERE id=1")
    paper.await_paused("finish")
    paper.sql(f"UPDATE wp_pressroom_test SET word='{word}' WHERE id=1")
    time.sleep(0.3)  # the tailer passes the change while the render is held
    held.unlink()
    paper.await_hit()
    with paper.client() as visitor:
        return paper.foot(visitor)


def test_an_overtaken_render_is_not_stored(paper: Newspaper, seen: Seen) -> None:
    assert "table=overtaken-1" in _render_overtaken(paper, "overtaken-1")
    seen.kept_out(*_OLD_RENDER)


def test_without_the_fence_it_is_stored(paper: Newspaper, seen: Seen) -> None:
    """The fence taken out: the recorder claims the position at the render's end. Here the stale page must be seen."""
    paper.warm()  # a page that is made with the changed PHP would be taken out by no change
    with _php_changed(
        paper,
        "recorder.php",
        "self::pause( 'finish' );",
        "self::pause( 'finish' );\n\t\tself::$record['fence'][1] = 2000000000;",
    ):
        assert "table=overtaken-2" not in _render_overtaken(paper, "overtaken-2")
        paper.sql("UPDATE wp_pressroom_test SET word='after' WHERE id=1")
    cache.purge(paper.node, paper.site.domain)
    paper.await_hit()
    seen.came_through(*_OLD_RENDER)
