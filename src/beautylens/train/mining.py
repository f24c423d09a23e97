"""Hard negative mining: the nearest pictures of other products for each photo."""

from __future__ import annotations

import tempfile
from collections.abc import Collection, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa

from beautylens.arrays import Float32, Int64, Intp
from beautylens.errors import TableError
from beautylens.runtime.threads import cores
from beautylens.search.retrieve import nearest
from beautylens.store.columns import vectors
from beautylens.store.gallery import Gallery

_ROWS = 8192


def hard_negatives(
    photos: Float32,
    pictures: Float32,
    products: Intp,
    answers: Sequence[Collection[int]],
    count: int,
) -> Int64:
    """Return the indices of the hard negatives of each photo, (P, count), nearest first.

    They are searched in a gallery index, so that catalogues of any size can be mined.

    Args:
        photos: (P, D) unit rows.
        pictures: (G, D) unit rows.
        products: (G,) product number of each picture.
        answers: product numbers that are no negatives of each photo.
        count: number of negatives; repeated if the catalogue has fewer.

    Raises:
        TableError: when a photo has no negative at all.
    """
    with tempfile.TemporaryDirectory() as folder:
        gallery = _filled(Path(folder) / "mined.lens", pictures)

        def negatives_within(photo: Float32, right: Collection[int], depth: int) -> list[int]:
            near = [int(match.image_id) for match in nearest(gallery, photo, depth)]
            return [index for index in near if products[index] not in right]

        def nearest_negatives(photo: Float32, right: Collection[int]) -> Int64:
            depth = 2 * count
            negatives = negatives_within(photo, right, depth)
            # A product with many pictures may fill the short-list: search deeper.
            while len(negatives) < count and depth < len(pictures):
                depth *= 2
                negatives = negatives_within(photo, right, depth)
            if not negatives:
                raise TableError(
                    "a photo has every product of the catalogue; remove it from the truth table"
                )
            return np.resize(np.array(negatives[:count], np.int64), count)

        return np.stack(list(cores().map(nearest_negatives, photos, answers)))


def _filled(folder: Path, pictures: Float32) -> Gallery:
    gallery = Gallery.create(folder, dimensions=pictures.shape[1], settings={})
    for start in range(0, len(pictures), _ROWS):
        part = pictures[start : start + _ROWS]
        ids = pa.array([str(start + row) for row in range(len(part))])
        empty = pa.array([""] * len(part))
        names = ("image", "path", "digest")
        gallery.upsert(
            pa.table(
                {
                    "image_id": ids,
                    "product_id": ids,
                    **dict.fromkeys(names, empty),
                    "descriptor": vectors(np.ascontiguousarray(part)),
                    "keypoints": pa.array([b""] * len(part), pa.large_binary()),
                }
            )
        )
    gallery.ensure_indexes()
    return gallery
