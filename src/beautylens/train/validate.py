"""Validation of a network in training: mAP@7 by its vectors alone."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from beautylens.arrays import Float32
from beautylens.evaluation.metrics import average_precision
from beautylens.train.objective import Describe
from beautylens.train.sources import Source

DEPTH = 7


@dataclass(frozen=True, slots=True, eq=False)
class Validation:
    """Validation on photos with known products, which are not trained on.

    Args:
        photos: validation photos.
        pictures: of the catalogue.
        products: product id of each picture.
        right: ids of the correct products of each photo.
        ignore: ids of products that are neither correct nor wrong.
    """

    photos: Source
    pictures: Source
    products: Sequence[str]
    right: Sequence[frozenset[str]]
    ignore: Sequence[frozenset[str]]

    def __call__(self, describe: Describe) -> float:
        """Return mAP@7 under the challenge's denominator."""
        photos, pictures = describe(self.photos), describe(self.pictures)
        return map_at_7(
            (pictures @ photo for photo in photos), self.products, self.right, self.ignore
        )


def map_at_7(
    scores: Iterable[Float32],
    products: Sequence[str],
    right: Sequence[frozenset[str]],
    ignore: Sequence[frozenset[str]],
) -> float:
    """Return mAP@7 (challenge) of the scores (G,) of pictures for each photo."""
    precisions = []
    for row, answers, ignored in zip(scores, right, ignore, strict=True):
        if answers:
            ranking = first_products(row, products, DEPTH + len(ignored))
            precisions.append(
                average_precision(ranking, answers, ignore=ignored, denominator="challenge")
            )
    return float(np.mean(precisions))


def first_products(scores: Float32, products: Sequence[str], count: int) -> list[str]:
    """Return the products of the pictures with the highest scores (G,), best first."""
    found: dict[str, None] = {}
    for index in np.argsort(-scores, kind="stable").tolist():
        if len(found) == count:
            break
        found[products[index]] = None
    return list(found)
