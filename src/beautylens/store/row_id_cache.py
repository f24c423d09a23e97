"""Where the images of a table stand: looked up once, read by their place from then on."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import pyarrow as pa

from beautylens.several import several
from beautylens.store.lance import sql_list

# Remembered at most; then the memory starts anew.
_MOST = 100_000


class RowIdCache:
    """Reads rows by image id, at the row ids under which they were last seen.

    A row id is found in microseconds however many rows there are, and however new the row: an
    index has to catch up with new rows first. Rows move when the table is compacted; whatever is
    not found where it was is looked up again.

    Args:
        table: of LanceDB, with a column `image_id`.
    """

    def __init__(self, table: Any) -> None:
        self._table = table
        self._rows: dict[str, int] = {}

    def remember(self, rows: pa.Table) -> pa.Table:
        """Return the rows of an answer without their `_rowid`, which is remembered."""
        if len(self._rows) > _MOST:
            self._rows = {}
        self._rows |= zip(rows["image_id"].to_pylist(), rows["_rowid"].to_pylist(), strict=True)
        return rows.drop_columns("_rowid")

    def read(self, image_ids: Iterable[str], names: Sequence[str]) -> pa.Table:
        """Return `image_id` and the named columns of those images that are there, in any order."""
        return self._there(dict.fromkeys(several(image_ids)), several(names)).drop_columns("_rowid")

    def _there(self, wanted: Mapping[str, None], names: Sequence[str]) -> pa.Table:
        """Return `image_id`, `_rowid` and the named columns of those images that are there."""
        # Other threads forget and learn places meanwhile.
        known = (self._rows.get(each) for each in wanted)
        found = self._at([place for place in known if place is not None], names)
        # Another image may have come to stand at a remembered place.
        right = [image_id in wanted for image_id in found["image_id"].to_pylist()]
        found = found.filter(pa.array(right, pa.bool_()))
        there = set(found["image_id"].to_pylist())
        missing = [each for each in wanted if each not in there]
        if not missing:
            return found
        return pa.concat_tables([found, self._at(self._look_up(missing), names)])

    def of(self, image_ids: Iterable[str]) -> dict[str, int]:
        """Return the places of those images that are there."""
        found = self._there(dict.fromkeys(several(image_ids)), [])
        return dict(zip(found["image_id"].to_pylist(), found["_rowid"].to_pylist(), strict=True))

    def _look_up(self, image_ids: Sequence[str]) -> list[int]:
        condition = f"image_id IN ({sql_list(image_ids)})"
        query = self._table.search().select(["image_id"]).with_row_id(True).where(condition)
        places: list[int] = query.to_arrow()["_rowid"].to_pylist()
        return places

    def at(self, places: Iterable[int], names: Sequence[str]) -> pa.Table:
        """Return `image_id` and the named columns of the rows at some places, in any order."""
        return self._at(places, several(names)).drop_columns("_rowid")

    def _at(self, places: Iterable[int], names: Sequence[str]) -> pa.Table:
        columns = ["image_id", "_rowid", *names]
        rows = self._table.take_row_ids(list(places)).select(columns).to_arrow()
        self.remember(rows)
        return rows
