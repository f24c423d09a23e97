"""What a feed is, and a table whose columns are understood."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from beautylens.catalogue.checks import identifier

# For each column of the catalogue, the columns of a table that its cells come from.
Sources: TypeAlias = Mapping[str, tuple[str, ...]]


class Variants(StrEnum):
    """Whether each variant of a product is a product, or all of them are one."""

    PRODUCTS = "products"
    ONE = "one"


@dataclass(frozen=True, slots=True)
class Understood:
    """A table with the columns of a catalogue.

    Args:
        table: text columns; those of pictures are `image`, `image_2` and so on.
        rows: the row of the file that each comes from, counted from 1 below the column names.
        sources: of the columns whose name differs from that in the file.
        ignored: columns of the file that are left out.
        feed: the name of the feed; empty for other tables.
    """

    table: pa.Table
    rows: NDArray[np.int64]
    sources: Sources
    ignored: tuple[str, ...] = ()
    feed: str = ""


@dataclass(frozen=True, slots=True)
class Feed:
    """A kind of table that is recognised by its column names.

    Args:
        name: for messages.
        recognises: whether these are column names of the feed, as they are and as `plain` ones.
        understand: returns the rows of a table, given the columns that the user named and what is
            wanted of variants, None for what is usual in the feed.
    """

    name: str
    recognises: Callable[[frozenset[str]], bool]
    understand: Callable[[pa.Table, Sources, Variants | None], Understood]


def plain(name: str) -> str:
    """Return a column name in lower case without accents, other characters as `_`."""
    letters = unicodedata.normalize("NFKD", name.casefold())
    return identifier("".join(letter for letter in letters if not unicodedata.combining(letter)))


def sources_of(
    names: Sequence[str], known: Mapping[str, Sequence[str]], chosen: Sources
) -> dict[str, tuple[str, ...]]:
    """Return the sources of the known columns that a table has.

    Args:
        names: of the table.
        known: by column of the catalogue, its plain names in the feed, the best first.
        chosen: named by the user; they replace what is known, and are taken for nothing else.
    """
    taken = {name for several in chosen.values() for name in several}
    present: dict[str, str] = {}
    for name in names:
        if name not in taken:
            present.setdefault(plain(name), name)
    found = {
        target: next(((present[name],) for name in aliases if name in present), ())
        for target, aliases in known.items()
    }
    return {target: source for target, source in (found | dict(chosen)).items() if source}


def renamed(table: pa.Table, sources: Sources, ignored: Iterable[str] = ()) -> Understood:
    """Return a table with its columns renamed; other columns stay, except the ignored ones.

    A column of the catalogue with several sources has the cells of all, joined by `;`; each further
    source of pictures becomes a column `image_2`, `image_3` and so on.
    """
    columns: dict[str, pa.ChunkedArray] = {}
    wanted = {name for name in table.column_names if name not in set(ignored)}
    for name in table.column_names:
        targets = [target for target, several in sources.items() if name in several]
        for target in targets:
            several = sources[target]
            if target == "image":
                number = several.index(name) + 1
                columns["image" if number == 1 else f"image_{number}"] = table[name]
            elif name == several[0]:
                columns[target] = _joined(table, several)
        if not targets and name in wanted and name not in sources:
            columns[name] = table[name]
    used = {name for several in sources.values() for name in several} | set(columns)
    left_out = tuple(name for name in table.column_names if name not in used)
    rows = np.arange(1, table.num_rows + 1)
    return Understood(pa.table(columns), rows, differing(sources), left_out)


def differing(sources: Sources) -> Sources:
    """Return the sources of columns whose name differs from that of their source."""
    return {target: several for target, several in sources.items() if several != (target,)}


def _joined(table: pa.Table, sources: Sequence[str]) -> pa.ChunkedArray:
    if len(sources) == 1:
        return table[sources[0]]
    rows = zip(*(table[source].to_pylist() for source in sources), strict=True)
    return pa.chunked_array([pa.array([joined(cells) for cells in rows], pa.string())])


def joined(cells: Iterable[str], between: str = ";") -> str:
    """Return the different cells that are not blank, in their order, as one."""
    return between.join(dict.fromkeys(cell for cell in map(str.strip, cells) if cell))


def first(cells: Iterable[str]) -> str:
    """Return the first cell that is not blank; empty if all are."""
    return next((cell for cell in cells if cell.strip()), "")
