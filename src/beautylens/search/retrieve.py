"""The first short-list: gallery images nearest to the photo, by deep descriptor and by print."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from beautylens.features.encoder.base_encoder import Describing
from beautylens.images.salient import salient_on_white
from beautylens.results import Matches
from beautylens.search.distances import Similarity
from beautylens.search.hybrid import SecondWay
from beautylens.search.query import Photo
from beautylens.store.gallery import Gallery
from beautylens.threads import cores

# How much longer the short-list by cosine is that another similarity chooses from.
WIDER = 10


class Retrieve:
    """Nearest neighbours of the mean descriptor of several centred views of the photo.

    A catalogue picture shows the item alone, a photo often shows it small among other things:
    the closer views look past the surroundings, at the price of a somewhat larger batch.

    Args:
        gallery: where to look.
        encoder: the one that the gallery was built with.
        depth: length of the short-list, in images; more where that many show too few products.
        views: shares of width and height that each view keeps.
        salient: whether all but the photo's salient item is painted white first.
        similarity: scores the nearest by cosine anew, where the cosine is not the score.
        second: joins those that are nearest by their print.
    """

    def __init__(
        self,
        gallery: Gallery,
        encoder: Describing,
        *,
        depth: int,
        views: Sequence[float],
        salient: bool = False,
        similarity: Similarity | None = None,
        second: SecondWay | None = None,
    ) -> None:
        self._gallery, self._encoder = gallery, encoder
        self._depth, self._views = depth, views
        self._salient, self._similarity, self._second = salient, similarity, second

    def __call__(self, photo: Photo, limit: int) -> Matches:
        """Return a short-list of at least `limit` products, where there are so many, best first.

        The score is the cosine similarity, or that of the recipe's distance.
        """
        with photo.timed("encode"):
            pixels = salient_on_white(photo.pixels) if self._salient else photo.pixels
            photo.descriptor = self._encoder.describe_views(pixels, self._views)
        if self._second is not None:
            self._second.describe(photo)
        with photo.timed("retrieve"):
            depth = max(self._depth, limit)
            matches = self._short_list(photo, photo.descriptor, depth)
            # Products with many pictures may fill the short-list: look further down.
            while len(matches) == depth and len(matches.products()) < limit:
                depth *= 2
                matches = self._short_list(photo, photo.descriptor, depth)
            return matches

    def _short_list(self, photo: Photo, descriptor: NDArray[np.float32], depth: int) -> Matches:
        if self._second is None:
            return self._nearest(descriptor, depth, photo.where)
        for _ in range(2):
            near = cores().submit(self._second.near, photo, depth)
            seen, printed = self._gallery.near(descriptor, depth, photo.where), near.result()
            matches = self._second.join(photo, seen, printed, depth)
            if len(matches) == min(depth, len({*seen, *printed})):
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
    stored = gallery.descriptors([match.image_id for match in matches])
    scores = similarity(descriptor, stored)
    return Matches.ranked(
        replace(match, score=float(score)) for match, score in zip(matches, scores, strict=True)
    )
