"""The first short-list: the gallery images nearest to the query."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from beautylens.query import Query
from beautylens.results import Matches
from beautylens.runtime.threads import cores
from beautylens.search.distances import Similarity
from beautylens.search.hybrid import HybridRetrieval
from beautylens.store.gallery import Gallery

# How much longer the short-list by cosine is that another similarity chooses from.
WIDER = 10


class Retrieve:
    """Starts the short-list: the nearest images by deep descriptor and, in some recipes, by VLAD.

    Args:
        gallery: where to look.
        depth: length of the short-list, in images; more where that many show too few products.
        similarity: re-scores the nearest by cosine, where the cosine is not the score.
        hybrid: joins those that are nearest by VLAD.
    """

    def __init__(
        self,
        gallery: Gallery,
        *,
        depth: int,
        similarity: Similarity | None = None,
        hybrid: HybridRetrieval | None = None,
    ) -> None:
        self._gallery, self._depth = gallery, depth
        self._similarity, self._hybrid = similarity, hybrid

    def __call__(self, query: Query, matches: Matches) -> Matches:
        """Return a short-list of at least as many products as are wanted, where there are so many.

        The score is the cosine similarity, or that of the recipe's distance.
        """
        depth = max(self._depth, query.limit)
        found = self._short_list(query, depth)
        # Products with many pictures may fill the short-list: look further down.
        while len(found) == depth and len(found.products()) < query.limit:
            depth *= 2
            found = self._short_list(query, depth)
        return matches.with_rows(found)

    def _short_list(self, query: Query, depth: int) -> Matches:
        if self._hybrid is None:
            return self._nearest(query.descriptor, depth, query.where)
        for _ in range(2):
            near = cores().submit(self._hybrid.near, query, depth)
            deep = self._gallery.vectors.search(query.descriptor, depth, query.where)
            local = near.result()
            matches = self._hybrid.join(query, deep, local, depth)
            if len(matches) == min(depth, len({*deep, *local})):
                break
            # Rows moved, as fragments were merged meanwhile, or are gone: look again, once.
        return matches

    def _nearest(self, descriptor: NDArray[np.float32], depth: int, where: str | None) -> Matches:
        if self._similarity is None:
            return self._gallery.nearest(descriptor, depth, where)
        matches = self._gallery.nearest(descriptor, WIDER * depth, where)
        return rescored(self._gallery, descriptor, matches, self._similarity).top(depth)


def rescored(
    gallery: Gallery, descriptor: NDArray[np.float32], matches: Matches, similarity: Similarity
) -> Matches:
    """Return matches ranked by another similarity of their stored descriptors to a query's."""
    stored = gallery.rows.descriptors([match.image_id for match in matches])
    scores = similarity(descriptor, stored)
    return Matches.ranked(
        replace(match, score=float(score)) for match, score in zip(matches, scores, strict=True)
    )
