"""The judge: images grouped to products, how probable each is, and the verdict."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache

import numpy as np

from beautylens.results import Match, Matches, Product, Verdict
from beautylens.search.judge.parameters import JudgeParameters
from beautylens.search.judge.probability import probabilities
from beautylens.search.judge.weighted_evidence import TYPED, WeightedEvidence
from beautylens.text.tokens import tokens_of

TOLD_APART = 2.0
"""The difference of two colour differences, CIEDE2000, that a person would see."""


class Judge:
    """Scores products by all evidence and tells the probability that each is the right one.

    Products that the evidence cannot tell apart share the probability, so that none of them
    reaches the threshold of `match`, which is above a half: the verdict then is `unsure`. Only
    where the catalogue lists a product twice, under one title, do both count for it.

    Args:
        parameters: what was learnt.
    """

    def __init__(self, parameters: JudgeParameters) -> None:
        self._parameters = parameters
        # Returns all matches ranked by the evidence so far.
        self.rank = WeightedEvidence(parameters.weights)

    def __call__(self, matches: Matches) -> Matches:
        """Return the best match of each product with its probability, and the verdict.

        The probabilities sum to at most 1; what is missing is that of "not in this catalogue",
        which is certain where nothing was found.

        Args:
            matches: the whole short-list with its evidence.
        """
        products = self.rank(matches).products()
        shares = self._shares(products)
        rows = tuple(
            replace(match, probability=share) for match, share in zip(products, shares, strict=True)
        )
        best = _of_first(products, shares)
        verdict = self._verdict(best, 1 - sum(shares))
        return replace(products, rows=rows, probability=best, verdict=verdict)

    def decided(self, matches: Matches) -> bool:
        """Tell whether matches are so clear that no more evidence need be looked for."""
        products = self.rank(matches).products()
        best = _of_first(products, self._shares(products))
        return best > self._parameters.thresholds.decided

    def _shares(self, products: Matches) -> list[float]:
        """Return the probability of each product."""
        if not len(products):
            return []
        scores = np.array([match.score for match in products])
        typed = TYPED * np.array([match.reasons.typed or 0.0 for match in products])
        shares: list[float] = probabilities(
            scores, self._parameters.in_catalogue, products[0].reasons.colour, typed
        ).tolist()
        return shares

    def _verdict(self, best: float, none: float) -> Verdict:
        if best >= self._parameters.thresholds.match:
            return "match"
        return "not_in_catalogue" if none >= self._parameters.thresholds.missing else "unsure"


def _of_first(products: Matches, shares: Sequence[float]) -> float:
    """Return the probability of the first product, in all the rows that list it."""
    pairs = zip(products, shares, strict=True)
    return sum((share for match, share in pairs if is_listed_as(match, products[0])), 0.0)


def is_listed_as(one: Match, other: Match) -> bool:
    """Tell whether two rows list one product: named, they say the same words of it, but for the id.

    Not where colours tell them apart: some catalogues name shades alike.
    """
    first, second = one.product, other.product
    if first.product_id == second.product_id:
        return True
    colours = [match.reasons.colour for match in (one, other) if match.reasons.colour is not None]
    apart = len(colours) > 1 and abs(colours[0] - colours[1]) > TOLD_APART
    if apart or not first.name or _facts_of(first) != _facts_of(second):
        return False
    return _words_of(first.brand, first.name) == _words_of(second.brand, second.name)


def _facts_of(product: Product) -> tuple[str, str, dict[str, str]]:
    return product.category, product.gtin, dict(product.metadata)


@lru_cache(maxsize=4096)  # a search asks twice for each of its hundred, and always for the first
def _words_of(brand: str, name: str) -> frozenset[str]:
    """Return the words of a title, however it is punctuated and ordered."""
    return frozenset(token.key for token in tokens_of(f"{brand} {name}".replace("&", " and ")))
