"""The contract of a vector index."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import pyarrow as pa

from beautylens.arrays import Float32
from beautylens.store.columns import Vectors


class VectorIndex(Protocol):
    """Search by cosine over the vectors of a gallery's images.

    An index is derived from the rows of the gallery (Milvus) or part of them (Lance). To add one,
    write a class with these methods and pass it to `Gallery`.
    """

    def search(
        self,
        vector: Float32,
        depth: int,
        where: str | None = None,
        column: Vectors = "descriptor",
    ) -> dict[int, float]:
        """Return the cosines of the nearest images by row id.

        The cosines may be approximate, of more than `depth` images; `Rows.at` reads the images and
        their exact vectors. Zero vectors have no cosine and are left out.

        Args:
            vector: (D,) float32, unit length.
            depth: number of nearest images that must be among them.
            where: an SQL condition on the catalogue's columns, such as "brand = 'Dior'".
            column: the vectors to search.

        Raises:
            QueryError: when the condition is invalid.
            CollectionError: when the index cannot be searched.
        """

    def upsert(self, rows: pa.Table) -> None:
        """Write images, replacing those with the same ids.

        Args:
            rows: the catalogue's columns, and the vectors.
        """

    def delete(self, image_ids: Sequence[str]) -> None:
        """Remove images; unknown ids are ignored."""

    def count(self) -> int:
        """Return the number of images."""

    def ready(self) -> None:
        """Raise unless the index can be searched.

        Raises:
            CollectionError: when it cannot be.
        """
