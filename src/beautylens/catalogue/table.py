"""The catalogue table: products with their pictures and metadata."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from beautylens.catalogue.checks import identifier, listed, refuse, require_columns
from beautylens.catalogue.image_cells import on_this_system, picture_columns, pictures_in
from beautylens.catalogue.product_rows import filled, unrepeated, with_tidy_gtins
from beautylens.catalogue.readers import read_table
from beautylens.catalogue.spreadsheet import blank_rows
from beautylens.files.paths import AnyPath, as_path, path_in

REQUIRED = ("product_id", "image")
OPTIONAL = ("name", "brand", "category", "gtin")
TEXT = pa.large_string()
# Columns that a collection adds to those of a table.
RESERVED = ("image_id", "row", "path", "digest", "descriptor", "keypoints", "local")


@dataclass(frozen=True, slots=True)
class RowFault:
    """A row of a table without a product id or picture, and the reason it is left out."""

    row: int
    product_id: str
    error: str


@dataclass(frozen=True)
class Catalogue:
    """The pictures of a catalogue, one line each, grouped by product.

    Args:
        rows: text columns `image_id` (product id with its `%` and `/` written `%25` and `%2F`, a
            slash, image), `product_id`, `image`, `name`, `brand`, `category`, `gtin` and those of
            `extra`, without nulls; then `row`, int64, the row of the file counted from 1 below
            the column names.
        folder: the folder of relative image paths.
        extra: the names of the metadata columns.
        faults: rows that were left out.
        notes: sentences about cells that were not, or only partly, understood.
    """

    rows: pa.Table
    folder: AnyPath
    extra: tuple[str, ...] = ()
    faults: tuple[RowFault, ...] = ()
    notes: tuple[str, ...] = ()

    def __len__(self) -> int:
        """Return the number of pictures."""
        return int(self.rows.num_rows)

    @property
    def left_out(self) -> list[str]:
        """One sentence for each row that was left out."""
        return [f"row {fault.row}: {fault.error}" for fault in self.faults]

    def image_path(self, image: str) -> AnyPath:
        """Return the path of a line's picture, which need not exist."""
        return path_in(self.folder, image)


def read_catalogue(path: str | AnyPath) -> Catalogue:
    """Read a catalogue table: CSV, TSV, Parquet or JSON Lines.

    Columns `product_id` and `image` (paths relative to the table, addresses, or several of them, as
    `image_cells` describes) and further pictures in columns such as `image_2` or
    `additional_image_link`; optional `name`, `brand`, `category`, `gtin`; others are stored as
    metadata under a name that is valid in filters (`Price (EUR)` becomes `price_eur`). Empty cells
    of a product are filled from its other rows. Whether pictures exist is not checked before they
    are decoded.

    Raises:
        TableError: when the table cannot be read, a column is wrong, or no row is valid.
    """
    path = as_path(path)
    return catalogue_of(path, read_table(path), path.parent)


def catalogue_of(path: AnyPath | str, table: pa.Table, folder: AnyPath) -> Catalogue:
    """Return the catalogue of a table of strings.

    Args:
        path: the table's name in errors.
        table: its rows, as returned by `read_table`.
        folder: the folder of relative paths.

    Raises:
        TableError: when a column is wrong, or no row is valid.
    """
    pictures = picture_columns(table.column_names)
    require_columns(path, table.column_names, REQUIRED if not pictures else REQUIRED[:1])
    extra = _metadata_names(path, [name for name in table.column_names if name not in pictures])
    table = table.rename_columns([extra.get(name, name) for name in table.column_names])
    rows, image, notes = _images(table, pictures, folder)
    lines, faults = _one_per_image(_long(table), rows, image, tuple(extra.values()))
    if not len(lines):
        causes = Catalogue(lines, folder, faults=faults).left_out
        refuse(path, causes, "Give each row a product_id and the path of a picture")
    lines, repeated = unrepeated(_products_together(lines), folder)
    lines = filled(lines, (*OPTIONAL, *extra.values()))
    lines, unusable = with_tidy_gtins(lines)
    notes += [*repeated, *unusable]
    return Catalogue(lines, folder, tuple(extra.values()), faults, tuple(notes))


def _long(table: pa.Table) -> pa.Table:
    """Return a table with columns of large strings, which may have more than 2 GiB in total."""
    return table.cast(pa.schema([(name, TEXT) for name in table.column_names]))


def _metadata_names(path: AnyPath | str, columns: list[str]) -> dict[str, str]:
    """Return the name of each metadata column in a collection."""
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


def _images(
    table: pa.Table, pictures: Sequence[str], folder: AnyPath
) -> tuple[NDArray[np.int64], list[str], list[str]]:
    """Return row (from 0) and path of each image, and a note on Windows paths that were found."""
    columns = [table[name].to_pylist() for name in pictures]
    rows, images, found = [], [], []
    for row, cells in enumerate(zip(*columns, strict=True)):
        for written in (text for cell in cells if cell for text in pictures_in(cell)):
            image = on_this_system(written, folder)
            rows.append(row)
            images.append(image)
            if image not in (written, written.replace("\\", "/")):
                found.append(f"row {row + 1}: {written} is {image}")
    notes = [f"Windows paths found beside the table: {listed(found)}"]
    return np.array(rows, np.int64), images, notes if found else []


def _one_per_image(
    table: pa.Table, rows: NDArray[np.int64], images: list[str], extra: tuple[str, ...]
) -> tuple[pa.Table, tuple[RowFault, ...]]:
    """Return a line for each image, columns in their final order, and the rows without one."""
    ids = pc.utf8_trim_whitespace(_array(table["product_id"]))
    nameless = pc.equal(ids, "").to_numpy(zero_copy_only=False)
    without = np.ones(table.num_rows, bool)
    without[rows] = False
    bad = np.flatnonzero(nameless | without)
    faults = tuple(
        RowFault(
            int(row) + 1,
            ids[int(row)].as_py(),
            "there is no product_id" if nameless[row] else "there is no image",
        )
        # Blank rows between others are no faults, but count as rows.
        for row in bad[~blank_rows(table.take(pa.array(bad)).columns)]
    )
    named = ~nameless[rows]
    taken = pa.array(rows[named])
    image = pa.array(images, TEXT).filter(pa.array(named))
    table, product = table.take(taken), ids.take(taken)
    columns = {
        "image_id": _image_ids(product, image),
        "product_id": product,
        "image": image,
        **{name: _column(table, name) for name in (*OPTIONAL, *extra)},
        "row": pc.add(taken, 1),
    }
    return pa.table(columns), faults


def _image_ids(product: pa.Array, image: pa.Array) -> pa.Array:
    """Join product ids and images; the first slash of an image id ends the product id."""
    unslashed = pc.replace_substring(pc.replace_substring(product, "%", "%25"), "/", "%2F")
    return pc.binary_join_element_wise(unslashed, image, pa.scalar("/", TEXT))


def _column(table: pa.Table, name: str) -> pa.Array | pa.ChunkedArray:
    if name in table.column_names:
        return table[name]
    return pa.repeat(pa.scalar("", TEXT), table.num_rows)


def _products_together(lines: pa.Table) -> pa.Table:
    codes = _codes(lines["product_id"])
    if (np.diff(codes) >= 0).all():
        return lines
    return lines.take(pa.array(np.argsort(codes, kind="stable")))


def _codes(column: pa.ChunkedArray) -> NDArray[np.int32]:
    """Return the values of a column as codes, numbered by first appearance."""
    codes: NDArray[np.int32] = _array(column).dictionary_encode().indices.to_numpy()
    return codes


def _array(column: pa.ChunkedArray) -> pa.Array:
    return pa.concat_arrays(column.chunks) if column.num_chunks else pa.array([], column.type)
