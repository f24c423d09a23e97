"""The indexes of a gallery's table, of ids, GTINs and vectors."""

from __future__ import annotations

from typing import Literal, get_args

from beautylens.store.columns import PACK_WORDS, Vectors
from beautylens.store.lance import is_conflict
from beautylens.store.table import Table
from beautylens.store.word_index import create_word_index

Kind = Literal["BTREE", "INVERTED", "IVF_SQ"]

# Number of images up to which all vectors are scanned.
SCAN_LIMIT = 50_000


class Indexes:
    """The indexes of one table.

    Args:
        table: the rows of a gallery.
    """

    def __init__(self, table: Table) -> None:
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
        for name in ("image_id", "product_id", "gtin"):
            self._ensure(name, "BTREE")
        if PACK_WORDS in self._table.schema.names:
            self._ensure(PACK_WORDS, "INVERTED")
        if self._table.count_rows() > SCAN_LIMIT:
            # Trained on a sample in seconds; a graph (HNSW) had a lower recall and took 28 times as
            # long.
            for name in get_args(Vectors):
                if name in self._table.schema.names:
                    self._ensure(name, "IVF_SQ", rebuild=rebuild and name == "descriptor")
        self._columns = None

    def unindexed(self) -> int:
        """Return the largest number of rows that an index does not have yet."""
        dataset = self._table.newest()
        stats = [dataset.stats.index_stats(each.name) for each in dataset.describe_indices()]
        return max((int(each["num_unindexed_rows"]) for each in stats), default=0)

    def _ensure(self, column: str, kind: Kind, *, rebuild: bool = False) -> None:
        while rebuild or column not in self._indexed():
            try:
                with self._table.writing() as dataset:
                    if kind == "BTREE":
                        dataset.create_scalar_index(column, kind)
                    elif kind == "INVERTED":
                        create_word_index(dataset, column)
                    else:
                        dataset.create_index(column, kind, metric="cosine", replace=True)
            except (OSError, RuntimeError) as error:
                # Another process created an index meanwhile, of this or of another column.
                if not is_conflict(error):
                    raise
                self._table.refresh()
            else:
                return

    def _indexed(self) -> set[str]:
        return {
            name for each in self._table.newest().describe_indices() for name in each.field_names
        }
