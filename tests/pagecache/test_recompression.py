"""Which stored pages are compressed as well as can be, and when."""

from __future__ import annotations

import pytest

from pressroom.pagecache.renderer.frontier import LINKED, Job
from pressroom.pagecache.renderer.recompression import SETTLED, Recompressions
from pressroom.pagecache.renderer.renderer import Made


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def _job(key: str) -> Job:
    return Job("s1", key, LINKED)


def _made(body: bytes, *, same: bool = False) -> Made:
    return Made("stored", body=body, same=same)


def test_a_page_is_compressed_well_once_it_has_stayed(clock: Clock) -> None:
    waiting = Recompressions(1000, clock)
    waiting.stored(_job("/a/"), _made(b"first"))
    clock.now += SETTLED - 1
    assert not waiting.is_due()
    waiting.stored(_job("/a/"), _made(b"second"))
    waiting.stored(_job("/b/"), _made(b"other"))
    clock.now += 1
    assert not waiting.is_due()  # the first version is not there any more
    clock.now += SETTLED - 1
    assert waiting.is_due() and len(waiting) == 2
    assert waiting.take() == (_job("/a/"), _made(b"second"))
    assert waiting.take() == (_job("/b/"), _made(b"other"))
    assert not waiting.is_due() and len(waiting) == 0


def test_one_that_has_been_due_for_long_says_so(clock: Clock) -> None:
    waiting = Recompressions(1000, clock)
    waiting.stored(_job("/a/"), _made(b"text"))
    clock.now += SETTLED + 119
    assert waiting.is_due() and not waiting.is_due(120)
    clock.now += 1
    assert waiting.is_due(120)


def test_a_page_that_came_out_as_it_was_waits_no_longer_than_before(clock: Clock) -> None:
    waiting = Recompressions(1000, clock)
    waiting.stored(_job("/a/"), _made(b"text"))
    clock.now += SETTLED
    waiting.stored(_job("/a/"), _made(b"text", same=True))
    assert waiting.is_due() and len(waiting) == 1


def test_bodies_are_kept_up_to_a_bound_and_redirects_not_at_all(clock: Clock) -> None:
    waiting = Recompressions(10, clock)
    waiting.stored(_job("/redirect/"), _made(b""))
    waiting.stored(_job("/a/"), _made(b"12345678"))
    waiting.stored(_job("/too-much/"), _made(b"12345"))
    assert len(waiting) == 1
    clock.now += SETTLED
    waiting.take()
    waiting.stored(_job("/b/"), _made(b"1234567890"))
    assert len(waiting) == 1
