"""Atomic writing of table files: a reader sees the old or the new file."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable
from pathlib import Path

from beautylens.files.writing import new_file
from beautylens.inputs.unicode_text import printable

# The characters that start a formula in a spreadsheet (OWASP, CSV injection); and a number.
_FORMULA = re.compile("[=+\\-@\t\r\n\uff1d\uff0b\uff0d\uff20]")
_NUMBER = re.compile(r"[+-]?\d+(?:[.,]\d+)*(?:e[+-]?\d+)?", re.IGNORECASE)


def write_csv(
    path: Path, columns: Iterable[str], rows: Iterable[Iterable[object]], *, mode: int = 0o666
) -> None:
    """Write column names and rows as CSV in UTF-8; what UTF-8 cannot encode is escaped."""
    part = path.with_name(f"{path.name}.part")
    binary = new_file(part, mode=mode)
    with io.TextIOWrapper(binary, "utf-8", errors="backslashreplace", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(columns)
        writer.writerows(rows)
    part.replace(path)


def sheet_row(values: Iterable[object]) -> list[object]:
    """Return CSV cells without control characters and without formulas.

    A text that a spreadsheet would read as a formula gets a leading apostrophe.
    """
    return [_cell(value) if isinstance(value, str) else value for value in values]


def _cell(text: str) -> str:
    is_formula = _FORMULA.match(text) and not _NUMBER.fullmatch(text)
    return printable(f"'{text}" if is_formula else text)
