"""Showing a comparison of colours: the photo beside the catalogue picture, cell by cell."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from beautylens.features.colour.cielab import levels
from beautylens.features.colour.difference import CELL, ColourComparison
from beautylens.images.draw import compared_cells

_SHOWN = 24
"""Cells that are drawn: those that tell most."""


def draw_colours(compared: ColourComparison, number: int) -> NDArray[np.uint8]:
    """Return the photo beside one of the pictures it was compared with, both aligned.

    Outlined are the cells that tell most; below them are their colours, the photo's in the light
    of the picture.

    Args:
        compared: the aligned photo and pictures.
        number: of the picture among those compared.

    Returns:
        (H, W, 3) uint8 RGB.
    """
    cells = compared.cell_colours
    telling = np.argsort(-cells.weights, kind="stable")[:_SHOWN]
    telling = np.sort(telling[cells.weights[telling] > 0])
    colours = np.stack(
        [levels(cells.photo[number, telling]), levels(cells.pictures[number, telling])]
    )
    corners = cells.cells[telling][:, ::-1] * CELL
    photo, picture = compared.photo, compared.pictures[number]
    shown = np.where(photo.covers[..., None], photo.pixels, np.uint8(255))
    return compared_cells(shown, picture.pixels, corners, CELL, colours)
