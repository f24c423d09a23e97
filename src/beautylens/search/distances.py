"""Similarities of descriptors: the distances of the source papers, negated."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from beautylens.arrays import Float32
from beautylens.features.encoder.ensemble import Ensemble

# Of a query (D,) to each row of a gallery (N, D): (N,), higher for a smaller distance.
Similarity = Callable[[Float32, Float32], Float32]


def cosine(query: Float32, gallery: Float32) -> Float32:
    """Return the cosine similarities (N,) of unit vectors."""
    return np.asarray(gallery @ query)


def l1(query: Float32, gallery: Float32) -> Float32:
    """Return the negated Manhattan distances (N,)."""
    return np.asarray(-np.abs(gallery - query).sum(axis=1))


def l2(query: Float32, gallery: Float32) -> Float32:
    """Return the negated Euclidean distances (N,) of unit vectors.

    Computed from the cosines, in float64, so that both rank equally despite rounding.
    """
    cosines = cosine(query, gallery).astype(np.float64)
    return np.asarray(-np.sqrt(np.maximum(0, 2 - 2 * cosines)))


SIMILARITIES: dict[str, Similarity] = {"cosine": cosine, "l1": l1, "l2": l2}


def product_of(ensemble: Ensemble, weights: Sequence[float]) -> Similarity:
    """Return the similarity Π (1 + a_i cos_i) over the encoders of an ensemble (Hou et al., 2020).

    Small weights a_i rank as the sum of a_i cos_i does.
    """
    factors = np.asarray(weights, np.float32)[:, None]

    def product(query: Float32, gallery: Float32) -> Float32:
        return np.asarray((1 + factors * ensemble.cosines(query, gallery)).prod(axis=0))

    return product
