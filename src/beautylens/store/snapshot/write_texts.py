"""Writing the texts and words of a part."""

from __future__ import annotations

import sqlite3
from array import array
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa

from beautylens.catalogue.gtin import gtins_in
from beautylens.store.snapshot.conditions import number_of
from beautylens.store.snapshot.manifest import Columns
from beautylens.store.snapshot.part import DATABASE, LENGTHS, POSTINGS

# The files of a part that hold its texts.
TEXT_FILES = (DATABASE, POSTINGS, LENGTHS)
# Columns by which rows are looked up.
_KEYS = ("image_id", "product_id")
# Mean number of letters up to which a column that conditions compare is indexed.
_INDEXED_LETTERS = 40


class TextWriter:
    """Writes the database of a part, and the rows of each word.

    Args:
        folder: of the part.
        columns: of the table.
    """

    def __init__(self, folder: Path, columns: Columns) -> None:
        self._folder, self._columns = folder, columns
        self._compared = [columns.texts.index(name) for name in columns.compared]
        self._database = sqlite3.connect(folder / DATABASE, isolation_level=None)
        self._database.execute("PRAGMA journal_mode=OFF")
        self._database.execute("PRAGMA synchronous=OFF")
        texts = [f"c{index} TEXT" for index in range(len(columns.texts))]
        numbers = [f"n{index} REAL" for index in self._compared]
        defined = ", ".join(("row INTEGER PRIMARY KEY", *texts, *numbers))
        self._database.execute(f"CREATE TABLE texts ({defined})")
        self._database.execute("CREATE TABLE gtins (gtin TEXT, row INTEGER)")
        self._database.execute("BEGIN")
        self._letters = dict.fromkeys(self._compared, 0)
        self._words: defaultdict[str, array[int]] = defaultdict(lambda: array("I"))
        self._lengths: dict[int, int] = {}

    def add(self, rows: Sequence[int], batch: pa.RecordBatch) -> None:
        """Write the texts of rows of these numbers."""
        columns = [batch.column(name).to_pylist() for name in self._columns.texts]
        numbers = [[number_of(text) for text in columns[index]] for index in self._compared]
        for index in self._letters:
            self._letters[index] += sum(len(text or "") for text in columns[index])
        marks = ", ".join("?" * (1 + len(columns) + len(numbers)))
        self._database.executemany(
            f"INSERT INTO texts VALUES ({marks})", zip(rows, *columns, *numbers, strict=True)
        )
        if "gtin" in self._columns.texts:
            cells = zip(rows, columns[self._columns.texts.index("gtin")], strict=True)
            found = ((gtin, row) for row, cell in cells if cell for gtin in gtins_in(cell))
            self._database.executemany("INSERT INTO gtins VALUES (?, ?)", found)
        if self._columns.words:
            texts = batch.column(self._columns.words).to_pylist()
            for row, text in zip(rows, texts, strict=True):
                words = (text or "").split()
                self._lengths[row] = len(words)
                for word in words:
                    self._words[word].append(row)

    def close(self, count: int) -> None:
        """Complete the files of a part of so many rows."""
        if self._columns.words:
            self._write_words(count)
        keys = {self._columns.texts.index(name) for name in _KEYS if name in self._columns.texts}
        most = _INDEXED_LETTERS * count
        short = {index for index, letters in self._letters.items() if 0 < letters <= most}
        for index in sorted(keys | short):
            self._database.execute(f"CREATE INDEX c{index}_index ON texts (c{index})")
        self._database.execute("CREATE INDEX gtins_index ON gtins (gtin)")
        self._database.execute("COMMIT")
        self._database.execute("PRAGMA analysis_limit=1000")
        self._database.execute("ANALYZE")
        self._database.close()

    def _write_words(self, count: int) -> None:
        """Write the rows of each word, one word after the other, and the words of each row."""
        self._database.execute(
            "CREATE TABLE words (word TEXT PRIMARY KEY, start INTEGER, stop INTEGER) WITHOUT ROWID"
        )
        start = 0
        listed: list[tuple[str, int, int]] = []
        with (self._folder / POSTINGS).open("wb") as file:
            for word, rows in sorted(self._words.items()):
                file.write(rows.tobytes())
                listed.append((word, start, start + len(rows)))
                start += len(rows)
        self._database.executemany("INSERT INTO words VALUES (?, ?, ?)", listed)
        lengths = np.zeros(count, np.uint32)
        lengths[list(self._lengths)] = list(self._lengths.values())
        (self._folder / LENGTHS).write_bytes(lengths.tobytes())
