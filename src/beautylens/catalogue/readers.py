"""Table files of all known formats as Arrow strings, normalised to NFC."""

from __future__ import annotations

import csv
import json
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from itertools import islice
from pathlib import Path
from typing import TextIO

import pyarrow as pa
import pyarrow.compute as pc

from beautylens.catalogue.delimited import TAB, read_delimited
from beautylens.catalogue.image_cells import picture_columns
from beautylens.catalogue.parquet import read_parquet, told_bytes
from beautylens.catalogue.spreadsheet import without_leftovers
from beautylens.catalogue.text_files import lines_of, open_text
from beautylens.errors import TableError
from beautylens.files.paths import AnyPath, local_copy
from beautylens.inputs.unicode_text import composed

# Columns that may hold several values; in formats with lists, as a list.
SEVERAL = ("image", "product_ids", "ignore_ids")
SEPARATOR = ";"

_LINES_A_CHUNK = 1 << 12
# Maximum of names in JSON Lines: each is a column, with a cell for every row.
MAX_NAMES = 1000


def read_table(path: AnyPath) -> pa.Table:
    """Return the rows of a table in their order, all columns as strings without nulls.

    Blank last rows and empty columns without a name are left out. Numbers keep their digits, lists
    in the columns of `SEVERAL` are joined by `;`, and other nested values become compact JSON.
    Texts except paths are normalised to NFC.

    Raises:
        TableError: when the file is missing, of no known format, malformed, or without rows.
    """
    reader = READERS.get(path.suffix.lower())
    if reader is None:
        raise TableError(f"{path} is not a table; give a file that ends in {', '.join(READERS)}")
    with copied(path) as file, reading(file):
        return tidied(path, reader(file))


def tidied(path: AnyPath | str, table: pa.Table) -> pa.Table:
    """Return the rows of a table of strings as `read_table` does.

    Args:
        path: the table's name in errors.
        table: all columns as strings without nulls.

    Raises:
        TableError: when it has no rows, or several columns have the same name.
    """
    table = _composed(without_leftovers(path, table))
    names = table.column_names
    if repeated := sorted({name for name in names if names.count(name) > 1}):
        raise TableError(
            f"{path} has several columns named {', '.join(map(repr, repeated))}; rename all but one"
        )
    if not table.num_rows:
        raise TableError(f"{path} has no rows; give at least one below the column names")
    return table


def _composed(table: pa.Table) -> pa.Table:
    """Return a table of texts normalised to NFC, but not paths: object storage keeps both forms."""
    paths = picture_columns(table.column_names)
    columns = [
        column if name in paths else pc.utf8_normalize(column, form="NFC")
        for name, column in zip(table.column_names, table.columns, strict=True)
    ]
    return pa.Table.from_arrays(columns, names=[composed(name) for name in table.column_names])


@contextmanager
def copied(table: AnyPath) -> Iterator[Path]:
    """Yield a local copy of a table's file; errors name the original.

    Raises:
        TableError: when there is no such file, or one raised meanwhile, with the original's name.
    """
    if isinstance(table, Path):
        yield table
        return
    try:
        with local_copy(table) as file:
            try:
                yield file
            except TableError as error:
                raise TableError(str(error).replace(str(file), str(table))) from error
    except OSError as error:
        raise TableError(f"{table} cannot be read ({error}); check address and access") from error


@contextmanager
def reading(path: Path) -> Iterator[None]:
    """Turn all errors of reading a table file into one clear sentence.

    Raises:
        TableError: when the file is missing, unreadable, malformed, or not UTF-8.
    """
    if not path.is_file():
        found = "is a folder" if path.is_dir() else "does not exist"
        raise TableError(f"{path} {found}; give the path of a table")
    try:
        yield
    except UnicodeError as error:
        raise _not_utf8(path) from error
    except (pa.ArrowInvalid, csv.Error) as error:
        if "UTF8" in str(error):
            raise _not_utf8(path) from error
        raise TableError(
            f"{path} is malformed ({error}); look for an unclosed quote or export it again"
        ) from error
    except (EOFError, zlib.error) as error:
        raise TableError(
            f"{path} is truncated or damaged ({error}); download or compress it again"
        ) from error
    except OSError as error:
        raise TableError(f"{path} cannot be read ({error}); check file and disk") from error


def _not_utf8(path: Path) -> TableError:
    where = ""
    with path.open("rb") as file:
        for number, line in enumerate(file, 1):
            try:
                line.decode()
            except UnicodeDecodeError:
                where = f" (line {number})"
                break
    return TableError(
        f"{path} is not UTF-8 text{where}; save it again with the encoding UTF-8 "
        "(spreadsheets call it CSV UTF-8)"
    )


def _read_json_lines(path: Path) -> pa.Table:
    with open_text(path) as file:
        objects = json_objects(path, file)
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


def _read_parquet(path: Path) -> pa.Table:
    try:
        return read_parquet(path, text_of)
    except pa.ArrowNotImplementedError as error:
        raise TableError(
            f"{path} has a column that is not text ({error}); write it as strings"
        ) from error


def _mapped(table: pa.Table, change: Callable[[str, pa.ChunkedArray], pa.ChunkedArray]) -> pa.Table:
    columns = [
        change(name, column) for name, column in zip(table.column_names, table.columns, strict=True)
    ]
    return pa.Table.from_arrays(columns, names=table.column_names)


READERS: dict[str, Callable[[Path], pa.Table]] = {
    ".csv": partial(read_delimited, delimiter=","),
    ".tsv": partial(read_delimited, delimiter=TAB),
    ".parquet": _read_parquet,
    ".jsonl": _read_json_lines,
    ".ndjson": _read_json_lines,
}
