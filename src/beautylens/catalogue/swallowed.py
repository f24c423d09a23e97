"""Quotes that are opened in one row and closed in a later one, or never."""

from __future__ import annotations

import csv
import re
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple, TextIO

from beautylens.errors import TableError
from beautylens.files.paths import is_address

PHOTO_SUFFIXES = frozenset(
    (".jpg", ".jpeg", ".png", ".webp", ".heic", ".heif", ".avif", ".gif", ".tif", ".tiff", ".bmp")
)
_DIGITS = re.compile(r"\d+")


class Record(NamedTuple):
    """One row of a table of text: its number, its cells, and the lines of the file it takes."""

    row: int
    line: int
    fields: list[str]
    lines: list[str]

    @property
    def has_line_breaks(self) -> bool:
        """Tell whether any of its cells has several lines."""
        return len(self.lines) > 1 or any("\n" in cell or "\r" in cell for cell in self.fields)


def refuse_swallowed(
    path: Path, file: TextIO, delimiter: str, columns: int | None, above: int = 0
) -> None:
    """Refuse a table in which a quote swallows the rows below it.

    A quoted cell may run over several lines. That it has swallowed rows is known by its end, where
    letters follow the closing quote or the file is over, or by a line that is a row of its own.

    Args:
        path: named in the sentence.
        file: the table's text, from the column names on.
        delimiter: stands between cells.
        columns: how many there are; None where no cell of the table has several lines.
        above: lines above the column names.

    Raises:
        TableError: naming the row and its line.
    """
    for record in records(file, delimiter):
        if not record.has_line_breaks or not _swallows(record, delimiter, columns):
            continue
        first = above + record.line
        last = first + len(record.lines) - 1
        row = f"row {record.row}" if record.row else "the row of column names"
        raise TableError(
            f"{path}: {row} (line {first}) opens a quote that nothing closes before line {last}"
            f"{', so that it swallows rows' if last > first else ''}; close it where its field "
            "ends, or double it where it is a letter of a quoted field"
        )


def is_quoted(file: TextIO, delimiter: str, columns: int) -> bool:
    """Tell whether some cells of a table are quoted, and all that begin with a quote soundly so.

    A quote is one where it keeps a delimiter, a line break or another quote in its cell; in a table
    without any of those, quotes are letters.

    Args:
        file: the table's text, from the column names on.
        delimiter: stands between cells.
        columns: how many there are.
    """
    needed = False
    for record in records(file, delimiter):
        if any('"' in line for line in record.lines):
            if len(record.fields) != columns or _swallows(record, delimiter, columns):
                return False
            needed |= any(set(cell) & {delimiter, '"', "\n", "\r"} for cell in record.fields)
    return needed


def records(file: TextIO, delimiter: str) -> Iterator[Record]:
    """Yield the rows that are left of a file, counted from 0; empty lines are no rows."""
    lines: list[str] = []

    def noted() -> Iterator[str]:
        for line in file:
            lines.append(line)
            yield line

    with _any_length():
        reader = csv.reader(noted(), delimiter=delimiter)
        row = line = 0
        for fields in reader:
            if fields:
                yield Record(row, line + 1, fields, list(lines))
                row += 1
            line = reader.line_num
            lines.clear()


def _swallows(record: Record, delimiter: str, columns: int | None) -> bool:
    """Tell whether a quote swallows other rows, in a row of several lines."""
    if columns is None:
        return True
    try:
        list(csv.reader(record.lines, delimiter=delimiter, strict=True))
    except csv.Error:
        return True
    first = _line_as_row(record.lines[0], delimiter)
    if record.row == 0:
        # Column names name no pictures.
        first = []
    elif len(first) < columns:
        return False
    rows = (_line_as_row(line, delimiter) for line in record.lines[1:])
    return any(_is_row(fields, first) for fields in rows if len(fields) == columns)


def _line_as_row(line: str, delimiter: str) -> list[str]:
    """Return the cells of one line of the file; a quote that it does not close is a letter."""
    *cells, last = next(csv.reader([line], delimiter=delimiter), []) or [""]
    return [*cells, *next(csv.reader([last.rstrip("\r\n")], delimiter=delimiter), [""])]


def _is_row(fields: Sequence[str], first: Sequence[str]) -> bool:
    """Tell whether a line inside a cell is a row of its own, like the line in which it is opened.

    Both name a picture; where the first names none, or the other has an empty cell, their first
    cells are written alike.
    """
    pictured = any(map(_names_picture, first)) or not first
    if pictured and any(map(_names_picture, fields)):
        return True
    alike = bool(first) and _pattern(fields[0]) == _pattern(first[0])
    return alike and (not pictured or "" in fields)


def _names_picture(cell: str) -> bool:
    first = cell.split(";", maxsplit=1)[0].strip()
    return is_address(first) or Path(first).suffix.lower() in PHOTO_SUFFIXES


def _pattern(cell: str) -> str:
    """Return a cell without its numbers: ids of one table have it in common."""
    return _DIGITS.sub("0", cell.strip(' "'))


@contextmanager
def _any_length() -> Iterator[None]:
    """Let cells be as long as they are: descriptions can be longer than the module allows."""
    before = csv.field_size_limit(sys.maxsize)
    try:
        yield
    finally:
        csv.field_size_limit(before)
