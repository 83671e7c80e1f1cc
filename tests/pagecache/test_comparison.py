"""What counts as another page, and what as chance."""

from __future__ import annotations

import random

import pytest

from pressroom.pagecache.renderer.comparison import differs

PAGE = (
    b"<html><body>"
    + b"".join(b"<p>line %d</p>" % n for n in range(40))
    + b"<p>Good day</p>"
    + b"<hr>" * 9
    + b"</body></html>"
)


def _with(*parts: bytes) -> bytes:
    return PAGE.replace(b"</body>", b"".join(b"<li>%s</li>" % part for part in parts) + b"</body>")


@pytest.mark.parametrize(
    "other",
    [
        PAGE.replace(b"Good day", b"Guten Tag"),
        PAGE.replace(b"<p>Good day</p>", b""),
        PAGE.replace(b"<p>line 3</p>", b"<p>line 3</p><p>a banner</p>"),
        b"<p>something else</p>",
        b"",
    ],
)
def test_another_text_is_a_difference(other: bytes) -> None:
    assert differs(PAGE, [PAGE, PAGE, PAGE], other)
    noisy = [_with(b"%d" % number) for number in range(4)]
    assert differs(noisy[0], noisy[1:], other.replace(b"</body>", b"<li>9</li></body>"))


def test_the_same_is_none() -> None:
    assert not differs(PAGE, [PAGE, PAGE, PAGE], PAGE)


@pytest.mark.parametrize("seed", range(200))
def test_chance_is_none(seed: int) -> None:
    """A list in any order, some of many, and a number."""
    dice = random.Random(seed)

    def page() -> bytes:
        shuffled = [b"<b>item %d</b><i>of the list</i>" % n for n in range(8)]
        chosen = [b"choice %d" % n for n in dice.sample(range(30), 3)]
        dice.shuffle(shuffled)
        return _with(*shuffled, *chosen, b"%d" % dice.randrange(10**9))

    body, plain = page(), [page(), page(), page()]
    assert not (differs(body, plain, page()) and differs(body, plain, page()))  # a probe must differ twice
