"""Drawings of the reasons for a match: keypoint matches, the words read, the colours compared."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from beautylens.arrays import UInt8
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
    """Draws the evidence for matches; needs the photo's keypoints, and no network.

    Args:
        gallery: holds the keypoints.
        local: extracts the photo's keypoints and matches them.
    """

    def __init__(self, gallery: Gallery, local: LocalFeatures) -> None:
        self._gallery, self._local = gallery, local

    def keypoints(self, photo: UInt8) -> Keypoints:
        """Return the keypoints of a photo, (H, W, 3) uint8 RGB."""
        return self._local.extract(photo)

    def draw(self, photo: UInt8, keypoints: Keypoints, match: Match) -> UInt8:
        """Return photo and catalogue picture side by side, with lines between verified matches.

        Args:
            photo: (H, W, 3) uint8 RGB.
            keypoints: of the photo.
            match: the catalogue picture.

        Returns:
            (H, W, 3) uint8 RGB.

        Raises:
            ImageError: when the catalogue picture can no longer be read.
        """
        longest = self._local.longest
        left, _ = shrink(photo, longest)
        right, _ = shrink(decode(as_path(match.image), least_side=longest), longest)
        stored = self._stored([match])[0]
        kept = self._local.compare(keypoints, stored).pairs
        return match_lines(left, right, keypoints.points[kept[:, 0]], stored.points[kept[:, 1]])

    def closest(self, keypoints: Keypoints, product_id: str) -> Match | None:
        """Return the picture of a product with the most inliers, the first by id of equal ones.

        None if there is no product of this id.
        """
        matches = self._gallery.products.images(product_id)
        if not len(matches):
            return None
        found = self._local.compare_all(keypoints, self._stored(matches.rows))
        return matches[max(range(len(found)), key=lambda number: found[number].count)]

    def write(self, query: Query, matches: Matches, folder: Path) -> Explanation:
        """Write the drawings of all matches into a folder, without pictures that cannot be read."""
        photo = folder / "photo.png"
        write_png(photo, self.searched(query, matches.lines))
        compared = self.colours(matches)
        own = self.keypoints(query.pixels) if query.keypoints is None else query.keypoints
        keypoints, colours, errors = {}, {}, {}
        for rank, match in enumerate(matches, start=1):
            name = f"{rank}_{readable_name(match.product.product_id)}"
            try:
                drawing = self.draw(query.pixels, own, match)
            except ImageError as error:
                errors[rank] = str(error)
            else:
                keypoints[rank] = folder / f"{name}.png"
                write_png(keypoints[rank], drawing)
            if match.image_id in compared:
                colours[rank] = folder / f"{name}_colours.png"
                write_png(colours[rank], compared[match.image_id])
        return Explanation(photo, keypoints, colours, errors)

    def _stored(self, matches: Sequence[Match]) -> list[Keypoints]:
        """Return the stored keypoints of each match, in their order."""
        ids = [match.image_id for match in matches]
        stored = self._gallery.rows.keypoints(ids)
        return [stored.get(image_id, NO_KEYPOINTS) for image_id in ids]

    @staticmethod
    def searched(query: Query, lines: Sequence[Line]) -> UInt8:
        """Return the part of the photo that was searched with, and the lines read on it."""
        outlines = [np.asarray(line.corners, np.float32) for line in lines]
        return labelled(query.pixels, outlines, [line.text for line in lines])

    @staticmethod
    def colours(matches: Matches) -> dict[str, UInt8]:
        """Return the photo beside each picture that its colours were compared with, by image id."""
        compared = matches.colours
        if compared is None:
            return {}
        return {
            image_id: draw_colours(compared, number)
            for number, image_id in enumerate(compared.image_ids)
        }
