"""How probable each product of a short-list is, and that the right one is among them at all.

A nested logit (McFadden 1978). Whether the product is there depends on how far the best score
stands out: logit P(there) = level + slope · u_1 - background · u_11 - colour · c_1. u_1 is the best
product's score and u_11 that of the tenth after it, or of the last: in a photo that resembles
everything a little, resemblance proves little. c_1 is the best product's colour difference in units
of 10, 0 where it is not known: a shade that is only alike is not the one. Which product it is
follows from the scores, whose differences are logarithms of odds:
P(i) = P(there) · exp(u_i) / Σ_j exp(u_j).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from beautylens.search.judge.evidence import COLOUR_UNIT, Floats

TYPICAL = 10
"""How many places after the best the score stands that any product might reach."""


@dataclass(frozen=True, slots=True)
class InCatalogueModel:
    """What tells from the scores of a short-list that the right product is in it.

    With slope ≥ background ≥ 0 more evidence for the best product never lowers its probability.

    Raises:
        ValueError: when that does not hold.
    """

    level: float
    slope: float
    background: float
    colour: float = 0.0

    def __post_init__(self) -> None:
        if not 0 <= self.background <= self.slope or self.colour < 0:
            raise ValueError("slope must not be below background, nor that or colour below 0")

    def __call__(self, scores: Floats, colour: float | None = None) -> float:
        """Return P(there).

        Args:
            scores: (P,) of the products, best first, at least one.
            colour: the best product's colour difference, CIEDE2000.
        """
        best, typical = best_and_typical(scores)
        logit = self.level + self.slope * best - self.background * typical
        return _logistic(logit - self.colour * (colour or 0.0) / COLOUR_UNIT)


def best_and_typical(scores: Floats) -> tuple[float, float]:
    """Return the best product's score and that of the tenth after it, or of the last."""
    return float(scores[0]), float(scores[min(TYPICAL, len(scores) - 1)])


def probabilities(
    scores: Floats,
    in_catalogue: InCatalogueModel,
    colour: float | None = None,
    typed: Floats | None = None,
) -> Floats:
    """Return P of each product, (P,) float64; they sum to P(there).

    Args:
        scores: (P,) of the products, best first.
        in_catalogue: what tells whether the right one is among them.
        colour: the best product's colour difference, CIEDE2000.
        typed: (P,), the part of the scores that comes of words that the user typed. They tell which
            product is meant, but not that it is on the photo: where the photo shows none that they
            mean, the less of P is left.
    """
    if typed is None or not typed.any():
        return np.asarray(in_catalogue(scores, colour) * _softmax(scores), np.float64)
    seen = scores - typed
    there = in_catalogue(-np.sort(-seen), colour)
    meant = typed == typed.max()
    # What is typed for a product that is not there may as well be true of any other.
    shown, chance = there * _softmax(seen)[meant].sum(), (1 - there) * meant.mean()
    return np.asarray(shown / (shown + chance) * _softmax(scores), np.float64)


# SciPy has both, and takes a tenth of a second to import before any search.
def _logistic(logit: float) -> float:
    return float(np.exp(-np.logaddexp(0.0, -logit)))


def _softmax(scores: Floats) -> Floats:
    odds = np.exp(scores - scores.max())
    return np.asarray(odds / odds.sum(), np.float64)
