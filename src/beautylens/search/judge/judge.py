"""The judge: products ranked by all evidence, their probabilities, and the verdict."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from beautylens.results import Match, Matches, Verdict
from beautylens.search.judge.duplicates import is_duplicate
from beautylens.search.judge.parameters import JudgeParameters
from beautylens.search.judge.probability import RankedProducts, probabilities
from beautylens.search.judge.question import question_of
from beautylens.search.judge.weighted_evidence import TYPED, WeightedEvidence


class Judge:
    """Ranks products by all evidence, with the probability of each.

    Products with equal evidence share the probability, so that none of them reaches the threshold
    of `match`, which is above a half, and the verdict is `unsure`. Duplicates, which a catalogue
    lists several times under one title, count together.

    Args:
        parameters: weights, in-catalogue model and thresholds.
        sharing: share of the catalogue's products that share their design with another; None if it
            was not measured.
    """

    def __init__(self, parameters: JudgeParameters, sharing: float | None = None) -> None:
        self._parameters, self._sharing = parameters, sharing
        # Returns all matches ranked by the evidence so far.
        self.rank = WeightedEvidence(parameters.weights)

    def __call__(self, matches: Matches) -> Matches:
        """Return the best match of each product with its probability, and the verdict.

        The probabilities sum to at most 1; the rest is that of "not in this catalogue", which is 1
        without any match. If the verdict is `unsure`, the question that would decide is added.

        Args:
            matches: the short-list with all evidence.
        """
        products = self._judged(matches)
        best, total = _of_first(products), sum(match.probability or 0.0 for match in products)
        verdict = self._verdict(best, 1 - total)
        question = question_of(products) if verdict == "unsure" else None
        return replace(products, probability=best, verdict=verdict, question=question)

    def decided(self, matches: Matches) -> bool:
        """Return whether the best product is so probable that no more evidence is needed."""
        return _of_first(self._judged(matches)) > self._parameters.thresholds.decided

    def _judged(self, matches: Matches) -> Matches:
        """Return the best match of each product, best first, with its probability."""
        products = self.rank(matches).products()
        if not len(products):
            return products
        typed = TYPED * np.array([match.reasons.typed or 0.0 for match in products])
        ranked = RankedProducts.of(products.rows, self._sharing)
        shares = probabilities(ranked, self._parameters.in_catalogue, typed)
        rows = tuple(map(_with_probability, products, shares.tolist()))
        return replace(products, rows=rows)

    def _verdict(self, best: float, none: float) -> Verdict:
        if best >= self._parameters.thresholds.match:
            return "match"
        return "not_in_catalogue" if none >= self._parameters.thresholds.missing else "unsure"


def _with_probability(match: Match, probability: float) -> Match:
    return replace(match, probability=probability)


def _of_first(products: Matches) -> float:
    """Return the probability of the first product and its duplicates."""
    same = (match for match in products if is_duplicate(match, products[0]))
    return sum((match.probability or 0.0 for match in same), 0.0)
