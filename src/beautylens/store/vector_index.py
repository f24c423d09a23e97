"""What a gallery asks of a vector index, whichever keeps it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from beautylens.store.columns import Vectors


class VectorIndex(Protocol):
    """The vectors of a gallery's images, searched by cosine.

    It may be derived from the rows of the gallery (Milvus) or be part of them (LanceDB). To add
    one, write a class with these verbs and name it where `Gallery` is opened.
    """

    def search(
        self,
        vector: NDArray[np.float32],
        depth: int,
        where: str | None = None,
        column: Vectors = "descriptor",
    ) -> dict[int, float]:
        """Return cosines by row id of images among which the `depth` nearest are.

        The cosines may be approximate, and there may be more images than asked for; `Rows.at`
        reads the images and their vectors. A vector of zeros has no cosine, and is left out.

        Args:
            vector: (D,) float32, unit length.
            depth: how many images.
            where: an SQL condition on the catalogue's columns, such as "brand = 'Dior'".
            column: the vectors to compare with.

        Raises:
            QueryError: when the condition cannot be understood.
            CollectionError: when the index cannot be searched.
        """

    def upsert(self, rows: pa.Table) -> None:
        """Write images, in place of those that have their ids.

        Args:
            rows: the catalogue's columns, and the vectors.
        """

    def delete(self, image_ids: Sequence[str]) -> None:
        """Remove images; ids that are not there are left out."""

    def count(self) -> int:
        """Return how many images there are."""

    def ready(self) -> None:
        """Raise unless images can be searched.

        Raises:
            CollectionError: saying why not.
        """
