"""Pictures embedded in a column of a Parquet table, and paths that name them.

`products.parquet#image=12` is the picture in the column `image` of row 12, counted from 0, and
`products.parquet#image=12.1` the second picture of that row.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from dataclasses import dataclass
from functools import lru_cache
from itertools import accumulate
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from beautylens.files.paths import AnyPath, RemotePath, as_path, size_and_mtime
from beautylens.runtime.native import Lock

_NAMED = re.compile(r"(.+\.parquet)#(.+)=(\d+)(?:\.(\d+))?", re.IGNORECASE | re.DOTALL)
# Row groups are read whole; so many are cached.
_GROUPS = 2
_LOCK = Lock()


@dataclass(frozen=True, slots=True)
class ParquetImage:
    """A picture in a table: its column, its row, and its number within the row."""

    table: str
    column: str
    row: int
    number: int = 0

    def read_bytes(self) -> bytes:
        """Return the bytes of the picture file.

        Raises:
            OSError: when the table is missing or cannot be read, or has no such picture.
        """
        import pyarrow as pa

        try:
            # One thread reads a group, the others find it in the cache.
            with _LOCK():
                starts = _starts(self.table, _stamp(self.table))
                group = bisect_right(starts, self.row) - 1
                column = _group(self.table, _stamp(self.table), group, self.column)
            value = column[self.row - starts[group]].as_py()
        except (pa.ArrowInvalid, KeyError, IndexError) as error:
            raise OSError(f"the table has no such row or column: {error}") from error
        picture = picture_of(value[self.number] if isinstance(value, list) else value)
        if picture is None:
            raise OSError("its row no longer has a picture; index the table again")
        return picture


def embedded_path(row: int, column: str, table: str, number: int = 0) -> str:
    """Return the path that names an embedded picture."""
    return f"{table}#{column}={row}" + (f".{number}" if number else "")


def parquet_image_at(path: str | AnyPath) -> ParquetImage | None:
    """Return the embedded picture that a path or address names; None for other paths."""
    text = str(path)
    if isinstance(path, RemotePath) and text.startswith("http"):
        text = unquote(text)
    match = _NAMED.fullmatch(text) if ".parquet#" in text.lower() else None
    if match is None or (not isinstance(path, RemotePath) and Path(path).is_file()):
        return None
    table, column, row, number = match.groups()
    return ParquetImage(table, column, int(row), int(number or 0))


def picture_of(value: Any) -> bytes | None:
    """Return the bytes of a cell: itself, or its field `bytes`; None if it has none."""
    held = value.get("bytes") if isinstance(value, dict) else value
    return bytes(held) if isinstance(held, bytes | bytearray) and held else None


def picture_stamp(path: AnyPath) -> tuple[int, int]:
    """Return the size of a picture and the time of its last change, as `size_and_mtime` does.

    Raises:
        OSError: when the file does not exist or cannot be reached.
    """
    embedded = parquet_image_at(path)
    if embedded is None:
        return size_and_mtime(path)
    return len(embedded.read_bytes()), _stamp(embedded.table)[1]


def is_gone(path: AnyPath) -> bool:
    """Return whether a local picture is missing; False for addresses, which are not requested."""
    embedded = parquet_image_at(path)
    where = as_path(path) if embedded is None else as_path(embedded.table)
    return isinstance(where, Path) and not where.is_file()


def _stamp(table: str) -> tuple[int, int]:
    where = as_path(table)
    # Remote tables are read once, and assumed not to change meanwhile.
    return size_and_mtime(where) if isinstance(where, Path) else (0, 0)


@lru_cache(maxsize=_GROUPS)
def _file(table: str, _stamped: tuple[int, int]) -> Any:
    import pyarrow as pa
    import pyarrow.parquet as pq

    where = as_path(table)
    return pq.ParquetFile(where if isinstance(where, Path) else pa.BufferReader(where.read_bytes()))


@lru_cache(maxsize=_GROUPS)
def _starts(table: str, stamped: tuple[int, int]) -> list[int]:
    metadata = _file(table, stamped).metadata
    sizes = (metadata.row_group(group).num_rows for group in range(metadata.num_row_groups))
    return [0, *accumulate(sizes)][:-1] or [0]


@lru_cache(maxsize=_GROUPS)
def _group(table: str, stamped: tuple[int, int], group: int, column: str) -> Any:
    return _file(table, stamped).read_row_group(group, columns=[column])[column]
