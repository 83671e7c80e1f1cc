"""Writers and readers at once: each writer counts up on a thing of its own, and readers look for numbers from before.

A page shows a writer's number as ``<letter>-mark-<number>``. When a writer's request has been answered, no page that is
asked for from then on may show an older number.
"""

from __future__ import annotations

import bisect
import random
import re
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial

import httpx
import pymysql

from pressroom.operations import cache
from tests.functional.newspaper import Newspaper
from tests.truth.ways import number_of

READERS = 8
# An SQL client's change is seen within this. Seconds.
SQL_BOUND = 0.05
_MARK = re.compile(r"\b([a-z])-mark-(\d+)")
_MOST_KEPT = 20  # stale answers that are told in full


class NotAnswered(Exception):
    """The write may or may not have happened: nobody was told that it has."""


@dataclass
class Writer:
    """Counts up. Its number must be seen from ``bound`` seconds after its answer on; ``pause`` is between writes."""

    letter: str
    write: Callable[[str], None]
    bound: float = 0.0
    pause: float = 0.3
    times: list[float] = field(default_factory=list)
    numbers: list[int] = field(default_factory=list)
    unanswered: int = 0

    def floor(self, asked: float) -> int:
        """The least number that a page may show which was asked for at this moment (monotonic)."""
        place = bisect.bisect_right(self.times, asked - self.bound)
        return self.numbers[place - 1] if place else 0

    def run(self, going: threading.Event, stop: threading.Event) -> None:
        number = 0
        while not stop.is_set():
            going.wait(0.1)
            if not going.is_set():
                continue
            number += 1
            try:
                self.write(f"{self.letter}-mark-{number}")
            except (NotAnswered, httpx.HTTPError, pymysql.err.Error, OSError):
                self.unanswered += 1
                stop.wait(0.1)
                continue
            self.numbers.append(number)  # first: a reader between the two lines finds the time only with its number
            self.times.append(time.monotonic())
            stop.wait(random.uniform(0, 2 * self.pause))


@dataclass
class Traffic:
    """What was seen: checks, stale answers among them, and answers by X-Pressroom-Cache or status."""

    paper: Newspaper
    writers: list[Writer]
    pages: dict[str, str]  # path: the letters that it must show
    checks: int = 0
    unchecked: int = 0
    stale: list[str] = field(default_factory=list)
    answers: Counter[str] = field(default_factory=Counter)
    failures: list[BaseException] = field(default_factory=list)
    blind: list[list[float]] = field(default_factory=list)  # from, to (monotonic): nobody follows plain SQL
    going: threading.Event = field(default_factory=threading.Event)
    _stop: threading.Event = field(default_factory=threading.Event)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __enter__(self) -> Traffic:
        self.going.set()
        targets: list[Callable[[], None]] = [partial(writer.run, self.going, self._stop) for writer in self.writers]
        targets += [self._read] * READERS
        self._threads = [threading.Thread(target=self._kept, args=(target,)) for target in targets]
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def _kept(self, target: Callable[[], None]) -> None:
        try:
            target()
        except BaseException as error:  # noqa: BLE001 (told by `check`: a thread must not end in silence)
            self.failures.append(error)

    @contextmanager
    def without_writers(self) -> Iterator[None]:
        self.going.clear()
        try:
            yield
        finally:
            self.going.set()

    @contextmanager
    def sql_unseen(self) -> Iterator[None]:
        """While this lasts nobody promises anything to those who write by plain SQL."""
        span = [time.monotonic(), float("inf")]
        self.blind.append(span)
        yield
        span[1] = time.monotonic()

    def _read(self) -> None:
        client = self.paper.client()
        paths = list(self.pages)
        while not self._stop.is_set():
            path = random.choice(paths)
            asked = time.monotonic()
            try:
                answer = client.get(path)
            except httpx.HTTPError as error:
                self._count(type(error).__name__)
                continue
            how = answer.headers.get("x-pressroom-cache", "")
            self._count(how if answer.status_code == 200 else f"status {answer.status_code}")
            if answer.status_code == 200:
                self._judge(path, asked, how, answer.text)
        client.close()

    def _count(self, how: str) -> None:
        with self._lock:
            self.answers[how] += 1

    def _judge(self, path: str, asked: float, how: str, text: str) -> None:
        seen = {letter: int(number) for letter, number in _MARK.findall(text)}
        for writer in self.writers:
            if writer.letter not in self.pages[path] and writer.letter not in seen:
                continue
            if writer.bound and self._is_blind(asked):
                self.unchecked += 1
                continue
            floor, number = writer.floor(asked), seen.get(writer.letter, 0)
            with self._lock:
                self.checks += 1
                if number < floor:
                    late = asked - writer.times[bisect.bisect_right(writer.numbers, number)]
                    self.stale.append(
                        f"{path} ({how}) asked at {asked:.3f} showed {writer.letter} {number} instead of {floor},"
                        f" {late * 1000:.0f} ms after its next one was answered"
                    )

    def _is_blind(self, asked: float) -> bool:
        """Whether what was written shortly before this moment was promised to be seen."""
        return any(since <= asked and asked <= to + SQL_BOUND for since, to in self.blind)

    def back(self, patience: float) -> float:
        """Seconds until all pages are hits again; writers must rest."""
        began = time.monotonic()
        with self.paper.client() as visitor:
            missing = list(self.pages)
            while missing:
                seconds = time.monotonic() - began
                assert seconds < patience, f"{missing} did not become hits: {_state(self.paper)}"
                try:
                    missing = [path for path in missing if not _is_hit(visitor, path)]
                except httpx.HTTPError:
                    continue
                time.sleep(0.02)
        return time.monotonic() - began

    def figures(self) -> dict[str, object]:
        return {
            "checks": self.checks,
            "stale": len(self.stale),
            "writes": {writer.letter: len(writer.times) for writer in self.writers},
            "unanswered": {writer.letter: writer.unanswered for writer in self.writers},
            "answers": dict(self.answers),
        }

    def check(self) -> None:
        assert self.failures == []
        assert not self.stale, "\n".join([f"{len(self.stale)} were stale", *self.stale[:_MOST_KEPT]])


def _is_hit(visitor: httpx.Client, path: str) -> bool:
    return str(visitor.get(path).headers.get("x-pressroom-cache")) == "hit"


def _state(paper: Newspaper) -> object:
    return cache.status(paper.node, paper.site.domain)


_THINGS = """
$pages = ['by-option' => '[pressroom_option name=pressroom_count]', 'by-rows' => '[pressroom_table name=test rows=7]'];
foreach ($pages as $slug => $text) {
    wp_insert_post(['post_type' => 'page', 'post_name' => $slug, 'post_title' => $slug, 'post_status' => 'publish',
        'post_content' => $text]);
}
update_option('pressroom_test_foot', 'off');
update_option('pressroom_count', 'c-mark-0');
wp_insert_comment(['comment_post_ID' => get_page_by_path('article-11', OBJECT, 'post')->ID,
    'comment_content' => 'b-mark-0', 'comment_author' => 'Counter', 'comment_author_email' => 'counter@example.org',
    'comment_approved' => 1]);
"""


@contextmanager
def counting(paper: Newspaper) -> Iterator[Traffic]:
    """Four writers, each by a way of its own, and the pages that show their numbers; the traffic is not begun."""
    paper.php(_THINGS)
    paper.sql("REPLACE INTO wp_pressroom_test (id, word) VALUES (7, 'd-mark-0')")
    article = number_of(paper, "article-12")
    comment = int(paper.value("SELECT comment_ID FROM wp_comments WHERE comment_content='b-mark-0'"))

    def by_rest(word: str) -> None:
        _answered(lambda: paper.rest("POST", f"posts/{article}", title=word))

    def by_comment(word: str) -> None:
        _answered(lambda: paper.rest("POST", f"comments/{comment}", content=word))

    def by_option(word: str) -> None:
        _answered(lambda: paper.as_editor(f"update_option('pressroom_count', '{word}');"))

    def by_sql(word: str) -> None:
        # A connection for each write: MariaDB is restarted under way.
        with _connect(paper) as connection:
            connection.cursor().execute("UPDATE wp_pressroom_test SET word=%s WHERE id=7", (word,))

    writers = [
        Writer("a", by_rest), Writer("b", by_comment), Writer("c", by_option), Writer("d", by_sql, bound=SQL_BOUND),
    ]  # fmt: skip
    pages = {
        "/": "a", "/article-12/": "a", "/article-11/": "b", "/by-option/": "c", "/by-rows/": "d",
        "/article-1/": "", "/feed/": "a",
    }  # fmt: skip
    paper.warm()
    try:
        yield Traffic(paper, writers, pages)
    finally:
        paper.log_in()
        paper.php(
            "delete_option('pressroom_test_foot'); delete_option('pressroom_count');"
            "foreach (['by-option', 'by-rows'] as $slug) { wp_delete_post(get_page_by_path($slug)->ID, true); }"
        )
        paper.sql("DELETE FROM wp_pressroom_test WHERE id=7")


def _connect(paper: Newspaper) -> pymysql.connections.Connection[pymysql.cursors.Cursor]:
    socket = str(paper.node.layout.mariadb_socket)
    return pymysql.connect(
        unix_socket=socket, user="root", database=paper.site.name, autocommit=True, connect_timeout=2
    )


def _answered(write: Callable[[], object]) -> None:
    """An answer that says no (a database that is down) promises nothing."""
    try:
        write()
    except (AssertionError, ValueError) as error:
        raise NotAnswered(str(error)[:300]) from error
