"""The second way in: gallery images whose aggregated local descriptor is nearest to the photo's."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import NamedTuple

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

    def near(self, photo: Photo, depth: int) -> list[str]:
        """Return ids of the images nearest by print; none for a photo without keypoints."""
        if photo.aggregate is None:
            return []
        return self._gallery.near(photo.aggregate, depth, photo.where, "aggregate")

    def join(self, photo: Photo, image_ids: Iterable[str], depth: int) -> Matches:
        """Return the `depth` of these images that are nearest by both cosines, which they keep.

        Those with the largest sum of both are kept. The score is the visual cosine: once print
        counts by its inliers, counting it twice loses more than it gains. `local` is None for a
        picture without keypoints.

        Raises:
            ValueError: when the photo has not been encoded.
        """
        cosines = both_cosines(self._gallery, photo, image_ids)
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


def both_cosines(gallery: Gallery, photo: Photo, image_ids: Iterable[str]) -> dict[str, Cosines]:
    """Return the cosines of images to the photo by id; those that are gone are left out.

    Raises:
        ValueError: when the photo has not been encoded.
    """
    if photo.descriptor is None:
        raise ValueError("a photo is compared after it was encoded")
    columns: tuple[Vectors, ...] = ("descriptor", "aggregate")
    wanted = list(dict.fromkeys(image_ids))
    ids, (stored, *printed) = gallery.vectors(
        wanted, columns[: 1 if photo.aggregate is None else 2]
    )
    visual = (stored @ photo.descriptor).tolist()
    local: list[float | None] = [None] * len(ids)
    if photo.aggregate is not None:
        local = [float(row @ photo.aggregate) if row.any() else None for row in printed[0]]
    return {image_id: Cosines(v, a) for image_id, v, a in zip(ids, visual, local, strict=True)}


def with_both_cosines(gallery: Gallery, photo: Photo, matches: Iterable[Match]) -> Matches:
    """Return matches by visual cosine, each with both cosines; images that are gone are left out.

    Raises:
        ValueError: when the photo has not been encoded.
    """
    rows = tuple(matches)
    cosines = both_cosines(gallery, photo, (match.image_id for match in rows))
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
