"""Showing why a product was returned: keypoints that agree, words read, colours compared."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from beautylens.features.local.features import LocalFeatures
from beautylens.features.local.keypoints import NO_KEYPOINTS
from beautylens.images.decode import decode
from beautylens.images.draw import labelled, match_lines
from beautylens.images.fit import shrink
from beautylens.paths import place
from beautylens.results import Match, Matches
from beautylens.search.draw_colours import draw_colours
from beautylens.search.query import Photo
from beautylens.store.gallery import Gallery


class Explain:
    """Draws a photo and a catalogue picture side by side with the matches that agree.

    Args:
        gallery: holds the keypoints.
        local: takes the photo's keypoints and compares them.
    """

    def __init__(self, gallery: Gallery, local: LocalFeatures) -> None:
        self._gallery, self._local = gallery, local

    def __call__(self, photo: Photo, match: Match) -> NDArray[np.uint8]:
        """Return the drawing, (H, W, 3) uint8 RGB; without keypoints it has no lines.

        Raises:
            ImageError: when the catalogue picture can no longer be read.
        """
        longest = self._local.longest
        left, _ = shrink(photo.pixels, longest)
        right, _ = shrink(decode(place(match.image), least_side=longest), longest)
        query = photo.take_keypoints(self._local)
        gallery = self._gallery.keypoints([match.image_id]).get(match.image_id, NO_KEYPOINTS)
        kept = self._local.compare(query, gallery).pairs
        return match_lines(left, right, query.points[kept[:, 0]], gallery.points[kept[:, 1]])

    def best(self, photo: Photo, matches: Matches) -> Match:
        """Return the picture, of one product's several, that has most in common with the photo."""
        stored = self._gallery.keypoints([match.image_id for match in matches])
        pictures = [stored.get(match.image_id, NO_KEYPOINTS) for match in matches]
        found = self._local.compare_all(photo.take_keypoints(self._local), pictures)
        # The first of equals: they come in the order of their cosines.
        return max(zip(matches, found, strict=True), key=lambda pair: pair[1].count)[0]

    @staticmethod
    def searched(photo: Photo) -> NDArray[np.uint8]:
        """Return the part of the photo that was searched with, and what was read on it."""
        outlines = [np.asarray(line.corners, np.float32) for line in photo.lines]
        return labelled(photo.pixels, outlines, [line.text for line in photo.lines])

    def colours(self, photo: Photo) -> dict[str, NDArray[np.uint8]]:
        """Return the photo laid over each picture its search compared its colours with, by id."""
        compared = photo.compared
        if compared is None:
            return {}
        ids = [match.image_id for match in compared.matches]
        return {image_id: draw_colours(compared, place) for place, image_id in enumerate(ids)}
