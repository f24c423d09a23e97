"""Colour differences between a photo and catalogue pictures that differ in colour only.

All pictures are warped onto the first one and cut into square cells. The illuminant is estimated
from all cells; the colour difference is measured on the cells in which the pictures differ.
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
# Least share of a cell that all pictures must cover.
_COVERED = 0.5
# Least number of cells to compare.
_MIN_CELLS = 4
# CIEDE2000 up to which a cell counts as the same colour in all pictures.
_SAME_COLOUR = 3.0
# CIEDE2000 at which differences are clipped.
_MAX_DIFFERENCE = 20.0
# Standard deviation in levels at which a textured cell, sensitive to misalignment, counts half.
_TEXTURE = 15.0
# Levels between which a pixel of the photo is not overexposed.
_UNCLIPPED = (0, 0, 0), (251, 251, 251)

_LIGHT = linear(np.arange(256, dtype=np.uint8)).astype(np.float32)


@dataclass(frozen=True, slots=True, eq=False)
class CellColours:
    """Colours of the compared cells, and the colour difference of the photo from each picture.

    differences (P,) are weighted means of CIEDE2000 over the N cells after relighting; nan where
    the pictures differ in no cell. cells (N, 2) are row and column of each cell, weights (N,) its
    weight. photo (P, N, 3) and pictures (P, N, 3) are CIELAB colours, the photo's relit to the
    light of each picture.
    """

    differences: Float64
    cells: Intp
    weights: Float64
    photo: Float64
    pictures: Float64


def compare_colours(photo: Aligned, pictures: Sequence[Aligned]) -> CellColours | None:
    """Return the colour difference of a photo from each of several pictures.

    Args:
        photo: warped onto the same picture as all the others.
        pictures: two or more.

    Returns:
        None where the area that all of them cover is too small.
    """
    flags = _common_pixels(photo, pictures)
    window, corner = _window(flags)
    inside = flags[window]
    grid = np.array(flags.shape) // CELL
    pixels = [each.pixels[window] for each in pictures]
    means, shares = cell_means(_LIGHT[photo.pixels[window]], inside, CELL)
    kept = shares > _COVERED
    if kept.sum() < _MIN_CELLS:
        return None
    cells = np.argwhere(kept) + corner
    covered = shares[kept]
    seen = means[kept]
    lights = [cell_means(_LIGHT[each], inside, CELL)[0][kept] for each in pixels]
    positions = (2 * cells / grid - 1)[:, ::-1]
    known = lab(np.stack(lights))
    relit = lab(np.stack([relight(seen, light, positions, covered).colours for light in lights]))
    spread = _spread(known)
    smooth = 1 / (1 + (_variation(pixels, inside)[kept] / _TEXTURE) ** 2)
    weights = (
        np.where(spread > _SAME_COLOUR, np.minimum(spread, _MAX_DIFFERENCE), 0.0) * covered * smooth
    )
    distances = np.minimum(ciede2000(relit, known), _MAX_DIFFERENCE)
    total = float(weights.sum())
    differences = distances @ weights / total if total else np.full(len(pictures), np.nan)
    return CellColours(differences, cells, weights, relit, known)


def _common_pixels(photo: Aligned, pictures: Sequence[Aligned]) -> Bool:
    """Return the pixels that all pictures cover and that the photo does not overexpose."""
    covers = photo.covers & (cv2.inRange(photo.pixels, *_UNCLIPPED) > 0)
    for each in pictures:
        covers = covers & each.covers
    return np.asarray(covers, bool)


def _window(flags: Bool) -> tuple[tuple[slice, slice], tuple[int, int]]:
    """Return the slices of the whole cells around the flagged pixels, and the first cell."""
    left, top, width, height = cv2.boundingRect(flags.astype(np.uint8))
    row, column = top // CELL, left // CELL
    down, across = -(-(top + height) // CELL), -(-(left + width) // CELL)
    return np.s_[row * CELL : down * CELL, column * CELL : across * CELL], (row, column)


def _variation(pictures: Sequence[UInt8], flags: Bool) -> Float64:
    """Return each cell's standard deviation, the largest of all pictures, in levels of CIELAB."""
    found = []
    for each in pictures:
        colours = cv2.cvtColor(each, cv2.COLOR_RGB2LAB).astype(np.float32)
        means, _ = cell_means(colours, flags, CELL)
        squares, _ = cell_means(np.square(colours), flags, CELL)
        found.append(np.sqrt(np.maximum(squares - np.square(means), 0)).sum(axis=2))
    return np.asarray(np.max(found, axis=0))


def _spread(known: Float64) -> Float64:
    """Return each cell's largest difference between two pictures, (N,) CIEDE2000."""
    spread = np.zeros(known.shape[1])
    for index, one in enumerate(known):
        for other in known[index + 1 :]:
            spread = np.maximum(spread, ciede2000(one, other))
    return spread


@dataclass(frozen=True, slots=True, eq=False)
class ColourComparison:
    """The aligned photo and pictures of a colour comparison, and the colours of their cells.

    image_ids are those of the pictures, in order; all are warped onto the first of them.
    """

    image_ids: tuple[str, ...]
    photo: Aligned
    pictures: tuple[Aligned, ...]
    cell_colours: CellColours
