"""Hybrid retrieval: the short-lists by deep descriptor and by VLAD, fused by sum of cosines."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

from beautylens.arrays import Float32
from beautylens.query import Query
from beautylens.results import Match, Matches
from beautylens.store.columns import Vectors
from beautylens.store.gallery import Gallery


class HybridRetrieval:
    """Retrieves by VLAD what the deep descriptor misses, and fuses the two short-lists.

    Args:
        gallery: holds both vectors of each image.
    """

    def __init__(self, gallery: Gallery) -> None:
        self._gallery = gallery

    def search_vlad(self, query: Query, depth: int) -> dict[int, float]:
        """Return the cosines of the nearest images by VLAD; empty for a photo without keypoints."""
        if query.vlad is None:
            return {}
        return self._gallery.vectors.search(query.vlad, depth, query.where, "vlad")

    def fuse(
        self, query: Query, deep: Mapping[int, float], local: Mapping[int, float], depth: int
    ) -> Matches:
        """Return the `depth` images with the largest sum of both cosines.

        An image missing from one list gets that list's lowest cosine. The score is the deep cosine
        alone: with inliers as evidence, counting local features twice lowers the accuracy.

        Args:
            query: the photo.
            deep: cosines of deep descriptors by row id.
            local: cosines of VLAD by row id.
            depth: images to return at most.
        """
        lists = ((deep, min(deep.values(), default=0)), (local, min(local.values(), default=0)))
        sums = {
            row: sum(cosines.get(row, least) for cosines, least in lists) for row in (*deep, *local)
        }
        best = sorted(sums, key=lambda row: (-sums[row], row))[:depth]
        matches, vectors = self._gallery.rows.at(best, _columns(query))
        return _with_both(matches, _cosines(query, [match.image_id for match in matches], vectors))


class Cosines(NamedTuple):
    """The cosines of an image with the query; `local` is None if either has no keypoints."""

    visual: float
    local: float | None


def with_both_cosines(gallery: Gallery, query: Query, matches: Iterable[Match]) -> Matches:
    """Return matches by deep cosine, each with both cosines; removed images are left out."""
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
    query: Query, image_ids: Sequence[str], vectors: Sequence[Float32]
) -> dict[str, Cosines]:
    visual = (vectors[0] @ query.descriptor).tolist()
    local: list[float | None] = [None] * len(visual)
    if query.vlad is not None:
        local = [float(row @ query.vlad) if row.any() else None for row in vectors[1]]
    return {i: Cosines(v, a) for i, v, a in zip(image_ids, visual, local, strict=True)}
