"""The second way in: gallery images whose aggregated local descriptor is nearest to the photo's."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from beautylens.features.local.features import LocalFeatures
from beautylens.features.local.vlad import Aggregate
from beautylens.results import Match, Matches
from beautylens.search.query import Photo
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

    def near(self, photo: Photo, depth: int) -> dict[int, float]:
        """Return the cosines by place of images near by print; none for a photo without it."""
        if photo.aggregate is None:
            return {}
        return self._gallery.near(photo.aggregate, depth, photo.where, "aggregate")

    def join(
        self, photo: Photo, seen: Mapping[int, float], printed: Mapping[int, float], depth: int
    ) -> Matches:
        """Return the `depth` images that are nearest by both cosines, of those near by either.

        Those with the largest sum of both are kept; what is not near by one of them is taken to be
        as near as the last that is. The score is the visual cosine: once print counts by its
        inliers, counting it twice loses more than it gains. `local` is None for a picture without
        keypoints.

        Args:
            photo: encoded, its keypoints aggregated.
            seen: visual cosines by place.
            printed: cosines of print by place.
            depth: how many images.

        Raises:
            ValueError: when the photo has not been encoded.
        """
        lists = ((seen, min(seen.values(), default=0)), (printed, min(printed.values(), default=0)))
        sums = {
            place: sum(cosines.get(place, least) for cosines, least in lists)
            for place in (*seen, *printed)
        }
        best = sorted(sums, key=lambda place: (-sums[place], place))[:depth]
        matches, vectors = self._gallery.at(best, _columns(photo))
        return _with_both(matches, _cosines(photo, [match.image_id for match in matches], vectors))


class Cosines(NamedTuple):
    """How near a picture is to the photo; `local` is None where one of them has no keypoints."""

    visual: float
    local: float | None


def with_both_cosines(gallery: Gallery, photo: Photo, matches: Iterable[Match]) -> Matches:
    """Return matches by visual cosine, each with both cosines; images that are gone are left out.

    Raises:
        ValueError: when the photo has not been encoded.
    """
    rows = tuple(matches)
    ids = [match.image_id for match in rows]
    cosines = _cosines(photo, *gallery.vectors(ids, _columns(photo)))
    return _with_both((match for match in rows if match.image_id in cosines), cosines)


def _with_both(matches: Iterable[Match], cosines: Mapping[str, Cosines]) -> Matches:
    return Matches.ranked(
        replace(
            match,
            score=cosines[match.image_id].visual,
            reasons=replace(match.reasons, **cosines[match.image_id]._asdict()),
        )
        for match in matches
    )


def _columns(photo: Photo) -> tuple[Vectors, ...]:
    return ("descriptor",) if photo.aggregate is None else ("descriptor", "aggregate")


def _cosines(
    photo: Photo, image_ids: Sequence[str], vectors: Sequence[NDArray[np.float32]]
) -> dict[str, Cosines]:
    if photo.descriptor is None:
        raise ValueError("a photo is compared after it was encoded")
    visual = (vectors[0] @ photo.descriptor).tolist()
    local: list[float | None] = [None] * len(visual)
    if photo.aggregate is not None:
        local = [float(row @ photo.aggregate) if row.any() else None for row in vectors[1]]
    return {i: Cosines(v, a) for i, v, a in zip(image_ids, visual, local, strict=True)}
