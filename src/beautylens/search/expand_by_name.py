"""Expansion by name: products whose text is like that of the first matches (textual refinement).

Hou, Ji and Wang, "Attention-driven Unsupervised Image Retrieval for Beauty Products with Visual
and Textual Clues", MM 2020, Algorithm 1.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Protocol

from beautylens.errors import RecipeError
from beautylens.query import Query
from beautylens.results import Match, Matches
from beautylens.search.distances import Similarity
from beautylens.search.hybrid import with_both_cosines
from beautylens.search.retrieve import rescored
from beautylens.search.verify import Verify
from beautylens.store.gallery import Gallery
from beautylens.text.text_index import TextIndex

PLACES = 7


class Refinement(Protocol):
    """A way to put products with a similar text among the first places of a ranking.

    Args:
        ranking: I, product ids by visual score, best first, no two alike.
        similar: D, the products whose text is like that of each of the first.
        scores: the visual score of every product of `ranking` and `similar`.
        first: k, how many of the ranking bring in others.
        places: how many places are filled anew; the rest of the ranking follows.
    """

    def __call__(
        self,
        ranking: Sequence[str],
        similar: Mapping[str, Sequence[str]],
        scores: Mapping[str, float],
        *,
        first: int,
        places: int = PLACES,
    ) -> list[str]:
        """Return the refined ranking, no two ids alike."""


def slide(
    ranking: Sequence[str],
    similar: Mapping[str, Sequence[str]],
    scores: Mapping[str, float],
    *,
    first: int,
    places: int = PLACES,
) -> list[str]:
    """Return I_1..I_k, then all of D(I_1)..D(I_k) by visual score, as the authors' slide has it.

    The slide can name a product twice; here it keeps its first place, and the next of the subset,
    or else of I, moves up.
    """
    top = list(ranking[:first])
    subset = _brought_in(top, similar) - set(top)
    free = max(0, places - len(top))
    return list(dict.fromkeys([*top, *_by_score(subset, scores)[:free], *ranking]))


def program(
    ranking: Sequence[str],
    similar: Mapping[str, Sequence[str]],
    scores: Mapping[str, float],
    *,
    first: int,
    places: int = PLACES,
) -> list[str]:
    """Return I_1..I_k and D(I_1)..D(I_k), filled up from I, by visual score.

    The authors' program has it so; it fills from ranks 4 to 10, which for k = 3 is as far as seven
    places can need.
    """
    top = ranking[:first]
    pool = set(top) | _brought_in(top, similar)
    others = [product for product in ranking[first:] if product not in pool]
    pool.update(others[: max(0, places - len(pool))])
    return list(dict.fromkeys([*_by_score(pool, scores)[:places], *ranking]))


REFINEMENTS: dict[str, Refinement] = {"slide": slide, "program": program}


def find_refinement(name: str) -> Refinement:
    """Return a refinement by name.

    Raises:
        RecipeError: when there is none.
    """
    if name not in REFINEMENTS:
        raise RecipeError(
            f"there is no textual refinement '{name}'; choose one of {', '.join(REFINEMENTS)}"
        )
    return REFINEMENTS[name]


class ExpandByName:
    """Brings in products by the names of the first, and ranks the first places by the refinement.

    A product from outside the short-list is described as those inside it were: by the same
    similarity and, where the recipe verifies, by its inliers. Its best image stands for it. The
    ranks of the refinement are evidence that the scorers of the papers read; the judge reads the
    other evidence of what was brought in.

    Args:
        gallery: where products are looked up that retrieval did not find.
        index: the text of each product.
        rank: ranks matches by the evidence so far, as the scorer does.
        variant: a name in `REFINEMENTS`.
        first: k, how many of the first products bring in others.
        listed: the most products that each may bring in.
        minimum: the least cosine of their texts.
        similarity: scores descriptors where the cosine is not the score.
        verify: the step that verified the short-list, where there was one.
    """

    def __init__(
        self,
        gallery: Gallery,
        index: TextIndex,
        rank: Callable[[Matches], Matches],
        *,
        variant: str,
        first: int,
        listed: int,
        minimum: float,
        similarity: Similarity | None = None,
        verify: Verify | None = None,
    ) -> None:
        self._gallery, self._index, self._rank = gallery, index, rank
        self._refine, self._first = find_refinement(variant), first
        self._listed, self._minimum = listed, minimum
        self._similarity, self._verify = similarity, verify

    def __call__(self, query: Query, matches: Matches) -> Matches:
        """Return the matches and those that the texts brought in, the first places with ranks."""
        given = {match.image_id: match for match in matches}
        best = {match.product.product_id: match for match in self._rank(matches).products()}
        ranking = list(best)
        similar = self._similar(ranking[: self._first])
        outside = sorted(_brought_in(similar, similar) - set(best))
        found = self._looked_up(query, outside)
        given |= {match.image_id: match for match in found.values()}
        scored = self._rank(matches.with_rows(found.values()))
        best |= {match.product.product_id: match for match in scored}
        # Products that were removed, or that the filter leaves out, are in the index still.
        held = {one: [o for o in listed if o in best] for one, listed in similar.items()}
        scores = {product: match.score for product, match in best.items()}
        order = self._refine(ranking, held, scores, first=self._first)[:PLACES]
        explained = self._explained(best, held, outside)
        for rank, product in enumerate(order):
            image_id = best[product].image_id
            reasons = explained[product].reasons
            given[image_id] = replace(given[image_id], reasons=reasons, refined=rank)
        # What was brought in and found no place stays out, as in the papers' lists.
        new = {found[product].image_id for product in set(found) - set(order)}
        return matches.with_rows(match for match in given.values() if match.image_id not in new)

    def _similar(self, products: Sequence[str]) -> dict[str, list[str]]:
        found = self._index.similar(products, self._listed, self._minimum)
        return {
            product: [other for other, _ in listed]
            for product, listed in zip(products, found, strict=True)
        }

    def _looked_up(self, query: Query, products: Sequence[str]) -> dict[str, Match]:
        """Return the best image of each product that the gallery holds and the filter allows."""
        if not products:
            return {}
        found = self._gallery.products.scored(products, query.descriptor, query.where)
        if query.vlad is not None:
            found = with_both_cosines(self._gallery, query, found)
        if self._similarity is not None:
            found = rescored(self._gallery, query.descriptor, found, self._similarity)
        if self._verify is not None:
            found = self._verify(query, found)
        ranked = self._rank(found).products()
        scores = {match.image_id: match for match in found}
        return {match.product.product_id: scores[match.image_id] for match in ranked}

    def _explained(
        self, best: Mapping[str, Match], similar: Mapping[str, Sequence[str]], new: Iterable[str]
    ) -> dict[str, Match]:
        """Give each product from outside the words shared with the one that brought it in."""
        explained = dict(best)
        for product in set(new) & set(best):
            bringer = next(one for one, listed in similar.items() if product in listed)
            words = self._index.shared(product, bringer)
            reasons = replace(best[product].reasons, words=words)
            explained[product] = replace(best[product], reasons=reasons)
        return explained


def _brought_in(top: Iterable[str], similar: Mapping[str, Sequence[str]]) -> set[str]:
    return {other for product in top for other in similar.get(product, ())}


def _by_score(products: Iterable[str], scores: Mapping[str, float]) -> list[str]:
    """Sort by falling score; ids settle equal scores."""
    return sorted(products, key=lambda product: (-scores[product], product))
