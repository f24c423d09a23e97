"""Exact k-nearest neighbours among descriptors, query expansion and database augmentation.

All descriptors are unit rows, so that a dot product is a cosine.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from beautylens.arrays import Float32, Int32, Int64
from beautylens.features.encoder.pooling import unit_rows

_LAST = np.int64(2**32 - 1)
_UNKNOWN = np.iinfo(np.int64).min


class Neighbours(NamedTuple):
    """The k nearest other rows of each row, nearest first.

    rows (N, k) int32 row numbers; similarities (N, k) float32 cosines.
    """

    rows: Int32
    similarities: Float32

    def first(self, k: int) -> Neighbours:
        """Return the `k` nearest neighbours of each row."""
        return Neighbours(self.rows[:, :k], self.similarities[:, :k])


def nearest_neighbours(
    descriptors: Float32, k: int, *, block: int = 256, tile: int = 4096
) -> Neighbours:
    """Return the k nearest other descriptors of each; ties are ordered by row number.

    Time grows with N², memory with N·k: only block x tile similarities are held at a time, and the
    descriptors may be memory-mapped.

    Args:
        descriptors: (N, D) float32, unit rows.
        k: number of neighbours, at most N - 1.
        block: rows searched at a time.
        tile: rows they are compared with at a time.
    """
    count = len(descriptors)
    k = max(0, min(k, count - 1))
    found = Neighbours(np.empty((count, k), np.int32), np.empty((count, k), np.float32))
    for start in range(0, count if k else 0, block):
        best = _nearest_keys(descriptors, start, min(start + block, count), k, tile)
        found.rows[start : start + block] = _LAST - (best & _LAST)
        found.similarities[start : start + block] = _similarities(best >> 32)
    return found


def blend(
    own: Float32, others: Float32, similarities: Float32, alpha: float, weight: float = 1.0
) -> Float32:
    """Return l2(own + weight · Σ max(s, 0)^alpha · other), query expansion (Radenovic, 2018).

    With alpha = 0 all others have the same weight.

    Args:
        own: (..., D) float32.
        others: (..., n, D) float32.
        similarities: (..., n) float32, of the others to their own.
        alpha: 0 or more.
        weight: of the others; ½ makes the shares of one other and its own 1/3 and 2/3.
    """
    weights = np.float32(weight) * np.maximum(similarities, 0) ** np.float32(alpha)
    return unit_rows(own + np.einsum("...n,...nd->...d", weights, others))


def augment(
    descriptors: Float32, n: int, alpha: float, weight: float = 1.0, *, block: int = 512
) -> Float32:
    """Return database-side augmentation (DBA; Arandjelovic, 2012).

    Every descriptor is blended with its n nearest others. (The published program of the 2018 system
    adds row 1 of the database to every row instead of the nearest.)

    Args:
        descriptors: (N, D) float32, unit rows.
        n: neighbours blended in; 0 changes nothing.
        alpha: exponent of the similarities in the weights.
        weight: of the neighbours.
        block: rows blended at a time.
    """
    neighbours = nearest_neighbours(descriptors, n)
    blended = np.empty_like(descriptors)
    for start in range(0, len(descriptors), block):
        part = slice(start, start + block)
        others = descriptors[neighbours.rows[part]]
        near = neighbours.similarities[part]
        blended[part] = blend(descriptors[part], others, near, alpha, weight)
    return blended


def _nearest_keys(descriptors: Float32, start: int, stop: int, k: int, tile: int) -> Int64:
    """Return the keys of the k nearest others of rows start to stop, best first."""
    best = np.full((stop - start, k), _UNKNOWN)
    floor = np.full(stop - start, -np.inf, np.float32)
    for left in range(0, len(descriptors), tile):
        right = min(left + tile, len(descriptors))
        similarities = descriptors[start:stop] @ descriptors[left:right].T
        itself = np.arange(max(start, left), min(stop, right))
        similarities[itself - start, itself - left] = -np.inf
        if left == 0 and k <= right:
            # A floor for the first tile too: most of its values are then skipped.
            floor = np.partition(similarities, -k, axis=1)[:, -k]
        best = _merged(best, similarities, floor, left)
        floor = _similarities(best.min(axis=1) >> 32)
    return -np.sort(-best, axis=1)


def _merged(best: Int64, similarities: Float32, floor: Float32, left: int) -> Int64:
    """Return the k largest keys of `best` and of one more tile."""
    rows, columns = np.nonzero(similarities >= floor[:, None])
    counts = np.bincount(rows, minlength=len(best))
    columns_of_keys = np.arange(len(rows)) - np.repeat(np.cumsum(counts) - counts, counts)
    keys = np.full((len(best), best.shape[1] + counts.max()), _UNKNOWN)
    keys[:, : best.shape[1]] = best
    keys[rows, best.shape[1] + columns_of_keys] = _keys(similarities[rows, columns], columns + left)
    return np.partition(keys, -best.shape[1], axis=1)[:, -best.shape[1] :]


def _keys(similarities: Float32, rows: Int64) -> Int64:
    """Return integer keys that order by similarity, then by falling row number.

    No two keys are equal, so that a partition is unique: the upper half orders as the float does,
    the lower half is the row number subtracted from the largest.
    """
    bits = np.ascontiguousarray(similarities).view(np.int32)
    ordered = np.where(bits < 0, bits ^ np.int32(0x7FFFFFFF), bits).astype(np.int64)
    return (ordered << 32) | (_LAST - rows)


def _similarities(ordered: Int64) -> Float32:
    """Return the similarities of the upper halves of keys; unknown ones are -inf."""
    bits = ordered.astype(np.int32)
    values = np.where(bits < 0, bits ^ np.int32(0x7FFFFFFF), bits).view(np.float32)
    return np.where(np.isnan(values), np.float32(-np.inf), values)
