"""Logos of the invented brands, each drawn on a unit square."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from itertools import pairwise
from math import cos, pi, sin

from PIL import Image, ImageDraw

Point = tuple[float, float]

# Side in pixels at which emblems are drawn before they are resized.
_PEN = 256


def emblem_mask(name: str, side: int) -> Image.Image:
    """Return the mask ("L") of an emblem, `side` pixels square."""
    return _drawn(name).resize((max(side, 1), max(side, 1)), Image.Resampling.LANCZOS)


@lru_cache(maxsize=64)
def _drawn(name: str) -> Image.Image:
    mask = Image.new("L", (_PEN, _PEN), 0)
    EMBLEMS[name](ImageDraw.Draw(mask))
    return mask


def _at(x: float, y: float) -> Point:
    return x * _PEN, y * _PEN


def _polar(radius: float, turn: float) -> Point:
    """Return the point at polar coordinates about the centre; turn 0 is up, 1 a full circle."""
    return _at(0.5 + radius * sin(2 * pi * turn), 0.5 - radius * cos(2 * pi * turn))


def _ring(draw: ImageDraw.ImageDraw, radius: float, width: float) -> None:
    box = (*_at(0.5 - radius, 0.5 - radius), *_at(0.5 + radius, 0.5 + radius))
    draw.ellipse(box, outline=255, width=round(width * _PEN))


def _disc(draw: ImageDraw.ImageDraw, centre: Point, radius: float, tone: int = 255) -> None:
    x, y = centre
    reach = radius * _PEN
    draw.ellipse((x - reach, y - reach, x + reach, y + reach), fill=tone)


def _waves(draw: ImageDraw.ImageDraw) -> None:
    for row in (0.32, 0.5, 0.68):
        crest = [_at(x / 40, row + 0.07 * sin(x / 40 * 4 * pi)) for x in range(41)]
        draw.line(crest, fill=255, width=round(0.055 * _PEN), joint="curve")


def _diamond(draw: ImageDraw.ImageDraw) -> None:
    for reach, tone in ((0.48, 255), (0.41, 0), (0.24, 255)):
        draw.polygon([_polar(reach, turn / 4) for turn in range(4)], fill=tone)


def _cloud(draw: ImageDraw.ImageDraw) -> None:
    for x, y, radius in ((0.3, 0.58, 0.19), (0.52, 0.42, 0.24), (0.74, 0.6, 0.17)):
        _disc(draw, _at(x, y), radius)
    draw.rectangle((*_at(0.3, 0.58), *_at(0.74, 0.77)), fill=255)


def _twig(draw: ImageDraw.ImageDraw) -> None:
    draw.line([_at(0.5, 0.96), _at(0.5, 0.06)], fill=255, width=round(0.05 * _PEN))
    for y in (0.32, 0.54, 0.76):
        for side in (-0.3, 0.3):
            limb = [_at(0.5, y), _at(0.5 + side, y - 0.22)]
            draw.line(limb, fill=255, width=round(0.05 * _PEN))


def _citrus(draw: ImageDraw.ImageDraw) -> None:
    _ring(draw, 0.47, 0.05)
    for slice_ in range(8):
        wedge = [_polar(0.08, (slice_ + 0.5) / 8)]
        wedge += [_polar(0.36, (slice_ + 0.12 + 0.76 * step / 6) / 8) for step in range(7)]
        draw.polygon(wedge, fill=255)


def _moon(draw: ImageDraw.ImageDraw) -> None:
    _disc(draw, _at(0.5, 0.5), 0.44)
    _disc(draw, _at(0.66, 0.4), 0.38, tone=0)
    _disc(draw, _at(0.74, 0.36), 0.07)


def _leaf_outline(tilt: float, length: float, breadth: float) -> list[Point]:
    """Return the outline of a leaf from the centre in the direction `tilt`, in turns."""
    right = [_polar(length * step / 12, tilt + breadth * sin(pi * step / 12)) for step in range(13)]
    left = [_polar(length * step / 12, tilt - breadth * sin(pi * step / 12)) for step in range(13)]
    return right + left[::-1]


def _leaves(draw: ImageDraw.ImageDraw) -> None:
    for tilt, length in ((0.0, 0.5), (0.17, 0.42), (-0.17, 0.42)):
        draw.polygon(_leaf_outline(tilt, length, 0.06), fill=255)
    draw.line([_at(0.5, 0.5), _at(0.5, 0.95)], fill=255, width=round(0.05 * _PEN))


def _arch(draw: ImageDraw.ImageDraw) -> None:
    for reach, tone in ((0.46, 255), (0.36, 0), (0.27, 255), (0.17, 0), (0.1, 255)):
        box = (*_at(0.5 - reach, 0.56 - reach), *_at(0.5 + reach, 0.56 + reach))
        draw.pieslice(box, 180, 360, fill=tone)
        draw.rectangle((*_at(0.5 - reach, 0.56), *_at(0.5 + reach, 0.9)), fill=tone)


def _molecule(draw: ImageDraw.ImageDraw) -> None:
    corners = [_polar(0.36, turn / 6) for turn in range(6)]
    for start, end in pairwise([*corners, corners[0]]):
        draw.line([start, end], fill=255, width=round(0.05 * _PEN))
    for corner in corners[::2]:
        _disc(draw, corner, 0.1)


def _heart(draw: ImageDraw.ImageDraw) -> None:
    _disc(draw, _at(0.32, 0.36), 0.215)
    _disc(draw, _at(0.68, 0.36), 0.215)
    draw.polygon([_at(0.125, 0.45), _at(0.5, 0.92), _at(0.875, 0.45), _at(0.5, 0.3)], fill=255)


def _arrow(draw: ImageDraw.ImageDraw) -> None:
    _ring(draw, 0.48, 0.045)
    draw.polygon([_polar(0.36, 0), _polar(0.36, 0.38), _at(0.5, 0.6), _polar(0.36, 0.62)], fill=255)


def _sun(draw: ImageDraw.ImageDraw) -> None:
    _disc(draw, _at(0.5, 0.5), 0.22)
    for ray in range(12):
        turn = ray / 12
        ends = [_polar(0.48, turn), _polar(0.28, turn + 0.025), _polar(0.28, turn - 0.025)]
        draw.polygon(ends, fill=255)


def _blossom(draw: ImageDraw.ImageDraw) -> None:
    for petal in range(5):
        _disc(draw, _polar(0.28, petal / 5), 0.185)
    _disc(draw, _at(0.5, 0.5), 0.1, tone=0)
    for petal in range(5):
        _disc(draw, _polar(0.19, petal / 5), 0.03, tone=0)


def _bolt(draw: ImageDraw.ImageDraw) -> None:
    corners = [(0.62, 0.02), (0.16, 0.56), (0.46, 0.56), (0.36, 0.98), (0.84, 0.4), (0.53, 0.4)]
    draw.polygon([_at(x, y) for x, y in corners], fill=255)


EMBLEMS: dict[str, Callable[[ImageDraw.ImageDraw], None]] = {
    "arch": _arch,
    "arrow": _arrow,
    "blossom": _blossom,
    "bolt": _bolt,
    "citrus": _citrus,
    "cloud": _cloud,
    "diamond": _diamond,
    "heart": _heart,
    "leaves": _leaves,
    "molecule": _molecule,
    "moon": _moon,
    "sun": _sun,
    "twig": _twig,
    "waves": _waves,
}
