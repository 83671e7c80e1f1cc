"""The sets of colours. Each section keeps to three, so that its pictures are akin."""

from __future__ import annotations

from pressroom.demo.pictures.canvas import Colour, Palette


def _colour(text: str) -> Colour:
    return int(text[0:2], 16), int(text[2:4], 16), int(text[4:6], 16)


def _palette(light: str, colours: str) -> Palette:
    return Palette(light, *(_colour(one) for one in colours.split()))


# light, sky above, sky below, far, near, accent, pale
EVENING = _palette("in the evening light", "2b3a67 f2a679 8a6a86 1d2340 e4572e ffe3b3")
MORNING = _palette("in the early morning", "9cc5d3 f7ead7 a9bdbd 2f4858 e07a5f fff6e5")
NOON = _palette("at noon", "4f9bc4 d9eef3 8fb8b0 2c5f5d f2b134 ffffff")
GREY = _palette("on a grey day", "8d9aa3 dfe3e2 a7b0b2 35424b c8553d f5f3ee")
NIGHT = _palette("at night", "0b132b 27406b 2c4a6e 0a1024 f4c95d fdf3d0")
DUSK = _palette("at dusk", "3d2c5c e8909c 83598a 221a3a ffb86b ffe9d2")
AUTUMN = _palette("in autumn", "c9a66b f6e7c8 b98b53 4a2c1f c1440e fff3d6")
SPRING = _palette("in spring", "a8d5ba fbf6e3 9cc39a 2e5e4e e76f51 fffdf2")
SEA = _palette("in a fresh wind", "2f6f8f cfe6e4 6b9fae 12394d e9c46a f9fbf2")
WINE = _palette("under the lamps", "3b0d1f 8c2f39 6d2036 1e0710 f2c14e ffe8c9")
PAPER = _palette("in flat light", "f3e9d8 e8d8bd d9b48f 3a2e28 c8402f fffaf0")
MINT = _palette("in cool light", "d7ebe3 f4f7ef 9fcabd 23423f ef6f5e ffffff")

SECTION_PALETTES = {
    "town-hall": (EVENING, MORNING, GREY, AUTUMN, DUSK),
    "business": (PAPER, MORNING, NOON, DUSK),
    "harbour": (SEA, EVENING, MORNING, GREY, NIGHT),
    "culture": (WINE, NIGHT, DUSK, PAPER),
    "sport": (NOON, SPRING, EVENING, SEA),
    "science": (NIGHT, MINT, SEA, DUSK),
    "food": (PAPER, MINT, AUTUMN, SPRING),
    "weekend": (SPRING, MORNING, AUTUMN, DUSK, NOON),
}
