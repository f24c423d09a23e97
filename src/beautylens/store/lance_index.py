"""The vector index that LanceDB keeps beside the rows it is of."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from beautylens.store.columns import Vectors
from beautylens.store.lance import filter_errors, of_images, plain_errors
from beautylens.store.rows import Rows
from beautylens.store.schema import PLAIN

# Partitions of an index that a search looks at.
PROBES = 20


class LanceIndex:
    """The vectors as columns of the gallery's own rows: whoever writes rows writes them.

    A small gallery is scanned; above `indexes.SCAN_LIMIT` images an index answers (`Indexes`).

    Args:
        rows: of the gallery.
    """

    def __init__(self, rows: Rows) -> None:
        self._rows = rows

    def search(
        self,
        vector: NDArray[np.float32],
        depth: int,
        where: str | None = None,
        column: Vectors = "descriptor",
    ) -> dict[int, float]:
        """Return cosines by row id; those of 8-bit copies, of half as many again, from an index."""
        rows = self._rows
        depth = depth * 3 // 2 if column in rows.indexes.columns else depth
        query = (
            rows.table.search(vector, vector_column_name=column)
            .distance_type("cosine")
            .nprobes(PROBES)
            .limit(depth)
            .with_row_id(True)
        )
        query = (query if where is None else query.where(where, prefilter=True)).select(
            ["_distance"]
        )
        columns = [*PLAIN, *rows.extra] if where else []
        with plain_errors(rows.address, "searched"), filter_errors(where, columns):
            found = query.to_arrow()
        cosines = 1.0 - found["_distance"].to_numpy()
        return dict(zip(found["_rowid"].to_pylist(), cosines.tolist(), strict=True))

    def upsert(self, rows: pa.Table) -> None:
        """Write images, in place of those that have their ids; columns not given are empty."""
        self._rows.merge(rows)

    def delete(self, image_ids: Sequence[str]) -> None:
        """Remove images, and with them their rows."""
        self._rows.delete(of_images(image_ids))

    def count(self) -> int:
        """Return how many images there are."""
        return self._rows.count()

    def ready(self) -> None:
        """Raise unless the rows can be read."""
        with plain_errors(self._rows.address, "read"):
            self._rows.count()
