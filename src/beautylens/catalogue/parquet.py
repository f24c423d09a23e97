"""Parquet tables as Arrow strings; embedded pictures are named, not read."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from beautylens.catalogue.checks import VECTORS
from beautylens.catalogue.image_cells import may_hold_pictures
from beautylens.images.formats import HEAD_BYTES, suffix_of
from beautylens.images.parquet import embedded_path, picture_of

# Pictures in memory at once while a table is read.
_ROWS_A_BATCH = 64

Text = Callable[[str, object], str]


def read_parquet(path: Path, text: Text) -> pa.Table:
    """Return the rows of a Parquet table, all columns strings.

    A column of pictures may hold their paths, their bytes, or both as {bytes, path}: bytes are
    named as `beautylens.images.parquet` describes. In other columns bytes become their number. The
    vectors of an export are left out.

    Args:
        path: the table.
        text: returns a nested value as text, given the name of its column.
    """
    # Opened here, because Arrow only takes UTF-8 paths.
    with path.open("rb") as opened, pq.ParquetFile(opened) as file:
        schema = file.schema_arrow
        names = [name for name in schema.names if not _is_vector(schema.field(name))]
        pictures = [
            name
            for name in names
            if may_hold_pictures(name) and may_hold_bytes(schema.field(name).type)
        ]
        plain = file.read(columns=[name for name in names if name not in pictures])
        columns = [
            _named_pictures(file, path.name, name)
            if name in pictures
            else as_strings(name, plain[name], text)
            for name in names
        ]
    return pa.Table.from_arrays(columns, names=names)


def _is_vector(field: pa.Field) -> bool:
    return field.name in VECTORS and pa.types.is_fixed_size_list(field.type)


def _named_pictures(file: pq.ParquetFile, table: str, name: str) -> pa.ChunkedArray:
    """Return the names or paths of a column's pictures, one JSON list per row."""
    cells: list[str] = []
    for batch in file.iter_batches(_ROWS_A_BATCH, columns=[name]):
        for value in batch.column(0).to_pylist():
            cells.append(_cell(value, len(cells), name, table))
    return pa.chunked_array([pa.array(cells, pa.string())])


def _cell(value: Any, row: int, column: str, table: str) -> str:
    several = value if isinstance(value, list) else [value]
    found = []
    for number, each in enumerate(several):
        held = picture_of(each)
        if held is None:
            path = each.get("path") if isinstance(each, dict) else each
            found += [path] if isinstance(path, str) and path else []
        elif (path := _path_in(held)) is not None and not isinstance(each, dict):
            found.append(path)
        else:
            found.append(embedded_path(row, column, table, number))
    if len(found) == 1 and not isinstance(value, list) and "#" not in found[0]:
        return str(found[0])
    return json.dumps(found, ensure_ascii=False) if found else ""


def _path_in(held: bytes) -> str | None:
    """Return a path that was written as bytes, as some programs do; None for a picture."""
    if suffix_of(held[:HEAD_BYTES]) is not None or b"\0" in held:
        return None
    try:
        return held.decode()
    except UnicodeDecodeError:
        return None


def may_hold_bytes(kind: pa.DataType) -> bool:
    """Return whether values of a type are bytes, or contain bytes."""
    if pa.types.is_list(kind) or pa.types.is_large_list(kind):
        return may_hold_bytes(kind.value_type)
    if pa.types.is_struct(kind):
        return bool(kind.get_field_index("bytes") >= 0)
    return _is_bytes(kind)


def _is_bytes(kind: pa.DataType) -> bool:
    is_bytes = (
        pa.types.is_binary,
        pa.types.is_binary_view,
        pa.types.is_large_binary,
        pa.types.is_fixed_size_binary,
    )
    return any(test(kind) for test in is_bytes)


def as_strings(name: str, column: pa.ChunkedArray, text: Text) -> pa.ChunkedArray:
    """Return a column as strings without nulls.

    Args:
        name: of the column.
        column: of any type.
        text: returns a nested value as text, given the name of its column.
    """
    if pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    if pa.types.is_floating(column.type):
        column = _whole(column)
    if pa.types.is_nested(column.type):
        return _texts([text(name, value) for value in column.to_pylist()])
    if _is_bytes(column.type):
        return _bytes_as_strings(column)
    return column.cast(pa.string()).fill_null("")


def _bytes_as_strings(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Return bytes as text if they are UTF-8, else as their number."""
    try:
        return column.cast(pa.binary()).cast(pa.string()).fill_null("")
    except pa.ArrowInvalid:
        return _texts([told_bytes(value) if value else "" for value in column.to_pylist()])


def told_bytes(value: bytes) -> str:
    """Return the text that replaces bytes that are not text."""
    return f"{len(value):,} bytes"


def _texts(values: list[str]) -> pa.ChunkedArray:
    return pa.chunked_array([pa.array(values, pa.string())])


def _whole(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Return floats as integers if they are whole: pandas converts integers with missing values."""
    try:
        return column.cast(pa.int64())
    except pa.ArrowInvalid:
        return column
