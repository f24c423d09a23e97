"""Expansion by name: products with texts similar to those of the first matches.

Hou, Ji and Wang, "Attention-driven Unsupervised Image Retrieval for Beauty Products with Visual
and Textual Clues", MM 2020, Algorithm 1.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace

from beautylens.query import Query
from beautylens.results import Match, Matches
from beautylens.search.outside import ScoreOutside
from beautylens.text.text_index import TextIndex

# Positions that are ranked by text as well; the rest of the ranking follows.
TOP = 7
# Positions that the authors' program falls back on.
FILLED = 10

Similar = Mapping[str, Sequence[str]]
# From I, product ids by visual score without repeats; D, the products with a text similar to that
# of each of the first; the visual score of all of them; and k, how many of I are expanded: the
# refined ranking, without repeats.
Refinement = Callable[[Sequence[str], Similar, Mapping[str, float], int], list[str]]


def slide(
    ranking: Sequence[str], similar: Similar, scores: Mapping[str, float], first: int
) -> list[str]:
    """Return I_1..I_k, then all of D(I_1)..D(I_k) by visual score, as on the authors' slide.

    The slide can name a product twice; here it keeps its first position, and the next of D, or else
    of I, moves up.
    """
    top = list(ranking[:first])
    others = _similar_to(top, similar) - set(top)
    free = max(0, TOP - len(top))
    return list(dict.fromkeys([*top, *_by_score(others, scores)[:free], *ranking]))


def program(
    ranking: Sequence[str], similar: Similar, scores: Mapping[str, float], first: int
) -> list[str]:
    """Return I_1..I_k and D(I_1)..D(I_k) by visual score, as the authors' program does.

    Where these are fewer than seven, all of I_{k+1}..I_10 join them before they are sorted.
    """
    top = ranking[:first]
    pool = set(top) | _similar_to(top, similar)
    if len(pool) < TOP:
        pool.update(ranking[first:FILLED])
    return list(dict.fromkeys([*_by_score(pool, scores)[:TOP], *ranking]))


REFINEMENTS: dict[str, Refinement] = {"slide": slide, "program": program}


class ExpandByName:
    """Adds products with names similar to those of the first, as far as the refinement ranks them.

    A product from outside the short-list is represented by its best image, scored as those of the
    short-list are: by the same similarity and, if the recipe verifies, by its inliers. The ranks of
    the refinement are evidence that all scorers but the judge read.

    Args:
        outside: scores products that retrieval did not find.
        index: the text of each product.
        rank: ranks matches by the evidence so far, as the scorer does.
        refine: ranks the first positions.
        first: k, how many of the first products are expanded.
        listed: similar products of each at most.
        minimum: least cosine similarity of their texts.
    """

    def __init__(
        self,
        outside: ScoreOutside,
        index: TextIndex,
        rank: Callable[[Matches], Matches],
        *,
        refine: Refinement,
        first: int,
        listed: int,
        minimum: float,
    ) -> None:
        self._outside, self._index, self._rank = outside, index, rank
        self._refine, self._first = refine, first
        self._listed, self._minimum = listed, minimum

    def __call__(self, query: Query, matches: Matches) -> Matches:
        """Return the matches and the products added by name, the first of all with their ranks."""
        images = {match.image_id: match for match in matches}
        best = {match.product.product_id: match for match in self._rank(matches).products()}
        ranking = list(best)
        similar = self._similar(ranking[: self._first])
        outside = sorted(_similar_to(similar, similar) - set(best))
        found = self._look_up(query, outside)
        images |= {match.image_id: match for match in found.values()}
        scored = self._rank(matches.with_rows(found.values()))
        best |= {match.product.product_id: match for match in scored}
        # The index still has products that were removed or do not pass the filter.
        held = {one: [o for o in others if o in best] for one, others in similar.items()}
        scores = {product: match.score for product, match in best.items()}
        order = self._refine(ranking, held, scores, self._first)[:TOP]
        explained = self._explained(best, held, outside)
        for rank, product in enumerate(order):
            image_id = best[product].image_id
            reasons = explained[product].reasons
            images[image_id] = replace(images[image_id], reasons=reasons, refined=rank)
        # As in the papers' lists, products that were not ranked among the first are not added.
        left_out = {found[product].image_id for product in set(found) - set(order)}
        return matches.with_rows(m for m in images.values() if m.image_id not in left_out)

    def _similar(self, products: Sequence[str]) -> dict[str, list[str]]:
        found = self._index.similar(products, self._listed, self._minimum)
        return {
            product: [other for other, _ in listed]
            for product, listed in zip(products, found, strict=True)
        }

    def _look_up(self, query: Query, products: Sequence[str]) -> dict[str, Match]:
        """Return the best image of each product that the gallery holds and the filter allows."""
        if not products:
            return {}
        found = self._outside(query, products)
        ranked = self._rank(found).products()
        scores = {match.image_id: match for match in found}
        return {match.product.product_id: scores[match.image_id] for match in ranked}

    def _explained(
        self, best: Mapping[str, Match], similar: Similar, added: Iterable[str]
    ) -> dict[str, Match]:
        """Give each added product the words it shares with the product it is similar to."""
        explained = dict(best)
        for product in set(added) & set(best):
            source = next(one for one, others in similar.items() if product in others)
            words = self._index.shared(product, source)
            reasons = replace(best[product].reasons, words=words)
            explained[product] = replace(best[product], reasons=reasons)
        return explained


def _similar_to(top: Iterable[str], similar: Similar) -> set[str]:
    return {other for product in top for other in similar.get(product, ())}


def _by_score(products: Iterable[str], scores: Mapping[str, float]) -> list[str]:
    """Sort by descending score, then by id."""
    return sorted(products, key=lambda product: (-scores[product], product))
