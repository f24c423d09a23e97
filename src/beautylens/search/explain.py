"""Showing why a product was returned: the keypoints that agree, joined by lines."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from beautylens.features.keypoints import NO_KEYPOINTS, extract_keypoints
from beautylens.features.matching import match_keypoints, verify
from beautylens.images.decode import decode
from beautylens.images.draw import match_lines
from beautylens.images.fit import shrink
from beautylens.records import Match
from beautylens.search.photo import Photo
from beautylens.store.gallery import Gallery


class Explain:
    """Draws a photo and a catalogue picture side by side with their verified matches.

    Args:
        gallery: holds the keypoints.
        longest: pixels to which the longer side of both pictures is shrunk.
        limit: keypoints taken from the photo.
        ratio: Lowe's ratio.
    """

    def __init__(self, gallery: Gallery, *, longest: int, limit: int, ratio: float) -> None:
        self._gallery, self._longest = gallery, longest
        self._limit, self._ratio = limit, ratio

    def __call__(self, photo: Photo, match: Match) -> NDArray[np.uint8]:
        """Return the drawing, (H, W, 3) uint8 RGB; without keypoints it has no lines.

        Raises:
            ImageError: when the catalogue picture can no longer be read.
        """
        left, _ = shrink(photo.pixels, self._longest)
        right, _ = shrink(decode(match.image, least_side=self._longest), self._longest)
        query = photo.keypoints or extract_keypoints(
            photo.pixels, longest=self._longest, limit=self._limit
        )
        gallery = self._gallery.keypoints([match.image_id]).get(match.image_id, NO_KEYPOINTS)
        pairs = match_keypoints(query, gallery, ratio=self._ratio)
        kept = verify(query, gallery, pairs).pairs
        return match_lines(left, right, query.points[kept[:, 0]], gallery.points[kept[:, 1]])
