"""Packs seen from above: eyeshadow palettes, powder compacts and round tins."""

from __future__ import annotations

from math import sin

import cv2
import numpy as np

from beautylens.arrays import UInt8
from beautylens.sample.colour import BLACK_PLASTIC, RGB, WHITE, mix
from beautylens.sample.labels import print_label, recoloured
from beautylens.sample.pack import Pack
from beautylens.sample.relief import rounded, slab, solid, whole
from beautylens.sample.stage import MIDDLE, Point, Stage
from beautylens.sample.surfaces import SCALE

# Side of an eyeshadow pan in pixels of the finished picture.
_PAN = 88
# Gap between two pans in pixels of the finished picture.
_GAP = 16


def palette(stage: Stage, pack: Pack) -> None:
    """Draw an eyeshadow palette from above: rows of pressed pans in a printed case."""
    columns, rows = 3 + pack.seed % 3, 2 + pack.seed // 3 % 2
    width, height = columns * (_PAN + _GAP) + 40, rows * (_PAN + _GAP) + 90
    left, top = MIDDLE - width / 2, MIDDLE - height / 2
    mask = rounded(width, height, 20)
    stage.paint(slab(pack.paper, mask, 14), mask, left, top)
    rng = np.random.default_rng(pack.seed)
    for index in range(columns * rows):
        row, column = divmod(index, columns)
        corner = (left + 28 + column * (_PAN + _GAP), top + 16 + row * (_PAN + _GAP))
        _pan(stage, corner, _pan_tint(pack, index / (columns * rows - 1), rng), rng)
    plate = print_label(pack, (width - 40) * SCALE, 62 * SCALE, layout="strip")
    stage.paint(plate, whole(plate), left + 20, top + height - 70)
    stage.turn(6 - 12 * pack.build, min(1.15, 560 / width))


def _pan_tint(pack: Pack, share: float, rng: np.random.Generator) -> RGB:
    """Return a colour between the palette's lightest (share 0) and darkest (1), with variation."""
    light, dark = mix(pack.fill, WHITE, 0.55), mix(pack.fill, BLACK_PLASTIC, 0.6)
    return mix(mix(light, dark, share), pack.accent, float(rng.uniform(0, 0.35)))


def _pan(stage: Stage, corner: Point, tint: RGB, rng: np.random.Generator) -> None:
    x, y = corner
    well, mask = rounded(_PAN + 6, _PAN + 6, 12), rounded(_PAN, _PAN, 10)
    stage.paint(solid(well, mix(tint, BLACK_PLASTIC, 0.55)), well, x - 3, y - 3)
    glitter = rng.normal(0, rng.choice([3.0, 16.0]), (*mask.shape, 1))
    powder = np.clip(slab(tint, mask, 8) + glitter, 0, 255).astype(np.uint8)
    stage.paint(powder, mask, x, y)


def compact(stage: Stage, pack: Pack) -> None:
    """Draw an open powder compact: the pressed pan in front, the mirror behind."""
    flat = 0.5 + 0.12 * pack.build + stage.view.camera
    pan_y, mirror_y = 430.0, 302.0 - 190 * flat
    stage.ellipse((MIDDLE, mirror_y), (190, 150), mix(pack.paper, BLACK_PLASTIC, 0.12))
    stage.ellipse((MIDDLE, mirror_y + 2), (176, 137), pack.brand.metal)
    _disc_face(stage, _mirror(), (MIDDLE, mirror_y + 2), (170, 130))
    for drop in range(30, -1, -2):
        tint = mix(pack.paper, BLACK_PLASTIC, 0.45 * drop / 30)
        stage.ellipse((MIDDLE, pan_y + drop), (190, 190 * flat), tint)
    stage.ellipse((MIDDLE, pan_y), (157, 157 * flat), pack.brand.metal)
    powder = print_label(recoloured(pack, pack.fill), 300 * SCALE, 300 * SCALE, layout="pressed")
    _disc_face(stage, powder, (MIDDLE, pan_y), (150, 150 * flat))
    lip = print_label(pack, 190 * SCALE, 24 * SCALE, safe=1.0, layout="strip")
    y = pan_y + 170 * flat - 12
    left = MIDDLE - 88
    right = MIDDLE + 88
    stage.face(lip, [(left, y), (right, y), (right - 6, y + 22), (left + 6, y + 22)])


def _mirror() -> UInt8:
    """Return the texture of a compact's mirror: pale diagonal bands."""
    across = np.linspace(0, 1, 300)
    bands = 205 + 45 * np.sin(5 * (across[:, None] + across[None, :]))
    return (bands[..., None] * (0.97, 0.99, 1.0)).astype(np.uint8)


def _disc_face(stage: Stage, texture: UInt8, centre: Point, reach: Point) -> None:
    """Paint a square texture scaled to an ellipse."""
    half = (round(reach[0] * SCALE), round(reach[1] * SCALE))
    squeezed = cv2.resize(texture, (2 * half[0], 2 * half[1]), interpolation=cv2.INTER_AREA)
    mask = np.zeros(squeezed.shape[:2], np.uint8)
    cv2.ellipse(mask, half, half, 0, 0, 360, 255, -1)
    stage.paint(np.asarray(squeezed, np.uint8), mask, centre[0] - reach[0], centre[1] - reach[1])


def tin(stage: Stage, pack: Pack) -> None:
    """Draw a round screw-top tin from above and in front."""
    metal = pack.brand.metal
    y = MIDDLE - 20
    reach = 210
    flat = 0.78 + 0.12 * pack.build
    for drop in range(58, -1, -2):
        shade = mix(metal, BLACK_PLASTIC, 0.35 + 0.3 * sin(drop / 5))
        stage.ellipse((MIDDLE, y + drop), (reach, reach * flat), shade)
    stage.ellipse((MIDDLE, y), (reach, reach * flat), mix(metal, WHITE, 0.35))
    stage.ellipse((MIDDLE, y), (reach - 8, (reach - 8) * flat), mix(metal, BLACK_PLASTIC, 0.2))
    lid = print_label(pack, 380 * SCALE, 380 * SCALE, safe=0.72, layout="medallion")
    _disc_face(stage, lid, (MIDDLE, y), (reach - 12, (reach - 12) * flat))
