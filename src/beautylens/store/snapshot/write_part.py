"""Writing a part of a snapshot: batches of rows become files."""

from __future__ import annotations

from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import pyarrow as pa

from beautylens.store.snapshot.manifest import Columns
from beautylens.store.snapshot.part import blob_files
from beautylens.store.snapshot.vectors import vectors_file, write_index
from beautylens.store.snapshot.write_texts import TextWriter


class PartWriter:
    """Writes the files of one part.

    Args:
        folder: of the part, without files.
        columns: of the table.
    """

    def __init__(self, folder: Path, columns: Columns) -> None:
        self._folder, self._columns, self.count = folder, columns, 0
        self._texts = TextWriter(folder, columns)
        self._files: dict[str, BinaryIO] = {
            name: vectors_file(folder, name).open("wb") for name in columns.vectors
        }
        for name in columns.blobs:
            self._files |= {end: (folder / end).open("wb") for end in blob_files(name)}
        self._ends = dict.fromkeys(columns.blobs, 0)

    def add(self, batch: pa.RecordBatch) -> None:
        """Write rows."""
        self._texts.add(range(self.count, self.count + batch.num_rows), batch)
        for name, length in self._columns.vectors.items():
            self._files[name].write(_vectors(batch.column(name), length).tobytes())
        for name in self._columns.blobs:
            self._add_blobs(name, batch.column(name))
        self.count += batch.num_rows

    def close(self) -> None:
        """Complete all files."""
        for file in self._files.values():
            file.close()
        self._texts.close(self.count)
        for name, length in self._columns.vectors.items():
            write_index(self._folder, name, length, self.count)

    def _add_blobs(self, name: str, column: pa.Array) -> None:
        blobs = [value or b"" for value in column.to_pylist()]
        ends = self._ends[name] + np.cumsum([len(blob) for blob in blobs], dtype=np.int64)
        self._ends[name] = int(ends[-1]) if len(ends) else self._ends[name]
        data, offsets = (self._files[end] for end in blob_files(name))
        data.writelines(blobs)
        offsets.write(ends.tobytes())


def _vectors(column: pa.Array, length: int) -> Any:
    """Return a column as (N, D) float32; nulls are zeros."""
    found = np.zeros((len(column), length), np.float32)
    present = column.is_valid().to_numpy(zero_copy_only=False)
    kept = column.drop_null()
    values = kept.flatten() if pa.types.is_fixed_size_list(kept.type) else kept
    found[present] = values.to_numpy(zero_copy_only=False).reshape(-1, length)
    return found
