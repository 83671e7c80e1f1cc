"""Motifs of Science and Weekend: orbits, cells, waves, a dish; hills, woods, flowers, cottages, birds."""

from __future__ import annotations

import math

from pressroom.demo.pictures.canvas import HEIGHT, WIDTH, Canvas, Colour, mix


def _stars(c: Canvas, count: int, bottom: float) -> None:
    for _ in range(count):
        size = 0.8 + 2.4 * c.chance.random() ** 3
        c.disc(c.chance.uniform(0, WIDTH), c.chance.uniform(0, bottom), size, c.palette.pale, 0.85)


def orbits(c: Canvas) -> str:
    p = c.palette
    c.box(0, 0, WIDTH, HEIGHT, mix(p.near, p.sky, 0.5))
    _stars(c, 170, HEIGHT)
    x, y = c.chance.uniform(250, 950), c.chance.uniform(240, 430)
    c.glow(x, y, 330, p.accent, 0.8)
    c.disc(x, y, 64, mix(p.accent, p.pale, 0.4))
    for i in range(6):
        r = 125 + i * 92
        c.ring(x, y, r, 2, mix(p.far, p.pale, 0.25))
        angle, size = c.chance.uniform(0, math.tau), c.chance.uniform(12, 40)
        at = (x + r * math.cos(angle), y + r * math.sin(angle))
        tint = c.chance.choice((p.low, p.accent, p.pale, p.far))
        c.disc(*at, size, tint)
        c.slice(*at, size, math.degrees(angle) - 90, math.degrees(angle) + 90, mix(tint, p.near, 0.45))
    return "Orbits, not to scale"


def cells(c: Canvas) -> str:
    p = c.palette
    c.box(0, 0, WIDTH, HEIGHT, p.near)
    cx, r = 600 + c.chance.uniform(-140, 140), 322.0
    c.disc(cx, 337, r + 10, mix(p.near, p.pale, 0.35))
    c.disc(cx, 337, r, mix(p.low, p.pale, 0.4))
    placed: list[tuple[float, float, float]] = []
    for _ in range(500):
        angle, away, size = c.chance.uniform(0, math.tau), r * math.sqrt(c.chance.random()), c.chance.uniform(16, 64)
        x, y = cx + away * math.cos(angle), 337 + away * math.sin(angle)
        if away + size > r - 8 or any(math.hypot(x - a, y - b) < size + s + 5 for a, b, s in placed):
            continue
        placed.append((x, y, size))
        tint = mix(c.chance.choice((p.accent, p.far, p.sky)), p.pale, 0.25)
        c.disc(x, y, size, tint)
        c.disc(x, y, size * 0.82, mix(tint, p.pale, 0.4))
        c.disc(x + size * 0.2, y - size * 0.1, size * 0.34, mix(tint, p.near, 0.45))
    return "A look through the microscope"


def waves(c: Canvas) -> str:
    p = c.palette
    c.box(0, 0, WIDTH, HEIGHT, mix(p.near, p.sky, 0.3))
    peak, width = c.chance.uniform(320, 880), c.chance.uniform(130, 260)
    phase, pace = c.chance.uniform(0, 6), c.chance.uniform(24, 44)
    for row in range(26):
        base, points = 150 + row * 21, []
        for x in range(0, WIDTH + 12, 12):
            swell = math.exp(-(((x - peak) / width) ** 2)) * (60 + 46 * math.sin(row / 2.6 + phase))
            points.append(
                (float(x), base - swell * (1 + 0.5 * math.sin(x / pace + row * 0.9)) - 4 * math.sin(x / 17 + row))
            )
        c.polygon([*points, (WIDTH + 12, HEIGHT + 5), (0, HEIGHT + 5)], mix(p.near, p.sky, 0.25 + row / 60))
        c.line(points, 3, mix(p.accent, p.pale, row / 26))
    return "Readings of a single night, one line an hour"


def dish(c: Canvas) -> str:
    p = c.palette
    _stars(c, 130, 420)
    c.glow(c.chance.uniform(200, 1000), 380, 480, p.low, 0.6)
    c.ridge(540, 60, p.layer(0.5))
    for x, size in (
        (c.chance.uniform(200, 360), 0.7),
        (c.chance.uniform(560, 700), 1.2),
        (c.chance.uniform(900, 1020), 0.55),
    ):
        base, r = 590.0, 150 * size
        c.polygon(
            [
                (x - 50 * size, base),
                (x + 50 * size, base),
                (x + 12 * size, base - 180 * size),
                (x - 12 * size, base - 180 * size),
            ],
            p.near,
        )
        tilt = c.chance.uniform(205, 245)
        top = base - 210 * size
        c.slice(x, top, r, tilt - 270, tilt - 90, mix(p.pale, p.far, 0.3))
        axis = math.radians(tilt)
        tip = (x + r * 0.95 * math.cos(axis), top + r * 0.95 * math.sin(axis))
        for side in (-0.8, 0.8):
            c.line([(x - side * r * math.sin(axis), top + side * r * math.cos(axis)), tip], 4 * size, p.pale)
        c.disc(*tip, 10 * size, p.accent)
    c.ridge(610, 20, p.near)
    return "Listening to the sky {light}"


def birds(c: Canvas) -> str:
    p = c.palette
    c.sun(c.chance.uniform(300, 900), 300, 90)
    for i in range(3):
        c.ridge(500 + i * 60, 50 - i * 10, p.layer(0.15 + i * 0.35))
    for _ in range(c.chance.randint(2, 4)):
        x, y, count = c.chance.uniform(250, 950), c.chance.uniform(60, 260), c.chance.randint(5, 11)
        for i in range(count):
            side = 1 if i % 2 else -1
            at = (x + side * (i // 2) * 34 + c.chance.uniform(-4, 4), y + (i // 2) * 20)
            flap = c.chance.uniform(-12, 4)
            c.line([(at[0] - 17, at[1] + flap), at, (at[0] + 17, at[1] + flap)], 4, p.near)
    for _ in range(90):
        x, h = c.chance.uniform(0, WIDTH), c.chance.uniform(40, 110)
        c.line([(x, HEIGHT), (x + c.chance.uniform(-14, 14), HEIGHT - h)], 3, p.near)
    return "Geese over the salt marsh {light}"


def hills(c: Canvas) -> str:
    p = c.palette
    c.sun(c.chance.uniform(200, 1000), c.chance.uniform(130, 230), 56)
    c.clouds(2, mix(p.sky, p.pale, 0.35))
    for i in range(6):
        depth = i / 5
        c.ridge(300 + i * 66, 150 - i * 18, mix(p.layer(depth), p.low, 0.35 * (1 - depth)))
    for _ in range(26):
        x, y = c.chance.uniform(0, WIDTH), c.chance.uniform(590, 690)
        _fir(c, x, y, c.chance.uniform(50, 120), p.near)
    return "Hill behind hill {light}"


def _fir(c: Canvas, x: float, y: float, h: float, colour: Colour) -> None:
    for i in range(3):
        w, top = h * (0.16 + 0.09 * i), y - h + i * h * 0.24
        c.polygon([(x - w, top + h * 0.42), (x, top), (x + w, top + h * 0.42)], colour)
    c.box(x - 3, y - h * 0.2, 6, h * 0.2, colour)


def wood(c: Canvas) -> str:
    p = c.palette
    c.glow(600, 300, 560, p.pale, 0.85)
    for depth in (0.12, 0.38, 0.66, 1.0):
        tint = p.layer(depth)
        c.ridge(560 + depth * 50, 26, mix(tint, p.accent, 0.12))
        for _ in range(round(16 - depth * 9)):
            x = c.chance.uniform(0, WIDTH)
            if depth > 0.5 and 380 < x < 820:
                continue
            w = 10 + 34 * depth * c.chance.uniform(0.7, 1.2)
            c.polygon([(x - w / 2, 0), (x + w / 2, 0), (x + w * 0.8, 640), (x - w * 0.8, 640)], tint)
            for _ in range(3):
                leaf = mix(p.accent, tint, c.chance.uniform(0.3, 0.75))
                c.ellipse(x + c.chance.uniform(-90, 90), c.chance.uniform(-20, 160), 90, 44, leaf, 0.8)
    c.polygon([(560, 560), (640, 560), (820, HEIGHT), (380, HEIGHT)], mix(p.pale, p.far, 0.35), 0.8)
    for _ in range(60):
        c.ellipse(c.chance.uniform(0, WIDTH), c.chance.uniform(580, 670), 9, 4, p.accent, 0.8)
    return "A path through the wood {light}"


def flowers(c: Canvas) -> str:
    p = c.palette
    c.sun(c.chance.uniform(250, 950), 160, 60)
    c.ridge(420, 60, p.layer(0.2))
    c.ridge(520, 30, p.layer(0.5))
    stems = sorted((c.chance.uniform(380, 660), c.chance.uniform(20, 1180)) for _ in range(58))
    for y, x in stems:
        size = 12 + (y - 360) * 0.09
        tint = c.chance.choice((p.accent, p.pale, mix(p.accent, p.pale, 0.5), mix(p.accent, (90, 60, 160), 0.5)))
        c.line([(x, y), (x + c.chance.uniform(-16, 16), HEIGHT + 20)], 4, mix(p.near, p.far, 0.3))
        c.ellipse(x + 12, y + 74, 24, 8, mix(p.near, p.far, 0.35))
        turn = c.chance.uniform(0, 1)
        for k in range(6):
            angle = turn + k * math.tau / 6
            c.disc(x + size * math.cos(angle), y + size * math.sin(angle), size * 0.72, tint)
        c.disc(x, y, size * 0.6, mix(p.near, p.accent, 0.55))
    return "A bed of flowers {light}"


def cottage(c: Canvas) -> str:
    p = c.palette
    c.sun(c.chance.uniform(150, 1050), 150, 54)
    c.clouds(3, mix(p.sky, p.pale, 0.4))
    c.ridge(400, 90, p.layer(0.1))
    c.ridge(480, 50, p.layer(0.3))
    x, y = c.chance.uniform(330, 720), 560.0
    for _ in range(9):
        _fir(c, c.chance.uniform(0, WIDTH), c.chance.uniform(520, 560), c.chance.uniform(110, 220), p.layer(0.6))
    c.ridge(575, 18, mix(p.layer(0.5), p.pale, 0.15))
    c.box(x + 170, y - 220, 34, 110, mix(p.near, p.accent, 0.3))
    for puff in range(5):
        c.disc(x + 190 + puff * 22, y - 240 - puff * 30, 14 + puff * 7, p.pale, 0.5)
    c.box(x, y - 110, 260, 120, p.pale)
    c.polygon(
        [(x - 26, y - 106), (x + 40, y - 200), (x + 220, y - 200), (x + 286, y - 106)], mix(p.accent, p.near, 0.25)
    )
    for at in (30, 180):
        c.box(x + at, y - 80, 50, 46, p.near)
        c.box(x + at + 4, y - 76, 42, 38, mix(p.accent, p.pale, 0.55))
        c.box(x + at + 23, y - 80, 4, 46, p.near)
    c.box(x + 106, y - 82, 48, 92, mix(p.near, p.accent, 0.3))
    c.polygon([(x + 106, y + 10), (x + 154, y + 10), (x + 330, HEIGHT), (x + 40, HEIGHT)], mix(p.pale, p.far, 0.3))
    for _ in range(40):
        c.disc(
            c.chance.uniform(0, WIDTH),
            c.chance.uniform(600, 670),
            c.chance.uniform(4, 9),
            c.chance.choice((p.accent, p.pale)),
            0.8,
        )
    return "A cottage on the moor {light}"
