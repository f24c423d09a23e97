"""Packs with flat faces: cartons, sachets, bars of soap and perfume flasks."""

from __future__ import annotations

from collections.abc import Sequence
from math import pi

import cv2
import numpy as np
from PIL import Image

from beautylens.arrays import UInt8
from beautylens.sample.barcode import MODULES, draw_barcode
from beautylens.sample.colour import BLACK_PLASTIC, WHITE, mix, readable
from beautylens.sample.labels import back_label, print_label, recoloured
from beautylens.sample.lettering import write
from beautylens.sample.pack import Pack
from beautylens.sample.relief import dimmed, embossed, rounded, slab, solid, whole
from beautylens.sample.stage import MIDDLE, TABLE, Point, Stage
from beautylens.sample.surfaces import SCALE, Part, shoulder, straight

# Width of the barcode's narrowest bar on a carton, in pixels of the finished picture.
_BAR = 3


def carton(stage: Stage, pack: Pack) -> None:
    """Draw a carton: front and side in perspective, or its back square on with the barcode."""
    if stage.view.back:
        _carton_back(stage, pack)
        return
    width, height = 210 + 120 * pack.build, (430 - 90 * pack.build) * pack.scale
    front = print_label(pack, width * SCALE, height * SCALE)
    side = print_label(recoloured(pack, pack.accent), 110 * SCALE, height * SCALE, layout="column")
    depth = 74 + 130 * stage.view.yaw
    rise = 22
    left, right = MIDDLE - (width + depth) / 2, MIDDLE + (width - depth) / 2
    back = right + depth
    top = TABLE - height - 10
    foot = TABLE - 10
    lid = solid(np.zeros((8, 8), np.uint8), mix(pack.paper, WHITE, 0.15))
    behind = (left + depth * 0.8, top - rise - 8)
    stage.face(lid, [behind, (back, top - rise), (right, top), (left, top + 6)], gain=0.86)
    flank = [(right, top), (back, top - rise), (back, foot - rise), (right, foot)]
    stage.face(side, flank, gain=0.78)
    stage.face(front, [(left, top + 6), (right, top), (right, foot), (left, foot - 8)], gain=0.9)


def _carton_back(stage: Stage, pack: Pack) -> None:
    width, height = 420, 540
    sheet = back_label(pack, width * SCALE, height * SCALE)
    symbol = draw_barcode(pack.gtin, _BAR * SCALE, 140 * SCALE)
    left = round((width - MODULES * _BAR) / 2 * SCALE)
    top = round(height * SCALE * 0.7)
    sheet[top : top + symbol.shape[0], left : left + symbol.shape[1]] = symbol
    stage.face(sheet, _upright(MIDDLE - width / 2, MIDDLE - height / 2, width, height), gain=0.9)


def _upright(left: float, top: float, width: float, height: float) -> list[Point]:
    right, bottom = left + width, top + height
    return [(left, top), (right, top), (right, bottom), (left, bottom)]


def sachet(stage: Stage, pack: Pack) -> None:
    """Draw a foil sachet, crimped at both ends and slightly creased."""
    width, height = 300 + 90 * pack.build, 430
    art = print_label(pack, width * SCALE, height * SCALE, safe=0.82)
    rows, columns = art.shape[:2]
    noise = np.random.default_rng(pack.seed).normal(0, 0.045, (7, 5)).astype(np.float32)
    creases = cv2.resize(noise, (columns, rows), interpolation=cv2.INTER_CUBIC)
    gain = 0.86 + 0.16 * np.cos(np.linspace(-1.2, 1.2, columns))[None, :] + creases
    crimp = 26 * SCALE
    ribs = 0.9 + 0.09 * np.sin(np.arange(crimp) * (2 * pi / 9))[:, None]
    gain[:crimp], gain[-crimp:] = ribs, ribs
    foil = dimmed(art, gain[..., None])
    stage.paint(foil, whole(foil), MIDDLE - width / 2, MIDDLE - height / 2)
    stage.turn(-4 + 8 * pack.build)


def soap(stage: Stage, pack: Pack) -> None:
    """Draw a bar of soap with the brand pressed in, half in its paper band."""
    width, height = 420.0, 250 + 60 * pack.build
    mask = rounded(width, height, (36, height / 2)[pack.seed % 2])
    left, top = MIDDLE - width / 2, MIDDLE - height / 2
    stage.paint(_pressed(slab(pack.fill, mask, 60), pack), mask, left, top)
    band = print_label(pack, width * 0.5 * SCALE, (height + 8) * SCALE)
    sheen = 0.64 + 0.4 * np.cos(np.linspace(-1.25, 1.0, band.shape[0]))[:, None, None]
    corners = _upright(MIDDLE - width * 0.06, top - 4, width * 0.5, height + 8)
    stage.face(dimmed(band, sheen), corners)
    stage.turn(10 - 22 * pack.build, 1.1)


def _pressed(bar: UInt8, pack: Pack) -> UInt8:
    """Return the bar with the brand's name pressed into its left part."""
    relief = Image.new("RGB", (bar.shape[1], bar.shape[0]), (0, 0, 0))
    box = (relief.width * 0.07, relief.height * 0.3, relief.width * 0.41, relief.height * 0.7)
    write(relief, pack.brand.name, box, pack.brand.lettering, WHITE)
    return embossed(bar, np.asarray(relief)[..., 0], -0.16)


def perfume(stage: Stage, pack: Pack) -> None:
    """Draw a perfume flask: thick clear glass around coloured liquid, with a heavy stopper."""
    k = pack.scale
    width, height = (230 + 120 * pack.build) * k, (320 - 110 * pack.build) * k
    corner = (18, 60, min(width, height) / 2)[pack.seed % 3]
    left, top = MIDDLE - width / 2, TABLE - height
    _stopper(stage, pack, top)
    outer = rounded(width, height, corner)
    clear = mix(mix(pack.fill, WHITE, 0.55), BLACK_PLASTIC, 0.12)
    stage.paint(slab(clear, outer, 34), outer, left, top)
    wall = 22 * k
    inner = rounded(width - 2 * wall, height - 2.4 * wall, max(corner - wall, 6))
    shine = np.linspace(1.16, 0.86, inner.shape[1])[None, :, None]
    stage.paint(dimmed(slab(pack.fill, inner, 20), shine), inner, left + wall, top + wall)
    plate = print_label(pack, width * 0.56 * SCALE, height * 0.5 * SCALE, layout="centred")
    stage.paint(plate, whole(plate), MIDDLE - width * 0.28, top + height * 0.26)
    glint = rounded(9, height - 60, 4)
    stage.paint(solid(glint, WHITE), glint, left + 34, top + 30, opacity=0.55)


def _stopper(stage: Stage, pack: Pack, top: float) -> None:
    colour = readable(pack.paper, WHITE)
    flare = Part(44, lambda t: 40 + 16 * np.cos(t * 1.5), "gloss", colour)
    stoppers: Sequence[Sequence[Part]] = (
        [Part(92, straight(52), "gloss", colour)],
        [Part(44, shoulder(6, 56), "gloss", colour), flare],
        [Part(104, straight(38), "metal", pack.brand.metal)],
    )
    collar = Part(22, straight(30), "metal", pack.brand.metal)
    stage.stand(MIDDLE, top + 4, [*stoppers[pack.seed // 3 % 3], collar])
