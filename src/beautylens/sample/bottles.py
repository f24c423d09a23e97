"""Rotationally symmetric packs for skin, hair and body: bottles, jars, tubes and cans."""

from __future__ import annotations

from beautylens.sample.colour import BLACK_PLASTIC, RGB, WHITE_PLASTIC, mix, rgb
from beautylens.sample.labels import recoloured, wrap
from beautylens.sample.pack import Pack
from beautylens.sample.stage import MIDDLE, TABLE, Stage
from beautylens.sample.surfaces import Part, foot, shoulder, straight, taper, waist

_AMBER = rgb("#8a4a17")


def pump_bottle(stage: Stage, pack: Pack) -> None:
    """Draw a bottle with a dispensing pump."""
    k = pack.scale
    radius, height = (78 + 34 * pack.build) * k, (330 - 70 * pack.build) * k
    material, colour = pack.cap
    _pump(stage, TABLE - height - 82 * k, k, colour)
    parts = [
        Part(34 * k, straight(15 * k), "metal", pack.brand.metal),
        Part(34 * k, straight(34 * k), material, colour, ridges=34),
        Part(34 * k, shoulder(40 * k, radius), "satin", pack.paper),
        Part(height, foot(radius, 0.05), "satin", pack.paper, wrap(pack, radius, height)),
    ]
    stage.stand(MIDDLE, TABLE, parts)


def _pump(stage: Stage, top: float, k: float, colour: RGB) -> None:
    spout = [
        (MIDDLE - 30 * k, top - 14 * k),
        (MIDDLE - 96 * k, top - 2 * k),
        (MIDDLE - 96 * k, top + 12 * k),
        (MIDDLE - 20 * k, top + 10 * k),
    ]
    stage.polygon(spout, mix(colour, (0, 0, 0), 0.12))
    head = Part(26 * k, straight(34 * k), "gloss", colour)
    stem = Part(40 * k, straight(9 * k), "gloss", mix(colour, (0, 0, 0), 0.1))
    stage.stand(MIDDLE, top + 46 * k, [head, stem])


def flip_bottle(stage: Stage, pack: Pack) -> None:
    """Draw a shampoo bottle with a flip-top cap: upright, or waisted and standing on its cap."""
    k = pack.scale
    radius, height = (84 + 16 * pack.build) * k, 372 * k
    material, colour = pack.cap
    printed = wrap(pack, radius, height)
    if pack.build > 0.5:
        parts = [
            Part(46 * k, shoulder(radius * 0.5, radius), "gloss", pack.paper),
            Part(height, waist(radius, 14 * k), "gloss", pack.paper, printed),
            Part(66 * k, taper(radius * 0.96, radius * 0.9), material, colour),
        ]
    else:
        parts = [
            Part(62 * k, taper(52 * k, 56 * k), material, colour),
            Part(52 * k, shoulder(58 * k, radius), "gloss", pack.paper),
            Part(height, foot(radius, 0.06), "gloss", pack.paper, printed),
        ]
    stage.stand(MIDDLE, TABLE, parts)


def dropper(stage: Stage, pack: Pack) -> None:
    """Draw a glass serum bottle with a rubber-bulb pipette."""
    k = pack.scale
    radius, height = (66 + 26 * pack.build) * k, (236 - 40 * pack.build) * k
    glass = (_AMBER, mix(pack.fill, (255, 255, 255), 0.15), rgb("#23406e"))[pack.seed % 3]
    labelled = recoloured(pack, pack.paper if pack.build > 0.4 else glass)
    parts = [
        Part(
            76 * k, shoulder(10 * k, 25 * k), "matte", (BLACK_PLASTIC, WHITE_PLASTIC)[pack.seed % 2]
        ),
        Part(46 * k, straight(36 * k), "metal", pack.brand.metal, ridges=40),
        Part(44 * k, shoulder(38 * k, radius), "glass", glass),
        Part(14 * k, straight(radius), "glass", glass),
        Part(height, straight(radius), "glass", labelled.paper, wrap(labelled, radius, height)),
        Part(22 * k, foot(radius, 0.5), "glass", glass),
    ]
    stage.stand(MIDDLE, TABLE, parts)


def jar(stage: Stage, pack: Pack) -> None:
    """Draw a cream jar with a broad lid."""
    k = pack.scale
    radius, height = (138 + 34 * pack.build) * k, (150 + 30 * (1 - pack.build)) * k
    material, colour = pack.cap
    frosted = mix(pack.paper, pack.fill, 0.12)
    body = recoloured(pack, frosted)
    lid = recoloured(pack, colour)
    parts = [
        Part(76 * k, straight(radius + 4), material, colour, wrap(lid, radius, 76 * k, "mark")),
        Part(8 * k, straight(radius - 10), "glass", frosted),
        Part(height, foot(radius, 0.14), "glass", frosted, wrap(body, radius, height)),
    ]
    stage.stand(MIDDLE, TABLE - 60, parts)


def tube(stage: Stage, pack: Pack) -> None:
    """Draw a soft tube standing on its cap, sealed flat at the top."""
    k = pack.scale
    radius, height = (70 + 26 * pack.build) * k, (384 - 30 * pack.build) * k
    material, colour = pack.cap
    seal = mix(pack.paper, pack.accent, 0.25)
    parts = [
        Part(24 * k, taper(radius * 1.16, radius * 1.14), "matte", seal, ridges=46),
        Part(
            height,
            taper(radius * 1.14, radius * 0.86),
            "satin",
            pack.paper,
            wrap(pack, radius, height),
        ),
        Part(72 * k, taper(radius * 0.84, radius * 0.78), material, colour, ridges=0),
    ]
    stage.stand(MIDDLE, TABLE - 10, parts)


def spray(stage: Stage, pack: Pack) -> None:
    """Draw an aerosol can with a domed cap or a trigger button."""
    k = pack.scale
    radius, height = (54 + 16 * pack.build) * k, 392 * k
    _, colour = pack.cap
    can = Part(height, straight(radius), "metal", pack.paper, wrap(pack, radius, height))
    curl = Part(10 * k, straight(radius - 4 * k), "metal", rgb("#b9bcc2"))
    rise = Part(26 * k, shoulder(radius * 0.72, radius), "metal", rgb("#cfd2d8"))
    if pack.build > 0.5:
        top = [
            Part(34 * k, shoulder(8 * k, radius * 0.7), "gloss", colour),
            Part(56 * k, straight(radius * 0.7), "gloss", colour),
        ]
    else:
        top = [
            Part(34 * k, straight(16 * k), "gloss", WHITE_PLASTIC),
            Part(30 * k, shoulder(20 * k, radius * 0.66), "satin", colour),
        ]
    stage.stand(MIDDLE, TABLE, [*top, rise, can, curl])


def deodorant(stage: Stage, pack: Pack) -> None:
    """Draw a deodorant stick with its cap on and a dial at the foot."""
    k = pack.scale
    radius, height = (76 + 18 * pack.build) * k, 220 * k
    _, colour = pack.cap
    parts = [
        Part(58 * k, shoulder(radius * 0.45, radius), "gloss", colour),
        Part(70 * k, straight(radius), "gloss", colour),
        Part(height, straight(radius), "satin", pack.paper, wrap(pack, radius, height)),
        Part(26 * k, straight(radius * 0.8), "matte", mix(colour, BLACK_PLASTIC, 0.2), ridges=30),
    ]
    stage.stand(MIDDLE, TABLE - 40, parts)


def roll_on(stage: Stage, pack: Pack) -> None:
    """Draw a roll-on bottle with its big round cap."""
    k = pack.scale
    radius, height = (60 + 12 * pack.build) * k, 200 * k
    _, colour = pack.cap
    parts = [
        Part(62 * k, shoulder(6 * k, 56 * k), "gloss", colour),
        Part(62 * k, taper(56 * k, 60 * k), "gloss", colour),
        Part(26 * k, shoulder(54 * k, radius), "glass", pack.fill),
        Part(height, waist(radius, 8 * k), "glass", pack.paper, wrap(pack, radius, height)),
        Part(24 * k, foot(radius, 0.6), "glass", pack.fill),
    ]
    stage.stand(MIDDLE, TABLE - 40, parts)
