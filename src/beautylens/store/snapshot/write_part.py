"""Writing a part of a snapshot: batches of rows become files."""

from __future__ import annotations

import os
import sqlite3
from array import array
from collections import defaultdict
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import pyarrow as pa

from beautylens.catalogue.gtin import gtins_in
from beautylens.store.snapshot.conditions import number_of
from beautylens.store.snapshot.manifest import Columns
from beautylens.store.snapshot.part import DATABASE
from beautylens.store.snapshot.vectors import vectors_file, write_index

# Columns by which rows are looked up.
_KEYS = ("image_id", "product_id")
# Mean number of letters up to which a column that conditions compare is indexed.
_INDEXED_LETTERS = 40


class PartWriter:
    """Writes the files of one part into a new folder.

    Args:
        folder: of the part; it is made.
        columns: of the table.
    """

    def __init__(self, folder: Path, columns: Columns) -> None:
        folder.mkdir(parents=True)
        self._folder, self._columns, self.count = folder, columns, 0
        self._database = sqlite3.connect(folder / DATABASE, isolation_level=None)
        self._database.execute("PRAGMA journal_mode=OFF")
        self._database.execute("PRAGMA synchronous=OFF")
        texts = [f"c{index} TEXT" for index in range(len(columns.texts))]
        numbers = [f"n{index} REAL" for index in self._compared()]
        defined = ", ".join(("row INTEGER PRIMARY KEY", *texts, *numbers))
        self._database.execute(f"CREATE TABLE texts ({defined})")
        self._database.execute("CREATE TABLE gtins (gtin TEXT, row INTEGER)")
        self._database.execute("BEGIN")
        self._files: dict[str, BinaryIO] = {
            name: vectors_file(folder, name).open("wb") for name in columns.vectors
        }
        for name in columns.blobs:
            self._files |= {end: (folder / end).open("wb") for end in _blob_files(name)}
        self._ends = dict.fromkeys(columns.blobs, 0)
        self._letters = dict.fromkeys(self._compared(), 0)
        self._words: defaultdict[str, array[int]] = defaultdict(lambda: array("I"))
        self._lengths = array("I")

    def add(self, batch: pa.RecordBatch) -> None:
        """Write rows."""
        self._add_texts(batch)
        for name, length in self._columns.vectors.items():
            self._files[name].write(_vectors(batch.column(name), length).tobytes())
        for name in self._columns.blobs:
            self._add_blobs(name, batch.column(name))
        if self._columns.words:
            for row, text in enumerate(batch.column(self._columns.words).to_pylist(), self.count):
                words = (text or "").split()
                self._lengths.append(len(words))
                for word in words:
                    self._words[word].append(row)
        self.count += batch.num_rows

    def close(self) -> dict[str, int]:
        """Complete all files; return the bytes of each."""
        for file in self._files.values():
            file.close()
        if self._columns.words:
            self._write_words()
        self._index_texts()
        self._database.execute("COMMIT")
        self._database.execute("PRAGMA analysis_limit=1000")
        self._database.execute("ANALYZE")
        self._database.close()
        for name, length in self._columns.vectors.items():
            write_index(self._folder, name, length, self.count)
        sizes = {}
        for path in self._folder.iterdir():
            with path.open("rb") as file:
                os.fsync(file.fileno())
            sizes[path.name] = path.stat().st_size
        return sizes

    def _compared(self) -> list[int]:
        return [self._columns.texts.index(name) for name in self._columns.compared]

    def _add_texts(self, batch: pa.RecordBatch) -> None:
        columns = [batch.column(name).to_pylist() for name in self._columns.texts]
        numbers = [[number_of(text) for text in columns[index]] for index in self._compared()]
        for index in self._letters:
            self._letters[index] += sum(len(text or "") for text in columns[index])
        rows = range(self.count, self.count + batch.num_rows)
        marks = ", ".join("?" * (1 + len(columns) + len(numbers)))
        self._database.executemany(
            f"INSERT INTO texts VALUES ({marks})", zip(rows, *columns, *numbers, strict=True)
        )
        if "gtin" in self._columns.texts:
            cells = zip(rows, columns[self._columns.texts.index("gtin")], strict=True)
            found = ((gtin, row) for row, cell in cells if cell for gtin in gtins_in(cell))
            self._database.executemany("INSERT INTO gtins VALUES (?, ?)", found)

    def _add_blobs(self, name: str, column: pa.Array) -> None:
        blobs = [value or b"" for value in column.to_pylist()]
        ends = self._ends[name] + np.cumsum([len(blob) for blob in blobs], dtype=np.int64)
        self._ends[name] = int(ends[-1]) if len(ends) else self._ends[name]
        data, offsets = (self._files[end] for end in _blob_files(name))
        data.writelines(blobs)
        offsets.write(ends.tobytes())

    def _index_texts(self) -> None:
        keys = {self._columns.texts.index(name) for name in _KEYS if name in self._columns.texts}
        most = _INDEXED_LETTERS * self.count
        short = {index for index, letters in self._letters.items() if 0 < letters <= most}
        for index in sorted(keys | short):
            self._database.execute(f"CREATE INDEX c{index}_index ON texts (c{index})")
        self._database.execute("CREATE INDEX gtins_index ON gtins (gtin)")

    def _write_words(self) -> None:
        """Write the rows of each word, one word after the other, and the words of each row."""
        self._database.execute(
            "CREATE TABLE words (word TEXT PRIMARY KEY, start INTEGER, stop INTEGER) WITHOUT ROWID"
        )
        start = 0
        listed: list[tuple[str, int, int]] = []
        with (self._folder / "postings.u32").open("wb") as file:
            for word, rows in sorted(self._words.items()):
                file.write(rows.tobytes())
                listed.append((word, start, start + len(rows)))
                start += len(rows)
        self._database.executemany("INSERT INTO words VALUES (?, ?, ?)", listed)
        (self._folder / "lengths.u32").write_bytes(self._lengths.tobytes())


def _blob_files(name: str) -> tuple[str, str]:
    return f"{name}.bin", f"{name}.ends"


def _vectors(column: pa.Array, length: int) -> Any:
    """Return a column as (N, D) float32; nulls are zeros."""
    found = np.zeros((len(column), length), np.float32)
    present = column.is_valid().to_numpy(zero_copy_only=False)
    kept = column.drop_null()
    values = kept.flatten() if pa.types.is_fixed_size_list(kept.type) else kept
    found[present] = values.to_numpy(zero_copy_only=False).reshape(-1, length)
    return found
