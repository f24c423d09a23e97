"""How alike two descriptors are: the distances of the source papers, as scores that fall."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from beautylens.features.encoder.ensemble import Ensemble

Floats = NDArray[np.float32]
Similarity = Callable[[Floats, Floats], Floats]


def cosine(query: Floats, gallery: Floats) -> Floats:
    """Return the cosines (N,) of unit vectors: query (D,), gallery (N, D)."""
    return np.asarray(gallery @ query)


def l1(query: Floats, gallery: Floats) -> Floats:
    """Return the sums (N,) of absolute differences, negated."""
    return np.asarray(-np.abs(gallery - query).sum(axis=1))


def l2(query: Floats, gallery: Floats) -> Floats:
    """Return the Euclidean distances (N,) of unit vectors, negated.

    Taken from the cosine, so that no rounding can rank the two differently; in float64, where
    distinct cosines have distinct roots.
    """
    cosines = cosine(query, gallery).astype(np.float64)
    return np.asarray(-np.sqrt(np.maximum(0, 2 - 2 * cosines)))


SIMILARITIES: dict[str, Similarity] = {"cosine": cosine, "l1": l1, "l2": l2}


def product_of(ensemble: Ensemble, weights: Sequence[float]) -> Similarity:
    """Return the product over parts of 1 + a_i cos_i (Hou et al., 2020).

    Small weights a_i rank as the sum of a_i cos_i does.
    """
    factors = np.asarray(weights, np.float32)[:, None]

    def product(query: Floats, gallery: Floats) -> Floats:
        return np.asarray((1 + factors * ensemble.cosines(query, gallery)).prod(axis=0))

    return product
