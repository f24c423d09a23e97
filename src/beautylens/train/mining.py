"""Hard negatives: the wrong pictures that the network now takes for a photo's product."""

from __future__ import annotations

import tempfile
from collections.abc import Collection, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa

from beautylens.arrays import Float32, Int64, Intp
from beautylens.errors import TableError
from beautylens.store.columns import vectors
from beautylens.store.gallery import Gallery
from beautylens.threads import cores

_ROWS = 8192


def hard_negatives(
    photos: Float32,
    pictures: Float32,
    products: Intp,
    answers: Sequence[Collection[int]],
    count: int,
) -> Int64:
    """Return the places of the nearest wrong pictures of each photo, (P, count), nearest first.

    They are looked up in a gallery as a search would, so that catalogues of any size can be mined.

    Args:
        photos: (P, D) unit rows.
        pictures: (G, D) unit rows.
        products: (G,) the product of each picture.
        answers: the right products of each photo.
        count: how many; where the catalogue has no more, they are repeated.

    Raises:
        TableError: when a photo has no wrong picture at all.
    """
    with tempfile.TemporaryDirectory() as folder:
        gallery = _filled(Path(folder) / "mined.lens", pictures)

        def wrong_within(photo: Float32, right: Collection[int], depth: int) -> list[int]:
            near = [int(match.image_id) for match in gallery.nearest(photo, depth)]
            return [place for place in near if products[place] not in right]

        def nearest_wrong(photo: Float32, right: Collection[int]) -> Int64:
            depth = 2 * count
            wrong = wrong_within(photo, right, depth)
            # A product with many pictures may fill the short-list: look further down.
            while len(wrong) < count and depth < len(pictures):
                depth *= 2
                wrong = wrong_within(photo, right, depth)
            if not wrong:
                raise TableError(
                    "a photo shows every product of the catalogue; leave it out of the truth table"
                )
            return np.resize(np.array(wrong[:count], np.int64), count)

        return np.stack(list(cores().map(nearest_wrong, photos, answers)))


def _filled(folder: Path, pictures: Float32) -> Gallery:
    gallery = Gallery.create(folder, dimensions=pictures.shape[1], settings={})
    for start in range(0, len(pictures), _ROWS):
        part = pictures[start : start + _ROWS]
        places = pa.array([str(start + row) for row in range(len(part))])
        blank = pa.array([""] * len(part))
        names = ("image", "path", "digest")
        gallery.upsert(
            pa.table(
                {
                    "image_id": places,
                    "product_id": places,
                    **dict.fromkeys(names, blank),
                    "descriptor": vectors(np.ascontiguousarray(part)),
                    "keypoints": pa.array([b""] * len(part), pa.large_binary()),
                }
            )
        )
    gallery.ensure_indexes()
    return gallery
