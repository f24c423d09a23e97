"""Drawings of a colour comparison: photo and catalogue picture side by side, cell by cell."""

from __future__ import annotations

import numpy as np

from beautylens.arrays import UInt8
from beautylens.features.colour.cielab import levels
from beautylens.features.colour.difference import CELL, ColourComparison
from beautylens.images.draw import compared_cells

# Cells to outline: those of the largest weight.
_SHOWN = 24


def draw_colours(compared: ColourComparison, number: int) -> UInt8:
    """Return the photo beside one of the pictures it was compared with, both aligned.

    The cells of the largest weight are outlined; below are their colours, the photo's relit to the
    light of the picture.

    Args:
        compared: the aligned photo and pictures.
        number: of the picture among those compared.

    Returns:
        (H, W, 3) uint8 RGB.
    """
    cells = compared.cell_colours
    shown = np.argsort(-cells.weights, kind="stable")[:_SHOWN]
    shown = np.sort(shown[cells.weights[shown] > 0])
    colours = np.stack([levels(cells.photo[number, shown]), levels(cells.pictures[number, shown])])
    corners = cells.cells[shown][:, ::-1] * CELL
    photo, picture = compared.photo, compared.pictures[number]
    covered = np.where(photo.covers[..., None], photo.pixels, np.uint8(255))
    return compared_cells(covered, picture.pixels, corners, CELL, colours)
