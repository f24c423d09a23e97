"""The catalogue table: which pictures there are, of which products, and what is known of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from beautylens.addresses import ADDRESS, SCHEMES, Place, beside, is_strange, place
from beautylens.catalogue.readers import SEPARATOR, read_table
from beautylens.catalogue.refusal import identifier, refuse, require_columns
from beautylens.catalogue.spreadsheet import blank_rows

REQUIRED = ("product_id", "image")
OPTIONAL = ("name", "brand", "category", "gtin")
TEXT = pa.large_string()
# What a collection stores beside a table's own columns.
RESERVED = ("image_id", "row", "path", "digest", "descriptor", "keypoints", "local", "read_words")


@dataclass(frozen=True)
class Catalogue:
    """The pictures of a catalogue, one line each, those of one product standing together.

    Args:
        rows: text columns `image_id` (product id with its `%` and `/` written `%25` and `%2F`, a
            slash, image), `product_id`, `image`, `name`, `brand`, `category`, `gtin` and those of
            `extra`, without nulls; then `row`, int64, the row of the file counted from 1 below
            the column names.
        folder: where relative image paths start.
        extra: the names of the metadata columns.
    """

    rows: pa.Table
    folder: Place
    extra: tuple[str, ...] = ()

    def __len__(self) -> int:
        """Return the number of pictures."""
        return int(self.rows.num_rows)

    def image_path(self, image: str) -> Place:
        """Return where the picture file of a line is; nothing says yet that it exists."""
        return beside(self.folder, image)


def read_catalogue(path: str | Place) -> Catalogue:
    """Read a catalogue table: CSV, TSV, Parquet or JSON Lines.

    Columns `product_id` and `image` (a path relative to the table, an address, or several of them
    joined by `;`); optional `name`, `brand`, `category`, `gtin`; others are kept as metadata under
    a name that can stand in a search condition (`Price (EUR)` becomes `price_eur`). Spaces around
    ids and paths are dropped. Whether the pictures exist is found out when they are decoded.

    Raises:
        TableError: when the table cannot be read, or a column or row of it is wrong.
    """
    path = place(path)
    table = read_table(path)
    require_columns(path, table.column_names, REQUIRED)
    extra = _metadata_names(path, table.column_names)
    table = table.rename_columns([extra.get(name, name) for name in table.column_names])
    lines = _one_per_image(path, _long(table), tuple(extra.values()))
    _refuse_repeated(path, lines)
    return Catalogue(_products_together(lines), path.parent, tuple(extra.values()))


def one_product(
    product_id: str, images: Sequence[str], facts: Mapping[str, str], extra: Sequence[str]
) -> Catalogue:
    """Return the catalogue of one product whose picture files are known.

    Args:
        product_id: not empty.
        images: absolute paths of its pictures.
        facts: what is known of it, by column.
        extra: the metadata columns that it is to have.
    """
    count = len(images)
    product = pa.array([product_id] * count, TEXT)
    image = pa.array(images, TEXT)
    columns = {"image_id": _image_ids(product, image), "product_id": product, "image": image}
    columns |= {name: pa.array([facts.get(name, "")] * count, TEXT) for name in (*OPTIONAL, *extra)}
    columns["row"] = pa.array(range(1, count + 1), pa.int64())
    return Catalogue(pa.table(columns), Path("/"), tuple(extra))


def _long(table: pa.Table) -> pa.Table:
    """Return a table of texts that may be longer than 2 GiB together, where plain ones end."""
    return table.cast(pa.schema([(name, TEXT) for name in table.column_names]))


def _metadata_names(path: Place, columns: list[str]) -> dict[str, str]:
    """Return the name that each metadata column gets."""
    known = {*REQUIRED, *OPTIONAL}
    taken = known.intersection(columns)
    named: dict[str, str] = {}
    faults = []
    for column in columns:
        if column in known:
            continue
        name = identifier(column)
        if not name:
            faults.append(f"column {column!r} has no name that a search condition could use")
        elif name in RESERVED:
            faults.append(f"column {column!r} has the name of one that Beautylens keeps itself")
        elif name in taken:
            faults.append(f"column {column!r} is another one that would be called {name!r}")
        elif name in known:
            faults.append(f"column {column!r} has to be written {name!r}")
        taken.add(name)
        named[column] = name
    refuse(path, faults, "Rename or remove such columns")
    return named


def _one_per_image(path: Place, table: pa.Table, extra: tuple[str, ...]) -> pa.Table:
    """Return the table with a line for each image of a row, columns in their final order."""
    rows, image = _images(path, table)
    if len(rows) != table.num_rows:
        table = table.take(rows)
    product = pc.utf8_trim_whitespace(_array(table["product_id"]))
    nameless = rows.filter(pc.equal(product, ""))
    _refuse_rows(path, nameless, "has no product_id", "Give each row the id of its product")
    columns = {
        "image_id": _image_ids(product, image),
        "product_id": product,
        "image": image,
        **{name: _column(table, name) for name in (*OPTIONAL, *extra)},
        "row": pc.add(rows.cast(pa.int64()), 1),
    }
    return pa.table(columns)


def _image_ids(product: pa.Array, image: pa.Array) -> pa.Array:
    """Join product ids and images so that the first slash of an image id ends the product's."""
    unslashed = pc.replace_substring(pc.replace_substring(product, "%", "%25"), "/", "%2F")
    return pc.binary_join_element_wise(unslashed, image, pa.scalar("/", TEXT))


def _images(path: Place, table: pa.Table) -> tuple[pa.Array, pa.Array]:
    """Return the row (from 0) and the path of each image."""
    several = pc.split_pattern(_array(table["image"]), SEPARATOR)
    image = pc.utf8_trim_whitespace(pc.list_flatten(several))
    given = pc.not_equal(image, "")
    rows, image = pc.list_parent_indices(several).filter(given), image.filter(given)
    without = np.setdiff1d(np.arange(table.num_rows), rows.to_numpy())
    if len(without):
        # A blank row among others is none, but it is counted.
        without = without[~blank_rows(table.take(pa.array(without)).columns)]
    _refuse_rows(path, pa.array(without), "has no image", "Give each row the path of a picture")
    remote = pc.match_substring_regex(image, ADDRESS)
    strange = pa.array(map(is_strange, image.filter(remote).to_pylist()), pa.bool_())
    remedy = f"Give pictures as paths, or as addresses of {', '.join(SCHEMES)}"
    fault = "has an image of a strange kind of address"
    _refuse_rows(path, rows.filter(remote).filter(strange), fault, remedy)
    return rows, image


def _column(table: pa.Table, name: str) -> pa.Array | pa.ChunkedArray:
    if name in table.column_names:
        return table[name]
    return pa.repeat(pa.scalar("", TEXT), table.num_rows)


def _refuse_rows(path: Place, rows: pa.Array, fault: str, remedy: str) -> None:
    refuse(path, [f"row {row + 1} {fault}" for row in rows.unique().to_pylist()], remedy)


def _refuse_repeated(path: Place, lines: pa.Table) -> None:
    if pc.count_distinct(lines["image_id"]).as_py() == len(lines):
        return
    first: dict[str, int] = {}
    faults = []
    ids, rows = lines["image_id"].to_pylist(), lines["row"].to_pylist()
    for image_id, row in zip(ids, rows, strict=True):
        if image_id in first:
            faults.append(f"rows {first[image_id]} and {row} both hold image {image_id!r}")
        first.setdefault(image_id, row)
    refuse(path, faults, "Keep one row for each image of a product")


def _products_together(lines: pa.Table) -> pa.Table:
    codes = _codes(lines["product_id"])
    if (np.diff(codes) >= 0).all():
        return lines
    return lines.take(pa.array(np.argsort(codes, kind="stable")))


def _codes(column: pa.ChunkedArray) -> NDArray[np.int32]:
    """Number the values of a column by their first appearance."""
    codes: NDArray[np.int32] = _array(column).dictionary_encode().indices.to_numpy()
    return codes


def _array(column: pa.ChunkedArray) -> pa.Array:
    return pa.concat_arrays(column.chunks) if column.num_chunks else pa.array([], column.type)
