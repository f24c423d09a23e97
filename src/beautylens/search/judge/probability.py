"""The probability of each product of a short-list, and that the right one is in the catalogue.

A nested logit (McFadden 1978). Whether the product is in the catalogue depends on how far the best
score stands out: logit P(in catalogue) = level + slope · u_1 - background · u_11 - colour · c_1.
u_1 is the best product's score and u_11 that of the eleventh, or of the last: a photo that
resembles everything a little gives little evidence for any. c_1 is the best product's colour
difference in units of 10, 0 if unknown: it is large if the catalogue has only a similar shade.
Which product it is follows from the scores, whose differences are log-odds:
P(i) = P(in catalogue) · exp(u_i) / Σ_j exp(u_j). A product that text contradicts by t_i is likely
a sister of one that is not in the catalogue: its logit is lower by contradiction · t_i.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from beautylens.arrays import Float64
from beautylens.search.judge.evidence import COLOUR_UNIT

# Index of the product whose score any product might reach.
BACKGROUND = 10


@dataclass(frozen=True, slots=True)
class InCatalogueModel:
    """Logistic regression of the right product being in the catalogue, on scores of a short-list.

    With slope ≥ background ≥ 0 more evidence for the best product never lowers its probability.

    Raises:
        ValueError: when the coefficients are out of order.
    """

    level: float
    slope: float
    background: float
    colour: float = 0.0
    contradiction: float = 0.0

    def __post_init__(self) -> None:
        if not 0 <= self.background <= self.slope or min(self.colour, self.contradiction) < 0:
            raise ValueError("slope must be at least background, and none of them below 0")

    def __call__(
        self, scores: Float64, colour: float | None = None, contradictions: Float64 | None = None
    ) -> Float64:
        """Return P(in catalogue) for each product, were it the right one: (P,) float64.

        Args:
            scores: (P,) of the products, best first, at least one.
            colour: the best product's colour difference, CIEDE2000.
            contradictions: (P,) of the products, 0 to 1; by default there are none.
        """
        best, background = best_and_background(scores)
        logit = self.level + self.slope * best - self.background * background
        logit -= self.colour * (colour or 0.0) / COLOUR_UNIT
        against = np.zeros(len(scores)) if contradictions is None else contradictions
        return _logistic(logit - self.contradiction * against)


def best_and_background(scores: Float64) -> tuple[float, float]:
    """Return the best product's score and that of the eleventh, or of the last."""
    return float(scores[0]), float(scores[min(BACKGROUND, len(scores) - 1)])


def probabilities(
    scores: Float64,
    in_catalogue: InCatalogueModel,
    colour: float | None = None,
    contradictions: Float64 | None = None,
    typed: Float64 | None = None,
) -> Float64:
    """Return P of each product, (P,) float64; they sum to at most 1.

    Args:
        scores: (P,) of the products, best first.
        in_catalogue: the probability that the right one is among them.
        colour: the best product's colour difference, CIEDE2000.
        contradictions: (P,) of the products, 0 to 1; more of it never raises a product's P.
        typed: (P,), the part of the scores from words that the user typed. They are evidence of
            which product is meant, not of its being on the photo: P falls if the photo shows none
            of those that match them.
    """
    if typed is None or not typed.any():
        known = in_catalogue(scores, colour, contradictions)
        return np.asarray(known * _softmax(scores), np.float64)
    seen = scores - typed
    known = in_catalogue(-np.sort(-seen), colour, contradictions)
    meant = typed == typed.max()
    # If the product is not in the catalogue, the words match any other as well.
    shown, chance = known * _softmax(seen)[meant].sum(), (1 - known) * meant.mean()
    return np.asarray(shown / (shown + chance) * _softmax(scores), np.float64)


# SciPy has both functions, but takes a tenth of a second to import.
def _logistic(logit: Float64) -> Float64:
    return np.asarray(np.exp(-np.logaddexp(0.0, -logit)), np.float64)


def _softmax(scores: Float64) -> Float64:
    odds = np.exp(scores - scores.max())
    return np.asarray(odds / odds.sum(), np.float64)
