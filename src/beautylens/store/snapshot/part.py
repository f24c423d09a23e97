"""A part of a snapshot's table: a folder of files that are never changed, opened for reading."""

from __future__ import annotations

import json
import os
import sqlite3
import threading
from collections.abc import Iterable, Sequence
from copy import copy
from pathlib import Path
from typing import Any
from urllib.parse import quote

import numpy as np

from beautylens.arrays import Bool, Float32, Int64, UInt8
from beautylens.store.conditions import Condition
from beautylens.store.indexes import SCAN_LIMIT
from beautylens.store.snapshot.conditions import add_functions, to_sqlite
from beautylens.store.snapshot.manifest import Columns, PartEntry
from beautylens.store.snapshot.mapped import mapped, read_scattered, will_need
from beautylens.store.snapshot.vectors import Vectors

# The files of a part: its texts, the rows of each word, and the number of words of each row.
DATABASE, POSTINGS, LENGTHS = "rows.sqlite", "postings.u32", "lengths.u32"
# More than SQLite maps; its own cache stays small, and processes share the pages.
_MAPPED = 1 << 40


class Part:
    """Rows of one table by their number in it.

    Args:
        folder: of the snapshot.
        entry: of the manifest.
        columns: of the table.

    Raises:
        OSError: when a file is missing.
        ValueError: when a file has another size than was written.
        sqlite3.Error: when the database is damaged.
    """

    def __init__(self, folder: Path, entry: PartEntry, columns: Columns) -> None:
        own = folder / entry.folder
        for name, size in entry.sizes.items():
            if (own / name).stat().st_size != size:
                raise ValueError(f"{own / name} is not complete")
        self.folder, self.columns, self.count = entry.folder, columns, entry.rows
        self.live = _live(folder, entry)
        self.vectors = {
            name: Vectors(own, name, length, self.count) for name, length in columns.vectors.items()
        }
        self._blobs = {name: _Blobs(own, name, self.count) for name in columns.blobs}
        self._database, self._connections = own / DATABASE, threading.local()
        if columns.words:
            self.postings = mapped(own / POSTINGS, np.uint32)
            self.lengths = mapped(own / LENGTHS, np.uint32)
        self.sql("SELECT count(*) FROM sqlite_schema")

    def as_of(self, folder: Path, entry: PartEntry) -> Part:
        """Return the same open files with the rows that are live in another manifest."""
        part = copy(self)
        part.live = _live(folder, entry)
        return part

    def sql(self, query: str, values: Sequence[Any] = ()) -> list[Any]:
        """Return the result of a query of the database."""
        own = self._connections
        # Neither another thread nor a forked process may share a connection.
        if getattr(own, "process", None) != os.getpid():
            address = f"file:{quote(str(self._database))}?mode=ro&immutable=1"
            own.connection = sqlite3.connect(address, uri=True, check_same_thread=False)
            own.connection.execute(f"PRAGMA mmap_size={_MAPPED}")
            add_functions(own.connection)
            own.process = os.getpid()
        found: list[Any] = own.connection.execute(query, values).fetchall()
        return found

    def where(self, condition: Condition) -> Int64:
        """Return the live rows that meet a condition, in order."""
        sql, values = to_sqlite(condition, self.columns.texts)
        return self._living(f"FROM texts WHERE {sql}", values)

    def rows_of(self, column: str, texts: Iterable[str]) -> list[tuple[str, int]]:
        """Return each live row whose column is one of some texts, with this text."""
        name = f"c{self.columns.texts.index(column)}"
        found = self.sql(
            f"SELECT {name}, row FROM texts WHERE {name} IN (SELECT value FROM json_each(?))",
            [_json(texts)],
        )
        return [pair for pair in found if self.live is None or self.live[pair[1]]]

    def with_gtin(self, gtins: Iterable[str]) -> Int64:
        """Return the live rows with any of these GTINs of fourteen digits, in order."""
        listed = "FROM gtins WHERE gtin IN (SELECT value FROM json_each(?))"
        return self._living(listed, [_json(gtins)])

    def texts(self, rows: Int64, names: Sequence[str]) -> dict[int, tuple[Any, ...]]:
        """Return some texts of rows, by row."""
        listed = ", ".join(f"c{self.columns.texts.index(name)}" for name in names)
        query = f"SELECT row, {listed} FROM texts WHERE row IN (SELECT value FROM json_each(?))"
        return {row[0]: row[1:] for row in self.sql(query, [json.dumps(rows.tolist())])}

    def distinct(self, column: str) -> int:
        """Return the number of different texts in a column, of live and dead rows."""
        name = f"c{self.columns.texts.index(column)}"
        return int(self.sql(f"SELECT count(DISTINCT {name}) FROM texts")[0][0])

    def column(self, name: str) -> list[str]:
        """Return a text of all live rows."""
        index = self.columns.texts.index(name)
        found = self.sql(f"SELECT row, c{index} FROM texts")
        return [text for row, text in found if self.live is None or self.live[row]]

    def blobs(self, rows: Int64, name: str) -> dict[int, memoryview]:
        """Return the bytes of rows, by row."""
        return self._blobs[name].of(rows)

    def nearest(
        self, vector: Float32, depth: int, name: str, rows: Int64 | None
    ) -> tuple[Int64, Float32]:
        """Return the live rows, or those among some, nearest to a vector, and their cosines."""
        stored = self.vectors[name]
        if rows is None:
            return stored.nearest(vector, depth, self.live)
        if len(rows) <= SCAN_LIMIT:
            return stored.among(vector, depth, rows)
        wanted = np.zeros(self.count, bool)
        wanted[rows] = True
        return stored.nearest(vector, depth, wanted)

    def _living(self, query: str, values: Sequence[Any]) -> Int64:
        """Return the live rows of a query from its FROM on, in order."""
        # One text is read faster than very many rows.
        [(listed,)] = self.sql(f"SELECT group_concat(row) {query}", values)
        rows = np.unique(np.fromstring(listed or "", np.int64, sep=","))
        return rows if self.live is None else rows[self.live[rows]]


class _Blobs:
    """A column of bytes in one mapped file."""

    def __init__(self, folder: Path, name: str, count: int) -> None:
        data, ends = (folder / file for file in blob_files(name))
        self._bytes: UInt8 = mapped(data, np.uint8)
        self._ends: Int64 = mapped(ends, np.int64)
        read_scattered(self._bytes)
        if len(self._ends) != count:
            raise ValueError(f"{folder / name} is not complete")

    def of(self, rows: Int64) -> dict[int, memoryview]:
        """Return the bytes of rows, by row; those that are not in memory are read together."""
        stops = self._ends[rows]
        starts = np.where(rows > 0, self._ends[rows - 1], 0)
        ranges = list(zip(starts.tolist(), stops.tolist(), strict=True))
        will_need(self._bytes, ranges)
        found = (self._bytes[start:stop].data for start, stop in ranges)
        return dict(zip(rows.tolist(), found, strict=True))


def blob_files(name: str) -> tuple[str, str]:
    """Return the files of a column of bytes: one after the other, and where each ends."""
    return f"{name}.bin", f"{name}.ends"


def _live(folder: Path, entry: PartEntry) -> Bool | None:
    """Return which rows were neither deleted nor replaced; None if all."""
    if not entry.dead:
        return None
    live = np.ones(entry.rows, bool)
    live[np.load(folder / entry.dead, allow_pickle=False)] = False
    return live


def _json(texts: Iterable[str]) -> str:
    return json.dumps(list(texts))
