"""The exact nearest two of many descriptors, by products of bytes.

The squared distance of whole numbers is |a|² + |b|² - 2ab. NumKong multiplies bytes with the widest
instructions of the processor and adds them up in 32 bits, without rounding.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Bytes = NDArray[np.uint8]
Whole = NDArray[np.int32]
Pairs = NDArray[np.intp]

_FAR = np.iinfo(np.int32).max


class Measured(NamedTuple):
    """Descriptors (K, D) with the squares of their lengths (K,), for many comparisons."""

    descriptors: Bytes
    squares: Whole


def measured(descriptors: Bytes) -> Measured:
    """Return descriptors with the squares of their lengths, worked out once."""
    rows = np.ascontiguousarray(descriptors)
    return Measured(rows, np.einsum("kd,kd->k", rows, rows, dtype=np.int32))


def nearest_pairs(query: Measured, gallery: Measured, *, ratio: float, mutual: bool) -> Pairs:
    """Return (M, 2) indices of nearest descriptors that are clearly nearer than the second.

    Of equally near ones the first counts as the nearest.

    Args:
        query: Q descriptors.
        gallery: G descriptors, at least two.
        ratio: the most that the squared distance to the nearest may be of that to the second.
        mutual: keep a pair only if the query's is in turn the nearest of the gallery's.
    """
    # It takes a quarter of a second to import, and not every command compares keypoints.
    import numkong

    products = numkong.dots_packed(query.descriptors, numkong.dots_pack(gallery.descriptors))
    # |b|² - 2ab: what |a|² adds is the same for a whole row.
    distances = np.asarray(products).view(np.int32)
    distances *= -2
    distances += gallery.squares
    rows = np.arange(len(distances))
    nearest = distances.argmin(axis=1)
    first = distances[rows, nearest]
    distances[rows, nearest] = _FAR
    second = distances.min(axis=1)
    distances[rows, nearest] = first
    kept = np.flatnonzero(first + query.squares <= ratio * (second + query.squares))
    if mutual and len(kept):
        back = distances[:, nearest[kept]] + query.squares[:, None]
        kept = kept[back.argmin(axis=0) == kept]
    return np.stack([kept, nearest[kept]], axis=1)
