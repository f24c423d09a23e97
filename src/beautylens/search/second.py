"""The second way in: gallery images whose aggregated local descriptor is nearest to the photo's."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

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

    def near(self, photo: Photo, depth: int) -> list[int]:
        """Return the places of the images nearest by print; none for a photo without keypoints."""
        if photo.aggregate is None:
            return []
        return self._gallery.near(photo.aggregate, depth, photo.where, "aggregate")

    def join(self, photo: Photo, places: Iterable[int], depth: int) -> Matches:
        """Return the `depth` images at these places that are nearest by both cosines.

        Those with the largest sum of both are kept. The score is the visual cosine: once print
        counts by its inliers, counting it twice loses more than it gains. `local` is None for a
        picture without keypoints.

        Raises:
            ValueError: when the photo has not been encoded.
        """
        cosines = _cosines(photo, *self._gallery.vectors_at(places, _columns(photo)))
        best = sorted(cosines, key=lambda image_id: (-cosines[image_id].sum, image_id))[:depth]
        matches = self._gallery.matches({image_id: cosines[image_id].visual for image_id in best})
        return _with_both(matches, cosines)


class Cosines(NamedTuple):
    """How near a picture is to the photo; `local` is None where one of them has no keypoints."""

    visual: float
    local: float | None

    @property
    def sum(self) -> float:
        """Both together."""
        return self.visual + (self.local or 0.0)


def with_both_cosines(gallery: Gallery, photo: Photo, matches: Iterable[Match]) -> Matches:
    """Return matches by visual cosine, each with both cosines; images that are gone are left out.

    Raises:
        ValueError: when the photo has not been encoded.
    """
    rows = tuple(matches)
    ids = [match.image_id for match in rows]
    cosines = _cosines(photo, *gallery.vectors(ids, _columns(photo)))
    there = (match for match in rows if match.image_id in cosines)
    return _with_both(
        Matches.ranked(replace(match, score=cosines[match.image_id].visual) for match in there),
        cosines,
    )


def _with_both(matches: Matches, cosines: Mapping[str, Cosines]) -> Matches:
    rows = (
        replace(match, reasons=replace(match.reasons, **cosines[match.image_id]._asdict()))
        for match in matches
    )
    return replace(matches, rows=tuple(rows))


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
