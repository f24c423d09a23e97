"""Cached row ids of images."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import pyarrow as pa

from beautylens.inputs.several import several
from beautylens.store.lance import of_images
from beautylens.store.table import Table

# Maximum number of cached ids; then the cache is cleared.
_MAX_CACHED = 100_000


class RowIdCache:
    """Reads rows by image id, with a cache of their row ids.

    A row is read by its row id in microseconds, also if the index does not have it yet. Compaction
    changes row ids; an image that is not found under its cached id is looked up again.

    Args:
        table: with a column `image_id`.
    """

    def __init__(self, table: Table) -> None:
        self._table = table
        self._row_ids: dict[str, int] = {}

    def read(self, image_ids: Iterable[str], names: Sequence[str]) -> pa.Table:
        """Return `image_id` and the named columns of the images that exist, in any order."""
        wanted = dict.fromkeys(several(image_ids))
        return self._current(wanted, several(names)).drop_columns("_rowid")

    def look_up(self, image_ids: Iterable[str]) -> dict[str, int]:
        """Return the row ids of the images that exist."""
        found = self._current(dict.fromkeys(several(image_ids)), [])
        return dict(zip(found["image_id"].to_pylist(), found["_rowid"].to_pylist(), strict=True))

    def at(self, row_ids: Iterable[int], names: Sequence[str]) -> pa.Table:
        """Return `image_id` and the named columns of the rows that exist, in any order."""
        return self._at(row_ids, several(names)).drop_columns("_rowid")

    def _current(self, wanted: Mapping[str, None], names: Sequence[str]) -> pa.Table:
        """Return `image_id`, `_rowid` and the named columns of the images that exist."""
        # Read once, since other threads change the cache.
        known = (self._row_ids.get(each) for each in wanted)
        found = self._at([row_id for row_id in known if row_id is not None], names)
        # A cached row id may now be that of another image.
        right = [image_id in wanted for image_id in found["image_id"].to_pylist()]
        found = found.filter(pa.array(right, pa.bool_()))
        known_ids = set(found["image_id"].to_pylist())
        missing = [each for each in wanted if each not in known_ids]
        if not missing:
            return found
        return pa.concat_tables([found, self._at(self._query(missing), names)])

    def _query(self, image_ids: Sequence[str]) -> list[int]:
        found = self._table.select(["image_id"], of_images(image_ids), with_row_id=True)
        row_ids: list[int] = found["_rowid"].to_pylist()
        return row_ids

    def _at(self, row_ids: Iterable[int], names: Sequence[str]) -> pa.Table:
        rows = self._table.take(row_ids, ["image_id", *names])
        if len(self._row_ids) > _MAX_CACHED:
            self._row_ids = {}
        self._row_ids |= zip(rows["image_id"].to_pylist(), rows["_rowid"].to_pylist(), strict=True)
        return rows
