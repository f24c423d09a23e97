"""The indexes of a gallery's table: by id, product and GTIN, and of its vectors."""

from __future__ import annotations

from typing import Any, get_args

from beautylens.store.columns import Vectors
from beautylens.store.lance import is_conflict

# Up to so many images a scan of all vectors is quick enough.
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
        """The columns that are indexed; looked up once, and again after `ensure`."""
        if self._columns is None:
            self._columns = frozenset(self._indexed())
        return self._columns

    def ensure(self, *, anew: bool = False) -> None:
        """Make the indexes by id, product and GTIN, and those of vectors once a scan is slow.

        Args:
            anew: make the index of the descriptors again, as all of them have changed.
        """
        from lancedb.index import BTree, IvfSq

        for name in ("image_id", "product_id", "gtin"):
            self._ensure(name, BTree())
        if self._table.count_rows() > SCAN_LIMIT:
            # Trained on a sample in seconds; a graph (HNSW) found less and took 28 times as
            # long to make.
            nearest = IvfSq(distance_type="cosine")
            for name in get_args(Vectors):
                if name in self._table.schema.names:
                    self._ensure(name, nearest, anew=anew and name == "descriptor")
        self._columns = None

    def unindexed(self) -> int:
        """Return how many rows an index does not hold yet."""
        names = [index.name for index in self._table.list_indices()]
        stats = [self._table.index_stats(name) for name in names]
        return max((each.num_unindexed_rows for each in stats if each), default=0)

    def _ensure(self, column: str, config: Any, *, anew: bool = False) -> None:
        while anew or column not in self._indexed():
            try:
                self._table.create_index(column, config=config)
            except RuntimeError as error:
                # Another process made an index meanwhile, this one or that of another column.
                if not is_conflict(error):
                    raise
                self._table.checkout_latest()
            else:
                return

    def _indexed(self) -> set[str]:
        return {column for index in self._table.list_indices() for column in index.columns}
