"""Error messages for tables: the first few faults, and the column that was probably meant."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from difflib import get_close_matches

from beautylens.errors import TableError
from beautylens.files.paths import AnyPath
from beautylens.inputs.several import several

# Columns that a collection adds to those of a table.
RESERVED = ("image_id", "row", "path", "digest", "descriptor", "keypoints", "local", "pack_words")
# Columns of the vectors in an export.
VECTORS = ("descriptor", "vlad")
_FIRST_FEW = 5


def listed(faults: Sequence[str], between: str = "; ") -> str:
    """Return the first few faults in one phrase, and how many more there are."""
    more = len(faults) - _FIRST_FEW
    return between.join(faults[:_FIRST_FEW]) + (f"{between}and {more} more" if more > 0 else "")


def refuse(path: AnyPath | str, faults: Sequence[str], remedy: str) -> None:
    """Refuse a table that has any faults.

    Raises:
        TableError: naming the file, the first few faults, and the remedy.
    """
    if faults:
        raise TableError(f"{path}: {listed(faults)}. {remedy}")


def identifier(name: str) -> str:
    """Return a column name as an SQL identifier without quotes; empty if nothing is left."""
    plain = re.sub(r"\W+", "_", name.lower()).strip("_")
    return "" if plain[:1].isdigit() else plain


def require_columns(path: AnyPath | str, found: Sequence[str], required: Iterable[str]) -> None:
    """Check that a table has its required columns.

    Raises:
        TableError: naming the missing column, those there are, and the one probably meant.
    """
    for name in several(required):
        if name in found:
            continue
        meant = _nearest(name, found)
        remedy = f"if {meant!r} is meant, rename it" if meant else f"add a column named {name!r}"
        columns = ", ".join(map(repr, found))
        raise TableError(f"{path} has no column {name!r} but only {columns}; {remedy}")


def _nearest(wanted: str, found: Sequence[str]) -> str | None:
    plain = {identifier(name): name for name in found}
    if close := get_close_matches(wanted, plain, n=1):
        return plain[close[0]]
    kin = (name for key, name in plain.items() if len(key) > 1 and (key in wanted or wanted in key))
    return next(kin, None)
