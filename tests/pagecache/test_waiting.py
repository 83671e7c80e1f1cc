"""A visitor who has missed a page waits for its render: nginx's own configuration, and the room it asks."""

from __future__ import annotations

import asyncio
import pwd
import socket
import threading
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor

import pytest

from pressroom.pagecache.renderer import waiting
from pressroom.pagecache.renderer.waiting import WaitingRoom
from pressroom.pagecache.store import REDIRECT, TYPED
from tests.conftest import until
from tests.pagecache.webserver import Answer, WebServer

BODY = b"<p>made meanwhile</p>" * 50


class Room:
    """The waiting room in a thread, and visitors."""

    def __init__(self, web: WebServer, web_user: str = "www-data") -> None:
        self.web = web
        self.asked: list[tuple[str, str]] = []
        self.comes = True
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever)
        self._room = WaitingRoom(pwd.getpwnam(web_user).pw_uid, self._comes)
        self._visitors = ThreadPoolExecutor(20)

    def __enter__(self) -> Room:
        self._loop.run_until_complete(self._room.serve(self.web.layout.waiting_socket))
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._visitors.shutdown()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self.web.layout.waiting_socket.unlink()

    def _comes(self, site: str, key: str) -> bool:
        self.asked.append((site, key))
        return self.comes

    def visit(self, target: str = "/late/", *headers: str, method: str = "GET") -> Future[Answer]:
        return self._visitors.submit(self.web.get, target, *headers, method=method)

    def visit_waiting(self, target: str = "/late/", *headers: str, method: str = "GET") -> Future[Answer]:
        """One who has come so far that the render is awaited."""
        count = len(self.asked)
        visit = self.visit(target, *headers, method=method)
        until(lambda: len(self.asked) > count)
        return visit

    def visitors(self) -> int:
        """Who waits for any page."""
        return self._room.visitors()

    def settled(self, key: str = "/late/", *, stored: bool = True) -> None:
        self._loop.call_soon_threadsafe(lambda: self._room.settled("s1", key, stored=stored))


@pytest.fixture
def room(web: WebServer) -> Iterator[Room]:
    web.clear()
    with Room(web) as room:
        yield room


def _is_origins(answer: Answer) -> bool:
    return answer.status == 503 and answer.cache == "miss"  # PHP's socket leads nowhere here


def test_who_waited_gets_the_page_from_the_store(room: Room) -> None:
    visit = room.visit_waiting("/late/?utm_source=x")
    room.web.put("/late/", BODY)
    room.settled()
    answer = visit.result(5)
    assert (answer.status, answer.body, answer.cache) == (200, BODY, "miss")
    assert "etag" in answer.headers and answer.headers["cache-control"] == "no-cache"
    assert room.asked == [("s1", "/late/")]
    assert room.web.get("/late/").is_hit


def test_many_wait_for_one_render(room: Room) -> None:
    visits = [room.visit_waiting()] + [room.visit() for _ in range(15)]
    until(lambda: room.visitors() == 16)
    room.web.put("/late/", BODY)
    room.settled()
    assert {visit.result(5).body for visit in visits} == {BODY}
    assert len(room.asked) == 1


def test_compressed_and_by_head(room: Room) -> None:
    visits = [room.visit_waiting("/late/", "Accept-Encoding: br"), room.visit("/late/", method="HEAD")]
    until(lambda: room.visitors() == 2)
    room.web.put("/late/", BODY)
    room.settled()
    assert visits[0].result(5).headers["content-encoding"] == "br"
    assert visits[1].result(5).status == 200 and visits[1].result(5).body == b""


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_a_feed_and_a_redirect(room: Room, method: str) -> None:
    feed = room.visit_waiting("/late/", method=method)
    room.web.put("/late/", BODY, kind=TYPED, head={"headers": {"Content-Type": "application/rss+xml"}})
    room.settled()
    answer = feed.result(5)
    assert (answer.status, answer.headers["content-type"], answer.cache) == (200, "application/rss+xml", "miss")
    moved = room.visit_waiting("/moved/", method=method)
    room.web.put("/moved/", b"", kind=REDIRECT, head={"status": 301, "location": "http://news.example.org/late/"})
    room.settled("/moved/")
    answer = moved.result(5)
    assert (answer.status, answer.headers["location"], answer.cache) == (301, "http://news.example.org/late/", "miss")


def test_what_is_not_stored_after_all_is_the_origins(room: Room) -> None:
    visit = room.visit_waiting()
    room.settled(stored=False)
    assert _is_origins(visit.result(5))
    visit = room.visit_waiting()
    room.settled(stored=True)  # and taken out again at once: nobody waits twice
    assert _is_origins(visit.result(5))
    assert len(room.asked) == 2


def test_nobody_waits_for_ever(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(waiting, "LONGEST_WAIT", 0.05)
    assert _is_origins(room.visit().result(5))
    assert room.visitors() == 0


def test_nobody_waits_for_what_does_not_come(room: Room) -> None:
    room.comes = False
    assert _is_origins(room.visit().result(5))


def test_only_so_many_pages_are_waited_for(room: Room) -> None:
    visits = [room.visit_waiting(f"/{number}/") for number in range(waiting._MOST_PAGES)]
    assert _is_origins(room.visit("/one-more/").result(5))
    for number in range(waiting._MOST_PAGES):
        room.settled(f"/{number}/", stored=False)
    assert all(_is_origins(visit.result(5)) for visit in visits)


@pytest.mark.parametrize(
    ("target", "headers"),
    [
        ("/late/?a=1", []),
        ("/late/", ["Cookie: wordpress_logged_in_x=1"]),
        ("/late/", ["Authorization: Basic eDp5"]),
        ("/late/", ["Accept-Encoding: gzip;Q=1"]),  # the static modules would misread it
        ("//late/", []),
    ],
)
def test_who_may_not_have_a_stored_page_does_not_wait(room: Room, target: str, headers: list[str]) -> None:
    assert room.web.get(target, *headers).status == 503
    assert room.asked == []


def test_a_gate_that_is_closed_meanwhile_is_minded(room: Room) -> None:
    visit = room.visit_waiting()
    room.web.put("/late/", BODY)
    room.web.gates.close("s1")
    room.settled()
    assert _is_origins(visit.result(5))


def test_without_the_room_all_is_the_origins(web: WebServer) -> None:
    web.clear()
    assert _is_origins(web.get("/late/"))


def test_a_room_that_hangs_costs_two_seconds(web: WebServer) -> None:
    web.clear()
    with socket.socket(socket.AF_UNIX) as deaf:
        deaf.bind(str(web.layout.waiting_socket))
        deaf.listen()
        web.layout.waiting_socket.chmod(0o666)
        assert _is_origins(web.get("/late/"))
    web.layout.waiting_socket.unlink()


def test_strangers_are_sent_away(web: WebServer) -> None:
    web.clear()
    with Room(web, web_user="nobody") as room:
        assert _is_origins(room.visit().result(5))
        assert room.asked == []


@pytest.mark.parametrize("request_", [b"garbage", b"5:", b"99999999:x", b"0:,", b"4:a\0b,", b"-1:"])
def test_garbage_harms_nobody(room: Room, request_: bytes) -> None:
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(str(room.web.layout.waiting_socket))
        client.sendall(request_)
        client.shutdown(socket.SHUT_WR)
        client.settimeout(5)
        assert client.recv(100) == b""
    visit = room.visit_waiting()
    room.settled(stored=False)
    assert _is_origins(visit.result(5))
