"""Many visitors at once of a page that has just been taken out: one render serves them, and PHP makes nothing else."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from pressroom.operations import cache
from tests.conftest import until
from tests.functional.newspaper import Newspaper

VISITORS = 30


class Crowd:
    """Visitors who come at once."""

    def __init__(self, paper: Newspaper) -> None:
        self._client = paper.client()
        self._pool = ThreadPoolExecutor(VISITORS)
        list(self._pool.map(lambda _: self._client.get("/robots.txt"), range(VISITORS)))  # connected

    def come(self, count: int = VISITORS) -> list[Future[httpx.Response]]:
        return [self._pool.submit(self._client.get, "/") for _ in range(count)]

    def go(self) -> None:
        self._pool.shutdown()
        self._client.close()


@pytest.fixture
def crowd(paper: Newspaper) -> Iterator[Crowd]:
    crowd = Crowd(paper)
    yield crowd
    crowd.go()


@contextlib.contextmanager
def _held(paper: Newspaper, word: str) -> Iterator[None]:
    """The front page is out for this change, and no render comes to its end."""
    paper.await_hit()
    held = paper.pause("finish")
    try:
        paper.sql(f"UPDATE wp_pressroom_test SET word='{word}' WHERE id=1")
        paper.await_paused("finish")
        until(lambda: "/" not in paper.stored_keys())
        yield
    finally:
        held.unlink()


def _waiting(paper: Newspaper) -> int:
    return int(cache.ask_renderer(paper.node, {"op": "status", "site": paper.site.name})["waiting"])


def test_they_wait_for_one_render(paper: Newspaper, crowd: Crowd) -> None:
    with _held(paper, "crowd"):
        visits = crowd.come()
        until(lambda: _waiting(paper) == VISITORS)
    answers = [visit.result() for visit in visits]
    assert {answer.headers["x-pressroom-cache"] for answer in answers} == {"miss"}
    assert all("table=crowd" in answer.text for answer in answers)
    assert all("etag" in answer.headers for answer in answers), "PHP has answered some"


def test_they_do_not_wait_without_end(paper: Newspaper, crowd: Crowd) -> None:
    """The render does not come to its end: PHP answers, and nobody was asked to wait a second time."""
    with _held(paper, "patience"):
        answers = [visit.result() for visit in crowd.come(3)]
    assert all(answer.status_code == 200 and "table=patience" in answer.text for answer in answers)
    assert not any("etag" in answer.headers for answer in answers)


def test_what_changes_while_they_wait_is_in_their_answer(paper: Newspaper, crowd: Crowd) -> None:
    """The render they wait for is overtaken; what they get was begun after the change, by whomever."""
    with _held(paper, "before"):
        change = "UPDATE {$wpdb->prefix}pressroom_test SET word='after' WHERE id=1"
        paper.as_editor(f'global $wpdb; $wpdb->query("{change}");')
        visits = crowd.come(5)
        until(lambda: _waiting(paper) == 5)
    assert all("table=after" in visit.result().text for visit in visits)


def _niceness(paper: Newspaper, pool: str) -> set[int]:
    """Of the site's PHP workers of one pool."""
    found = set()
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):  # it has ended
            if process.owner() == paper.place.unix_user:
                words = (process / "cmdline").read_bytes()
                if words.startswith(f"php-fpm: pool {pool}".encode()):
                    found.add(int((process / "stat").read_text().rpartition(")")[2].split()[16]))  # proc(5)
    return found


def test_renders_step_back_unless_somebody_waits(paper: Newspaper) -> None:
    for number in range(3):  # the same workers several times
        paper.sql(f"UPDATE wp_pressroom_test SET word='step-{number}' WHERE id=1")
        paper.warm()
    assert _niceness(paper, "render") == {19}
    paper.rest("POST", "settings", description="An editor waits")
    assert _niceness(paper, "urgent") == {0}
