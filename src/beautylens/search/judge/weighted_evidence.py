"""The judge's score: a weighted sum of features."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from beautylens.results import Matches
from beautylens.search.judge.evidence import FEATURES, features

# Score of all the typed words: above any other evidence but a barcode, as the user means them.
TYPED = 60.0
# Largest range of each feature: a picture has at most 10,000 keypoints, colours differ by at most
# 100, and no catalogue text weighs more than 10,000 nats.
_RANGES = {"visual": 2, "inliers": 9.3, "text": 40, "colour": 10, "contradiction": 1}


class WeightedEvidence:
    """Scores matches by weighted features; differences of scores are log-odds.

    A barcode of the product's GTIN outweighs all other evidence together; typed words come next.

    Args:
        weights: of `FEATURES`, 0 or more each; 0 if left out.
    """

    def __init__(self, weights: Mapping[str, float]) -> None:
        self._weights = np.array([weights.get(name, 0.0) for name in FEATURES])
        self._barcode = (
            1 + TYPED + sum(weights.get(name, 0.0) * span for name, span in _RANGES.items())
        )

    def __call__(self, matches: Matches) -> Matches:
        """Return all matches, best first, scored by their reasons."""
        scores = features(matches.rows) @ self._weights
        scores += TYPED * np.array([match.reasons.typed or 0.0 for match in matches])
        return matches.with_rows(
            replace(match, score=float(score) + self._barcode * (match.reasons.barcode is not None))
            for match, score in zip(matches, scores, strict=True)
        )
