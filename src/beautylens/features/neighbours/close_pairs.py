"""Pairs of descriptors above a cosine threshold, in a gallery of any size."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Protocol, TypeVar

import numpy as np

from beautylens.arrays import Float32, Intp
from beautylens.features.neighbours.knn import nearest_neighbours

Step = TypeVar("Step")

# Largest number of descriptors that are all compared with each other.
_EXACT = 20_000
# Descriptors for each pivot.
_CELL = 256
# Nearest pivots whose cells a descriptor belongs to.
_CELLS = 3
_BLOCK = 2048


class Watch(Protocol):
    """Shows the progress of a loop."""

    def __call__(self, steps: Sequence[Step], title: str) -> Iterable[Step]:
        """Yield the steps."""
        ...


def close_pairs(descriptors: Float32, rows: Intp, least: float, most: int, watch: Watch) -> Intp:
    """Return the pairs with a cosine of `least` or more, each once: (P, 2) indices into `rows`.

    Above 20,000 rows the search is approximate: pairs are compared that share one of their three
    nearest pivots, which are random rows. Time then grows little faster than N.

    Args:
        descriptors: (N, D) float32, unit rows; may be memory-mapped.
        rows: (M,) row numbers to compare.
        least: the least cosine.
        most: nearest neighbours considered for each row.
        watch: shows the progress.
    """
    found = [np.empty((0, 2), np.intp)]
    for cell in watch(_cells(descriptors, rows), "Comparing descriptors"):
        near = nearest_neighbours(descriptors[rows[cell]], most)
        one, rank = np.nonzero(near.similarities >= least)
        pairs = np.stack([cell[one], cell[near.rows[one, rank]]], axis=1)
        found.append(np.sort(pairs, axis=1))
    return np.unique(np.concatenate(found), axis=0)


def _cells(descriptors: Float32, rows: Intp) -> list[Intp]:
    """Return the indices into `rows` of each cell; cells overlap."""
    count = len(rows)
    if count <= _EXACT:
        return [np.arange(count)]
    rng = np.random.default_rng(0)
    pivots = descriptors[np.sort(rng.choice(rows, count // _CELL, replace=False))]
    cells = np.empty((count, _CELLS), np.intp)
    for start in range(0, count, _BLOCK):
        cosines = descriptors[rows[start : start + _BLOCK]] @ pivots.T
        cells[start : start + _BLOCK] = np.argpartition(-cosines, _CELLS, axis=1)[:, :_CELLS]
    order = np.argsort(cells, axis=None, kind="stable")
    ends = np.cumsum(np.bincount(cells.ravel(), minlength=len(pivots)))
    return np.split(order // _CELLS, ends[:-1])
