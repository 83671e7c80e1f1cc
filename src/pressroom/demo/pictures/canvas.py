"""A drawing surface of 1200 x 675 units, drawn at twice that size and reduced, so that edges are smooth."""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

from PIL import Image, ImageDraw

WIDTH, HEIGHT = 1200, 675
_SCALE = 2

Colour = tuple[int, int, int]
Point = tuple[float, float]


def mix(one: Colour, other: Colour, share: float) -> Colour:
    """`share` of `other` in `one`, 0 to 1."""
    r, g, b = (round(a + (z - a) * share) for a, z in zip(one, other, strict=True))
    return r, g, b


@dataclass(frozen=True)
class Palette:
    """Colours that go together, and the light that they stand for, as used in captions."""

    light: str
    sky: Colour
    low: Colour
    far: Colour
    near: Colour
    accent: Colour
    pale: Colour

    def layer(self, depth: float) -> Colour:
        """A plane's colour: 0 is the farthest, 1 the nearest."""
        return mix(self.far, self.near, depth)


@cache
def _halo() -> Image.Image:
    return Image.radial_gradient("L").point([max(0, 255 - round(v * 1.42)) for v in range(256)])


class Canvas:
    """What motifs draw on. Coordinates are units from the top left; colours may carry an opacity."""

    def __init__(self, palette: Palette, chance: random.Random) -> None:
        self.palette = palette
        self.chance = chance
        column = Image.new("RGB", (1, 64))
        column.putdata([mix(palette.sky, palette.low, (y / 63) ** 1.3) for y in range(64)])
        self._image = column.resize((WIDTH * _SCALE, HEIGHT * _SCALE), Image.Resampling.BILINEAR)
        self._draw = ImageDraw.Draw(self._image, "RGBA")

    def polygon(self, points: Sequence[Point], colour: Colour, opacity: float = 1.0) -> None:
        scaled = [(x * _SCALE, y * _SCALE) for x, y in points]
        self._draw.polygon(scaled, fill=(*colour, round(255 * opacity)))

    def box(self, x: float, y: float, w: float, h: float, colour: Colour, opacity: float = 1.0) -> None:
        ends = (x * _SCALE, y * _SCALE, (x + w) * _SCALE - 1, (y + h) * _SCALE - 1)
        if ends[2] >= ends[0] and ends[3] >= ends[1]:
            self._draw.rectangle(ends, fill=(*colour, round(255 * opacity)))

    def rounded(self, x: float, y: float, w: float, h: float, radius: float, colour: Colour) -> None:
        ends = (x * _SCALE, y * _SCALE, (x + w) * _SCALE, (y + h) * _SCALE)
        self._draw.rounded_rectangle(ends, radius=radius * _SCALE, fill=colour)

    def disc(self, x: float, y: float, radius: float, colour: Colour, opacity: float = 1.0) -> None:
        self.ellipse(x, y, radius, radius, colour, opacity)

    def ellipse(self, x: float, y: float, rx: float, ry: float, colour: Colour, opacity: float = 1.0) -> None:
        ends = ((x - rx) * _SCALE, (y - ry) * _SCALE, (x + rx) * _SCALE, (y + ry) * _SCALE)
        self._draw.ellipse(ends, fill=(*colour, round(255 * opacity)))

    def ring(self, x: float, y: float, radius: float, width: float, colour: Colour) -> None:
        ends = [v * _SCALE for v in (x - radius, y - radius, x + radius, y + radius)]
        self._draw.ellipse(ends, outline=colour, width=max(1, round(width * _SCALE)))

    def slice(self, x: float, y: float, radius: float, start: float, end: float, colour: Colour) -> None:
        """Part of a disc between two angles in degrees, clockwise from the right."""
        ends = [v * _SCALE for v in (x - radius, y - radius, x + radius, y + radius)]
        self._draw.pieslice(ends, start, end, fill=colour)

    def line(self, points: Sequence[Point], width: float, colour: Colour, opacity: float = 1.0) -> None:
        scaled = [(x * _SCALE, y * _SCALE) for x, y in points]
        self._draw.line(scaled, (*colour, round(255 * opacity)), max(1, round(width * _SCALE)), "curve")

    def glow(self, x: float, y: float, radius: float, colour: Colour, strength: float = 0.6) -> None:
        """Soft light round a point."""
        size = round(radius * 2 * _SCALE)
        mask = _halo().resize((size, size), Image.Resampling.BILINEAR)
        mask = mask.point([round(v * strength) for v in range(256)])
        corner = (round((x - radius) * _SCALE), round((y - radius) * _SCALE))
        self._image.paste(Image.new("RGB", (size, size), colour), corner, mask)

    def sun(self, x: float, y: float, radius: float) -> None:
        self.glow(x, y, radius * 4.2, self.palette.pale, 0.55)
        self.disc(x, y, radius, mix(self.palette.pale, (255, 255, 255), 0.35))

    def ridge(self, y: float, height: float, colour: Colour, *, rough: float = 1.0) -> list[Point]:
        """A line of hills from edge to edge, filled downwards; returns its upper edge."""
        phases = [self.chance.uniform(0, math.tau) for _ in range(4)]
        edge = []
        for x in range(-10, WIDTH + 20, 10):
            t = x / WIDTH * math.tau
            wave = math.sin(t * 0.9 + phases[0]) + 0.45 * math.sin(t * 2.1 + phases[1])
            wave += rough * (0.2 * math.sin(t * 5 + phases[2]) + 0.07 * math.sin(t * 13 + phases[3]))
            edge.append((float(x), y - height * wave / 2))
        self.polygon([*edge, (WIDTH + 20, HEIGHT + 5), (-10, HEIGHT + 5)], colour)
        return edge

    def water(self, y: float, colour: Colour, light_x: float) -> None:
        """A surface from `y` down to the edge, with glints below a light."""
        self.box(0, y, WIDTH, HEIGHT - y, colour)
        depth = HEIGHT - y
        for _ in range(70):
            down = self.chance.random() ** 1.4
            spread = 60 + 320 * down
            at = light_x + self.chance.gauss(0, 1) * spread * 0.5
            length = (18 + 110 * down) * self.chance.uniform(0.5, 1.2)
            self.box(at - length / 2, y + 4 + down * depth, length, 1.5 + 4 * down, self.palette.pale, 0.34)

    def clouds(self, count: int, colour: Colour) -> None:
        for _ in range(count):
            x, y = self.chance.uniform(0, WIDTH), self.chance.uniform(40, 230)
            length = self.chance.uniform(140, 340)
            for row in range(3):
                inset = self.chance.uniform(0, length * 0.3)
                self.rounded(x + inset, y + row * 13, length - inset * 1.2, 15, 7, colour)

    def finished(self) -> Image.Image:
        return self._image.reduce(_SCALE)
