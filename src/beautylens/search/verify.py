"""Re-ranking by local features: how much of the item's print agrees with one transform."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import replace

from beautylens.features.local.features import Agreement, LocalFeatures
from beautylens.features.local.keypoints import NO_KEYPOINTS
from beautylens.results import Match, Matches
from beautylens.search.query import Photo
from beautylens.store.gallery import Gallery

Order = Callable[[float, Agreement], float]
"""A match's new score, from its old one and what the two pictures have in common."""


def weighed(score: float, agreement: Agreement, *, chance: int, weight: float) -> float:
    """Return the score of the short-list with the evidence above chance added to it.

    Unlike in the source papers, chance agreement counts for nothing and the deep descriptor keeps
    its say where print is scarce.

    Args:
        score: the cosine.
        agreement: what the two pictures have in common.
        chance: inliers that pictures of different items reach by chance.
        weight: what one more unit of ln(1 + inliers above chance) adds to the cosine.
    """
    return score + weight * math.log1p(max(0, agreement.count - chance))


def counted(_score: float, agreement: Agreement, **_of_other_orders: float) -> float:
    """Return the number of kept matches plus 1/(2 + d), d their mean distance; 0 for no match.

    The order of Tang et al.: the fraction is at most a half, so that the number decides and the
    smaller mean descriptor distance settles equal numbers. Scores that are equal even so keep the
    order of the short-list, which is the visual one.
    """
    return agreement.count + 1 / (2 + agreement.distance) if agreement.count else 0.0


ORDERS: Mapping[str, Callable[..., float]] = {"weighed": weighed, "count": counted}


class Rerank:
    """Local features of the photo against those of every match of the short-list.

    Args:
        gallery: holds the keypoints.
        local: takes the photo's keypoints and compares them.
        order: gives the new score, from the old one and what the two pictures have in common.
    """

    def __init__(self, gallery: Gallery, local: LocalFeatures, order: Order) -> None:
        self._gallery, self._local, self._order = gallery, local, order

    def prepare(self, photo: Photo) -> None:
        """Have the photo's keypoints taken while it is encoded and looked up."""
        photo.begin_keypoints(self._local)

    def __call__(self, photo: Photo, matches: Matches) -> Matches:
        """Return the matches re-ordered, each with its number of inliers."""
        query = photo.take_keypoints(self._local)
        with photo.timed("rerank"):
            stored = self._gallery.keypoints([match.image_id for match in matches])
            pictures = [stored.get(match.image_id, NO_KEYPOINTS) for match in matches]
            found = self._local.compare_all(query, pictures)
            ids = (match.image_id for match in matches)
            photo.agreements |= zip(ids, zip(pictures, found, strict=True), strict=True)
            return Matches.ranked(map(self._rescored, matches, found))

    def _rescored(self, match: Match, agreement: Agreement) -> Match:
        return replace(
            match,
            score=self._order(match.score, agreement),
            reasons=replace(match.reasons, inliers=agreement.count),
        )
