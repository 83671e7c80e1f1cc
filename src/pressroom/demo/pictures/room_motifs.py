"""Motifs of Culture and Food: the stage, books, shapes, an organ; bowls, plates, fruit, bread, bottles."""

from __future__ import annotations

import math

from pressroom.demo.pictures.canvas import HEIGHT, WIDTH, Canvas, mix


def stage(c: Canvas) -> str:
    p = c.palette
    c.box(0, 0, WIDTH, HEIGHT, mix(p.near, p.sky, 0.35))
    for at in c.chance.sample((300, 450, 600, 750, 900), 3):
        aim = 600 + c.chance.uniform(-220, 220)
        c.polygon([(at - 8, 0), (at + 8, 0), (aim + 130, 560), (aim - 130, 560)], p.pale, 0.2)
        c.ellipse(aim, 560, 150, 26, p.pale, 0.5)
    c.box(0, 556, WIDTH, 60, mix(p.accent, p.near, 0.62))
    for _ in range(c.chance.randint(2, 5)):
        x, h = c.chance.uniform(330, 870), c.chance.uniform(120, 170)
        c.polygon([(x - 30, 560), (x + 30, 560), (x + 16, 560 - h * 0.75), (x - 16, 560 - h * 0.75)], p.near)
        c.disc(x, 560 - h * 0.86, 17, p.near)
        lift = c.chance.uniform(-70, 40)
        c.line([(x, 560 - h * 0.65), (x + c.chance.choice((-62, 62)), 540 - h * 0.65 + lift)], 10, p.near)
    red = mix(p.accent, (120, 10, 30), 0.72)
    for side in (0, 1):
        for fold in range(7):
            w = 44.0
            x = fold * 40 if side == 0 else WIDTH - fold * 40 - w
            c.box(x, 0, w, 600 - fold * 9, mix(red, p.near, 0.12 + 0.3 * (fold % 2)))
    for i in range(10):
        c.ellipse(i * 133, 0, 80, 84, mix(red, p.near, 0.1 + 0.2 * (i % 2)))
    c.box(0, 606, WIDTH, 70, p.near)
    for i in range(19):
        c.disc(i * 66 + c.chance.uniform(-8, 8), 668, 30, mix(p.near, p.far, 0.16))
    return "The stage, a moment before the end"


def shelf(c: Canvas) -> str:
    p = c.palette
    c.box(0, 0, WIDTH, HEIGHT, mix(p.near, p.far, 0.22))
    tints = (p.accent, p.pale, p.far, p.low, mix(p.accent, p.near, 0.4), mix(p.sky, p.pale, 0.3))
    for row in range(3):
        y, x = 218 + row * 222, c.chance.uniform(-20, 0)
        while x < WIDTH:
            w, h = c.chance.uniform(20, 54), c.chance.uniform(118, 180)
            tint = c.chance.choice(tints)
            lean = c.chance.choice((0, 0, 0, 0, 16))
            c.polygon([(x, y), (x + w, y), (x + w + lean, y - h), (x + lean, y - h)], tint)
            band = mix(tint, p.near, 0.4) if sum(tint) > 330 else mix(tint, p.pale, 0.6)
            c.box(x + lean * 0.8 + 3, y - h * 0.84, w - 6, 6, band)
            c.box(x + lean * 0.3 + 3, y - h * 0.28, w - 6, 14, band)
            x += w + lean + c.chance.choice((1, 1, 2, 26))
        c.box(0, y, WIDTH, 16, mix(p.near, p.accent, 0.22))
        c.box(0, y + 16, WIDTH, 8, p.near, 0.6)
    return "Books on a shelf {light}"


def shapes(c: Canvas) -> str:
    p = c.palette
    c.box(0, 0, WIDTH, HEIGHT, mix(p.pale, p.low, 0.25))
    tints = (p.accent, p.near, p.far, mix(p.accent, p.pale, 0.5), p.sky)
    cell = 150
    for i in range(8):
        for j in range(5):
            x, y, tint = i * cell, j * cell - 37, c.chance.choice(tints)
            kind = c.chance.choice(("quarter", "quarter", "half", "disc", "box", "lines", "none"))
            corner = c.chance.choice(((0, 0, 0), (cell, 0, 90), (cell, cell, 180), (0, cell, 270)))
            if kind == "box":
                c.box(x, y, cell, cell, tint)
            if kind == "quarter":
                c.slice(x + corner[0], y + corner[1], cell, corner[2], corner[2] + 90, tint)
            if kind == "half":
                c.slice(x + 75, y + 75, 75, corner[2], corner[2] + 180, tint)
            if kind == "disc":
                c.disc(x + 75, y + 75, 75, tint)
                c.disc(x + 75, y + 75, 34, c.chance.choice(tints))
            if kind == "lines":
                for k in range(5):
                    c.box(x, y + 8 + k * 30, cell, 12, tint)
    return "Composition from the art hall's new show"


def organ(c: Canvas) -> str:
    p = c.palette
    c.box(0, 0, WIDTH, HEIGHT, mix(p.near, p.sky, 0.4))
    c.glow(600, 260, 560, p.accent, 0.5)
    pipes = c.chance.choice((21, 25, 29))
    w = 1040 / pipes
    for i in range(pipes):
        x = 80 + i * w
        swing = abs(math.cos(math.pi * i / (pipes - 1) * c.chance.choice((1, 1)) * 2))
        top = 90 + 190 * (1 - swing)
        metal = mix(p.accent, p.pale, 0.45)
        c.rounded(x + 2, top, w - 4, 470 - top + 60, w / 3, mix(metal, p.near, 0.25))
        c.box(x + w * 0.24, top + 14, w * 0.2, 440 - top, p.pale, 0.45)
        c.ellipse(x + w / 2, 470, w * 0.26, 13, p.near)
    c.box(50, 520, 1100, 36, mix(p.near, p.accent, 0.3))
    c.box(110, 556, 980, 120, mix(p.near, p.accent, 0.14))
    for i in range(30):
        c.box(300 + i * 20, 590, 18, 44, p.pale)
        if i % 7 not in (2, 6):
            c.box(313 + i * 20, 590, 11, 26, p.near)
    return "Pipes and keys {light}"


def notes(c: Canvas) -> str:
    p = c.palette
    c.glow(c.chance.uniform(300, 900), 330, 620, p.accent, 0.45)
    for strand in range(5):
        points = [(x, 215 + strand * 52 + 46 * math.sin(x / 210 + 0.14 * strand)) for x in range(-10, 1220, 15)]
        c.line(points, 4, p.pale, 0.7)
    x = 90.0
    while x < 1120:
        step = c.chance.randint(0, 8)
        y = 215 + step * 26 + 46 * math.sin(x / 210 + 0.07 * step)
        tint = p.accent if c.chance.random() < 0.35 else p.pale
        up = -1 if step > 3 else 1
        c.line([(x + up * -20, y), (x + up * -20, y + up * 120)], 6, tint)
        c.ellipse(x, y, 25, 18, tint)
        x += c.chance.uniform(74, 130)
    return "A line from the programme of the evening"


def bowl(c: Canvas) -> str:
    p = c.palette
    _table(c)
    x, y, r = 600 + c.chance.uniform(-110, 110), 340.0, 250.0
    c.disc(x + 16, y + 22, r, p.near, 0.28)
    c.disc(x, y, r, mix(p.pale, p.far, 0.12))
    c.disc(x, y, r - 26, mix(p.far, p.pale, 0.45))
    c.disc(x, y, r - 38, mix(p.accent, p.low, c.chance.uniform(0.2, 0.6)))
    for _ in range(46):
        angle, away = c.chance.uniform(0, math.tau), (r - 60) * math.sqrt(c.chance.random())
        at = (x + away * math.cos(angle), y + away * math.sin(angle))
        kind = c.chance.choice(("leaf", "ring", "dot", "dot"))
        if kind == "leaf":
            c.ellipse(*at, 24, 10, mix(p.near, (70, 140, 70), 0.6))
        elif kind == "ring":
            c.disc(*at, 19, p.pale)
            c.disc(*at, 11, mix(p.accent, p.pale, 0.35))
        else:
            c.disc(*at, c.chance.uniform(5, 12), c.chance.choice((p.accent, p.near, p.pale)))
    for side in (-1, 1):
        c.rounded(x + side * 350 - 9, 150, 18, 400, 9, mix(p.near, p.far, 0.3))
    c.ellipse(x + 350, 170, 32, 54, mix(p.near, p.far, 0.3))
    for i in range(4):
        c.rounded(x - 377 + i * 15, 120, 8, 96, 4, mix(p.near, p.far, 0.3))
    return "A bowl, a spoon, and rain outside"


def _table(c: Canvas) -> None:
    """A wooden or chequered ground."""
    p = c.palette
    if c.chance.random() < 0.5:
        c.box(0, 0, WIDTH, HEIGHT, mix(p.far, p.pale, 0.5))
        for i in range(13):
            c.box(i * 104, 0, 52, HEIGHT, p.accent, 0.26)
        for j in range(7):
            c.box(0, j * 104, WIDTH, 52, p.accent, 0.26)
        return
    for i in range(6):
        c.box(0, i * 114, WIDTH, 111, mix(p.far, p.near, c.chance.uniform(0.1, 0.28)))
        for _ in range(5):
            c.box(
                c.chance.uniform(0, 1000),
                i * 114 + c.chance.uniform(10, 100),
                c.chance.uniform(90, 330),
                2,
                p.near,
                0.2,
            )


def fruit(c: Canvas) -> str:
    p = c.palette
    c.box(0, 0, WIDTH, HEIGHT, mix(p.pale, p.low, 0.35))
    tints = (
        p.accent,
        mix(p.accent, (250, 190, 60), 0.6),
        mix(p.near, (120, 170, 80), 0.65),
        mix(p.accent, (150, 30, 60), 0.5),
    )
    for i in range(8):
        for j in range(5):
            x, y = i * 165 + (j % 2) * 82 - 20, j * 150 + 20
            tint = c.chance.choice(tints)
            c.ellipse(x + 8, y + 52, 46, 12, p.near, 0.16)
            if c.chance.random() < 0.28:
                c.disc(x, y, 52, tint)
                c.disc(x, y, 44, mix(p.pale, tint, 0.15))
                for k in range(5):
                    angle = k * math.tau / 5
                    c.ellipse(x + 15 * math.cos(angle), y + 15 * math.sin(angle), 5, 5, p.near)
                continue
            c.disc(x - 12, y, 42, tint)
            c.disc(x + 14, y, 42, tint)
            c.ellipse(x - 24, y - 14, 9, 15, p.pale, 0.5)
            c.line([(x, y - 34), (x + 6, y - 62)], 5, p.near)
            c.polygon(
                [(x + 6, y - 48), (x + 30, y - 66), (x + 42, y - 50), (x + 22, y - 42)], mix(p.near, (80, 150, 80), 0.6)
            )
    return "What the orchards have this week"


def loaf(c: Canvas) -> str:
    p = c.palette
    _table(c)
    crust = mix(p.accent, (150, 92, 40), 0.72)
    for x, y, w in ((c.chance.uniform(300, 380), 300, 240), (c.chance.uniform(760, 850), 380, 270)):
        c.ellipse(x + 14, y + 26, w, w * 0.62, p.near, 0.35)
        c.ellipse(x, y, w, w * 0.62, mix(crust, p.near, 0.22))
        c.ellipse(x - 8, y - 10, w * 0.93, w * 0.54, crust)
        for i in range(-2, 3):
            lean = i * w * 0.3
            c.line([(x + lean - 34, y + w * 0.3), (x + lean + 34, y - w * 0.34)], 20, mix(crust, p.pale, 0.62))
            c.line([(x + lean - 34, y + w * 0.3), (x + lean + 34, y - w * 0.34)], 8, mix(crust, p.pale, 0.85))
    for _ in range(150):
        c.disc(c.chance.uniform(60, 1140), c.chance.uniform(60, 640), c.chance.uniform(1, 4), p.pale, 0.7)
    return "Two loaves from the night shift"


def bottles(c: Canvas) -> str:
    p = c.palette
    c.glow(600, 300, 640, p.pale, 0.6)
    c.box(0, 540, WIDTH, 140, mix(p.near, p.far, 0.35))
    x = 70.0
    while x < 1110:
        w, h = c.chance.uniform(62, 96), c.chance.uniform(200, 330)
        tint = c.chance.choice((p.accent, mix(p.near, (60, 120, 80), 0.5), mix(p.accent, p.pale, 0.45), p.far))
        if c.chance.random() < 0.55:
            c.rounded(x + w * 0.34, 560 - h - 96, w * 0.32, 130, 6, tint)
            c.box(x + w * 0.32, 560 - h - 100, w * 0.36, 26, mix(p.near, p.accent, 0.2))
        else:
            h *= 0.62
            c.box(x + 4, 560 - h - 22, w - 8, 24, mix(p.near, p.far, 0.2))
        c.rounded(x, 560 - h, w, h, w * 0.3, tint)
        c.box(x + w * 0.12, 590 - h, w * 0.1, h - 60, p.pale, 0.45)
        c.box(x, 560 - h * 0.62, w, h * 0.36, p.pale)
        c.box(x + w * 0.2, 560 - h * 0.5, w * 0.6, 5, p.near)
        c.box(x + w * 0.28, 560 - h * 0.42, w * 0.44, 4, tint)
        x += w + c.chance.uniform(14, 52)
    return "Jars and bottles against the winter"
