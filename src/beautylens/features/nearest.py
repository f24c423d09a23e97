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

# A distance, below 2^24, and the row in its block share 31 bits: the least of a column then is the
# nearest, and of equally near ones the first.
_ROW_BITS = 7
# Rows whose distances are worked on at once, so that they stay in the processor's cache.
_BLOCK = 1 << _ROW_BITS
_FAR = np.iinfo(np.int32).max


class Measured(NamedTuple):
    """Descriptors with the squares of their lengths, worked out once for many comparisons."""

    descriptors: Bytes
    """(K, D), D at most 256."""
    squares: Whole
    """(K,)"""


class NearestTwo(NamedTuple):
    """For each of Q descriptors its nearest among G: all (Q,)."""

    nearest: NDArray[np.intp]
    """Of equally near ones the first."""
    first: Whole
    """The squared distance to it."""
    second: Whole
    """The squared distance to the nearest of the others."""
    mutual: NDArray[np.bool_]
    """Whether it is in turn the nearest of that nearest."""


def measured(descriptors: Bytes) -> Measured:
    """Return descriptors (K, D) with the squares of their lengths."""
    rows = np.ascontiguousarray(descriptors)
    return Measured(rows, np.einsum("kd,kd->k", rows, rows, dtype=np.int32))


def nearest_two(query: Measured, gallery: Measured) -> NearestTwo:
    """Return the nearest two of the gallery, which has at least two, to each of the query."""
    # It takes a quarter of a second to import, and not every command compares keypoints.
    import numkong

    packed = numkong.dots_pack(gallery.descriptors)
    offsets = gallery.squares << _ROW_BITS
    count = len(query.descriptors)
    nearest = np.empty(count, np.intp)
    first, second = np.empty(count, np.int32), np.empty(count, np.int32)
    closest = np.full(len(gallery.descriptors), _FAR, np.int32)
    owner = np.zeros(len(gallery.descriptors), np.intp)
    for start in range(0, count, _BLOCK):
        rows = slice(start, min(start + _BLOCK, count))
        products = numkong.dots_packed(query.descriptors[rows], packed)
        distances = np.asarray(products).view(np.int32)
        each = np.arange(len(distances), dtype=np.int32)
        distances *= -2 << _ROW_BITS
        distances += offsets
        distances += ((query.squares[rows] << _ROW_BITS) + each)[:, None]
        least = distances.min(axis=0)
        nearer = (least >> _ROW_BITS) < closest
        closest[nearer] = least[nearer] >> _ROW_BITS
        owner[nearer] = start + (least[nearer] & (_BLOCK - 1))
        found = distances.argmin(axis=1)
        nearest[rows], first[rows] = found, distances[each, found]
        distances[each, found] = _FAR
        second[rows] = distances.min(axis=1)
    mutual = owner[nearest] == np.arange(count)
    return NearestTwo(nearest, first >> _ROW_BITS, second >> _ROW_BITS, mutual)
