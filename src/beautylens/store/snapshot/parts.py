"""The parts of one table of a snapshot, read as one; rows are numbered through all of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import accumulate
from pathlib import Path
from typing import Any

import numpy as np

from beautylens.arrays import Float32, Int64
from beautylens.store.conditions import Condition
from beautylens.store.snapshot.manifest import Columns, TableEntry
from beautylens.store.snapshot.part import Part

_NONE = np.empty(0, np.int64)


class Parts:
    """One table.

    Args:
        folder: of the snapshot.
        entry: of the manifest.
        former: the same table of another manifest, whose open files are used again.

    Raises:
        OSError, ValueError, sqlite3.Error: when a file is missing or damaged.
    """

    def __init__(self, folder: Path, entry: TableEntry, former: Parts | None = None) -> None:
        self.columns: Columns = entry.columns
        known = {part.folder: part for part in former.parts} if former else {}
        self.parts: list[Part] = [
            known[each.folder].as_of(folder, each)
            if each.folder in known
            else Part(folder, each, entry.columns)
            for each in entry.parts
        ]
        self._starts = [0, *accumulate(part.count for part in self.parts)]
        self.count = sum(each.live for each in entry.parts)

    def numbered(self) -> Iterator[tuple[int, Part]]:
        """Yield each part with the number of its first row."""
        return zip(self._starts[:-1], self.parts, strict=True)

    def where(self, condition: Condition) -> Int64:
        """Return the rows that meet a condition, in order."""
        return self._of_all(lambda part: part.where(condition))

    def with_gtin(self, gtins: Iterable[str]) -> Int64:
        """Return the rows with any of these GTINs of fourteen digits, in order."""
        listed = list(gtins)
        return self._of_all(lambda part: part.with_gtin(listed))

    def rows_of(self, column: str, texts: Iterable[str]) -> list[tuple[str, int]]:
        """Return each row whose column is one of some texts, with this text, in any order."""
        listed = list(texts)
        return [
            (text, start + row)
            for start, part in self.numbered()
            for text, row in part.rows_of(column, listed)
        ]

    def texts(self, rows: Int64, names: Sequence[str]) -> list[dict[str, Any]]:
        """Return some texts of each row."""
        found: dict[int, tuple[Any, ...]] = {}
        for start, part, own in self._split(rows):
            found |= {start + row: texts for row, texts in part.texts(own, names).items()}
        return [dict(zip(names, found[row], strict=True)) for row in rows.tolist()]

    def vectors(self, rows: Int64, name: str) -> Float32:
        """Return the vectors of each row, (N, D) float32."""
        found = np.empty((len(rows), self.columns.vectors[name]), np.float32)
        for start, part, own in self._split(rows):
            inside = (rows >= start) & (rows < start + part.count)
            found[inside] = part.vectors[name].at(own)
        return found

    def blobs(self, rows: Int64, name: str) -> list[memoryview]:
        """Return the bytes of each row."""
        found: dict[int, memoryview] = {}
        for start, part, own in self._split(rows):
            found |= {start + row: data for row, data in part.blobs(own, name).items()}
        return [found[row] for row in rows.tolist()]

    def distinct(self, column: str) -> int:
        """Return the number of different texts in a column."""
        whole = [part for part in self.parts if part.live is None]
        if len(whole) == len(self.parts) == 1:
            return whole[0].distinct(column)
        return len({text for part in self.parts for text in part.column(column)})

    def nearest(
        self, vector: Float32, depth: int, name: str, rows: Int64 | None = None
    ) -> tuple[Int64, Float32]:
        """Return the rows, or those among some, nearest to a vector, and their cosines.

        Those of an index are approximate, and half as many again.
        """
        found, cosines = [_NONE], [np.empty(0, np.float32)]
        for start, part in self.numbered():
            inside = None if rows is None else rows[(rows >= start) & (rows < start + part.count)]
            own = None if inside is None else inside - start
            near, near_cosines = part.nearest(vector, depth, name, own)
            found.append(near + start)
            cosines.append(near_cosines)
        return np.concatenate(found), np.concatenate(cosines)

    def _split(self, rows: Int64) -> Iterator[tuple[int, Part, Int64]]:
        """Yield each part that has some of the rows, its first row, and its own numbers."""
        for start, part in self.numbered():
            inside = (rows >= start) & (rows < start + part.count)
            if inside.any():
                yield start, part, rows[inside] - start

    def _of_all(self, of_one: Callable[[Part], Int64]) -> Int64:
        return np.concatenate([_NONE, *(of_one(part) + start for start, part in self.numbered())])
