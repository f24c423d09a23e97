"""Leftovers of spreadsheets and data frames in a table: unnamed columns and blank rows."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import reduce

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from beautylens.catalogue.checks import refuse
from beautylens.catalogue.feeds.usual_names import usual_targets
from beautylens.files.paths import AnyPath

# The names that pandas gives to columns and indexes without a name.
_NAMED_BY_PANDAS = re.compile(r"Unnamed: \d+(?:\.\d+)*|__index_level_\d+__")
# With a date and blank rows, a title takes less; a table has at least id, picture and name.
_MOST_TITLE_ROWS, _FEWEST_BELOW_TITLE = 10, 3
# Without these there is no catalogue.
_HEADED = frozenset(("product_id", "image"))


def without_leftovers(path: AnyPath | str, table: pa.Table) -> pa.Table:
    """Return a table of texts without a title, blank last rows and leftover unnamed columns.

    These are empty columns, and the index of a data frame. A title is a single cell above the
    column names, as wide as the sheet where cells are merged; so are the headings of groups of
    columns.

    Raises:
        TableError: when a column without a name has any other content.
    """
    table = _below_groups(_below_title(table))
    kept, faults = [], []
    for number, name in enumerate(table.column_names):
        named = bool(name.strip())
        if named and not _NAMED_BY_PANDAS.fullmatch(name):
            kept.append(number)
            continue
        value = _first_value(table.column(number), is_first=number == 0 or named)
        if value is None:
            continue
        if named:
            kept.append(number)
            continue
        row, text = value
        faults.append(
            f"column {number + 1} '' has no name that a search condition could use, "
            f"but {text!r} in row {row + 1}"
        )
    refuse(path, faults, _remedy(table))
    if len(kept) < table.num_columns:
        table = table.select(kept)
    return table.slice(0, _last_filled(table))


def _below_title(table: pa.Table) -> pa.Table:
    """Return a table with its first row of several cells as column names, if it has one name.

    Tables of one or two columns have no title, because an index has no name either.
    """
    titled = sum(bool(name.strip()) for name in table.column_names) == 1
    if not titled or table.num_columns < _FEWEST_BELOW_TITLE:
        return table
    for number in range(min(_MOST_TITLE_ROWS, table.num_rows)):
        cells = [column[number].as_py() for column in table.columns]
        if sum(bool(cell.strip()) for cell in cells) >= _FEWEST_BELOW_TITLE:
            return table.rename_columns(cells).slice(number + 1)
    return table


def _below_groups(table: pa.Table) -> pa.Table:
    """Return a table with its first row as column names, if those above only name groups of them.

    That is certain where columns without a name have a usual one below. A column that is merged
    over both rows has its name in the upper one.
    """
    if not table.num_rows:
        return table
    above = table.column_names
    below = [column[0].as_py() for column in table.columns]
    names = [lower.strip() or upper for upper, lower in zip(above, below, strict=True)]
    nameless = [
        lower for upper, lower in zip(above, below, strict=True) if not upper.strip() and lower
    ]
    if not usual_targets(nameless) or not usual_targets(names) >= _HEADED:
        return table
    return table.rename_columns(names).slice(1)


def _remedy(table: pa.Table) -> str:
    """Return what to do about columns without a name."""
    remedy = "Name such a column, or empty it"
    if len([name for name in table.column_names if name.strip()]) < _FEWEST_BELOW_TITLE:
        return remedy
    return f"{remedy}; if the column names are in a row below, delete the rows above it"


def blank_rows(columns: Sequence[pa.ChunkedArray]) -> NDArray[np.bool_]:
    """Return which rows of these columns are empty or only spaces."""
    blank = [pc.equal(pc.utf8_trim_whitespace(column), "") for column in columns]
    return np.asarray(reduce(pc.and_, blank).to_numpy(zero_copy_only=False))


def _last_filled(table: pa.Table) -> int:
    """Return the number of rows up to the last that is not blank."""
    if not table.num_rows or not blank_rows(table.slice(table.num_rows - 1).columns)[0]:
        return int(table.num_rows)
    filled = np.flatnonzero(~blank_rows(table.columns))
    return int(filled[-1]) + 1 if len(filled) else 0


def _first_value(column: pa.ChunkedArray, *, is_first: bool) -> tuple[int, str] | None:
    """Return the first value of a column and its row from 0; None for an empty or index column.

    A column that counts its rows, from 0 or 1, is the index of a data frame; so are different whole
    numbers in every row of the first column, which a sorted or filtered data frame has.
    """
    filled = np.flatnonzero(~blank_rows([column]))
    values = column.take(pa.array(filled)).to_pylist()
    if any(values == [str(row + start) for row in filled] for start in (0, 1)):
        return None
    numbered = all(value.isascii() and value.isdigit() for value in values)
    if is_first and numbered and len(set(values)) == len(values):
        return None
    return int(filled[0]), values[0]
