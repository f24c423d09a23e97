"""The vector index of a search snapshot."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from beautylens.arrays import Float32
from beautylens.store.columns import Vectors
from beautylens.store.filters import parse_sql
from beautylens.store.snapshot.snapshot import Snapshot
from beautylens.store.vector_index import VectorIndex


class SnapshotIndex:
    """The vectors of a snapshot while it is current; otherwise those of another index.

    Args:
        snapshot: of the gallery.
        other: searched while the snapshot is not current; it is the one to be written.
    """

    def __init__(self, snapshot: Snapshot, other: VectorIndex) -> None:
        self._snapshot, self._other = snapshot, other

    def search(
        self,
        vector: Float32,
        depth: int,
        where: str | None = None,
        column: Vectors = "descriptor",
    ) -> dict[int, float]:
        """Return cosines by row id; from an index those of 8-bit copies, of half as many again."""
        current = self._snapshot.current()
        if current is None:
            return self._other.search(vector, depth, where, column)
        images, among = current.images, None
        if where is not None:
            among = images.where(parse_sql(where, images.columns.compared))
        rows, cosines = images.nearest(vector, depth, column, among)
        # Of each part as many: only the best of all may be returned.
        best = np.argsort(-cosines, kind="stable")[: depth * 3 // 2]
        return dict(zip(current.row_ids(rows[best]), cosines[best].tolist(), strict=True))

    def upsert(self, rows: pa.Table) -> None:
        """Write images, replacing those with the same ids."""
        self._other.upsert(rows)

    def delete(self, image_ids: Sequence[str]) -> None:
        """Remove images; unknown ids are ignored."""
        self._other.delete(image_ids)

    def count(self) -> int:
        """Return the number of images."""
        current = self._snapshot.current()
        return self._other.count() if current is None else current.images.count

    def ready(self) -> None:
        """Raise unless the index can be searched."""
        if self._snapshot.current() is None:
            self._other.ready()
