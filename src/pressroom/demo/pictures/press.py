"""Prints the pictures: picks a motif and colours for a seed, and writes every size as JPEG, two at a time."""

from __future__ import annotations

import io
import math
import random
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from pressroom.demo.pictures import field_motifs, room_motifs, town_motifs, water_motifs
from pressroom.demo.pictures.canvas import HEIGHT, WIDTH, Canvas
from pressroom.demo.pictures.palettes import SECTION_PALETTES
from pressroom.demo.pictures.portraits import portrait
from pressroom.system import files

# The theme's sizes beside the full picture; all but the first keep its shape. Names are WordPress's and the theme's.
SIZES = {
    "thumbnail": (150, 150),
    "newsroom-small": (240, 135),
    "newsroom-card": (480, 270),
    "newsroom-wide": (800, 450),
}
AVATAR_SIDE = 160
_QUALITY = 80

MOTIFS: dict[str, tuple[Callable[[Canvas], str], ...]] = {
    "town-hall": (town_motifs.street, town_motifs.bridge, town_motifs.tower, town_motifs.chamber, town_motifs.market),
    "business": (town_motifs.works, town_motifs.shopfront, town_motifs.skyline, town_motifs.market),
    "harbour": (water_motifs.freighter, water_motifs.cranes, water_motifs.lighthouse, water_motifs.sails),
    "culture": (room_motifs.stage, room_motifs.shelf, room_motifs.shapes, room_motifs.organ, room_motifs.notes),
    "sport": (water_motifs.pitch, water_motifs.lanes, water_motifs.road, water_motifs.oars, water_motifs.court),
    "science": (
        field_motifs.orbits,
        field_motifs.cells,
        field_motifs.waves,
        field_motifs.dish,
        field_motifs.birds,
    ),
    "food": (room_motifs.bowl, room_motifs.fruit, room_motifs.loaf, room_motifs.bottles),
    "weekend": (
        field_motifs.hills,
        field_motifs.wood,
        field_motifs.flowers,
        field_motifs.cottage,
        field_motifs.birds,
    ),
}


@dataclass(frozen=True)
class Order:
    """One picture to print: its file name without ending, its section, and its number within the section."""

    name: str
    section: str
    number: int


def _drawn(order: Order) -> tuple[Image.Image, str]:
    motifs, palettes = MOTIFS[order.section], SECTION_PALETTES[order.section]
    # Neighbours in a section differ in motif and in colours, and no pair of the two comes soon again.
    shift = 0 if math.gcd(len(motifs), len(palettes)) == 1 else order.number // len(motifs)
    palette = palettes[(order.number + shift) % len(palettes)]
    canvas = Canvas(palette, random.Random(f"picture {order.name}"))
    text = motifs[order.number % len(motifs)](canvas).replace("{light}", palette.light)
    return canvas.finished(), text


def _save(picture: Image.Image, path: Path) -> None:
    held = io.BytesIO()
    picture.save(held, "JPEG", quality=_QUALITY, progressive=False, subsampling="4:2:0")
    files.write(path, held.getvalue(), durable=False)


def size_file(name: str, size: tuple[int, int]) -> str:
    """The file name of a sub-size, as WordPress forms it."""
    return f"{name}-{size[0]}x{size[1]}.jpg"


def print_article(order: Order, folder: Path) -> str:
    """Write the picture of an article in all sizes; returns what it shows."""
    picture, text = _drawn(order)
    _save(picture, folder / f"{order.name}.jpg")
    wide = picture
    for width, height in sorted((size for size in SIZES.values() if size[0] != size[1]), reverse=True):
        # Each from the next larger one: a good deal quicker than from the full picture, and no less sharp.
        wide = wide.resize((width, height), Image.Resampling.BICUBIC)
        _save(wide, folder / size_file(order.name, (width, height)))
        if width == SIZES["newsroom-card"][0]:
            square = wide.crop((105, 0, 375, 270)).resize(SIZES["thumbnail"], Image.Resampling.BICUBIC)
            _save(square, folder / size_file(order.name, SIZES["thumbnail"]))
    return text


def print_portrait(name: str, folder: Path) -> None:
    _save(portrait(name, AVATAR_SIDE), folder / f"{name}.jpg")


def print_all(orders: Sequence[Order], portraits: Sequence[str], folder: Path, *, processes: int = 2) -> list[str]:
    """Write all pictures; returns what each shows, in the order of `orders`."""
    with ProcessPoolExecutor(processes) as pool:
        texts = pool.map(print_article, orders, [folder] * len(orders), chunksize=8)
        for name in portraits:
            print_portrait(name, folder)
        return list(texts)


FULL = (WIDTH, HEIGHT)
