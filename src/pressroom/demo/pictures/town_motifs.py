"""Motifs of Town Hall and Business: houses, bridges, the tower, works, shops, chairs of the council."""

from __future__ import annotations

import math

from pressroom.demo.pictures.canvas import HEIGHT, WIDTH, Canvas, Colour, mix


def _windows(c: Canvas, x: float, y: float, w: float, h: float, dark: Colour) -> None:
    columns, rows = max(1, int(w // 34)), max(1, int(h // 46))
    gap_x, gap_y = w / columns, h / rows
    for i in range(columns):
        for j in range(rows):
            lit = c.chance.random() < 0.4
            colour = mix(c.palette.accent, c.palette.pale, 0.5) if lit else dark
            c.box(x + gap_x * (i + 0.3), y + gap_y * (j + 0.25), gap_x * 0.4, gap_y * 0.5, colour)


def _house(c: Canvas, x: float, base: float, w: float, h: float, colour: Colour) -> None:
    """A gabled house: stepped, pointed or flat, with windows and a chimney."""
    dark = mix(colour, c.palette.near, 0.55)
    roof = mix(colour, c.palette.near, 0.35)
    kind = c.chance.choice(("point", "point", "step", "flat"))
    if kind == "point":
        c.box(x + w * 0.7, base - h - w * 0.5, w * 0.12, w * 0.4, dark)
        c.polygon([(x - 3, base - h), (x + w / 2, base - h - w * 0.62), (x + w + 3, base - h)], roof)
        c.disc(x + w / 2, base - h - w * 0.18, w * 0.07, dark)
    elif kind == "step":
        for i in range(4):
            c.box(x + w * 0.12 * i, base - h - 20 * (i + 1), w * (1 - 0.24 * i), 21, colour)
    else:
        c.box(x - 4, base - h - 10, w + 8, 12, roof)
    c.box(x, base - h, w, h, colour)
    _windows(c, x + 4, base - h + 8, w - 8, h - 62, dark)
    c.box(x + w * 0.38, base - 46, w * 0.24, 46, dark)


def _row(c: Canvas, base: float, depth: float, low: float, high: float) -> None:
    x = c.chance.uniform(-60, 0)
    p = c.palette
    tints = (p.accent, p.pale, p.far, p.low)
    while x < WIDTH:
        w = c.chance.uniform(78, 132)
        colour = mix(p.layer(depth), c.chance.choice(tints), 0.42 * depth + 0.1)
        _house(c, x, base, w, c.chance.uniform(low, high), colour)
        x += w + c.chance.choice((0, 0, 2, 14))


def street(c: Canvas) -> str:
    c.sun(c.chance.uniform(150, 1050), c.chance.uniform(110, 200), 46)
    _row(c, 520, 0.15, 150, 290)
    _row(c, 590, 0.55, 130, 250)
    c.box(0, 588, WIDTH, 90, mix(c.palette.near, c.palette.far, 0.15))
    for i in range(26):
        c.box(i * 52 + c.chance.uniform(-6, 6), 626, 30, 5, c.palette.pale, 0.35)
    return "A row of gabled houses {light}"


def bridge(c: Canvas) -> str:
    p, light = c.palette, c.chance.uniform(300, 900)
    c.sun(light, 170, 52)
    c.ridge(350, 70, p.layer(0.1))
    _row(c, 410, 0.2, 60, 120)
    c.water(408, mix(p.far, p.low, 0.35), light)
    arches = c.chance.choice((3, 4, 5))
    span, stone = WIDTH / arches, mix(p.near, p.far, 0.25)
    c.polygon([(0, 372), (600, 326), (WIDTH, 372), (WIDTH, 520), (0, 520)], stone)
    for i in range(arches):
        x = span * (i + 0.5)
        water = mix(p.far, p.low, 0.45)
        c.ellipse(x, 520, span * 0.39, 112, water)
        c.ellipse(x, 524, span * 0.39, 50, mix(p.far, p.near, 0.5), 0.35)
    c.box(0, 519, WIDTH, 160, mix(p.far, p.near, 0.35))
    for i in range(arches + 1):
        c.polygon([(span * i - 34, 540), (span * i, 450), (span * i + 34, 540)], mix(p.near, p.far, 0.1))
    for i in range(9):
        x = 70 + i * 133
        top = 372 - 46 * (1 - abs(x - 600) / 600)
        c.box(x - 2, top - 52, 4, 52, p.near)
        c.glow(x, top - 54, 26, p.accent, 0.8)
        c.disc(x, top - 54, 6, p.pale)
    for _ in range(40):
        w = c.chance.uniform(30, 140)
        c.box(c.chance.uniform(0, WIDTH), c.chance.uniform(545, HEIGHT), w, 3, p.pale, 0.22)
    return "The old stone bridge over the Fenn {light}"


def tower(c: Canvas) -> str:
    p = c.palette
    x = c.chance.uniform(380, 820)
    c.clouds(4, mix(p.sky, p.pale, 0.3))
    c.sun(x + c.chance.choice((-260, 260)), 190, 60)
    _row(c, 600, 0.12, 120, 220)
    stone = mix(p.near, p.far, 0.3)
    c.box(x - 62, 190, 124, 420, stone)
    c.box(x - 74, 178, 148, 16, p.near)
    c.polygon([(x - 70, 178), (x, 34), (x + 70, 178)], mix(p.near, p.accent, 0.35))
    c.line([(x, 34), (x, 6)], 4, p.near)
    c.disc(x, 262, 46, p.pale)
    c.ring(x, 262, 46, 6, p.near)
    for hand, length in ((c.chance.uniform(0, math.tau), 34), (c.chance.uniform(0, math.tau), 22)):
        c.line([(x, 262), (x + length * math.cos(hand), 262 + length * math.sin(hand))], 5, p.near)
    for i in range(3):
        c.rounded(x - 40 + i * 30, 345, 20, 70, 10, mix(p.near, p.accent, 0.2))
    _row(c, 640, 0.6, 70, 130)
    c.box(0, 638, WIDTH, 40, p.near)
    return "The tower of the Corn Hall {light}"


def chamber(c: Canvas) -> str:
    p = c.palette
    c.box(0, 0, WIDTH, HEIGHT, mix(p.low, p.pale, 0.3))
    for ring in range(6):
        radius = 560 - ring * 76
        seats = 25 - ring * 3
        c.disc(600, 650, radius + 38, mix(p.far, p.low, 0.18 + ring * 0.12))
        for i in range(seats):
            angle = math.pi * (i + 0.5) / seats
            x, y = 600 - radius * math.cos(angle), 650 - radius * math.sin(angle)
            taken = c.chance.random()
            tint = p.accent if taken < 0.3 else p.near if taken < 0.85 else mix(p.far, p.pale, 0.6)
            c.disc(x, y, 17, tint)
            c.disc(x, y - 17, 9, mix(tint, p.pale, 0.35))
    c.disc(600, 660, 110, p.near)
    c.rounded(548, 590, 104, 60, 8, mix(p.accent, p.near, 0.2))
    return "The council chamber, seen from above, {light}"


def works(c: Canvas) -> str:
    p = c.palette
    c.sun(c.chance.uniform(200, 1000), 150, 58)
    c.ridge(470, 60, p.layer(0.15))
    x, base = -30.0, 590.0
    while x < WIDTH:
        w = c.chance.uniform(120, 160)
        tint = mix(p.layer(0.55), p.accent, c.chance.uniform(0.1, 0.45))
        c.box(x, base - 190, w, 190, tint)
        c.polygon([(x, base - 190), (x, base - 275), (x + w, base - 190)], mix(tint, p.near, 0.3))
        c.polygon([(x + 8, base - 200), (x + 8, base - 252), (x + 64, base - 200)], p.pale, 0.6)
        for i in range(3):
            c.box(x + 16 + i * w * 0.3, base - 140, w * 0.2, 74, mix(p.pale, tint, 0.35))
        x += w
    for at in c.chance.sample(range(120, 1100, 120), 3):
        c.box(at, 190, 34, 240, mix(p.near, p.accent, 0.2))
        c.box(at - 4, 190, 42, 16, p.pale, 0.7)
        for puff in range(5):
            c.disc(at + 30 + puff * 38, 168 - puff * 24, 20 + puff * 9, p.pale, 0.42)
    c.box(0, 588, WIDTH, 90, p.near)
    return "Workshops with saw-tooth roofs {light}"


def shopfront(c: Canvas) -> str:
    p = c.palette
    wall = mix(p.far, p.near, c.chance.uniform(0.1, 0.6))
    c.box(0, 0, WIDTH, HEIGHT, wall)
    for row in range(12):
        for i in range(14):
            c.box(i * 92 + (row % 2) * 46 - 46, row * 24, 88, 21, mix(wall, p.pale, 0.07))
    c.box(120, 270, 960, 350, mix(p.near, p.accent, 0.25))
    for i in range(2):
        c.box(160 + i * 560, 320, 320, 240, mix(p.pale, p.accent, 0.18))
        for shelf in range(2):
            y = 430 + shelf * 120
            c.box(160 + i * 560, y, 320, 8, p.near)
            for item in range(7):
                h = c.chance.uniform(24, 82)
                tint = c.chance.choice((p.accent, p.far, p.near, mix(p.accent, p.pale, 0.5)))
                c.rounded(172 + i * 560 + item * 43, y - h, 32, h, c.chance.choice((2, 14)), tint)
    c.box(530, 320, 140, 300, mix(p.near, p.far, 0.2))
    c.box(552, 344, 96, 150, mix(p.pale, p.accent, 0.25))
    c.disc(650, 520, 7, p.accent)
    stripes = 16
    for i in range(stripes):
        w = 1000 / stripes
        tint = p.accent if i % 2 else p.pale
        c.polygon([(130 + i * 59, 196), (130 + (i + 1) * 59, 196), (100 + (i + 1) * w, 292), (100 + i * w, 292)], tint)
        c.ellipse(100 + (i + 0.5) * w, 292, w / 2, 20, tint)
    c.box(0, 618, WIDTH, 60, mix(p.near, p.far, 0.4))
    return "A shop window under a striped awning"


def skyline(c: Canvas) -> str:
    p = c.palette
    c.sun(c.chance.uniform(250, 950), 260, 90)
    for depth in (0.1, 0.4, 0.8):
        x = c.chance.uniform(-60, 0)
        while x < WIDTH:
            w, h = c.chance.uniform(50, 120), c.chance.uniform(110, 330) * (1.15 - depth * 0.45)
            tint = p.layer(depth)
            c.box(x, 620 - h, w, h + 60, tint)
            if depth > 0.3:
                _windows(c, x + 6, 630 - h, w - 12, h - 20, mix(tint, p.near, 0.4))
            x += w + c.chance.uniform(0, 20)
    c.box(0, 618, WIDTH, 60, p.near)
    return "The quarter behind the station {light}"


def market(c: Canvas) -> str:
    p = c.palette
    c.clouds(3, mix(p.sky, p.pale, 0.45))
    _row(c, 470, 0.18, 90, 190)
    c.box(0, 468, WIDTH, 210, mix(p.far, p.pale, 0.35))
    for row, scale in ((480, 0.75), (560, 1.0)):
        x = c.chance.uniform(-40, 40)
        while x < WIDTH:
            w = 190 * scale
            tint = c.chance.choice((p.accent, mix(p.near, p.far, 0.4), mix(p.accent, p.pale, 0.55)))
            c.box(x + 10, row - 80 * scale, 6, 150 * scale, p.near)
            c.box(x + w - 16, row - 80 * scale, 6, 150 * scale, p.near)
            c.polygon(
                [(x - 8, row - 70 * scale), (x + w * 0.5, row - 130 * scale), (x + w + 8, row - 70 * scale)], tint
            )
            c.box(x, row + 10 * scale, w, 56 * scale, mix(p.near, tint, 0.3))
            for i in range(9):
                c.disc(x + 14 + i * w / 9.3, row + 8 * scale, 11 * scale, c.chance.choice((p.accent, p.pale, p.far)))
            x += w + c.chance.uniform(24, 70)
    return "Stalls on Market Square {light}"
