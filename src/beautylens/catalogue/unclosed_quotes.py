"""Detection of quotes that are opened in one row and closed in a later one, or never."""

from __future__ import annotations

import csv
import re
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple, TextIO

from beautylens.catalogue.image_cells import picture_columns
from beautylens.errors import TableError
from beautylens.files.paths import is_address
from beautylens.images.files import PICTURE_SUFFIXES

_DIGITS = re.compile(r"\d+")


class Record(NamedTuple):
    """One row of a table of text: its number, first line, cells, and lines of the file."""

    row: int
    line: int
    fields: list[str]
    lines: list[str]

    @property
    def has_line_breaks(self) -> bool:
        """Return whether any of its cells has several lines."""
        return len(self.lines) > 1 or any("\n" in cell or "\r" in cell for cell in self.fields)


def refuse_unclosed_quotes(
    path: Path, file: TextIO, delimiter: str, columns: int | None, above: int = 0
) -> None:
    """Refuse a table in which a quote swallows the rows below it.

    A quoted cell may have several lines. It has swallowed rows if text follows its closing quote,
    if the file ends before it, or if one of its lines is a row of its own.

    Args:
        path: for the message.
        file: the table's text, from the column names on.
        delimiter: separates cells.
        columns: their number; None if no cell of the table may have several lines.
        above: number of lines above the column names.

    Raises:
        TableError: naming the row and its line.
    """
    images: list[int] = []
    for record in records(file, delimiter):
        images = images if record.row else _image_columns(record.fields)
        if not record.has_line_breaks or not _swallows(record, delimiter, columns, images):
            continue
        first = above + record.line
        last = first + len(record.lines) - 1
        row = f"row {record.row}" if record.row else "the row of column names"
        raise TableError(
            f"{path}: {row} (line {first}) opens a quote that nothing closes before line {last}"
            f"{', so that it swallows rows' if last > first else ''}; close it at the end of its "
            "field, or double it if it is part of a quoted field"
        )


def is_quoted(file: TextIO, delimiter: str, columns: int) -> bool:
    """Return whether a table quotes its cells, correctly wherever a cell begins with a quote.

    It does if a quote encloses a delimiter, a line break or another quote; otherwise quotes are
    ordinary characters.

    Args:
        file: the table's text, from the column names on.
        delimiter: separates cells.
        columns: their number.
    """
    needed = False
    images: list[int] = []
    for record in records(file, delimiter):
        images = images if record.row else _image_columns(record.fields)
        if any('"' in line for line in record.lines):
            if len(record.fields) != columns or _swallows(record, delimiter, columns, images):
                return False
            needed |= any(set(cell) & {delimiter, '"', "\n", "\r"} for cell in record.fields)
    return needed


def records(file: TextIO, delimiter: str) -> Iterator[Record]:
    """Yield the remaining rows of a file, counted from 0, without empty lines."""
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


def _image_columns(names: Sequence[str]) -> list[int]:
    """Return the positions of the columns of pictures."""
    known = picture_columns(names)
    return [position for position, name in enumerate(names) if name in known]


def _swallows(record: Record, delimiter: str, columns: int | None, images: Sequence[int]) -> bool:
    """Return whether a quote in a row of several lines swallows other rows."""
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
    return any(_is_row(fields, first, images) for fields in rows if len(fields) == columns)


def _line_as_row(line: str, delimiter: str) -> list[str]:
    """Return the cells of one line; a quote that is not closed in it is an ordinary character."""
    *cells, last = next(csv.reader([line], delimiter=delimiter), []) or [""]
    return [*cells, *(next(csv.reader([last.rstrip("\r\n")], delimiter=delimiter), []) or [""])]


def _is_row(fields: Sequence[str], first: Sequence[str], images: Sequence[int]) -> bool:
    """Return whether a line inside a cell is a row of its own, like the line that opens the cell.

    It is if both name a picture, or name files of one folder in a column of pictures. If the first
    line names no picture, or the other has an empty cell, it is if their first cells have the same
    pattern.
    """
    pictured = any(map(_names_picture, first)) or not first
    if pictured and any(map(_names_picture, fields)):
        return True
    if first and any(_in_one_folder(fields[column], first[column]) for column in images):
        return True
    alike = bool(first) and _pattern(fields[0]) == _pattern(first[0])
    return alike and (not pictured or "" in fields)


def _names_picture(cell: str) -> bool:
    first = cell.split(";", maxsplit=1)[0].strip(' "')
    return is_address(first) or Path(first).suffix.lower() in PICTURE_SUFFIXES


def _in_one_folder(cell: str, other: str) -> bool:
    folders = [re.split(r"[/\\](?=[^/\\]*$)", each.strip(' "'))[:-1] for each in (cell, other)]
    return folders[0] == folders[1] != []


def _pattern(cell: str) -> str:
    """Return a cell with its numbers replaced; the ids of a table have the same pattern."""
    return _DIGITS.sub("0", cell.strip(' "'))


@contextmanager
def _any_length() -> Iterator[None]:
    """Disable the limit on cells of `csv`, which long descriptions exceed."""
    before = csv.field_size_limit(sys.maxsize)
    try:
        yield
    finally:
        csv.field_size_limit(before)
