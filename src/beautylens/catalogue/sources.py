"""Sources of tables: files, rows of Python values, data frames, Arrow tables."""

from __future__ import annotations

import json
import math
import os
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol, TypeAlias, runtime_checkable

import numpy as np
import pyarrow as pa

from beautylens.catalogue.feeds.feed import Sources
from beautylens.catalogue.image_cells import may_hold_pictures
from beautylens.catalogue.json_tables import text_of
from beautylens.catalogue.parquet import as_strings, may_hold_bytes
from beautylens.catalogue.readers import tidied
from beautylens.catalogue.table import TEXT, Catalogue, catalogue_of, read_catalogue
from beautylens.catalogue.truth import TruthRow, read_truth, truth_of
from beautylens.errors import TableError
from beautylens.files.paths import RemotePath
from beautylens.images.sources import Named, is_named

# The name of a table that is not a file, in errors.
NAME = "the given table"


@runtime_checkable
class ArrowStream(Protocol):
    """A table with the Arrow stream interface: of pyarrow, pandas or polars."""

    def __arrow_c_stream__(self, requested_schema: Any = None) -> object:
        """Return the rows as a stream of Arrow's C interface."""


Rows: TypeAlias = Iterable[Mapping[str, Any]] | ArrowStream
Table: TypeAlias = Named | Rows | Catalogue
Truth: TypeAlias = Named | Rows | Sequence[TruthRow]


def catalogue_from(
    source: Table,
    *,
    columns: Mapping[str, str] | Sources | None = None,
    variants: str | None = None,
    pictures: bool = True,
) -> Catalogue:
    """Return the catalogue in a file, rows, a data frame or an Arrow table.

    The columns are those of a catalogue file. `image` may be a list of paths. Relative paths in a
    file are relative to its folder, those in other sources to the current folder.

    Args:
        source: of any of these kinds.
        columns: as for `read_catalogue`.
        variants: as for `read_catalogue`.
        pictures: as for `read_catalogue`.

    Raises:
        TableError: when it is none of these, a column is wrong, or no row is valid.
    """
    if isinstance(source, Catalogue):
        return source
    if is_named(source):
        return read_catalogue(_path(source), columns=columns, variants=variants, pictures=pictures)
    table = tidied(NAME, _as_texts(source))
    return catalogue_of(
        NAME, table, Path.cwd(), columns=columns, variants=variants, pictures=pictures
    )


def truth_from(source: Truth) -> tuple[TruthRow, ...]:
    """Return the truth table in a file, rows, a data frame or an Arrow table.

    The columns are those of a truth file; paths are relative as in `catalogue_from`.

    Raises:
        TableError: when it is none of these, or a column or row is wrong.
    """
    if is_named(source):
        return read_truth(_path(source))
    if isinstance(source, Sequence) and source and all(isinstance(r, TruthRow) for r in source):
        return tuple(source)
    return truth_of(NAME, tidied(NAME, _as_texts(source)), Path.cwd())


def _path(file: Named) -> str | RemotePath:
    return file if isinstance(file, RemotePath) else os.fspath(file)


def _as_texts(source: object) -> pa.Table:
    """Return rows as a table of texts."""
    try:
        # Another thread may be importing pandas, whose module then has no data frames yet.
        data_frame = getattr(sys.modules.get("pandas"), "DataFrame", None)
        if data_frame is not None and isinstance(source, data_frame):
            return _of_frame(source)
        if isinstance(source, ArrowStream):
            table = pa.table(source)
            return _of_columns(table.column_names, table.columns)
    except pa.ArrowException as error:
        raise TableError(
            f"{NAME} has a column that is not text ({error}); write it as strings"
        ) from error
    if not isinstance(source, Iterable) or isinstance(source, Mapping | bytes):
        raise TableError(
            f"{NAME} is of type {type(source).__name__}; give a path, a list of dicts (one per "
            "row), a data frame or an Arrow table"
        )
    return _of_rows(source)


def _of_rows(source: Iterable[Any]) -> pa.Table:
    rows = list(source)
    for number, row in enumerate(rows, start=1):
        if not isinstance(row, Mapping):
            raise TableError(
                f"{NAME}: row {number} is of type {type(row).__name__}; give one dict per row"
            )
    names = list(dict.fromkeys(name for row in rows for name in row))
    return _of_cells(names, [[row.get(name) for row in rows] for name in names])


def _of_frame(frame: Any) -> pa.Table:
    if any(name is not None for name in frame.index.names):
        frame = frame.reset_index()
    columns = [_of_series(frame.iloc[:, number]) for number in range(frame.shape[1])]
    return _of_columns([str(name) for name in frame.columns], columns)


def _of_series(series: Any) -> pa.ChunkedArray:
    try:
        return pa.chunked_array([pa.Array.from_pandas(series)])
    except (pa.ArrowInvalid, pa.ArrowTypeError):
        # Values of several types, such as numbers among texts.
        return pa.chunked_array([_cells(str(series.name), series.tolist())])


def _of_columns(names: Sequence[str], columns: Sequence[pa.ChunkedArray]) -> pa.Table:
    for name, column in zip(names, columns, strict=True):
        if may_hold_pictures(name) and may_hold_bytes(column.type):
            raise _no_path(name, 1, "bytes")
    texts = [as_strings(name, column, _cell) for name, column in zip(names, columns, strict=True)]
    return pa.Table.from_arrays(texts, names=list(names))


def _of_cells(names: Sequence[Any], columns: Sequence[Sequence[object]]) -> pa.Table:
    names = [str(name) for name in names]
    texts = [_cells(name, values) for name, values in zip(names, columns, strict=True)]
    return pa.Table.from_arrays(texts, names=names)


def _cells(name: str, values: Sequence[object]) -> pa.Array:
    if may_hold_pictures(name):
        for row, value in enumerate(values, start=1):
            for each in value if isinstance(value, list | tuple) else (value,):
                if not isinstance(each, str | os.PathLike | RemotePath) and not _is_missing(each):
                    raise _no_path(name, row, type(each).__name__)
    return pa.array([_cell(name, value) for value in values], TEXT)


def _no_path(name: str, row: int, found: str) -> TableError:
    return TableError(
        f"{NAME}: row {row} has {found} in the column {name!r}; write the picture to a file and "
        "give its path, which the collection stores"
    )


def _cell(name: str, value: object) -> str:
    """Return a value as a cell of a table file; empty for a missing value."""
    if isinstance(value, np.generic):
        value = value.item()
    if _is_missing(value):
        return ""
    if isinstance(value, list | tuple) and may_hold_pictures(name):
        return json.dumps([_cell("", each) for each in value], ensure_ascii=False)
    if isinstance(value, os.PathLike):
        return str(os.fspath(value))
    if isinstance(value, tuple):
        value = list(value)
    if isinstance(value, set | frozenset):
        value = sorted(value)
    if isinstance(value, str | bool | int | float | list | dict):
        return text_of(name, value)
    return str(value)


def _is_missing(value: object) -> bool:
    if isinstance(value, float):
        return math.isnan(value)
    return value is None or type(value).__name__ in {"NAType", "NaTType"}
