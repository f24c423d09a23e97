"""One score from all evidence: a weighted sum."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from beautylens.results import Matches
from beautylens.search.judge.evidence import FEATURES, features

TYPED = 60.0
"""What all the typed words together are worth: more than any print, for a person meant them."""
# From the least to the most that a feature can be: a picture keeps at most 10,000 keypoints,
# colours are at most 100 apart, and no catalogue text is worth more than 10,000 nats.
_SPANS = {"visual": 2, "print": 9.3, "text": 40, "colour": 10}


class WeightedEvidence:
    """Scores matches by weighed evidence; differences of scores are natural logarithms of odds.

    A barcode that is the product's own outweighs all other evidence together, so that its product
    comes first whatever the pictures look like; words that the user typed come next.

    Args:
        weights: of the features named in `search.judge.evidence`, 0 or more; one left out is 0.
    """

    def __init__(self, weights: Mapping[str, float]) -> None:
        self._weights = np.array([weights.get(name, 0.0) for name in FEATURES])
        self._barcode = (
            1 + TYPED + sum(weights.get(name, 0.0) * span for name, span in _SPANS.items())
        )

    def __call__(self, matches: Matches) -> Matches:
        """Return the matches scored from their reasons and ranked anew."""
        scores = features(matches.rows) @ self._weights
        scores += TYPED * np.array([match.reasons.typed or 0.0 for match in matches])
        return matches.with_rows(
            replace(match, score=float(score) + self._barcode * (match.reasons.barcode is not None))
            for match, score in zip(matches, scores, strict=True)
        )
