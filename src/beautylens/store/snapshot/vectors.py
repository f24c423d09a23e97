"""One column of vectors of a part: exact ones, and above some number an index of 8-bit copies."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np

from beautylens.arrays import Bool, Float32, Int64
from beautylens.runtime.native import Once
from beautylens.runtime.threads import core_count
from beautylens.store.columns import cosines
from beautylens.store.indexes import SCAN_LIMIT
from beautylens.store.snapshot.mapped import mapped, read_scattered, will_need

# Vectors in the lists that a search scans, about as many for every size of an index, so that its
# time hardly grows; and lists at least.
_SCANNED, _LEAST_PROBES = 20_000, 16
# Vectors for each list that it is trained on.
_TRAINING = 40
_ADDED_ROWS = 16_384
# Rows of which exact vectors are multiplied at a time where they lie apart.
_GATHERED_ROWS = 4096

# Row numbers and cosines.
Found = tuple[Int64, Float32]


def lists_for(count: int) -> int:
    """Return the number of lists of an index: a power of two near three times the root."""
    return int(2 ** round(math.log2(3 * math.sqrt(count))))


def probes_for(count: int) -> int:
    """Return the number of lists that a search scans."""
    lists = lists_for(count)
    return min(lists, max(_LEAST_PROBES, round(_SCANNED * lists / count)))


class Vectors:
    """The vectors of one column, (N, D) float32, mapped from a file.

    Args:
        folder: of the part.
        name: of the column.
        length: D.
        count: N.
    """

    def __init__(self, folder: Path, name: str, length: int, count: int) -> None:
        self._index = index_file(folder, name) if _is_indexed(length, count) else None
        self._opened: Once[Any] = Once()
        self.rows: Float32 = mapped(vectors_file(folder, name), np.float32, (count, length))
        if self._index is not None:
            read_scattered(self.rows)

    def nearest(self, vector: Float32, depth: int, live: Bool | None) -> Found:
        """Return the rows nearest to a vector by cosine, in any order, and their cosines.

        From an index half as many again, by their 8-bit copies.

        Args:
            vector: (D,) float32, unit length.
            depth: number of rows.
            live: (N,) the rows that may be found; all by default.
        """
        if self._index is None:
            return _best(None, self.rows @ vector, depth, live)
        import faiss

        wanted = min(depth * 3 // 2, len(self.rows))
        options: Any = faiss.SearchParametersIVF()
        options.nprobe = probes_for(len(self.rows))
        if live is not None:
            # Held until the search is over, which has their addresses only.
            bits = np.packbits(live, bitorder="little")
            held = bits, faiss.IDSelectorBitmap(len(bits), faiss.swig_ptr(bits))
            options.sel = held[1]
        # The two columns are searched at the same time, each on one core.
        faiss.omp_set_num_threads(1)
        (near,), (rows,) = self._opened(self._read).search(vector[None], wanted, params=options)
        found = rows >= 0
        if live is not None and found.sum() < min(wanted, np.count_nonzero(live)):
            # Most of those that may be found are far away.
            return self.among(vector, depth, np.flatnonzero(live))
        return rows[found], near[found]

    def at(self, rows: Int64) -> Float32:
        """Return the exact vectors of rows, (K, D)."""
        size = self.rows.strides[0]
        if self._index is not None:
            will_need(self.rows, ((row * size, (row + 1) * size) for row in rows.tolist()))
        return np.asarray(self.rows[rows])

    def among(self, vector: Float32, depth: int, rows: Int64) -> Found:
        """Return those of some rows that are nearest to a vector, and their exact cosines."""
        parts = [
            cosines(self.at(rows[start : start + _GATHERED_ROWS]), vector)
            for start in range(0, len(rows), _GATHERED_ROWS)
        ]
        return _best(rows, np.concatenate([np.empty(0, np.float32), *parts]), depth, None)

    def _read(self) -> Any:
        return open_index(str(self._index))


def write_index(folder: Path, name: str, length: int, count: int) -> None:
    """Write the index of a column whose vectors are written, if it has many."""
    if not _is_indexed(length, count):
        return
    import faiss

    stored = np.memmap(vectors_file(folder, name), np.float32, "r", shape=(count, length))
    lists = lists_for(count)
    faiss.omp_set_num_threads(core_count())
    index = faiss.index_factory(length, f"IVF{lists},SQ8", faiss.METRIC_INNER_PRODUCT)
    sample = np.sort(np.random.default_rng(0).choice(count, min(count, _TRAINING * lists), False))
    index.train(stored[sample])
    for start in range(0, count, _ADDED_ROWS):
        part = np.asarray(stored[start : start + _ADDED_ROWS])
        # A vector of zeros is near to nothing.
        present = np.flatnonzero(part.any(axis=1))
        index.add_with_ids(part[present], present + start)
    faiss.write_index(index, str(index_file(folder, name)))


def _is_indexed(length: int, count: int) -> bool:
    """Return whether a column has an index; one of single numbers has none."""
    return length > 1 and count > SCAN_LIMIT


def open_index(file: str) -> Any:
    """Return an index whose lists stay in their file, mapped."""
    import faiss

    index: Any = faiss.read_index(file, faiss.IO_FLAG_MMAP | faiss.IO_FLAG_READ_ONLY)
    # FAISS would start 32 threads in each search to read ahead, which takes longer than the search.
    lists: Any = faiss.downcast_InvertedLists(index.invlists)
    lists.prefetch_nthread = 0
    return index


def vectors_file(folder: Path, name: str) -> Path:
    """Return the file of the exact vectors of a column."""
    return folder / f"{name}.f32"


def index_file(folder: Path, name: str) -> Path:
    """Return the file of the index of a column."""
    return folder / f"{name}.faiss"


def _best(rows: Int64 | None, near: Float32, depth: int, live: Bool | None) -> Found:
    """Return the rows with the largest cosines; by default all rows, in their order."""
    # A vector of zeros has no cosine.
    kept = np.flatnonzero(near != 0 if live is None else (near != 0) & live)
    near = near[kept]
    if len(kept) > depth:
        best = np.argpartition(-near, depth - 1)[:depth]
        kept, near = kept[best], near[best]
    return (kept if rows is None else rows[kept]), near
