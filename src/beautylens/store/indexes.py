"""The indexes of a gallery's table, of ids, GTINs and vectors."""

from __future__ import annotations

from typing import Any, get_args

from beautylens.store.columns import Vectors
from beautylens.store.lance import is_conflict

# Number of images up to which all vectors are scanned.
SCAN_LIMIT = 50_000


class Indexes:
    """The indexes that LanceDB keeps of one table.

    Args:
        table: the rows of a gallery.
    """

    def __init__(self, table: Any) -> None:
        self._table = table
        self._columns: frozenset[str] | None = None

    @property
    def columns(self) -> frozenset[str]:
        """The indexed columns; cached until `ensure` is called."""
        if self._columns is None:
            self._columns = frozenset(self._indexed())
        return self._columns

    def ensure(self, *, rebuild: bool = False) -> None:
        """Create missing indexes, those of vectors above `SCAN_LIMIT` images.

        Args:
            rebuild: recreate the index of the descriptors, after all of them have changed.
        """
        from lancedb.index import BTree, IvfSq

        for name in ("image_id", "product_id", "gtin"):
            self._ensure(name, BTree())
        if self._table.count_rows() > SCAN_LIMIT:
            # Trained on a sample in seconds; a graph (HNSW) had a lower recall and took 28 times as
            # long.
            nearest = IvfSq(distance_type="cosine")
            for name in get_args(Vectors):
                if name in self._table.schema.names:
                    self._ensure(name, nearest, rebuild=rebuild and name == "descriptor")
        self._columns = None

    def unindexed(self) -> int:
        """Return the largest number of rows that an index does not have yet."""
        names = [index.name for index in self._table.list_indices()]
        stats = [self._table.index_stats(name) for name in names]
        return max((each.num_unindexed_rows for each in stats if each), default=0)

    def _ensure(self, column: str, config: Any, *, rebuild: bool = False) -> None:
        while rebuild or column not in self._indexed():
            try:
                self._table.create_index(column, config=config)
            except RuntimeError as error:
                # Another process created an index meanwhile, of this or of another column.
                if not is_conflict(error):
                    raise
                self._table.checkout_latest()
            else:
                return

    def _indexed(self) -> set[str]:
        return {column for index in self._table.list_indices() for column in index.columns}
