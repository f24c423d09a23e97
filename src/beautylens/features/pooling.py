"""Pooling: from convolutional feature maps to one global descriptor an image.

Every function takes `maps` of shape (N, C, H, W), non-negative float32, and returns (N, C)
float32 rows of unit length (a row of zeros where the maps are all zero). Notation and formulas:
docs/method.md, section 1.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import lru_cache, partial
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from beautylens.errors import RecipeError

Floats = NDArray[np.float32]
Pooling = Callable[[Floats], Floats]


class Region(NamedTuple):
    """A square of a feature map, in cells."""

    top: int
    left: int
    side: int


def unit_rows(rows: Floats) -> Floats:
    """Return the rows scaled to unit length; rows of zeros stay zero. Shape (..., D)."""
    # Scaled by the largest value first: squares of very small ones would vanish in float32.
    largest = np.abs(rows).max(axis=-1, keepdims=True, initial=0)
    rows = np.divide(rows, largest, out=np.zeros_like(rows), where=largest > 0)
    lengths = np.linalg.norm(rows, axis=-1, keepdims=True)
    scaled: Floats = np.divide(rows, lengths, out=np.zeros_like(rows), where=lengths > 0)
    return scaled


def mac(maps: Floats) -> Floats:
    """Maximum of each channel (Razavian et al., 2016)."""
    return unit_rows(_channels_last(maps).max(axis=(1, 2)))


def spoc(maps: Floats) -> Floats:
    """Mean of each channel (Babenko and Lempitsky, 2015)."""
    return unit_rows(_channels_last(maps).mean(axis=(1, 2)))


def gem(maps: Floats, *, p: float = 3.0) -> Floats:
    """Generalised mean of each channel (Radenovic et al., 2018); p = 1 is SPoC, p → ∞ is MAC."""
    powers = np.maximum(_channels_last(maps), 1e-6) ** np.float32(p)
    return unit_rows(powers.mean(axis=(1, 2)) ** np.float32(1 / p))


def rmac(maps: Floats, *, levels: int = 3) -> Floats:
    """Sum of the unit regional maxima over a grid of squares (Tolias et al., 2016)."""
    vectors = unit_rows(_region_maxima(_channels_last(maps), levels))
    return unit_rows(vectors.sum(axis=1))


def ramac(maps: Floats, *, levels: int = 3) -> Floats:
    """R-MAC whose regions weigh by their share of attended cells (RA-MAC, Lin et al., 2018)."""
    return grmac(maps, levels=levels, p=1.0)


def grmac(maps: Floats, *, levels: int = 3, p: float = 3.5) -> Floats:
    """RA-MAC with a generalised-mean attention threshold (GRMAC, Yu et al., 2019).

    A cell is attended where its activation, summed over channels, exceeds
    (mean (A - min A)^p)^(1/p) + min A; the statistics are each image's own. p = 1 is RA-MAC.
    """
    cells = _channels_last(maps)
    vectors = unit_rows(_region_maxima(cells, levels))
    weights = _attended_shares(cells.sum(axis=3), levels, p)
    return unit_rows((weights[:, :, None] * vectors).sum(axis=1))


POOLINGS: dict[str, Callable[..., Floats]] = {
    "mac": mac,
    "spoc": spoc,
    "gem": gem,
    "rmac": rmac,
    "ramac": ramac,
    "grmac": grmac,
}


def find_pooling(name: str, **options: float) -> Pooling:
    """Return a pooling by name with its options bound.

    Raises:
        RecipeError: when there is no such pooling, or it has no such option.
    """
    if name not in POOLINGS:
        raise RecipeError(f"there is no pooling '{name}'; choose one of {', '.join(POOLINGS)}")
    function = POOLINGS[name]
    known = set(inspect.signature(function).parameters) - {"maps"}
    for option, value in options.items():
        if option not in known:
            allowed = ", ".join(sorted(known)) or "none"
            raise RecipeError(f"pooling '{name}' has no option '{option}'; it takes: {allowed}")
        if value <= 0 or (option == "levels" and value != int(value)):
            wanted = "a whole number above 0" if option == "levels" else "a number above 0"
            raise RecipeError(f"pooling '{name}': option '{option}' must be {wanted}, not {value}")
    return partial(function, **options)


@lru_cache(maxsize=64)
def region_grid(height: int, width: int, levels: int = 3) -> tuple[Region, ...]:
    """Return the R-MAC regions of a map of height x width cells, level by level.

    On the longer side the original program's extra regions are added, so that neighbours
    overlap by about 40 %. A map narrower than two cells has the one region that fits it.
    """
    shorter = min(height, width)
    extra = _extra_regions(height, width)
    regions: list[Region] = []
    for level in range(1, levels + 1):
        side = 2 * shorter // (level + 1)
        if side == 0:
            continue
        rows = level + (extra if height > width else 0)
        columns = level + (extra if width > height else 0)
        regions += [
            Region(top, left, side)
            for top in _offsets(height, side, rows)
            for left in _offsets(width, side, columns)
        ]
    return tuple(regions)


def _extra_regions(height: int, width: int) -> int:
    if height == width:
        return 0
    shorter, difference = min(height, width), abs(height - width)
    steps = difference / (np.arange(2, 8) - 1)
    overlaps = (shorter**2 - shorter * steps) / shorter**2
    return int(np.argmin(np.abs(overlaps - 0.4))) + 1


def _offsets(length: int, side: int, count: int) -> list[int]:
    half = side // 2 - 1
    step = (length - side) / (count - 1) if count > 1 else 0.0
    return [int(np.floor(half + place * step)) - half for place in range(count)]


def _channels_last(maps: Floats) -> Floats:
    """Return (N, H, W, C), contiguous: reductions over cells then run along whole vectors."""
    return np.ascontiguousarray(maps.transpose(0, 2, 3, 1))


def _region_maxima(cells: Floats, levels: int) -> Floats:
    """Return (N, R, C): the maximum of each channel in each region."""
    grid = region_grid(cells.shape[1], cells.shape[2], levels)
    return np.stack(
        [cells[:, y : y + side, x : x + side].max(axis=(1, 2)) for y, x, side in grid], axis=1
    )


def _attended_shares(activation: Floats, levels: int, p: float) -> Floats:
    """Return (N, R): the share of each region's cells above the attention threshold."""
    lowest = activation.min(axis=(1, 2), keepdims=True)
    spread = (activation - lowest).astype(np.float64)
    threshold = (spread**p).mean(axis=(1, 2), keepdims=True) ** (1 / p) + lowest
    mask = (activation > threshold).astype(np.float32)
    grid = region_grid(activation.shape[1], activation.shape[2], levels)
    return np.stack(
        [mask[:, y : y + side, x : x + side].mean(axis=(1, 2)) for y, x, side in grid], axis=1
    )
