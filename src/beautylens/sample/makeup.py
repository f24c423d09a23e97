"""Packs of colour cosmetics: lipstick, gloss, mascara, polish, pencil, brush."""

from __future__ import annotations

from math import cos, sin

import numpy as np

from beautylens.sample.colour import BLACK_PLASTIC, WHITE_PLASTIC, mix, rgb
from beautylens.sample.labels import recoloured, wrap
from beautylens.sample.pack import Pack
from beautylens.sample.stage import MIDDLE, TABLE, Stage
from beautylens.sample.surfaces import Part, foot, shoulder, straight, taper


def lipstick(stage: Stage, pack: Pack) -> None:
    """Draw an open lipstick beside its cap."""
    radius = 44 + 10 * pack.build
    case = "metal" if pack.seed % 3 == 0 else "gloss"
    cap = recoloured(pack, pack.paper)
    stage.stand(
        MIDDLE + 88,
        TABLE,
        [
            Part(190, straight(radius + 3), case, pack.paper, wrap(cap, radius, 190, "mark")),
            Part(10, straight(radius), "metal", pack.brand.metal),
        ],
    )
    stage.stand(
        MIDDLE - 74,
        TABLE,
        [
            Part(36, shoulder(12, 31), "satin", pack.fill),
            Part(88, straight(31), "satin", pack.fill),
            Part(70, straight(35), "metal", pack.brand.metal),
            Part(12, straight(radius - 2), "metal", mix(pack.brand.metal, BLACK_PLASTIC, 0.2)),
            Part(168, straight(radius), case, pack.paper, wrap(pack, radius, 168, "column")),
        ],
    )
    tip = TABLE - 374
    stage.ellipse((MIDDLE - 70, tip + 34), (33, 15), mix(pack.fill, (255, 255, 255), 0.2), tilt=38)


def balm_stick(stage: Stage, pack: Pack) -> None:
    """Draw a lip balm stick with its cap on."""
    radius = 50 + 8 * pack.build
    _, colour = pack.cap
    stage.stand(
        MIDDLE,
        TABLE - 20,
        [
            Part(128, straight(radius), "gloss", colour),
            Part(5, straight(radius - 3), "matte", mix(colour, BLACK_PLASTIC, 0.4)),
            Part(300, straight(radius), "satin", pack.paper, wrap(pack, radius, 300)),
            Part(24, straight(radius - 8), "matte", colour, ridges=24),
        ],
    )


def lip_gloss(stage: Stage, pack: Pack) -> None:
    """Draw a gloss: a clear tube filled with the shade below a tall cap."""
    radius = 36 + 14 * pack.build
    material, colour = pack.cap
    cap = recoloured(pack, colour)
    clear = recoloured(pack, pack.fill)
    stage.stand(
        MIDDLE,
        TABLE,
        [
            Part(
                216,
                taper(radius * 0.78, radius * 0.9),
                material,
                colour,
                wrap(cap, radius, 216, "column"),
            ),
            Part(12, straight(radius * 0.7), "metal", pack.brand.metal),
            Part(16, straight(radius), "glass", mix(pack.fill, (255, 255, 255), 0.6)),
            Part(196, straight(radius), "glass", pack.fill, wrap(clear, radius, 196, "column")),
            Part(26, foot(radius, 0.4), "glass", mix(pack.fill, (255, 255, 255), 0.65)),
        ],
    )


def mascara(stage: Stage, pack: Pack) -> None:
    """Draw a closed mascara beside an open wand."""
    radius = 30 + 9 * pack.build
    material, colour = pack.cap
    stage.stand(
        MIDDLE - 70,
        TABLE,
        [
            Part(190, taper(radius * 0.9, radius), material, colour),
            Part(10, straight(radius - 2), "metal", pack.brand.metal),
            Part(270, foot(radius, 0.06), "gloss", pack.paper, wrap(pack, radius, 270, "column")),
        ],
    )
    _wand(stage, MIDDLE + 84, TABLE - 20, pack)
    stage.stand(
        MIDDLE + 84,
        TABLE - 270,
        [
            Part(190, taper(radius * 0.9, radius), material, colour),
            Part(22, straight(radius * 0.6), "gloss", BLACK_PLASTIC),
        ],
    )


def _wand(stage: Stage, x: float, foot_y: float, pack: Pack) -> None:
    stage.stroke([(x, foot_y - 250), (x, foot_y - 100)], BLACK_PLASTIC, 5)
    bristle = mix(pack.fill, BLACK_PLASTIC, 0.5)
    for step in range(44):
        y = foot_y - 126 + step * 2.8
        swell = 19 - 9 * abs(step / 43 - 0.35 - 0.3 * pack.build)
        lean = 3 * sin(step)
        stage.stroke([(x - swell, y + lean), (x + swell, y - lean)], bristle, 1.5)


def nail_polish(stage: Stage, pack: Pack) -> None:
    """Draw a nail polish: a small round bottle of colour with a tall cap."""
    radius, height = 82 + 26 * pack.build, 150 - 30 * pack.build
    material, colour = pack.cap
    printed = recoloured(pack, pack.fill)
    stage.stand(
        MIDDLE,
        TABLE - 16,
        [
            Part(210, taper(29, 40), material, colour),
            Part(8, straight(34), "metal", pack.brand.metal),
            Part(44, shoulder(40, radius), "glass", mix(pack.fill, (255, 255, 255), 0.06)),
            Part(height, straight(radius), "glass", pack.fill, wrap(printed, radius, height)),
            Part(20, foot(radius, 0.7), "glass", mix(pack.fill, (255, 255, 255), 0.55)),
        ],
    )


def foundation(stage: Stage, pack: Pack) -> None:
    """Draw a foundation: frosted glass filled with a skin tone, capped or pumped."""
    radius, height = 68 + 22 * pack.build, 270 - 30 * pack.build
    material, colour = pack.cap
    printed = recoloured(pack, pack.fill)
    stage.stand(
        MIDDLE,
        TABLE,
        [
            Part(124, straight(radius * (0.62 + 0.3 * pack.build)), material, colour),
            Part(9, straight(radius * 0.55), "metal", pack.brand.metal),
            Part(
                18, shoulder(radius * 0.75, radius), "glass", mix(pack.fill, (255, 255, 255), 0.35)
            ),
            Part(height, straight(radius), "glass", pack.fill, wrap(printed, radius, height)),
            Part(28, foot(radius, 0.4), "glass", mix(pack.fill, (255, 255, 255), 0.6)),
        ],
    )


def pencil(stage: Stage, pack: Pack) -> None:
    """Draw two pencils lying crosswise: one sharpened to the shade, one with its cap on."""
    for x, capped in ((MIDDLE - 46, False), (MIDDLE + 46, True)):
        barrel = 330 if capped else 360
        tip = [
            Part(34, taper(2, 7), "matte", pack.fill),
            Part(52, taper(8, 23), "matte", rgb("#d9b68a")),
        ]
        cap = [Part(110, shoulder(10, 26), "gloss", pack.fill)]
        stage.stand(
            x,
            TABLE - 10,
            [
                *(cap if capped else tip),
                Part(barrel, straight(24), "gloss", pack.paper, wrap(pack, 24, barrel, "column")),
                Part(12, straight(24), "metal", pack.brand.metal),
                Part(30, foot(24, 0.6), "gloss", pack.fill),
            ],
        )
    stage.turn(-32 - 20 * pack.build, 1.12)


def brush(stage: Stage, pack: Pack) -> None:
    """Draw a make-up brush standing on its handle's end, bristles up."""
    rng = np.random.default_rng(pack.seed)
    root = (MIDDLE, TABLE - 340)
    spread = 0.34 + 0.3 * pack.build
    length = (150 + 60 * pack.build) * pack.scale
    for lean in np.sort(rng.uniform(-1, 1, 420) ** 3)[:: rng.choice([-1, 1])]:
        reach = length * (1 - 0.22 * lean**2) * rng.uniform(0.93, 1.0)
        tint = mix(pack.fill, (255, 250, 240), float(rng.uniform(0, 0.45)))
        tip = (root[0] + reach * sin(lean * spread), root[1] - reach * cos(lean * spread))
        stage.stroke([(root[0] + 40 * pack.scale * lean, root[1]), tip], tint, 2)
    stage.stand(
        MIDDLE,
        TABLE,
        [
            Part(86, taper(42 * pack.scale, 26), "metal", pack.brand.metal, ridges=0),
            Part(254, taper(25, 15), "gloss", pack.paper, wrap(pack, 25, 254, "column")),
        ],
    )


def concealer(stage: Stage, pack: Pack) -> None:
    """Draw a concealer pen: slim, clear over the shade, with a white or black cap."""
    colour = (WHITE_PLASTIC, BLACK_PLASTIC)[pack.seed % 2]
    clear = recoloured(pack, pack.fill)
    stage.stand(
        MIDDLE,
        TABLE,
        [
            Part(180, shoulder(26, 34), "satin", colour),
            Part(6, straight(30), "metal", pack.brand.metal),
            Part(246, straight(34), "glass", pack.fill, wrap(clear, 34, 246, "column")),
            Part(60, foot(34, 0.2), "satin", colour),
        ],
    )
    stage.turn(24 - 60 * pack.build)
