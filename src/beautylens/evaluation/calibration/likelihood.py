"""The likelihood of the right products of short-lists, given weights of the evidence."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from beautylens.arrays import Bool, Float64, Int64
from beautylens.evaluation.calibration.labelled_shortlist import LabelledShortlist


@dataclass(frozen=True, slots=True, eq=False)
class Likelihood:
    """The likelihood of a right product in many short-lists that each have one.

    A conditional logit (McFadden 1974) over products; a product's score is that of its best image.
    """

    evidence: Float64
    product_starts: Int64
    shortlist_starts: Int64
    right: Bool

    @classmethod
    def of(cls, shortlists: Sequence[LabelledShortlist]) -> Likelihood:
        """Concatenate short-lists, each of which has a right product."""
        images = np.cumsum([0, *(len(shortlist.evidence) for shortlist in shortlists)])
        products = np.cumsum([0, *(len(shortlist.right) for shortlist in shortlists)])
        starts = [
            first + np.flatnonzero(np.diff(shortlist.product, prepend=-1))
            for first, shortlist in zip(images, shortlists, strict=False)
        ]
        return cls(
            np.concatenate([shortlist.evidence for shortlist in shortlists]),
            np.concatenate(starts),
            products[:-1],
            np.concatenate([shortlist.right for shortlist in shortlists]),
        )

    def __call__(self, weights: Float64) -> tuple[float, Float64]:
        """Return the negative log-likelihood for weights (F,), and its gradient (F,)."""
        scores, best = self._products(weights)
        odds = np.exp(scores - self._spread(np.maximum.reduceat(scores, self.shortlist_starts)))
        right = np.maximum(odds * self.right, np.where(self.right, 1e-300, 0.0))
        total, right_total = self._sums(odds), self._sums(right)
        slope = odds / self._spread(total) - right / self._spread(right_total)
        cost = np.log(total) - np.log(right_total)
        return float(cost.sum()), np.asarray(slope @ self.evidence[best], np.float64)

    def _products(self, weights: Float64) -> tuple[Float64, Int64]:
        """Return the score of each product and the row of the image that gives it."""
        scores = self.evidence @ weights
        best = np.maximum.reduceat(scores, self.product_starts)
        counts = np.diff(self.product_starts, append=len(scores))
        product = np.repeat(np.arange(len(counts)), counts)
        rows = np.flatnonzero(scores == best[product])
        _, first = np.unique(product[rows], return_index=True)
        return best, rows[first]

    def _sums(self, values: Float64) -> Float64:
        return np.asarray(np.add.reduceat(values, self.shortlist_starts), np.float64)

    def _spread(self, values: Float64) -> Float64:
        """Repeat the value of each short-list for each of its products."""
        counts = np.diff(self.shortlist_starts, append=len(self.right))
        return np.asarray(np.repeat(values, counts), np.float64)
