"""Telling shades apart: the colours of a photo against those of pictures that are alike but for it.

All pictures are laid over the first of them and cut into cells. Cells in which they differ decide;
the others say what the light does.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from beautylens.arrays import Bool, Float64, Intp, UInt8
from beautylens.features.colour.alignment import Aligned, cell_means
from beautylens.features.colour.cielab import ciede2000, lab, linear
from beautylens.features.colour.illumination import relight

# Side of a cell in pixels of a thumbnail.
CELL = 8
# Share of a cell that all pictures must cover.
_COVERED = 0.5
# Cells without which there is nothing to compare.
_FEWEST = 4
# CIEDE2000 up to which a cell is the same in all pictures, and beyond which more is no more.
_ALIKE = 3.0
_FAR = 20.0
# Levels of variation in a cell from which on it shows print, and misplacement its colour.
_PRINTED = 15.0
# Levels between which a pixel's colour was not lost in the light.
_UNCLIPPED = (0, 0, 0), (251, 251, 251)

_LIGHT = linear(np.arange(256, dtype=np.uint8)).astype(np.float32)


@dataclass(frozen=True, slots=True, eq=False)
class Shades:
    """What the colours of a photo say about pictures that are laid over each other.

    differences (P,) are CIEDE2000, of the cells that tell the pictures apart, the light taken out;
    nan where no cell does. cells (N, 2) are the rows and columns compared, weights (N,) how much
    each of them tells, photo (P, N, 3) and pictures (P, N, 3) their CIELAB colours, the photo's as
    each picture's light would show them.
    """

    differences: Float64
    cells: Intp
    weights: Float64
    photo: Float64
    pictures: Float64


def tell_shades(photo: Aligned, pictures: Sequence[Aligned]) -> Shades | None:
    """Return how far the colours of a photo lie from those of each picture.

    Args:
        photo: laid over the same picture as all the others.
        pictures: two or more.

    Returns:
        None where they have too little in common.
    """
    flags = _common(photo, pictures)
    window, corner = _window(flags)
    inside = flags[window]
    grid = np.array(flags.shape) // CELL
    pixels = [each.pixels[window] for each in pictures]
    means, shares = cell_means(_LIGHT[photo.pixels[window]], inside, CELL)
    kept = shares > _COVERED
    if kept.sum() < _FEWEST:
        return None
    cells = np.argwhere(kept) + corner
    covered = shares[kept]
    seen = means[kept]
    lights = [cell_means(_LIGHT[each], inside, CELL)[0][kept] for each in pixels]
    places = (2 * cells / grid - 1)[:, ::-1]
    known = lab(np.stack(lights))
    relit = lab(np.stack([relight(seen, light, places, covered).colours for light in lights]))
    spread = _spread(known)
    even = 1 / (1 + (_variation(pixels, inside)[kept] / _PRINTED) ** 2)
    weights = np.where(spread > _ALIKE, np.minimum(spread, _FAR), 0.0) * covered * even
    misses = np.minimum(ciede2000(relit, known), _FAR)
    total = float(weights.sum())
    differences = misses @ weights / total if total else np.full(len(pictures), np.nan)
    return Shades(differences, cells, weights, relit, known)


def _common(photo: Aligned, pictures: Sequence[Aligned]) -> Bool:
    """Return the pixels that all cover, and whose colour the photo's light has left."""
    covers = photo.covers & (cv2.inRange(photo.pixels, *_UNCLIPPED) > 0)
    for each in pictures:
        covers = covers & each.covers
    return np.asarray(covers, bool)


def _window(flags: Bool) -> tuple[tuple[slice, slice], tuple[int, int]]:
    """Return the whole cells around all that is flagged, and the first of them."""
    left, top, width, height = cv2.boundingRect(flags.astype(np.uint8))
    row, column = top // CELL, left // CELL
    down, across = -(-(top + height) // CELL), -(-(left + width) // CELL)
    return np.s_[row * CELL : down * CELL, column * CELL : across * CELL], (row, column)


def _variation(pictures: Sequence[UInt8], flags: Bool) -> Float64:
    """Return for each cell the greatest standard deviation in a picture, in levels of CIELAB."""
    found = []
    for each in pictures:
        colours = cv2.cvtColor(each, cv2.COLOR_RGB2LAB).astype(np.float32)
        means, _ = cell_means(colours, flags, CELL)
        squares, _ = cell_means(np.square(colours), flags, CELL)
        found.append(np.sqrt(np.maximum(squares - np.square(means), 0)).sum(axis=2))
    return np.asarray(np.max(found, axis=0))


def _spread(known: Float64) -> Float64:
    """Return for each cell the greatest difference between two pictures, (N,) CIEDE2000."""
    spread = np.zeros(known.shape[1])
    for place, one in enumerate(known):
        for other in known[place + 1 :]:
            spread = np.maximum(spread, ciede2000(one, other))
    return spread


@dataclass(frozen=True, slots=True, eq=False)
class ColourComparison:
    """The photo and the pictures it was compared with, aligned, and what their colours say.

    image_ids name the pictures, in order; all are warped onto the first of them.
    """

    image_ids: tuple[str, ...]
    photo: Aligned
    pictures: tuple[Aligned, ...]
    shades: Shades
