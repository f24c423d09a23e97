"""mAP@7 of a network under training: photos against the catalogue, by its vectors alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from beautylens.evaluate.metrics import average_precision
from beautylens.train.objective import Describe
from beautylens.train.sources import Source

PLACES = 7


@dataclass(frozen=True, slots=True, eq=False)
class Validation:
    """Photos with known products, kept apart from those that are learnt from.

    Args:
        photos: whole, as they are.
        pictures: of the catalogue.
        products: the product of each picture.
        right: the right products of each photo.
        ignore: for each photo, products that are neither right nor wrong.
    """

    photos: Source
    pictures: Source
    products: Sequence[str]
    right: Sequence[frozenset[str]]
    ignore: Sequence[frozenset[str]]

    def __call__(self, describe: Describe) -> float:
        """Return mAP@7 under the challenge's denominator."""
        scores = describe(self.photos) @ describe(self.pictures).T
        return map_at_7(scores, self.products, self.right, self.ignore)


def map_at_7(
    scores: NDArray[np.float32],
    products: Sequence[str],
    right: Sequence[frozenset[str]],
    ignore: Sequence[frozenset[str]],
) -> float:
    """Return mAP@7 (challenge) of scores (P, G) of photos and pictures, one place a product."""
    precisions = []
    for row, answers, ignored in zip(scores, right, ignore, strict=True):
        if answers:
            order = np.argsort(-row, kind="stable")
            ranking = list(dict.fromkeys(products[place] for place in order))
            ranking = ranking[: PLACES + len(ignored)]
            precisions.append(
                average_precision(ranking, answers, ignore=ignored, denominator="challenge")
            )
    return float(np.mean(precisions))
