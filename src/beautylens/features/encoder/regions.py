"""The R-MAC grid: overlapping squares of a feature map, level by level."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import numpy as np


class Region(NamedTuple):
    """A rectangle of a feature map, in cells."""

    top: int
    left: int
    height: int
    width: int


@lru_cache(maxsize=64)
def region_grid(height: int, width: int, levels: int = 3, extra: int = 1) -> tuple[Region, ...]:
    """Return the R-MAC regions of a map of height x width cells, level by level.

    Regions are added along the longer side until neighbours overlap by about 40 %. The original
    program (Tolias et al., 2016) adds one more (`extra` 1) than that of the RA-MAC authors
    (`extra` 0). A map narrower than two cells has a single region.
    """
    shorter = min(height, width)
    more = 0 if height == width else _steps_to_overlap(height, width) + extra
    regions: list[Region] = []
    for level in range(1, levels + 1):
        side = 2 * shorter // (level + 1)
        if side == 0:
            continue
        rows = level + (more if height > width else 0)
        columns = level + (more if width > height else 0)
        regions += [
            Region(top, left, side, side)
            for top in _offsets(height, side, rows)
            for left in _offsets(width, side, columns)
        ]
    return tuple(regions)


def _steps_to_overlap(height: int, width: int) -> int:
    shorter = min(height, width)
    difference = abs(height - width)
    steps = difference / (np.arange(2, 8) - 1)
    overlaps = (shorter**2 - shorter * steps) / shorter**2
    return int(np.argmin(np.abs(overlaps - 0.4)))


def _offsets(length: int, side: int, count: int) -> list[int]:
    half = side // 2 - 1
    step = (length - side) / (count - 1) if count > 1 else 0.0
    return [int(np.floor(half + index * step)) - half for index in range(count)]
