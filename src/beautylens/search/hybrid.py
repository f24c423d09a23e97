"""Hybrid retrieval: the nearest by deep descriptor and by VLAD of local descriptors, joined."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from beautylens.query import Query
from beautylens.results import Match, Matches
from beautylens.store.columns import Vectors
from beautylens.store.gallery import Gallery


class HybridRetrieval:
    """Finds by VLAD what the deep descriptor misses, and joins the two short-lists.

    Args:
        gallery: holds both vectors of each image.
    """

    def __init__(self, gallery: Gallery) -> None:
        self._gallery = gallery

    def near(self, query: Query, depth: int) -> dict[int, float]:
        """Return the cosines by row id of images near by VLAD; none for a photo without it."""
        if query.vlad is None:
            return {}
        return self._gallery.vectors.search(query.vlad, depth, query.where, "vlad")

    def join(
        self, query: Query, deep: Mapping[int, float], local: Mapping[int, float], depth: int
    ) -> Matches:
        """Return the `depth` images that are nearest by both cosines, of those near by either.

        Those with the largest sum of both are kept; an image missing from one list gets that list's
        lowest similarity. The score is the deep cosine: once local features count by their inliers,
        counting them twice loses more than it gains. `local` is None for a picture without
        keypoints.

        Args:
            query: the photo.
            deep: cosines of deep descriptors by row id.
            local: cosines of VLAD by row id.
            depth: how many images.
        """
        lists = ((deep, min(deep.values(), default=0)), (local, min(local.values(), default=0)))
        sums = {
            row: sum(cosines.get(row, least) for cosines, least in lists) for row in (*deep, *local)
        }
        best = sorted(sums, key=lambda row: (-sums[row], row))[:depth]
        matches, vectors = self._gallery.rows.at(best, _columns(query))
        return _with_both(matches, _cosines(query, [match.image_id for match in matches], vectors))


class Cosines(NamedTuple):
    """How near a picture is to the photo; `local` is None where one of them has no keypoints."""

    visual: float
    local: float | None


def with_both_cosines(gallery: Gallery, query: Query, matches: Iterable[Match]) -> Matches:
    """Return matches by deep cosine, each with both cosines; images that are gone are left out."""
    rows = tuple(matches)
    ids = [match.image_id for match in rows]
    cosines = _cosines(query, *gallery.rows.vectors(ids, _columns(query)))
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


def _columns(query: Query) -> tuple[Vectors, ...]:
    return ("descriptor",) if query.vlad is None else ("descriptor", "vlad")


def _cosines(
    query: Query, image_ids: Sequence[str], vectors: Sequence[NDArray[np.float32]]
) -> dict[str, Cosines]:
    visual = (vectors[0] @ query.descriptor).tolist()
    local: list[float | None] = [None] * len(visual)
    if query.vlad is not None:
        local = [float(row @ query.vlad) if row.any() else None for row in vectors[1]]
    return {i: Cosines(v, a) for i, v, a in zip(image_ids, visual, local, strict=True)}
