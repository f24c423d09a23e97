"""Sheets of Excel and LibreOffice as Arrow strings."""

from __future__ import annotations

import datetime
import zipfile
from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa

from beautylens.errors import MissingExtraError, TableError

# Of the XML in a file, which is kept in memory as cells.
MOST_BYTES = 2 << 30
_MIDNIGHT = datetime.time()


def read_sheet(path: Path) -> pa.Table:
    """Return the rows of the first visible sheet that has any, all columns strings.

    The first row that is not blank has the column names. Whole numbers have no decimal point, and
    dates are in ISO 8601.

    Raises:
        MissingExtraError: when python-calamine is not installed.
        TableError: when the file cannot be read, or has no rows.
    """
    try:
        from python_calamine import (
            CalamineError,
            CalamineWorkbook,
            PasswordError,
            SheetVisibleEnum,
        )
    except ImportError as error:
        raise MissingExtraError(
            "python-calamine is needed for spreadsheets; run in the folder of Beautylens' "
            "repository: pip install ."
        ) from error
    _refuse_large(path)
    try:
        with path.open("rb") as file, CalamineWorkbook.from_filelike(file) as book:
            for sheet in book.sheets_metadata:
                if sheet.visible == SheetVisibleEnum.Visible:
                    rows = [_texts(row) for row in book.get_sheet_by_name(sheet.name).to_python()]
                    if any(map(any, rows)):
                        return _table(rows)
    except PasswordError as error:
        raise TableError(f"{path} is protected by a password; save it without one") from error
    except CalamineError as error:
        raise TableError(f"{path} is malformed ({error}); save it again") from error
    raise TableError(f"{path} is empty; give a row of column names and one row per product")


def _refuse_large(path: Path) -> None:
    """Refuse a compressed file whose contents do not fit into memory."""
    if not zipfile.is_zipfile(path):
        return
    with zipfile.ZipFile(path) as packed:
        size = sum(entry.file_size for entry in packed.infolist() if entry.filename.endswith("xml"))
    if size > MOST_BYTES:
        raise TableError(
            f"{path} has {size >> 20:,} MB of sheets, more than {MOST_BYTES >> 20:,} MB; save the "
            "sheet as CSV UTF-8"
        )


def _table(rows: Sequence[Sequence[str]]) -> pa.Table:
    filled = iter(rows)
    names = list(next(row for row in filled if any(row)))
    below = list(filled)
    columns = [[row[column] for row in below] for column in range(len(names))]
    return pa.Table.from_arrays([pa.array(cells, pa.string()) for cells in columns], names=names)


def _texts(row: Sequence[object]) -> list[str]:
    return list(map(_text, row))


def _text(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    if isinstance(value, datetime.datetime) and value.time() == _MIDNIGHT:
        value = value.date()
    if isinstance(value, datetime.date | datetime.time):
        return value.isoformat()
    return str(value)
