"""CSV and TSV tables.

In CSV a cell may be quoted (RFC 4180). In TSV, as registered with IANA, a quote is an ordinary
character; but some programs quote there too, which is detected from the table.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path
from typing import Literal, TextIO

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pa_csv

from beautylens.catalogue.checks import listed
from beautylens.catalogue.text_files import open_text, table_encoding
from beautylens.catalogue.unclosed_quotes import is_quoted, refuse_unclosed_quotes
from beautylens.errors import TableError

TAB = "\t"
_DELIMITERS = (",", ";", TAB)
# A quoted column name, which may hold delimiters.
_QUOTED = re.compile(r'"[^"]*"')
# The first line that tells spreadsheets the delimiter.
_DECLARED = re.compile(r'"?sep=(?P<delimiter>.)"?[ ,;\t]*\r?\n?', re.IGNORECASE)
# A row that a spreadsheet shows as empty.
_BLANK = re.compile(r'[\s",;]*')
# A quoted field has to fit in one block, and descriptions can be long.
_BLOCK_BYTES = 1 << 24


@dataclass(frozen=True, slots=True)
class Layout:
    """The encoding, delimiter, quoting and column names of a table of text.

    declared: the number of lines that name the delimiter, 0 or 1.
    """

    encoding: str
    delimiter: str
    quoted: bool
    declared: int
    names: tuple[str, ...]


def read_delimited(path: Path, delimiter: str) -> pa.Table:
    """Return a table of text as strings, unchanged.

    Args:
        path: text in UTF-8, UTF-16 with a byte-order mark, or Windows-1252.
        delimiter: separates cells, unless the first line names another one or is separated by it.

    Raises:
        TableError: when it has no column names, a row has too few or too many cells, or a quote
            swallows rows.
    """
    encoding = table_encoding(path)
    with open_text(path, encoding) as file:
        layout = _layout(path, file, encoding, delimiter)
        if not file.read(1):
            return pa.table([pa.array([], pa.string())] * len(layout.names), list(layout.names))
    if not layout.quoted:
        with _from_names(path, layout) as file:
            layout = replace(layout, quoted=is_quoted(file, layout.delimiter, len(layout.names)))
    ragged: list[str] = []
    try:
        table = _parsed(path, layout, ragged)
    except pa.ArrowInvalid:
        _refuse_unclosed_quotes(path, layout)
        raise
    if ragged or _has_line_breaks(table):
        _refuse_unclosed_quotes(path, layout)
    if ragged:
        raise TableError(
            f"{path}: {listed(ragged)}, but there are {len(layout.names)} columns; give each row "
            f"one field per column, and {_keeping_together(layout)}"
        )
    return table


def _parsed(path: Path, layout: Layout, ragged: list[str]) -> pa.Table:
    """Return the rows of a table; add those with too few or too many fields to `ragged`."""

    def note(row: pa_csv.InvalidRow) -> str:
        if _BLANK.fullmatch(row.text):
            return "skip"
        number = row.number - layout.declared - 1
        ragged.append(f"row {number} has {row.actual_columns} fields")
        return "skip"

    reading = pa_csv.ReadOptions(
        # With threads, ragged rows have no numbers.
        use_threads=False,
        block_size=_BLOCK_BYTES,
        skip_rows=layout.declared,
        encoding=layout.encoding,
    )
    parsing = pa_csv.ParseOptions(
        delimiter=layout.delimiter,
        quote_char='"' if layout.quoted else False,
        newlines_in_values=layout.quoted,
        invalid_row_handler=note,
    )
    texts = pa_csv.ConvertOptions(
        column_types=dict.fromkeys(layout.names, pa.string()), strings_can_be_null=False
    )
    # Opened here, because Arrow only takes UTF-8 paths.
    with path.open("rb") as file:
        return pa_csv.read_csv(file, reading, parsing, texts)


def read_rows(path: Path, delimiter: str = ",", *, ragged: bool = False) -> list[list[str]]:
    """Return the cells of all rows of a table, with or without column names.

    Args:
        path: a file of text.
        delimiter: separates cells; with tabs, quotes are ordinary characters.
        ragged: whether rows may have any number of cells; cells then have a single line.

    Raises:
        TableError: when a quote swallows rows.
        csv.Error: when text follows the closing quote of a cell.
    """
    quoted = delimiter != TAB
    with open_text(path) as file:
        reader = csv.reader(file, delimiter=delimiter, strict=not ragged, quoting=_quoting(quoted))
        try:
            rows = list(filter(None, reader))
        except csv.Error as error:
            raise csv.Error(f"line {reader.line_num}: {error}") from error
        if quoted:
            file.seek(0)
            columns = None if ragged else len(rows[0] if rows else ())
            refuse_unclosed_quotes(path, file, delimiter, columns)
    return rows


def _quoting(quoted: bool) -> Literal[0, 3]:
    return csv.QUOTE_MINIMAL if quoted else csv.QUOTE_NONE


def _layout(path: Path, file: TextIO, encoding: str, delimiter: str) -> Layout:
    """Read the lines above a table's rows; the file's position is then at the first row.

    Raises:
        TableError: when there are none.
    """
    first = file.readline()
    declared = _DECLARED.fullmatch(first)
    if declared:
        first = file.readline()
    own = declared["delimiter"] if declared else _delimiter(first, delimiter)
    quoted = own != TAB or first.startswith('"')
    reader = csv.reader(chain([first], file), delimiter=own, quoting=_quoting(quoted))
    names = next(filter(None, reader), None)
    if names is None:
        raise TableError(f"{path} is empty; give a line of column names and one line per row")
    return Layout(encoding, own, quoted, int(declared is not None), tuple(names))


def _delimiter(line: str, usual: str) -> str:
    """Return the most frequent delimiter of a line of column names, the usual one if equal."""
    return max((usual, *_DELIMITERS), key=_QUOTED.sub("", line).count)


def _refuse_unclosed_quotes(path: Path, layout: Layout) -> None:
    """Refuse a table in which a quote swallows rows."""
    if layout.quoted:
        with _from_names(path, layout) as file:
            columns = len(layout.names)
            refuse_unclosed_quotes(path, file, layout.delimiter, columns, above=layout.declared)


@contextmanager
def _from_names(path: Path, layout: Layout) -> Iterator[TextIO]:
    """Open a table's text at its column names."""
    with open_text(path, layout.encoding) as file:
        for _ in range(layout.declared):
            file.readline()
        yield file


def _has_line_breaks(table: pa.Table) -> bool:
    """Return whether any cell or column name has several lines."""
    return any(len(name.splitlines()) > 1 for name in table.column_names) or any(
        pc.any(pc.match_substring(column, end)).as_py()
        for column in table.columns
        for end in "\n\r"
    )


def _keeping_together(layout: Layout) -> str:
    """Return how to write a cell that contains a separator."""
    if layout.quoted:
        return "quote a field that holds a separator"
    return "no tab or line break inside a field, or save the table as .csv"
