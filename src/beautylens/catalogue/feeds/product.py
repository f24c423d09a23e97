"""Products whose pictures, variants and attributes are spread over several rows of a feed."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from beautylens.catalogue.checks import RESERVED, identifier
from beautylens.catalogue.feeds.feed import Sources, Understood, differing, first, joined
from beautylens.catalogue.image_cells import pictures_in

# Further columns made of attributes, such as colour and size; a shop may have any number of them.
_MOST_ATTRIBUTES = 100


@dataclass(frozen=True, slots=True)
class Line:
    """One row of a feed.

    Args:
        row: counted from 1 below the column names.
        cells: by column of the feed.
    """

    row: int
    cells: Mapping[str, str]

    def cell(self, sources: Sources, target: str) -> str:
        """Return the cell of a column of the catalogue; empty without such a column."""
        return first(self.cells[source] for source in sources.get(target, ()))

    def pictures(self, columns: Iterable[str]) -> list[str]:
        """Return the pictures in these columns of the feed."""
        return [picture for column in columns for picture in pictures_in(self.cells[column])]


def lines_of(table: pa.Table, columns: Iterable[str]) -> list[Line]:
    """Return the rows of a table that are not blank, with the named columns."""
    names = list(dict.fromkeys(columns))
    rows = enumerate(table.select(names).to_pylist(), 1)
    return [Line(row, cells) for row, cells in rows if any(map(str.strip, cells.values()))]


@dataclass(frozen=True, slots=True)
class Item:
    """A product of a feed.

    Args:
        row: its first row in the file.
        cells: by column of the catalogue.
        pictures: paths and addresses.
        attributes: by name, such as Colour.
    """

    row: int
    cells: Mapping[str, str]
    pictures: Sequence[str]
    attributes: Mapping[str, str]


def understood(
    items: Sequence[Item], sources: Sources, unused: Iterable[str], feed: str
) -> Understood:
    """Return products as a table.

    Args:
        items: in their order.
        sources: of the columns of the catalogue, pictures included.
        unused: columns of the file that no cell was taken from.
        feed: its name.
    """
    names = [target for target in sources if target != "image"]
    columns = {name: [item.cells.get(name, "") for item in items] for name in names}
    pictures = [list(dict.fromkeys(item.pictures)) for item in items]
    columns["image"] = [json.dumps(each, ensure_ascii=False) if each else "" for each in pictures]
    for attribute in _attribute_names(items, {*columns, *RESERVED}):
        columns[identifier(attribute)] = [item.attributes.get(attribute, "") for item in items]
    schema = pa.schema([(name, pa.string()) for name in columns])
    rows = np.array([item.row for item in items], np.int64)
    return Understood(pa.table(columns, schema), rows, differing(sources), tuple(unused), feed)


def _attribute_names(items: Sequence[Item], taken: set[str]) -> list[str]:
    """Return the names of attributes that can be columns of their own."""
    found: dict[str, str] = {}
    for name in dict.fromkeys(name for item in items for name in item.attributes):
        column = identifier(name)
        if column and column not in taken:
            found.setdefault(column, name)
    return list(found.values())[:_MOST_ATTRIBUTES]


def merged(attributes: Iterable[Mapping[str, str]]) -> dict[str, str]:
    """Return the attributes of several variants, their different values joined by `, `."""
    several = list(attributes)
    names = dict.fromkeys(name for each in several for name in each)
    return {name: joined((each.get(name, "") for each in several), ", ") for name in names}
