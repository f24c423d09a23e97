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
        depth: length of the short-list, in images.
        views: shares of width and height that each view keeps.
    """

    def __init__(
        self, gallery: Gallery, encoder: Encoder, *, depth: int, views: Sequence[float]
    ) -> None:
        self._gallery, self._encoder = gallery, encoder
        self._depth, self._views = depth, views

    def __call__(self, photo: Photo) -> Matches:
        """Return the short-list, best first; the score is the cosine similarity."""
        with photo.timed("encode"):
            descriptor = self._encoder.describe_views(photo.pixels, self._views)
        with photo.timed("retrieve"):
            return self._gallery.nearest(descriptor, self._depth, photo.where)
