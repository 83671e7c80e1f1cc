"""Motifs of Harbour and Sport: ships, cranes, the lighthouse, sails; pitches, lanes, roads and oars."""

from __future__ import annotations

import math

from pressroom.demo.pictures.canvas import HEIGHT, WIDTH, Canvas, Colour, mix


def _hull(c: Canvas, x: float, y: float, w: float, colour: Colour) -> None:
    c.polygon([(x, y), (x + w, y), (x + w * 0.9, y + w * 0.13), (x + w * 0.1, y + w * 0.13)], colour)
    c.box(x + w * 0.035, y + w * 0.035, w * 0.93, w * 0.018, c.palette.pale, 0.8)


def _sail(c: Canvas, x: float, y: float, h: float, colour: Colour) -> None:
    c.line([(x, y), (x, y - h * 1.05)], max(2.0, h / 70), c.palette.near)
    c.polygon([(x + h * 0.03, y - h), (x + h * 0.5, y - h * 0.1), (x + h * 0.03, y - h * 0.1)], colour)
    jib = mix(colour, c.palette.pale, 0.45)
    c.polygon([(x - h * 0.03, y - h * 0.92), (x - h * 0.34, y - h * 0.1), (x - h * 0.03, y - h * 0.14)], jib)
    c.polygon(
        [
            (x - h * 0.36, y - h * 0.05),
            (x + h * 0.5, y - h * 0.05),
            (x + h * 0.36, y + h * 0.07),
            (x - h * 0.26, y + h * 0.07),
        ],
        c.palette.near,
    )


def _gulls(c: Canvas, count: int) -> None:
    for _ in range(count):
        x, y, w = c.chance.uniform(100, 1100), c.chance.uniform(60, 280), c.chance.uniform(10, 22)
        c.line([(x - w, y - w * 0.4), (x, y), (x + w, y - w * 0.4)], 3, c.palette.near, 0.7)


def freighter(c: Canvas) -> str:
    p, light = c.palette, c.chance.uniform(250, 950)
    c.sun(light, 200, 66)
    c.clouds(3, mix(p.sky, p.pale, 0.3))
    c.ridge(400, 30, p.layer(0.15))
    c.water(400, mix(p.far, p.near, 0.25), light)
    x, w = c.chance.uniform(120, 380), c.chance.uniform(560, 700)
    y = 430.0
    for i in range(8):
        for j in range(c.chance.randint(1, 3)):
            tint = c.chance.choice((p.accent, p.far, mix(p.accent, p.pale, 0.5), mix(p.near, p.low, 0.5)))
            c.box(x + w * 0.27 + i * w * 0.08, y - 38 * (j + 1), w * 0.075, 36, tint)
    c.box(x + w * 0.06, y - 120, w * 0.15, 122, p.pale)
    c.box(x + w * 0.04, y - 132, w * 0.19, 16, mix(p.near, p.accent, 0.2))
    for i in range(4):
        c.box(x + w * 0.075 + i * w * 0.032, y - 100, w * 0.018, 16, p.near)
    c.box(x + w * 0.1, y - 178, w * 0.06, 50, p.accent)
    _hull(c, x, y, w, mix(p.near, p.accent, 0.12))
    c.box(x + w * 0.08, y + w * 0.12, w * 0.84, 5, p.pale, 0.5)
    _gulls(c, 6)
    return "A freighter on its way up the Fenn {light}"


def cranes(c: Canvas) -> str:
    p, light = c.palette, c.chance.uniform(300, 900)
    c.sun(light, 240, 80)
    c.ridge(500, 40, p.layer(0.12))
    c.water(520, mix(p.far, p.near, 0.4), light)
    for x in (c.chance.uniform(80, 200), c.chance.uniform(440, 560), c.chance.uniform(800, 900)):
        tint, h = mix(p.near, p.accent, c.chance.uniform(0.15, 0.6)), c.chance.uniform(230, 330)
        for leg in (0, 110):
            c.polygon([(x + leg, 530), (x + leg + 16, 530), (x + 62, 530 - h), (x + 50, 530 - h)], tint)
        c.box(x + 6, 440, 112, 9, tint)
        tip = (x + 300, 530 - h - 120)
        c.line([(x + 56, 530 - h), tip], 9, tint)
        c.line([(x + 56, 530 - h), (x - 60, 530 - h - 30)], 9, tint)
        c.line([(x + 56, 530 - h - 100), tip], 3, tint)
        c.line([(x + 56, 530 - h - 100), (x - 60, 530 - h - 30)], 3, tint)
        c.box(x + 52, 430 - h, 8, 110, tint)
        drop = c.chance.uniform(60, 190)
        c.line([tip, (tip[0], tip[1] + drop)], 2, p.near)
        c.box(tip[0] - 26, tip[1] + drop, 52, 30, p.accent)
    c.box(0, 526, WIDTH, 34, p.near)
    for i in range(22):
        c.box(i * 56 + 6, 500, 48, 27, c.chance.choice((p.accent, p.far, mix(p.accent, p.pale, 0.4), p.near)))
    return "Cranes on the timber quay {light}"


def lighthouse(c: Canvas) -> str:
    p = c.palette
    x = c.chance.uniform(760, 960)
    c.sun(c.chance.uniform(160, 480), 230, 58)
    c.glow(x, 150, 240, p.accent, 0.6)
    for reach in (-1, 1):
        c.polygon([(x, 150), (x + reach * 1100, 60), (x + reach * 1100, 210)], p.pale, 0.22)
    c.water(450, mix(p.far, p.near, 0.3), 330)
    c.polygon(
        [
            (x - 330, 560),
            (x - 190, 470),
            (x - 60, 430),
            (x + 110, 432),
            (x + 260, 480),
            (WIDTH, 520),
            (WIDTH, HEIGHT),
            (x - 420, HEIGHT),
        ],
        mix(p.near, p.far, 0.2),
    )
    c.polygon([(x - 42, 440), (x + 42, 440), (x + 27, 176), (x - 27, 176)], p.pale)
    for i in range(3):
        top = 200 + i * 88
        shrink = 27 + 15 * (top - 176) / 264
        c.polygon(
            [(x - shrink, top), (x + shrink, top), (x + shrink + 3, top + 44), (x - shrink - 3, top + 44)], p.accent
        )
    c.box(x - 38, 166, 76, 12, p.near)
    c.box(x - 22, 128, 44, 40, mix(p.pale, p.accent, 0.4))
    c.polygon([(x - 28, 128), (x, 98), (x + 28, 128)], p.near)
    for _ in range(30):
        c.box(c.chance.uniform(0, x - 300), c.chance.uniform(470, HEIGHT), c.chance.uniform(20, 120), 3, p.pale, 0.3)
    _gulls(c, 5)
    return "The light on Northcliff {light}"


def sails(c: Canvas) -> str:
    p, light = c.palette, c.chance.uniform(250, 950)
    c.sun(light, 190, 60)
    c.ridge(380, 46, p.layer(0.1))
    c.water(385, mix(p.far, p.near, 0.22), light)
    places = sorted((c.chance.uniform(410, 600), c.chance.uniform(80, 1100)) for _ in range(c.chance.randint(5, 8)))
    for y, x in places:
        size = 60 + (y - 400) * 1.35
        tint = c.chance.choice((p.pale, p.accent, mix(p.accent, p.pale, 0.5), mix(p.near, p.accent, 0.45)))
        _sail(c, x, y, size, tint)
        c.box(x - size * 0.4, y + size * 0.07, size * 0.9, 3, p.pale, 0.5)
    _gulls(c, 4)
    return "Sails on the estuary {light}"


def pitch(c: Canvas) -> str:
    p = c.palette
    green = mix(p.near, p.far, 0.55)
    for i in range(12):
        c.box(i * 100, 0, 100, HEIGHT, mix(green, p.pale, 0.12 if i % 2 else 0.0))
    lines = p.pale
    c.line([(70, 60), (1130, 60), (1130, 615), (70, 615), (70, 60)], 5, lines)
    c.line([(600, 60), (600, 615)], 5, lines)
    c.ring(600, 337, 92, 5, lines)
    c.disc(600, 337, 7, lines)
    for left in (70, 980):
        c.line([(left, 180), (left + 150, 180), (left + 150, 495), (left, 495), (left, 180)], 5, lines)
    for side, tint in ((0, p.accent), (1, mix(p.near, (10, 20, 60), 0.6))):
        for _ in range(10):
            x = c.chance.triangular(110, 1090, 700 if side else 480)
            y = c.chance.uniform(95, 580)
            c.ellipse(x + 9, y + 12, 19, 9, p.near, 0.45)
            c.disc(x, y, 17, tint)
            c.disc(x, y, 8, mix(tint, p.pale, 0.65))
    c.disc(c.chance.uniform(300, 900), c.chance.uniform(150, 520), 9, (255, 255, 255))
    return "The ground from above, players on their places"


def lanes(c: Canvas) -> str:
    p = c.palette
    c.box(0, 0, WIDTH, HEIGHT, mix(p.far, p.pale, 0.3))
    centre, radius = (c.chance.uniform(-100, 260), c.chance.uniform(760, 900)), 300.0
    track = mix(p.accent, p.near, 0.12)
    c.disc(*centre, radius + 8 * 74 + 12, p.pale)
    for lane in range(8, 0, -1):
        c.disc(*centre, radius + lane * 74, mix(track, p.near, 0.06 * (lane % 2)))
        c.ring(*centre, radius + lane * 74, 4, p.pale)
    c.disc(*centre, radius, mix(p.far, p.near, 0.45))
    for lane in range(1, 8):
        if c.chance.random() < 0.75:
            angle = c.chance.uniform(-1.3, -0.55)
            middle = radius + lane * 74 + 37
            x, y = centre[0] + middle * math.cos(angle), centre[1] + middle * math.sin(angle)
            c.ellipse(x + 20, y + 14, 30, 12, p.near, 0.4)
            c.ellipse(x, y, 22, 15, c.chance.choice((p.near, p.pale, p.sky)))
            c.disc(x, y, 10, mix(p.near, p.accent, 0.3))
    return "Runners in the bend {light}"


def road(c: Canvas) -> str:
    p = c.palette
    c.sun(c.chance.uniform(250, 950), 170, 60)
    for i in range(3):
        c.ridge(330 + i * 60, 120 - i * 20, p.layer(0.1 + i * 0.22))
    c.ridge(520, 60, mix(p.layer(0.6), p.accent, 0.1), rough=0.2)
    bend = c.chance.uniform(-260, 260)
    left, right = [], []
    for i in range(30):
        t = i / 29
        y, w = 500 + 180 * t * t + 10 * t, 6 + 150 * t * t
        x = 600 + bend * math.sin(t * 3) * (1 - t * 0.4)
        left.append((x - w, y))
        right.append((x + w, y))
    c.polygon([*left, *reversed(right)], mix(p.near, p.far, 0.25))
    for i in range(3, 29, 3):
        (x1, y1), (x2, _) = left[i], right[i]
        c.box((x1 + x2) / 2 - i / 5, y1, i / 2.5, 3 + i / 4, p.pale, 0.8)
    for i in c.chance.sample(range(9, 27), 5):
        (x1, y1), (x2, _) = left[i], right[i]
        x, s = x1 + (x2 - x1) * c.chance.uniform(0.2, 0.8), 0.35 + i / 17
        c.ring(x, y1 - 12 * s, 12 * s, 3 * s, p.near)
        c.ellipse(x, y1 - 42 * s, 11 * s, 21 * s, p.accent)
        c.disc(x, y1 - 70 * s, 8 * s, p.pale)
    return "Riders on the road behind Gallows Hill {light}"


def oars(c: Canvas) -> str:
    p = c.palette
    c.box(0, 0, WIDTH, HEIGHT, mix(p.far, p.near, 0.4))
    for _ in range(110):
        w = c.chance.uniform(40, 200)
        c.box(c.chance.uniform(-60, WIDTH), c.chance.uniform(0, HEIGHT), w, 4, p.pale, 0.12)
    for lane in range(c.chance.choice((3, 4))):
        y, start = 110 + lane * 165, c.chance.uniform(60, 330)
        hull = c.chance.choice((p.accent, p.pale, mix(p.accent, p.pale, 0.5)))
        c.polygon(
            [
                (start, y),
                (start + 60, y - 12),
                (start + 580, y - 12),
                (start + 690, y),
                (start + 580, y + 12),
                (start + 60, y + 12),
            ],
            hull,
        )
        c.polygon([(start, y), (start - 260, y - 14), (start - 260, y + 14)], p.pale, 0.25)
        for i in range(8):
            x = start + 110 + i * 60
            side = 1 if i % 2 else -1
            c.line([(x, y), (x - 34, y + side * 66)], 4, p.near)
            c.ellipse(x - 36, y + side * 70, 8, 14, p.pale)
            c.disc(x, y, 11, p.near)
            c.disc(x, y, 6, mix(p.accent, p.pale, 0.6))
    return "Eights on the river, seen from Mill Bridge"


def court(c: Canvas) -> str:
    p = c.palette
    c.box(0, 0, WIDTH, HEIGHT, mix(p.far, p.pale, 0.2))
    for i in range(16):
        c.box(0, i * 44, WIDTH, 2, p.near, 0.12)
    c.disc(1180, 337, 420, mix(p.accent, p.pale, 0.35))
    c.ring(1180, 337, 420, 6, p.pale)
    c.box(860, 230, 340, 214, mix(p.accent, p.near, 0.15))
    c.ring(860, 337, 106, 6, p.pale)
    x, y = c.chance.uniform(300, 480), c.chance.uniform(230, 430)
    for i in range(7):
        c.disc(x - i * 44, y + i * i * 3, 84 - i * 7, p.accent, 0.12)
    c.ellipse(x + 30, y + 120, 100, 26, p.near, 0.3)
    c.disc(x, y, 104, mix(p.accent, (230, 110, 40), 0.6))
    c.ring(x, y, 104, 5, p.near)
    c.line([(x - 104, y), (x + 104, y)], 5, p.near)
    c.line([(x, y - 104), (x, y + 104)], 5, p.near)
    for side in (-1, 1):
        c.line(
            [(x + side * (104 - 60 * math.cos(t / 10)), y + 90 * math.sin(t / 10)) for t in range(-12, 13)], 5, p.near
        )
    return "A ball, a line, a few seconds to go"
