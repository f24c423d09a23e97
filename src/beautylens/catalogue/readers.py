"""Table files of all known formats as Arrow strings, normalised to NFC."""

from __future__ import annotations

import codecs
import csv
import gzip
import re
import tempfile
import zlib
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path, PurePath

import pyarrow as pa
import pyarrow.compute as pc

from beautylens.catalogue.checks import VECTORS
from beautylens.catalogue.delimited import TAB, read_delimited
from beautylens.catalogue.excel import MOST_BYTES, read_sheet
from beautylens.catalogue.image_cells import may_hold_pictures
from beautylens.catalogue.json_tables import (
    read_json,
    read_json_lines,
    table_of,
    text_of,
)
from beautylens.catalogue.parquet import read_parquet
from beautylens.catalogue.spreadsheet import without_leftovers
from beautylens.catalogue.xml_feed import xml_items
from beautylens.errors import TableError
from beautylens.files.paths import AnyPath, local_copy
from beautylens.inputs.unicode_text import composed

# First bytes of packed and of older spreadsheets.
_SHEETS = (b"PK\x03\x04", b"\xd0\xcf\x11\xe0")
# Suffixes that say nothing of the format; on the web any may stand.
_ANY = (".txt", ".feed")
_HTML = re.compile(rb"<(?:!doctype html|html|head|body|meta|table)\b", re.IGNORECASE)
_GZIP = b"\x1f\x8b"
_BLOCK_BYTES = 1 << 20


def read_table(path: AnyPath) -> pa.Table:
    """Return the rows of a table in their order, all columns as strings without nulls.

    Blank last rows and empty columns without a name are left out. Numbers keep their digits, lists
    in the columns of `SEVERAL` are joined by `;`, and other nested values become compact JSON.
    Texts except paths are normalised to NFC.

    Raises:
        TableError: when the file is missing, of no known format, malformed, or without rows.
    """
    with copied(path) as file:
        return read_copy(path, file)


def read_copy(path: AnyPath, file: Path) -> pa.Table:
    """Return the rows of a table as `read_table` does.

    Args:
        path: the table.
        file: a local copy of it, or the table itself.

    Raises:
        TableError: as `read_table`.
    """
    with _known(path, file) as reader:
        return tidied(path, reader(file))


@contextmanager
def _known(path: AnyPath, file: Path) -> Iterator[Callable[[Path], pa.Table]]:
    """Yield the reader for a file: by its suffix, else or if that is wrong by its first bytes.

    Raises:
        TableError: when it is not a table, or one raised meanwhile.
    """
    suffix = PurePath(path.name.removesuffix(".gz")).suffix.lower()
    reader = READERS.get(suffix)
    if reader is None and isinstance(path, Path) and suffix not in _ANY:
        raise _no_table(path)
    with reading(file):
        if _HTML.match(_start_of(file)):
            raise TableError(
                f"{path} is an HTML page, not a table; give the address of the table itself, or "
                "open it with a spreadsheet program and save it as .xlsx or CSV UTF-8"
            )
        if reader is None or _is_misnamed(file, reader):
            reader = _by_content(file)
        if reader is None:
            raise _no_table(path)
        yield reader


def _is_misnamed(file: Path, reader: Callable[[Path], pa.Table]) -> bool:
    """Return whether a file is clearly of another format: shops call text .xls, and XML .csv."""
    start = _start_of(file)
    if reader is read_sheet:
        return bool(start) and not start.startswith((b"PK", *_SHEETS)) and b"\0" not in start
    is_text = reader in (READERS[".csv"], READERS[".tsv"])
    return is_text and start.startswith((*_SHEETS, b"PAR1", b"<?xml", b"<rss"))


def _start_of(file: Path) -> bytes:
    """Return the first bytes of a file without a mark of UTF-8 and white space."""
    with file.open("rb") as opened:
        return opened.read(1 << 12).removeprefix(codecs.BOM_UTF8).lstrip()


def _no_table(path: AnyPath) -> TableError:
    return TableError(f"{path} is not a table; give a file that ends in {', '.join(READERS)}")


def _by_content(file: Path) -> Callable[[Path], pa.Table] | None:
    """Return the reader for the first bytes of a file; None if it is not a table."""
    start = _start_of(file)
    marked = start.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    suffix = ".csv"
    if start.startswith(b"PAR1"):
        suffix = ".parquet"
    elif start.startswith(_SHEETS):
        suffix = ".xlsx"
    elif not start or (b"\0" in start and not marked):
        suffix = ""
    elif start.startswith(b"<"):
        suffix = ".xml"
    elif start.startswith((b"[", b"{")):
        suffix = ".jsonl" if re.search(rb"}\s*\n\s*{", start) else ".json"
    return READERS.get(suffix)


def tidied(path: AnyPath | str, table: pa.Table) -> pa.Table:
    """Return the rows of a table of strings as `read_table` does.

    Args:
        path: the table's name in errors.
        table: all columns as strings without nulls.

    Raises:
        TableError: when it has no rows, or several columns have the same name.
    """
    table = _without_vectors(without_leftovers(path, table))
    table = composed_except(table, list(filter(may_hold_pictures, table.column_names)))
    names = table.column_names
    if repeated := sorted({name for name in names if names.count(name) > 1}):
        raise TableError(
            f"{path} has several columns named {', '.join(map(repr, repeated))}; rename all but one"
        )
    if not table.num_rows:
        raise TableError(f"{path} has no rows; give at least one below the column names")
    return table


def _without_vectors(table: pa.Table) -> pa.Table:
    """Return a table without the vectors of an export."""
    vectors = [
        name
        for name in set(VECTORS).intersection(table.column_names)
        if table.num_rows and table[name][0].as_py().startswith("[")
    ]
    return table.drop_columns(vectors)


def composed_except(table: pa.Table, paths: Collection[str]) -> pa.Table:
    """Return a table of texts normalised to NFC, except columns of paths.

    Object storage keeps both forms.
    """
    columns = [
        column if name in paths else pc.utf8_normalize(column, form="NFC")
        for name, column in zip(table.column_names, table.columns, strict=True)
    ]
    return pa.Table.from_arrays(columns, names=[composed(name) for name in table.column_names])


@contextmanager
def copied(table: AnyPath) -> Iterator[Path]:
    """Yield a local copy of a table's file, decompressed; errors name the original.

    Raises:
        TableError: when there is no such file, or one raised meanwhile, with the original's name.
    """
    try:
        with local_copy(table) as copy, _naming(table, copy), _unpacked(copy) as file:
            yield file
    except OSError as error:
        raise TableError(f"{table} cannot be read ({error}); check address and access") from error


@contextmanager
def _naming(original: AnyPath, copy: Path) -> Iterator[None]:
    """Let errors name an original in place of its copy."""
    try:
        yield
    except TableError as error:
        if original == copy:
            raise
        raise TableError(str(error).replace(str(copy), str(original))) from error


@contextmanager
def _unpacked(file: Path) -> Iterator[Path]:
    """Yield a table's file, or the content of one that gzip packed.

    Raises:
        TableError: when it is damaged, or its content too large.
    """
    if not file.is_file() or not _start_of(file).startswith(_GZIP):
        yield file
        return
    with tempfile.TemporaryDirectory(prefix="beautylens-") as folder:
        content = Path(folder) / f"copy{PurePath(file.stem).suffix[:20]}"
        with reading(file), gzip.open(file) as packed, content.open("wb") as plain:
            while block := packed.read(_BLOCK_BYTES):
                if plain.tell() + len(block) > MOST_BYTES:
                    raise TableError(
                        f"{file} unpacks to more than {MOST_BYTES >> 20:,} MB; split it"
                    )
                plain.write(block)
        with _naming(file, content):
            yield content


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


def _read_xml(path: Path) -> pa.Table:
    return table_of(path, xml_items(path))


def _read_parquet(path: Path) -> pa.Table:
    try:
        return read_parquet(path, text_of)
    except pa.ArrowNotImplementedError as error:
        raise TableError(
            f"{path} has a column that is not text ({error}); write it as strings"
        ) from error


# Suffixes of tables whose encoding is recognised.
TEXT_TABLES = (".csv", ".tsv")
READERS: dict[str, Callable[[Path], pa.Table]] = {
    ".csv": partial(read_delimited, delimiter=","),
    ".tsv": partial(read_delimited, delimiter=TAB),
    ".parquet": _read_parquet,
    ".jsonl": read_json_lines,
    ".ndjson": read_json_lines,
    ".json": read_json,
    ".jsonld": read_json,
    ".xml": _read_xml,
    ".xlsx": read_sheet,
    ".xls": read_sheet,
    ".ods": read_sheet,
}
