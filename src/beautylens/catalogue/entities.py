"""Entities of HTML in a table's cells, which exports and feeds leave in names and links."""

from __future__ import annotations

from collections.abc import Collection

import pyarrow as pa
import pyarrow.compute as pc

from beautylens.catalogue.image_cells import unescaped
from beautylens.files.paths import is_address

# Other columns, such as descriptions, may be HTML that is meant.
_TEXTS = frozenset(("name", "brand", "category"))


def without_entities(table: pa.Table, kept: Collection[str]) -> pa.Table:
    """Return a table of texts with `&amp;` and the like as characters, in names and addresses.

    Args:
        table: with the columns of a catalogue.
        kept: columns that stay as they are, such as those of pictures.
    """
    for number, name in enumerate(table.column_names):
        column = table[name]
        if name in kept or not pc.any(pc.match_like(column, "%&%;%")).as_py():
            continue
        cells = [
            unescaped(cell) if name in _TEXTS or is_address(cell) else cell
            for cell in column.to_pylist()
        ]
        table = table.set_column(number, name, pa.array(cells, column.type))
    return table
