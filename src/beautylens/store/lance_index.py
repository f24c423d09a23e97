"""The vector index of Lance, on columns of the rows themselves."""

from __future__ import annotations

from collections.abc import Sequence

import pyarrow as pa

from beautylens.arrays import Float32
from beautylens.store.columns import Vectors
from beautylens.store.lance import filter_errors, of_images, plain_errors
from beautylens.store.rows import Rows

# Partitions of an index that a search scans.
PROBES = 20


class LanceIndex:
    """The vectors as columns of the gallery's rows.

    All of them are scanned up to `indexes.SCAN_LIMIT` images; above, an IVF index is searched.

    Args:
        rows: of the gallery.
    """

    def __init__(self, rows: Rows) -> None:
        self._rows = rows

    def search(
        self,
        vector: Float32,
        depth: int,
        where: str | None = None,
        column: Vectors = "descriptor",
    ) -> dict[int, float]:
        """Return cosines by row id; from an index those of 8-bit copies, of half as many again."""
        rows = self._rows
        depth = depth * 3 // 2 if column in rows.indexes.columns else depth
        columns = rows.text_columns if where else ()
        with plain_errors(rows.address, "searched"), filter_errors(where, columns):
            found = rows.table.nearest(column, vector, depth, probes=PROBES, where=where)
        cosines = 1.0 - found["_distance"].to_numpy()
        return dict(zip(found["_rowid"].to_pylist(), cosines.tolist(), strict=True))

    def upsert(self, rows: pa.Table) -> None:
        """Write images, replacing those with the same ids; missing columns are empty."""
        self._rows.merge(rows)

    def delete(self, image_ids: Sequence[str]) -> None:
        """Remove images with their rows."""
        self._rows.delete(of_images(image_ids))

    def count(self) -> int:
        """Return the number of images."""
        return self._rows.count()

    def ready(self) -> None:
        """Raise unless the rows can be read."""
        with plain_errors(self._rows.address, "read"):
            self._rows.count()
