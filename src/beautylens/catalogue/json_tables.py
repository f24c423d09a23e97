"""JSON and JSON Lines as Arrow strings."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import TextIO

import pyarrow as pa

from beautylens.catalogue.parquet import told_bytes
from beautylens.catalogue.text_files import lines_of, open_text
from beautylens.errors import TableError

# Columns that may hold several values; in formats with lists, as a list.
SEVERAL = ("image", "product_ids", "ignore_ids")
SEPARATOR = ";"

# Names under which a JSON file has its list of products: of JSON-LD, and of programs.
_LISTS = ("@graph", "itemListElement", "products", "items")
_LINES_A_CHUNK = 1 << 12
# Maximum of names in JSON Lines: each is a column, with a cell for every row.
MAX_NAMES = 1000


def read_json_lines(path: Path) -> pa.Table:
    """Return the objects of JSON Lines as rows of strings."""
    with open_text(path) as file:
        return table_of(path, json_objects(path, file))


def read_json(path: Path) -> pa.Table:
    """Return the objects of a JSON file, such as a list of them or a JSON-LD graph, as rows.

    Raises:
        TableError: when it is not JSON.
    """
    with open_text(path) as file:
        try:
            value = json.load(file)
        except (ValueError, RecursionError) as error:
            raise TableError(f"{path} is not JSON ({error}); export it again") from error
    return table_of(path, _objects_in(value))


def _objects_in(value: object, depth: int = 0) -> Iterator[Mapping[str, object]]:
    """Yield the objects of a list, of a JSON-LD graph or of a list of items; else the object."""
    if isinstance(value, list) and depth < len(_LISTS) + 1:
        for each in value:
            yield from _objects_in(each, depth + 1)
    elif isinstance(value, dict):
        held = next((value[name] for name in _LISTS if isinstance(value.get(name), list)), None)
        if held is not None and depth < len(_LISTS) + 1:
            yield from _objects_in(held, depth + 1)
        elif isinstance(value.get("item"), dict):
            yield value["item"]
        else:
            yield value


def table_of(path: Path, objects: Iterator[Mapping[str, object]]) -> pa.Table:
    """Return objects as a table of texts."""
    chunks = []
    known: set[str] = set()
    while batch := list(islice(objects, _LINES_A_CHUNK)):
        names = dict.fromkeys(name for item in batch for name in item)
        known.update(names)
        if len(known) > MAX_NAMES:
            raise TableError(
                f"{path} has more than {MAX_NAMES:,} names; give all products the same, and "
                "write what only some have into one of them"
            )
        columns = {name: [text_of(name, item.get(name)) for item in batch] for name in names}
        chunks.append(pa.table(columns, pa.schema([(name, pa.string()) for name in names])))
    table = pa.concat_tables(chunks, promote_options="default") if chunks else pa.table({})
    return _mapped(table, lambda _, column: column.fill_null(""))


def json_objects(path: Path, lines: TextIO) -> Iterator[Mapping[str, object]]:
    """Yield the objects of JSON Lines, one in memory at a time.

    Raises:
        TableError: naming the line that is not an object.
    """
    for number, line in enumerate(lines_of(path, lines), 1):
        if not line.strip():
            continue
        try:
            value = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise TableError(
                f"{path}: line {number} is not JSON ({error}); write one JSON object per line"
            ) from error
        if not isinstance(value, dict):
            raise TableError(f"{path}: line {number} is not a JSON object; write one per line")
        yield value


def text_of(name: str, value: object) -> str:
    """Return a JSON value as a cell of a column."""
    if isinstance(value, str):
        return value
    if value is None:
        return ""
    if name in SEVERAL and isinstance(value, list) and all(isinstance(v, str) for v in value):
        return SEPARATOR.join(value)
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), default=_plain)


def _plain(value: object) -> str:
    return told_bytes(value) if isinstance(value, bytes) else str(value)


def _mapped(table: pa.Table, change: Callable[[str, pa.ChunkedArray], pa.ChunkedArray]) -> pa.Table:
    columns = [
        change(name, column) for name, column in zip(table.column_names, table.columns, strict=True)
    ]
    return pa.Table.from_arrays(columns, names=table.column_names)
