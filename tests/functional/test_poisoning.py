"""Thousands of generated requests leave no trace: not in the store, not in what a visitor gets who sends nothing.

Each carries a marker, which a plugin shows wherever it can. The ordinary run sends some hundred; `make test-attacks`
(`long`) a hundred thousand, in eight parts that can be run one by one (`-k part-3`).
`test_another_cache_is_poisoned` sends the same with nginx's own cache in the store's place.
"""

from __future__ import annotations

import base64
import json
import random
import secrets
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import pytest

from pressroom.model.pagekey import key_of
from tests.functional import poison
from tests.functional.hostile_traffic import Traffic
from tests.functional.newspaper import Newspaper
from tests.functional.raw import Answer, Closed, RawConnection, request

PAGES = (
    "/", *(f"/article-{number}/" for number in range(1, 4)), "/hello-world/", "/feed/", "/category/uncategorized/",
    "/article-2",
)  # fmt: skip
CONNECTIONS = 4
PARTS = 8


@dataclass
class Outcome:
    """What hostile requests were answered with. ``worst``: answers that are a fault, with their requests."""

    statuses: Counter[int] = field(default_factory=Counter)
    states: Counter[str] = field(default_factory=Counter)
    by_php: int = 0
    closed: int = 0
    worst: list[tuple[bytes, Answer]] = field(default_factory=list)
    seen: list[str] = field(default_factory=list)

    def add(self, data: bytes, answer: Answer) -> None:
        self.statuses[answer.status] += 1
        self.states[answer.cache] += 1
        self.by_php += "x-reflected" in answer.headers
        honest = answer.status in (429, 503) and "retry-after" in answer.headers
        if answer.status >= 500 and not honest and answer.status not in (501, 505):
            self.worst.append((data[:500], answer))


def _storm(paper: Newspaper, count: int, seed: int, *, watched: bool = True) -> Outcome:
    """Send so many over some connections, while a clean visitor looks at the pages."""
    outcome = Outcome()
    lock, over = threading.Lock(), threading.Event()

    def send(number: int) -> None:
        traffic = Traffic(seed * 100 + number, paper.host, PAGES)
        with RawConnection(poison.port(paper)) as connection:
            for _ in range(count // CONNECTIONS):
                hostile = traffic.next()
                try:
                    answer = connection.ask(hostile.data)
                except (Closed, ConnectionError):
                    with lock:
                        outcome.closed += 1
                    continue
                with lock:
                    outcome.add(hostile.data, answer)

    def look() -> None:
        visitor = poison.CleanVisitor(paper)
        while not over.wait(0.05):
            outcome.seen += visitor.markers([random.choice(PAGES)])

    senders = [threading.Thread(target=send, args=(number,)) for number in range(CONNECTIONS)]
    watcher = threading.Thread(target=look)
    for thread in [*senders, *([watcher] if watched else [])]:
        thread.start()
    for thread in senders:
        thread.join()
    over.set()
    if watched:
        watcher.join()
    return outcome


@pytest.fixture(scope="module")
def mirrored(paper: Newspaper) -> Iterator[Newspaper]:
    paper.node.engine.stop("cron")
    poison.activate(paper)
    for page in PAGES:
        paper.await_hit(page)
    yield paper
    poison.deactivate(paper)
    paper.node.engine.start("cron")


def _bodies(paper: Newspaper) -> dict[str, bytes]:
    visitor = poison.CleanVisitor(paper)
    return {page: visitor.get(page).body for page in PAGES}


def _leaves_no_trace(paper: Newspaper, count: int, seed: int) -> Outcome:
    before = _bodies(paper)
    outcome = _storm(paper, count, seed)
    paper.warm()
    print(f"\n{sorted(outcome.statuses.items())}\n{outcome.states.most_common()}\nclosed: {outcome.closed}")
    assert not outcome.worst, (len(outcome.worst), outcome.worst[:3])
    assert outcome.seen == []
    assert poison.marked_files(paper) == []
    assert poison.CleanVisitor(paper).markers([*PAGES, *paper.stored_keys()]) == []
    assert _bodies(paper) == before
    return outcome


def test_hundreds_of_requests_leave_no_trace(mirrored: Newspaper) -> None:
    outcome = _leaves_no_trace(mirrored, 800, seed=1)
    assert outcome.by_php > 30 and outcome.states["hit"] > 100, outcome


@pytest.mark.long
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("part", range(PARTS), ids=lambda part: f"part-{part}")
def test_a_hundred_thousand_leave_no_trace(mirrored: Newspaper, part: int) -> None:
    began, seed = time.monotonic(), secrets.randbelow(2**31)
    print(f"\nseed {seed}")
    outcome = _leaves_no_trace(mirrored, 112_000 // PARTS, seed)
    answers = sum(outcome.statuses.values())
    print(f"\n{answers} answers in {time.monotonic() - began:.0f} s, {outcome.by_php} by PHP:")
    assert answers > 100_000 / PARTS
    assert outcome.by_php > 5_000 / PARTS


def test_another_cache_is_poisoned(mirrored: Newspaper) -> None:
    with poison.naive_cache(mirrored):
        _storm(mirrored, 800, seed=1, watched=False)
        assert len(poison.CleanVisitor(mirrored).markers(PAGES)) > 5


# -- nginx and WordPress mean the same ------------------------------------------------------------------------------

_FORMS = (
    "{p}", "{p}?utm_source=x", "{p}?&&gclid=%00", "{p}?#x", "{p}?query-1-page=1", "{p}?", "{p}/", "/{p}", "/.{p}",
    "/x/..{p}", "{p}.", "{p}./", "{p}%2e/", "{p}?utm_source=x#y", "{p}#x", "http://{h}{p}", "http://{h}{p}?utm_a=b",
    "{p}%20", "{p}%00", "{p}?query-1-page=01", "{p}x/../", "/%2e{p}", "{c}", "{e}",
)  # fmt: skip


def _taken(answer: Answer) -> list[str]:
    """What WordPress was told, and what it made of it: target, arguments, host, address, path."""
    told: list[str] = json.loads(base64.b64decode(answer.headers["x-taken"]))
    return [base64.b64decode(part).decode("latin-1") for part in told]


def _targets(host: str, pages: Sequence[str]) -> Iterator[str]:
    for page in pages:
        for form in _FORMS:
            filled = form.replace("{p}", page).replace("{h}", host)
            filled = filled.replace("{c}", page.upper()).replace("{e}", page.replace("a", "%61"))
            yield filled


def test_what_nginx_takes_for_a_stored_page_is_that_page_for_wordpress(mirrored: Newspaper) -> None:
    """A hit is one by nginx's reading of the target. The same target is then sent by somebody who is known, to PHP."""
    hits = passed = 0
    with RawConnection(poison.port(mirrored)) as connection:

        def by_php(target: str) -> Answer:
            return connection.ask(request(target, "Cookie: comment_author_0=x", "X-Echo: 1", host=mirrored.host))

        for target in _targets(mirrored.host, PAGES):
            plain = connection.ask(request(target, host=mirrored.host))
            answer = by_php(target)
            if "x-taken" not in answer.headers:
                assert plain.status in (301, 302, 400, 404) and answer.status == plain.status, target
                continue
            taken = _taken(answer)
            assert taken[0] == target.removeprefix(f"http://{mirrored.host}")
            assert taken[2] == mirrored.host
            passed += 1
            if plain.cache == "hit":
                key = key_of(target.removeprefix(f"http://{mirrored.host}").partition("#")[0])
                assert key is not None
                assert taken[4] == _taken(by_php(key))[4], target
                assert plain.body == connection.ask(request(key, host=mirrored.host)).body
                hits += 1
    assert hits > 50 and passed > hits
