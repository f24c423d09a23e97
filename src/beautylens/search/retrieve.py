"""The first short-list: gallery images whose deep descriptor is nearest to the photo's."""

from __future__ import annotations

from collections.abc import Sequence

from beautylens.features.encoder import Encoder
from beautylens.records import Matches
from beautylens.search.photo import Photo
from beautylens.store.gallery import Gallery


class Retrieve:
    """Nearest neighbours of the mean descriptor of several centred views of the photo.

    A catalogue picture shows the item alone, a photo often shows it small among other things:
    the closer views look past the surroundings, at the price of a somewhat larger batch.

    Args:
        gallery: where to look.
        encoder: the one that the gallery was built with.
        depth: length of the short-list, in images; more where that many show too few products.
        views: shares of width and height that each view keeps.
    """

    def __init__(
        self, gallery: Gallery, encoder: Encoder, *, depth: int, views: Sequence[float]
    ) -> None:
        self._gallery, self._encoder = gallery, encoder
        self._depth, self._views = depth, views

    def __call__(self, photo: Photo, limit: int) -> Matches:
        """Return a short-list of at least `limit` products, where there are so many, best first.

        The score is the cosine similarity.
        """
        with photo.timed("encode"):
            descriptor = self._encoder.describe_views(photo.pixels, self._views)
            photo.descriptor = descriptor
        with photo.timed("retrieve"):
            depth = max(self._depth, limit)
            matches = self._gallery.nearest(descriptor, depth, photo.where)
            # Products with many pictures may fill the short-list: look further down.
            while len(matches) == depth and len(matches.products()) < limit:
                depth *= 2
                matches = self._gallery.nearest(descriptor, depth, photo.where)
            return matches
