"""Small portraits of the authors: heads and shoulders in flat colours, like stamps."""

from __future__ import annotations

import random

from PIL import Image, ImageDraw

_SKIN = ((244, 208, 177), (224, 172, 130), (170, 116, 80), (120, 78, 54))
_HAIR = ((52, 36, 30), (96, 60, 34), (178, 118, 58), (196, 196, 200), (30, 30, 40))
_CLOTHES = ((38, 70, 83), (200, 85, 61), (69, 105, 88), (92, 72, 120), (226, 170, 70))
_GROUND = ((233, 216, 189), (190, 214, 214), (236, 200, 180), (208, 220, 190))


def portrait(name: str, side: int) -> Image.Image:
    """A square portrait that depends on the name alone."""
    chance = random.Random(f"portrait {name}")
    big = 640
    image = Image.new("RGB", (big, big), chance.choice(_GROUND))
    draw = ImageDraw.Draw(image)
    skin, hair, clothes = chance.choice(_SKIN), chance.choice(_HAIR), chance.choice(_CLOTHES)
    if chance.random() < 0.55:
        draw.rounded_rectangle((180, 150, 460, 470), 130, fill=hair)
    draw.ellipse((110, 440, 530, 860), fill=clothes)
    draw.rounded_rectangle((270, 370, 370, 500), 46, fill=tuple(round(v * 0.88) for v in skin))
    draw.polygon([(250, 466), (320, 540), (390, 466), (410, 480), (320, 590), (230, 480)], fill=(250, 246, 238))
    draw.ellipse((208, 160, 432, 430), fill=skin)
    draw.pieslice((198, 128, 442, 380), 180 - chance.randint(0, 24), 360 + chance.randint(0, 24), fill=hair)
    fringe = chance.randint(210, 300)
    draw.polygon([(204, 262), (fringe, 200), (436, 262), (420, 190), (320, 140), (216, 190)], fill=hair)
    for eye in (276, 364):
        draw.ellipse((eye - 9, 296, eye + 9, 316), fill=(40, 34, 32))
    draw.arc((280, 330, 360, 390), 20, 160, fill=(150, 70, 60), width=9)
    if chance.random() < 0.5:
        for eye in (276, 364):
            draw.ellipse((eye - 38, 272, eye + 38, 342), outline=(40, 34, 32), width=8)
        draw.line((314, 304, 326, 304), fill=(40, 34, 32), width=8)
    return image.resize((side, side), Image.Resampling.LANCZOS)
