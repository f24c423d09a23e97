"""The probability of each product of a short-list, and that the right one is in the catalogue.

A nested logit (McFadden 1978). Whether the product is in the catalogue depends on how far the best
score stands out: logit P(in catalogue) = level + slope · u_1 - background · u_11 - colour · c_1
- shared_design · d_1. u_1 is the best product's score and u_11 that of the eleventh, or of the
last: a photo that resembles everything a little gives little evidence for any. c_1 is the best
product's colour difference in units of 10, 0 if unknown: it is large if the catalogue has only a
similar shade. d_1 is how likely agreeing keypoints are to be those of a sister: see `shared_design`
in evidence.py.
Which product it is follows from the scores, whose differences are log-odds:
P(i) = P(in catalogue) · exp(u_i) / Σ_j exp(u_j). A product that text contradicts by t_i is likely
a sister of one that is not in the catalogue: its logit is lower by contradiction · t_i, and higher
by text_agreement · a_i, a_i the share of its text that the photo has at the same position.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from beautylens.arrays import Float64
from beautylens.results import Match
from beautylens.search.judge.evidence import COLOUR_UNIT, shared_design

# Index of the product whose score any product might reach.
BACKGROUND = 10


@dataclass(frozen=True, slots=True, eq=False)
class RankedProducts:
    """The evidence of a short-list for P products, best first, at least one.

    scores: (P,), falling; contradictions, agreements: (P,), 0 to 1, by text at the same position;
    colour: the best product's colour difference, CIEDE2000, 0 if unknown; design: d_1 of the model.
    """

    scores: Float64
    contradictions: Float64
    agreements: Float64
    colour: float
    design: float

    @classmethod
    def of(cls, products: Sequence[Match], sharing: float | None) -> RankedProducts:
        """Return the evidence for the best match of each product, best first.

        Args:
            products: with their scores.
            sharing: of the catalogue, the share of products that share their design with another.
        """
        reasons = [match.reasons for match in products]
        return cls(
            np.array([match.score for match in products]),
            np.array([why.contradiction or 0.0 for why in reasons]),
            np.array([why.text_agreement or 0.0 for why in reasons]),
            reasons[0].colour or 0.0,
            shared_design(reasons[0].inliers or 0, sharing),
        )

    @property
    def background(self) -> float:
        """The score that any product might reach: that of the eleventh, or of the last."""
        return float(self.scores[min(BACKGROUND, len(self.scores) - 1)])


@dataclass(frozen=True, slots=True)
class InCatalogueModel:
    """Logistic regression of the right product being in the catalogue, on a short-list's evidence.

    With slope ≥ background ≥ 0 more evidence for the best product never lowers its probability.

    Raises:
        ValueError: when the coefficients are out of order.
    """

    level: float
    slope: float
    background: float
    colour: float = 0.0
    contradiction: float = 0.0
    text_agreement: float = 0.0
    shared_design: float = 0.0

    def __post_init__(self) -> None:
        against = (self.colour, self.contradiction, self.text_agreement, self.shared_design)
        if not 0 <= self.background <= self.slope or min(against) < 0:
            raise ValueError("slope must be at least background, and none of them below 0")

    def __call__(self, products: RankedProducts) -> Float64:
        """Return P(in catalogue) for each product, were it the right one: (P,) float64."""
        logit = (
            self.level
            + self.slope * products.scores[0]
            - self.background * products.background
            - self.colour * products.colour / COLOUR_UNIT
            - self.shared_design * products.design
        )
        text = self.text_agreement * products.agreements
        return _logistic(logit + text - self.contradiction * products.contradictions)


def probabilities(
    products: RankedProducts, in_catalogue: InCatalogueModel, typed: Float64 | None = None
) -> Float64:
    """Return P of each product, (P,) float64; they sum to at most 1.

    Args:
        products: the short-list.
        in_catalogue: the probability that the right one is among them.
        typed: (P,), the part of the scores from words that the user typed. They are evidence of
            which product is meant, not of its being on the photo: P falls if the photo shows none
            of those that match them.
    """
    scores = products.scores
    if typed is None or not typed.any():
        return np.asarray(in_catalogue(products) * _softmax(scores), np.float64)
    seen = scores - typed
    known = in_catalogue(replace(products, scores=-np.sort(-seen)))
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
