"""The second way in: gallery images whose aggregated local descriptor is nearest to the photo's."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from beautylens.features.aggregate import Aggregate
from beautylens.features.local import LocalFeatures
from beautylens.records import Match, Matches
from beautylens.search.photo import Photo
from beautylens.store.gallery import Gallery


class SecondWay:
    """Finds by print what the deep descriptor misses, and joins the two short-lists.

    Args:
        gallery: holds the aggregated local descriptors.
        local: takes the photo's keypoints.
        aggregate: what the gallery's keypoints were aggregated with.
        limit: how many of the photo's strongest keypoints to aggregate, as many as the gallery's.
    """

    def __init__(
        self, gallery: Gallery, local: LocalFeatures, aggregate: Aggregate, *, limit: int
    ) -> None:
        self._gallery, self._local = gallery, local
        self._aggregate, self._limit = aggregate, limit

    def describe(self, photo: Photo) -> None:
        """Give the photo its keypoints and, where it has some, their aggregate."""
        strongest = photo.take_keypoints(self._local).strongest(self._limit)
        with photo.timed("keypoints"):
            photo.aggregate = self._aggregate([strongest])[0] if len(strongest) else None

    def join(self, photo: Photo, matches: Matches, depth: int) -> Matches:
        """Return the best `depth` of the matches and as many nearest by print, with both cosines.

        The score is their mean. A photo without keypoints keeps its matches.
        """
        if photo.aggregate is None:
            return matches
        found = self._gallery.nearest(photo.aggregate, depth, photo.where, column="aggregate")
        known = {match.image_id for match in matches}
        union = [*matches, *(match for match in found if match.image_id not in known)]
        return joined(self._gallery, photo, union).top(depth)


def joined(gallery: Gallery, photo: Photo, matches: Iterable[Match]) -> Matches:
    """Return matches with the cosines of both their vectors to the photo's, ranked by their mean.

    A picture without keypoints shares no print: its `local` is None, and counts as 0.

    Raises:
        CollectionError: when an image was removed meanwhile.
        ValueError: when the photo has not been described both ways.
    """
    if photo.descriptor is None or photo.aggregate is None:
        raise ValueError("a photo is joined by two ways after it was described for both")
    rows = tuple(matches)
    ids = [match.image_id for match in rows]
    visual = (gallery.descriptors(ids) @ photo.descriptor).tolist()
    aggregates = gallery.descriptors(ids, "aggregate")
    local = [float(row @ photo.aggregate) if row.any() else None for row in aggregates]
    return Matches.ranked(
        replace(row, score=(v + (a or 0.0)) / 2, reasons=replace(row.reasons, visual=v, local=a))
        for row, v, a in zip(rows, visual, local, strict=True)
    )
