"""Re-ranking by local features: how much of the item's print agrees with one transform."""

from __future__ import annotations

import math
from dataclasses import replace

from beautylens.features.keypoints import Keypoints, extract_keypoints
from beautylens.features.matching import match_keypoints, verify
from beautylens.records import Match, Matches
from beautylens.search.photo import Photo
from beautylens.store.gallery import Gallery


class Rerank:
    """Verified SIFT matches added to the visual score of every match of the short-list.

    Unlike the source paper, which orders by the bare number of ratio-test matches, chance
    agreement counts for nothing and the deep descriptor keeps its say where print is scarce.

    Args:
        gallery: holds the keypoints.
        longest: pixels to which the photo's longer side is shrunk.
        limit: keypoints taken from the photo.
        ratio: Lowe's ratio.
        chance: inliers that pictures of different items reach by chance.
        weight: what one more unit of ln(1 + inliers above chance) adds to the cosine.
    """

    def __init__(
        self,
        gallery: Gallery,
        *,
        longest: int,
        limit: int,
        ratio: float,
        chance: int,
        weight: float,
    ) -> None:
        self._gallery = gallery
        self._longest, self._limit, self._ratio = longest, limit, ratio
        self._chance, self._weight = chance, weight

    def __call__(self, photo: Photo, matches: Matches) -> Matches:
        """Return the matches re-ordered, each with its number of inliers."""
        with photo.timed("rerank"):
            query = extract_keypoints(photo.pixels, longest=self._longest, limit=self._limit)
            photo.keypoints = query
            stored = self._gallery.keypoints([match.image_id for match in matches])
            return Matches.ranked(
                self._weighed(match, query, stored.get(match.image_id)) for match in matches
            )

    def _weighed(self, match: Match, query: Keypoints, gallery: Keypoints | None) -> Match:
        inliers = 0
        if gallery is not None:
            pairs = match_keypoints(query, gallery, ratio=self._ratio)
            inliers = verify(query, gallery, pairs).count
        evidence = self._weight * math.log1p(max(0, inliers - self._chance))
        return replace(
            match,
            score=match.score + evidence,
            reasons=replace(match.reasons, inliers=inliers),
        )
