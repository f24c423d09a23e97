"""Background patterns of labels, each drawn as a mask."""

from __future__ import annotations

from collections.abc import Callable
from math import pi, sin

import numpy as np
from PIL import Image, ImageDraw

from beautylens.sample.colour import RGB
from beautylens.sample.emblems import emblem_mask

Grain = np.random.Generator


def print_pattern(image: Image.Image, name: str, ink: RGB, step: float, seed: int) -> None:
    """Draw a pattern over the whole image; `step` is its period in pixels."""
    mask = Image.new("L", image.size, 0)
    draw = ImageDraw.Draw(mask)
    PATTERNS[name](mask, draw, step, np.random.default_rng(seed))
    image.paste(ink, (0, 0), mask)


def _plain(mask: Image.Image, draw: ImageDraw.ImageDraw, step: float, rng: Grain) -> None:
    """Draw nothing."""


def _stripes(mask: Image.Image, draw: ImageDraw.ImageDraw, step: float, rng: Grain) -> None:
    for x in np.arange(0, mask.width, step):
        draw.rectangle((x, 0, x + step * 0.42, mask.height), fill=255)


def _hoops(mask: Image.Image, draw: ImageDraw.ImageDraw, step: float, rng: Grain) -> None:
    for y in np.arange(0, mask.height, step * 0.8):
        draw.rectangle((0, y, mask.width, y + step * 0.22), fill=255)


def _dots(mask: Image.Image, draw: ImageDraw.ImageDraw, step: float, rng: Grain) -> None:
    reach = step * 0.24
    for row, y in enumerate(np.arange(0, mask.height + step, step)):
        for x in np.arange(step / 2 * (row % 2), mask.width + step, step):
            draw.ellipse((x - reach, y - reach, x + reach, y + reach), fill=255)


def _ripples(mask: Image.Image, draw: ImageDraw.ImageDraw, step: float, rng: Grain) -> None:
    xs = np.arange(0, mask.width + step, step / 4)
    for y in np.arange(0, mask.height + step, step * 0.6):
        line = [(float(x), float(y + step * 0.18 * sin(x / step * 2 * pi))) for x in xs]
        draw.line(line, fill=255, width=max(round(step * 0.14), 1))


def _terrazzo(mask: Image.Image, draw: ImageDraw.ImageDraw, step: float, rng: Grain) -> None:
    for _ in range(round(2.2 * mask.width * mask.height / step**2)):
        centre = rng.uniform((0, 0), mask.size)
        turns = np.sort(rng.uniform(0, 2 * pi, 5))
        reach = rng.uniform(0.1, 0.36) * step
        corners = centre + reach * np.stack([np.cos(turns), np.sin(turns)], axis=1)
        draw.polygon([(float(x), float(y)) for x, y in corners], fill=255)


def _checks(mask: Image.Image, draw: ImageDraw.ImageDraw, step: float, rng: Grain) -> None:
    for row, y in enumerate(np.arange(0, mask.height, step / 2)):
        for x in np.arange(step / 2 * (row % 2), mask.width, step):
            draw.rectangle((x, y, x + step / 2 - 1, y + step / 2 - 1), fill=255)


def _rays(mask: Image.Image, draw: ImageDraw.ImageDraw, step: float, rng: Grain) -> None:
    centre = (mask.width / 2, mask.height * 0.62)
    reach = mask.width + mask.height
    for ray in range(18):
        turn = 2 * pi * ray / 18
        tips = [(turn - 0.09), (turn + 0.09)]
        ends = [(centre[0] + reach * np.cos(t), centre[1] + reach * np.sin(t)) for t in tips]
        draw.polygon([centre, *ends], fill=255)


def _scallops(mask: Image.Image, draw: ImageDraw.ImageDraw, step: float, rng: Grain) -> None:
    pen = max(round(step * 0.07), 1)
    for row, y in enumerate(np.arange(-step, mask.height + step, step / 2)):
        for x in np.arange(-step / 2 * (row % 2), mask.width + step, step):
            for reach in (0.5, 0.32):
                box = (x - step * reach, y - step * reach, x + step * reach, y + step * reach)
                draw.arc(box, 180, 360, fill=255, width=pen)


def _sprigs(mask: Image.Image, draw: ImageDraw.ImageDraw, step: float, rng: Grain) -> None:
    _scatter_emblem(mask, "leaves", step, rng)


def _petals(mask: Image.Image, draw: ImageDraw.ImageDraw, step: float, rng: Grain) -> None:
    _scatter_emblem(mask, "blossom", step, rng)


def _scatter_emblem(mask: Image.Image, name: str, step: float, rng: Grain) -> None:
    side = max(round(step * 0.8), 2)
    stamp = emblem_mask(name, side)
    for row, y in enumerate(np.arange(-step / 2, mask.height, step)):
        for x in np.arange(-step / 2 * (row % 2), mask.width, step):
            turned = stamp.rotate(float(rng.uniform(0, 360)), Image.Resampling.BILINEAR)
            mask.paste(255, (round(x), round(y)), turned)


Pattern = Callable[[Image.Image, ImageDraw.ImageDraw, float, Grain], None]

PATTERNS: dict[str, Pattern] = {
    "checks": _checks,
    "dots": _dots,
    "hoops": _hoops,
    "petals": _petals,
    "plain": _plain,
    "rays": _rays,
    "ripples": _ripples,
    "scallops": _scallops,
    "sprigs": _sprigs,
    "stripes": _stripes,
    "terrazzo": _terrazzo,
}
