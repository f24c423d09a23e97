"""Showing why a product was returned: keypoints that agree, words read, colours compared."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from beautylens.errors import ImageError
from beautylens.features.local.features import LocalFeatures
from beautylens.features.local.keypoints import NO_KEYPOINTS, Keypoints
from beautylens.files.names import readable_name
from beautylens.files.paths import as_path
from beautylens.images.decode import decode
from beautylens.images.draw import labelled, match_lines, write_png
from beautylens.images.fit import shrink
from beautylens.query import Query
from beautylens.results import Explanation, Match, Matches
from beautylens.search.draw_colours import draw_colours
from beautylens.store.gallery import Gallery
from beautylens.text.ocr import Line


class Explain:
    """Draws a photo and a catalogue picture side by side with the matches that agree.

    Args:
        gallery: holds the keypoints.
        local: takes the photo's keypoints and compares them.
    """

    def __init__(self, gallery: Gallery, local: LocalFeatures) -> None:
        self._gallery, self._local = gallery, local

    def __call__(self, query: Query, match: Match) -> NDArray[np.uint8]:
        """Return the drawing, (H, W, 3) uint8 RGB; without keypoints it has no lines.

        Raises:
            ImageError: when the catalogue picture can no longer be read.
        """
        longest = self._local.longest
        left, _ = shrink(query.pixels, longest)
        right, _ = shrink(decode(as_path(match.image), least_side=longest), longest)
        own = self._keypoints(query)
        gallery = self._gallery.rows.keypoints([match.image_id]).get(match.image_id, NO_KEYPOINTS)
        kept = self._local.compare(own, gallery).pairs
        return match_lines(left, right, own.points[kept[:, 0]], gallery.points[kept[:, 1]])

    def closest(self, query: Query, product_id: str) -> Match | None:
        """Return the picture of a product that has most keypoints in common with the photo.

        None where there is no product of this id.
        """
        matches = self._gallery.products.images(product_id)
        if not len(matches):
            return None
        stored = self._gallery.rows.keypoints([match.image_id for match in matches])
        pictures = [stored.get(match.image_id, NO_KEYPOINTS) for match in matches]
        found = self._local.compare_all(self._keypoints(query), pictures)
        # The first of equals: they come in the order of their ids.
        best = max(range(len(found)), key=lambda number: found[number].count)
        return matches[best]

    def write(self, query: Query, matches: Matches, folder: Path) -> Explanation:
        """Draw the photo and every match into a folder; a picture that is gone is no drawing."""
        photo = folder / "photo.png"
        write_png(photo, self.searched(query, matches.lines))
        compared = self.colours(matches)
        keypoints, colours, errors = {}, {}, {}
        for rank, match in enumerate(matches, start=1):
            name = f"{rank}_{readable_name(match.product.product_id)}"
            try:
                drawing = self(query, match)
            except ImageError as error:
                errors[rank] = str(error)
            else:
                keypoints[rank] = folder / f"{name}.png"
                write_png(keypoints[rank], drawing)
            if match.image_id in compared:
                colours[rank] = folder / f"{name}_colours.png"
                write_png(colours[rank], compared[match.image_id])
        return Explanation(photo, keypoints, colours, errors)

    def _keypoints(self, query: Query) -> Keypoints:
        """Return the photo's keypoints, also for a recipe that searches without."""
        known = query.keypoints
        return self._local.extract(query.pixels) if known is None else known

    @staticmethod
    def searched(query: Query, lines: Sequence[Line]) -> NDArray[np.uint8]:
        """Return the part of the photo that was searched with, and the lines read on it."""
        outlines = [np.asarray(line.corners, np.float32) for line in lines]
        return labelled(query.pixels, outlines, [line.text for line in lines])

    @staticmethod
    def colours(matches: Matches) -> dict[str, NDArray[np.uint8]]:
        """Return the photo beside each picture that its colours were compared with, by image id."""
        compared = matches.colours
        if compared is None:
            return {}
        return {
            image_id: draw_colours(compared, number)
            for number, image_id in enumerate(compared.image_ids)
        }
