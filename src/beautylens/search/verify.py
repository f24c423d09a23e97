"""Geometric verification: the inliers of one transform between the photo and each candidate."""

from __future__ import annotations

from dataclasses import replace

from beautylens.features.local.features import Agreement, LocalFeatures
from beautylens.features.local.keypoints import NO_KEYPOINTS, Keypoints
from beautylens.query import Query
from beautylens.results import Geometry, Match, Matches
from beautylens.store.gallery import Gallery


class Verify:
    """Matches the photo's keypoints with those of every candidate, and verifies the matches.

    Args:
        gallery: holds the keypoints.
        local: matches keypoints and verifies the matches.
        likely: whether inliers by chance do not matter where another picture agrees clearly, so
            that such pictures need not be compared by all keypoints.
    """

    def __init__(self, gallery: Gallery, local: LocalFeatures, *, likely: bool = False) -> None:
        self._gallery = gallery
        self._compare = local.compare_likely if likely else local.compare_all

    def __call__(self, query: Query, matches: Matches) -> Matches:
        """Return the matches in their order, each with its number of inliers.

        Raises:
            ValueError: when the query has no keypoints.
        """
        if query.keypoints is None:
            raise ValueError("the photo has no keypoints to verify candidates by")
        stored = self._gallery.rows.keypoints([match.image_id for match in matches])
        pictures = [stored.get(match.image_id, NO_KEYPOINTS) for match in matches]
        found = self._compare(query.keypoints, pictures)
        return replace(matches, rows=tuple(map(verified, matches, pictures, found)))


def verified(match: Match, keypoints: Keypoints, agreement: Agreement) -> Match:
    """Return a match with its geometry and the number of inliers among its reasons.

    Args:
        match: the catalogue picture.
        keypoints: of the picture.
        agreement: its verified matches with the photo.
    """
    return replace(
        match,
        reasons=replace(match.reasons, inliers=agreement.count),
        geometry=Geometry(keypoints, agreement),
    )
