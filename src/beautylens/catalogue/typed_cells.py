"""Prices, other numbers and dates in a notation that can be compared: 1299.9 and 2026-03-31."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import date
from decimal import Decimal, InvalidOperation

import pyarrow as pa
import pyarrow.compute as pc

TEXT = pa.large_string()
CURRENCY = "currency"
# Names of columns of numbers. Others stay as they are: "5.0" may be a shade.
_NUMBERS = re.compile(
    r"price|preis|prix|cost|kosten|uvp|rrp|msrp|tarif|amount|betrag|weight|gewicht|poids|rating"
    r"|bewertung|stock|bestand|quantity|menge|discount|rabatt|percent|prozent"
)
_SYMBOLS = {"€": "EUR", "£": "GBP", "¥": "JPY"}
_CURRENCIES = frozenset(
    ("$", "EUR", "USD", "GBP", "CHF", "SEK", "NOK", "DKK", "PLN", "CZK", "JPY", "CNY", "AUD", "CAD")
)
# An amount of money by its look: letters may stand for anything, such as SPF 50.
_MARK = rf"(?:[€£¥$]|{'|'.join(sorted(_CURRENCIES - {'$'}))})"
_MONEY = re.compile(rf"{_MARK}\s*[\d.,'\u2019\s-]+|[\d.,'\u2019\s-]+{_MARK}")
_AMOUNT = re.compile(
    r"(?P<before>[€£¥$]|[A-Z]{3}|CA\$|US\$|A\$)?\s*"
    r"(?P<number>[+-]?\d[\d.,'\u2019 ]*)(?:[.,]-)?\s*"
    r"(?P<after>[€£¥$%]|[A-Z]{3}|Fr\.?|kr\.?|zł)?"
)
_SPACES = str.maketrans(dict.fromkeys("\u00a0\u2007\u2009\u202f", " "))
_GROUPED = {
    ".": re.compile(r"[+-]?\d{1,3}(?:\.\d{3})+"),
    ",": re.compile(r"[+-]?\d{1,3}(?:,\d{3})+"),
}
_DATE = re.compile(r"(\d{1,2})([./-])(\d{1,2})\2(\d{4})(.*)")
_ISO = re.compile(r"\d{4}-\d{2}-\d{2}.*")


def with_typed_cells(lines: pa.Table, columns: Sequence[str]) -> tuple[pa.Table, list[str]]:
    """Return the lines with numbers and dates in one notation, and the names of new columns.

    Numbers are looked for in columns of certain names, and those with a currency and dates in all.
    The currency of prices becomes a column of its own. A column of which any cell is neither blank
    nor a number or date stays as it is.

    Args:
        lines: of a catalogue.
        columns: of metadata.
    """
    added: list[str] = []
    for name in columns:
        amounts = None
        if has_numbers(name) or _MONEY.fullmatch(_first_cell(lines[name])):
            amounts = _amounts(lines[name].to_pylist())
        if amounts is not None and (has_numbers(name) or _all_money(amounts)):
            lines = _with(lines, name, [number for number, _ in amounts])
            currencies = [currency for _, currency in amounts]
            if any(currencies) and CURRENCY not in lines.column_names:
                lines = lines.add_column(lines.num_columns - 1, CURRENCY, _array(currencies))
                added.append(CURRENCY)
        elif _may_be_dates(lines[name]) and (dates := _dates(lines[name].to_pylist())) is not None:
            lines = _with(lines, name, dates)
    return lines, added


def has_numbers(column: str) -> bool:
    """Return whether a column of this name, such as `price`, has numbers."""
    return _NUMBERS.search(column) is not None


def _may_be_dates(column: pa.ChunkedArray) -> bool:
    """Return whether the first cell that is not empty is a date."""
    first = _first_cell(column)
    return _DATE.fullmatch(first) is not None or _ISO.fullmatch(first) is not None


def _first_cell(column: pa.ChunkedArray) -> str:
    """Return the first cell that is not empty, without spaces around it; empty if all are."""
    filled = column.filter(pc.not_equal(column, ""))
    return str(filled[0].as_py()).strip() if len(filled) else ""


def _all_money(amounts: Sequence[tuple[str, str]]) -> bool:
    """Return whether every number has a currency."""
    return all(currency in _CURRENCIES for number, currency in amounts if number)


def _amounts(cells: Sequence[str]) -> list[tuple[str, str]] | None:
    """Return the number and currency of each cell; None if one is no number."""
    parts = [_AMOUNT.fullmatch(cell.translate(_SPACES).strip()) for cell in cells]
    if any(part is None and cell.strip() for part, cell in zip(parts, cells, strict=True)):
        return None
    written = [part["number"] if part else "" for part in parts]
    decimal = _decimal_mark(written)
    found = []
    for part, number in zip(parts, written, strict=True):
        plain = _plain(number, decimal)
        if plain is None:
            return None
        currency = (part["before"] or part["after"] or "") if part else ""
        found.append((plain, _SYMBOLS.get(currency, currency).rstrip(".").replace("%", "")))
    return found


def _decimal_mark(numbers: Sequence[str]) -> str:
    """Return the first decimal mark of a column that is certain, else the point."""
    # 1,299 alone is a thousand in English, 1.299 in German: most programs write a decimal point.
    return next(filter(None, map(_own_mark, numbers)), ".")


def _own_mark(number: str) -> str:
    """Return the decimal mark of a number; empty if only its column can tell.

    The last mark of a number that has both, else a mark that does not separate three digits.
    """
    if "." in number and "," in number:
        return max(".,", key=number.rfind)
    marks = (mark for mark in ".," if mark in number and not _GROUPED[mark].fullmatch(number))
    return next(marks, "")


def _plain(number: str, column_mark: str) -> str | None:
    if not number:
        return ""
    # Exports that were edited by hand have both notations in one column.
    decimal = _own_mark(number) or column_mark
    thousands = "," if decimal == "." else "."
    digits = re.sub(r"[ '\u2019]", "", number).replace(thousands, "").replace(decimal, ".")
    try:
        value = Decimal(digits.rstrip("."))
    except InvalidOperation:
        return None
    plain = f"{value:f}"
    return plain.rstrip("0").rstrip(".") if "." in plain else plain


def _dates(cells: Sequence[str]) -> list[str] | None:
    """Return dates in ISO 8601; None if a cell is none, or day and month are ambiguous."""
    parts = [_DATE.fullmatch(cell.strip()) for cell in cells]
    first = [int(part[1]) for part in parts if part]
    second = [int(part[3]) for part in parts if part]
    dotted = all(part[2] == "." for part in parts if part)
    if not first or not (dotted or max(first) > 12 or max(second) > 12):
        return None
    day_first = dotted or max(first) > 12
    found = []
    for part, cell in zip(parts, cells, strict=True):
        if part is None:
            if cell.strip() and not _ISO.fullmatch(cell.strip()):
                return None
            found.append(cell.strip())
            continue
        day, month = (int(part[1]), int(part[3]))[:: 1 if day_first else -1]
        try:
            found.append(date(int(part[4]), month, day).isoformat() + part[5])
        except ValueError:
            return None
    return found


def _with(lines: pa.Table, name: str, cells: Sequence[str]) -> pa.Table:
    return lines.set_column(lines.column_names.index(name), name, _array(cells))


def _array(cells: Sequence[str]) -> pa.Array:
    return pa.array(cells, TEXT)
