"""The second way in: gallery images whose aggregated local descriptor is nearest to the photo's."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from beautylens.features.aggregate import Aggregate
from beautylens.features.local import LocalFeatures
from beautylens.records import Match, Matches
from beautylens.search.photo import Photo
from beautylens.store.gallery import Gallery
from beautylens.store.rows import Vectors


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

    def nearest(self, photo: Photo, depth: int) -> Matches:
        """Return the images nearest by print, best first; none for a photo without keypoints."""
        if photo.aggregate is None:
            return Matches()
        return self._gallery.nearest(photo.aggregate, depth, photo.where, column="aggregate")

    def join(self, photo: Photo, matches: Matches, found: Matches, depth: int) -> Matches:
        """Return `depth` of the matches and of those nearest by print, with both cosines.

        Those with the largest sum of both are kept. The score stays the visual cosine: once print
        counts by its inliers, counting it twice loses more than it gains. A photo without
        keypoints keeps its matches.
        """
        if photo.aggregate is None:
            return matches
        known = {match.image_id for match in matches}
        union = [*matches, *(match for match in found if match.image_id not in known)]
        kept = with_both_cosines(self._gallery, photo, union).rescored(_sum).top(depth)
        return kept.rescored(_visual)


def with_both_cosines(gallery: Gallery, photo: Photo, matches: Iterable[Match]) -> Matches:
    """Return matches by visual cosine, each with the cosines of both its vectors to the photo's.

    `local` is None where the photo or the picture has no keypoints.

    Raises:
        CollectionError: when an image was removed meanwhile.
        ValueError: when the photo has not been encoded.
    """
    if photo.descriptor is None:
        raise ValueError("a photo is compared after it was encoded")
    rows = tuple(matches)
    ids = [match.image_id for match in rows]
    columns: tuple[Vectors, ...] = ("descriptor", "aggregate")
    stored, *printed = gallery.vectors(ids, columns[: 1 if photo.aggregate is None else 2])
    visual = (stored @ photo.descriptor).tolist()
    local: list[float | None] = [None] * len(rows)
    if photo.aggregate is not None:
        local = [float(row @ photo.aggregate) if row.any() else None for row in printed[0]]
    return Matches.ranked(
        replace(row, score=v, reasons=replace(row.reasons, visual=v, local=a))
        for row, v, a in zip(rows, visual, local, strict=True)
    )


def _sum(match: Match) -> float:
    return _visual(match) + (match.reasons.local or 0.0)


def _visual(match: Match) -> float:
    return match.reasons.visual or 0.0
