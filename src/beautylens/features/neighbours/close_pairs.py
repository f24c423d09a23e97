"""Pairs of descriptors that lie close together, among as many as there are."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Protocol, TypeVar

import numpy as np

from beautylens.arrays import Float32, Intp
from beautylens.features.neighbours.knn import nearest_neighbours

Step = TypeVar("Step")

# Descriptors up to which each is compared with every other.
_EXACT = 20_000
# Descriptors a pivot, and nearest pivots whose cells each descriptor belongs to.
_CELL = 256
_CELLS = 3
_BLOCK = 2048


class Watch(Protocol):
    """Shows how far a loop has come while it runs."""

    def __call__(self, steps: Sequence[Step], title: str) -> Iterable[Step]:
        """Yield the steps."""
        ...


def close_pairs(descriptors: Float32, rows: Intp, least: float, most: int, watch: Watch) -> Intp:
    """Return the pairs with a cosine of `least` or more, each once: (P, 2) places among `rows`.

    Above 20,000 rows only those are compared that share one of their three nearest pivots, which
    are rows drawn by lot: time then grows little faster than N.

    Args:
        descriptors: (N, D) float32, unit rows; they may lie in a mapped file.
        rows: (M,), those to compare.
        least: the cosine.
        most: nearest others that are looked at for each.
        watch: shows how far it has come.
    """
    found = [np.empty((0, 2), np.intp)]
    for cell in watch(_cells(descriptors, rows), "Comparing descriptors"):
        near = nearest_neighbours(descriptors[rows[cell]], most)
        one, rank = np.nonzero(near.similarities >= least)
        pairs = np.stack([cell[one], cell[near.rows[one, rank]]], axis=1)
        found.append(np.sort(pairs, axis=1))
    return np.unique(np.concatenate(found), axis=0)


def _cells(descriptors: Float32, rows: Intp) -> list[Intp]:
    """Return the places among `rows` of each cell; most are in several."""
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
