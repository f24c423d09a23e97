"""The judge: images grouped to products, how probable each is, and the verdict."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from beautylens.records import Matches, Product, Verdict
from beautylens.search.answers import probabilities
from beautylens.search.fusion import TYPED, Fusion
from beautylens.search.judgement import Judgement


class Judge:
    """Groups fused matches to products and says how probable it is that each is the right one.

    Products that the evidence cannot tell apart share the probability, so that none of them
    reaches the threshold of `match`, which is above a half: the verdict then is `unsure`. Only
    where the catalogue lists a product twice, under one title, do both count for it.

    Args:
        judgement: what was learnt.
    """

    def __init__(self, judgement: Judgement) -> None:
        self._judgement = judgement
        self.fuse = Fusion(judgement.weights)
        """Scores matches from their reasons; call it after each step that adds evidence."""

    def __call__(self, matches: Matches) -> Matches:
        """Return the best match of each product with its probability, and the verdict.

        The probabilities sum to at most 1; what is missing is that of "not in this catalogue",
        which is certain where nothing was found.

        Args:
            matches: fused, the whole short-list.
        """
        products = matches.products()
        shares = self._shares(products)
        rows = tuple(
            replace(match, probability=share) for match, share in zip(products, shares, strict=True)
        )
        best = _of_first(products, shares)
        verdict = self._verdict(best, 1 - sum(shares))
        return replace(products, rows=rows, probability=best, verdict=verdict)

    def decided(self, matches: Matches) -> bool:
        """Tell whether fused matches are so clear that no more evidence need be looked for."""
        products = matches.products()
        best = _of_first(products, self._shares(products))
        return best > self._judgement.thresholds.decided

    def _shares(self, products: Matches) -> list[float]:
        """Return the probability of each product."""
        if not len(products):
            return []
        scores = np.array([match.score for match in products])
        typed = TYPED * np.array([match.reasons.typed or 0.0 for match in products])
        shares: list[float] = probabilities(
            scores, self._judgement.presence, products[0].reasons.colour, typed
        ).tolist()
        return shares

    def _verdict(self, best: float, none: float) -> Verdict:
        if best >= self._judgement.thresholds.match:
            return "match"
        return "not_in_catalogue" if none >= self._judgement.thresholds.missing else "unsure"


def _of_first(products: Matches, shares: Sequence[float]) -> float:
    """Return the probability of the first product, in all the rows that list it."""
    pairs = zip(products, shares, strict=True)
    return sum(share for match, share in pairs if is_listed_as(match.product, products[0].product))


def is_listed_as(one: Product, other: Product) -> bool:
    """Tell whether two rows list one product: they say the same, but for the id, and name it."""
    return one == other or (one.name != "" and replace(one, product_id=other.product_id) == other)
