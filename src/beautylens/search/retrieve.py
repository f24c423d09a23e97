"""Retrieval: the short-list of gallery images nearest to the query."""

from __future__ import annotations

from dataclasses import replace

from beautylens.arrays import Float32
from beautylens.query import Query
from beautylens.reasons import Reasons
from beautylens.results import Matches
from beautylens.runtime.threads import cores
from beautylens.search.distances import Similarity
from beautylens.search.hybrid import HybridRetrieval
from beautylens.store.columns import cosines
from beautylens.store.gallery import Gallery

# How many times longer the short-list by cosine is that another similarity re-scores.
OVERSAMPLING = 10


class Retrieve:
    """Retrieves the short-list by deep descriptor and, in some recipes, by VLAD.

    Args:
        gallery: the images to search.
        depth: length of the short-list in images; more if these show too few products.
        similarity: re-scores the nearest by cosine; left out, the cosine is the score.
        hybrid: adds the images nearest by VLAD.
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
        """Return a short-list of at least `query.limit` products, if there are as many.

        The score is the cosine similarity, or that of the recipe's distance.
        """
        depth = max(self._depth, query.limit)
        found = self._short_list(query, depth)
        # Products with many pictures may fill the short-list: search deeper.
        while len(found) == depth and len(found.products()) < query.limit:
            depth *= 2
            found = self._short_list(query, depth)
        return matches.with_rows(found)

    def _short_list(self, query: Query, depth: int) -> Matches:
        if self._hybrid is None:
            return self._nearest(query.descriptor, depth, query.where)
        for _ in range(2):
            by_vlad = cores().submit(self._hybrid.search_vlad, query, depth)
            deep = self._gallery.vectors.search(query.descriptor, depth, query.where)
            local = by_vlad.result()
            matches = self._hybrid.fuse(query, deep, local, depth)
            if len(matches) == min(depth, len({*deep, *local})):
                break
            # A compaction changed row ids meanwhile, or images were removed: search again, once.
        return matches

    def _nearest(self, descriptor: Float32, depth: int, where: str | None) -> Matches:
        if self._similarity is None:
            return nearest(self._gallery, descriptor, depth, where)
        matches = nearest(self._gallery, descriptor, OVERSAMPLING * depth, where)
        return rescored(self._gallery, descriptor, matches, self._similarity).top(depth)


def nearest(gallery: Gallery, descriptor: Float32, depth: int, where: str | None = None) -> Matches:
    """Return the images nearest to a descriptor by cosine, best first.

    The vector index selects the images, the stored descriptors give the cosines. Equal cosines are
    ordered by image id, so that the order of the catalogue makes no difference.

    Args:
        gallery: the images to search.
        descriptor: (D,) float32, unit length.
        depth: images to return at most.
        where: an SQL condition on the catalogue's columns, such as "brand = 'Dior'".

    Raises:
        QueryError: when the condition cannot be understood.
    """
    for _ in range(2):
        near = gallery.vectors.search(descriptor, depth, where)
        images, (stored,) = gallery.rows.at(near, ["descriptor"])
        if len(images) == len(near):
            break
        # A compaction changed row ids meanwhile, or images were removed: search again, once.
    return Matches.ranked(
        replace(image, score=cosine, reasons=Reasons(visual=cosine))
        for image, cosine in zip(images, cosines(stored, descriptor).tolist(), strict=True)
    ).top(depth)


def rescored(
    gallery: Gallery, descriptor: Float32, matches: Matches, similarity: Similarity
) -> Matches:
    """Return matches ranked by another similarity of their stored descriptors to a query's."""
    stored = gallery.rows.descriptors([match.image_id for match in matches])
    scores = similarity(descriptor, stored)
    return Matches.ranked(
        replace(match, score=float(score)) for match, score in zip(matches, scores, strict=True)
    )
