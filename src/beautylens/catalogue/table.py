"""The catalogue table: products with their pictures and metadata."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from beautylens.catalogue.checks import listed, refuse
from beautylens.catalogue.entities import without_entities
from beautylens.catalogue.feeds.feed import Sources
from beautylens.catalogue.feeds.known import understand
from beautylens.catalogue.image_cells import MAIN, on_this_system, picture_columns
from beautylens.catalogue.metadata_names import metadata_names
from beautylens.catalogue.picture_files import existing_pictures_in
from beautylens.catalogue.product_rows import (
    filled,
    noted_names,
    one_array,
    products_together,
    unrepeated,
    with_tidy_gtins,
)
from beautylens.catalogue.readers import TEXT_TABLES, composed_except, copied, read_copy
from beautylens.catalogue.spreadsheet import blank_rows
from beautylens.catalogue.text_files import WESTERN, table_encoding
from beautylens.catalogue.typed_cells import with_typed_cells
from beautylens.errors import TableError
from beautylens.files.paths import AnyPath, as_path, path_in

REQUIRED = ("product_id", "image")
OPTIONAL = ("name", "brand", "category", "gtin")
TEXT = pa.large_string()
_WESTERN_NOTE = (
    "the table is not UTF-8 and was read as Windows-1252; save it as CSV UTF-8 if letters look "
    "wrong"
)


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
        feed: the name of the known feed that the table is; empty for others.
        sources: for each column whose name differs from that in the table, the table's columns.
        ignored: columns of the table that are not stored.
        given: the columns that the table has, of those above; the others are empty.
    """

    rows: pa.Table
    folder: AnyPath
    extra: tuple[str, ...] = ()
    faults: tuple[RowFault, ...] = ()
    notes: tuple[str, ...] = ()
    feed: str = ""
    sources: Sources = field(default_factory=dict)
    ignored: tuple[str, ...] = ()
    given: tuple[str, ...] = ()

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


def read_catalogue(
    path: str | AnyPath,
    *,
    columns: Mapping[str, str] | Sources | None = None,
    variants: str | None = None,
    pictures: bool = True,
) -> Catalogue:
    """Read a catalogue table: CSV, TSV, Parquet, JSON, JSON Lines or XML.

    The exports of known shop systems are recognised by their columns, other tables by the usual
    names of columns. `product_id` and pictures are required (paths relative to the table,
    addresses, or several of them, as `image_cells` describes; further ones in columns such as
    `image_2`); optional are `name`, `brand`, `category`, `gtin`; others are stored as metadata
    under a name that is valid in filters (`Price (EUR)` becomes `price_eur`). Empty cells of a
    product are filled from its other rows. Whether pictures exist is not checked before they are
    decoded.

    Args:
        path: of the table.
        columns: by name of the catalogue's column, the table's column, where it is not recognised.
        variants: whether each variant of a product is a product; by default as is usual in a feed.
        pictures: whether there must be a column of pictures; otherwise each row has one without a
            name if there is none.

    Raises:
        TableError: when the table cannot be read, a column is wrong, or no row is valid.
    """
    path = as_path(path)
    with copied(path) as file:
        table = read_copy(path, file)
        western = file.suffix.lower() in TEXT_TABLES and table_encoding(file) == WESTERN
    catalogue = catalogue_of(
        path, table, path.parent, columns=columns, variants=variants, pictures=pictures
    )
    if western:
        catalogue = replace(catalogue, notes=(_WESTERN_NOTE, *catalogue.notes))
    return catalogue


def catalogue_of(
    path: AnyPath | str,
    table: pa.Table,
    folder: AnyPath,
    *,
    columns: Mapping[str, str] | Sources | None = None,
    variants: str | None = None,
    pictures: bool = True,
) -> Catalogue:
    """Return the catalogue of a table of strings.

    Args:
        path: the table's name in errors.
        table: its rows, as returned by `read_table`.
        folder: the folder of relative paths.
        columns: as for `read_catalogue`.
        variants: as for `read_catalogue`.
        pictures: as for `read_catalogue`.

    Raises:
        TableError: when a column is wrong, or no row is valid.
    """
    known = understand(path, table, columns, variants)
    shown = picture_columns(known.table.column_names)
    _require(path, table.column_names, known.table.column_names, shown or not pictures)
    table = without_entities(composed_except(known.table, shown), shown)
    texts = [name for name in table.column_names if name not in shown]
    extra = metadata_names(path, texts, (*REQUIRED, *OPTIONAL))
    table = table.rename_columns([extra.get(name, name) for name in table.column_names])
    if shown:
        rows, image, notes = _images(table, shown, folder, known.rows)
    else:
        rows, image, notes = np.arange(table.num_rows), [""] * table.num_rows, []
    lines, faults = _one_per_image(_long(table), rows, image, tuple(extra.values()), known.rows)
    if not len(lines):
        causes = Catalogue(lines, folder, faults=faults).left_out
        refuse(path, causes, "Give each row a product_id and the path of a picture")
    lines = products_together(lines)
    if shown:
        lines, repeated = unrepeated(lines, folder)
        notes += repeated
    if not known.feed:
        notes += noted_names(lines)
    lines = filled(lines, (*OPTIONAL, *extra.values()))
    lines, unusable = with_tidy_gtins(lines)
    lines, added = with_typed_cells(lines, tuple(extra.values()))
    notes += unusable
    if variants is not None and not known.feed:
        notes.append("the table is no known feed, so that the choice of variants has no effect")
    return Catalogue(
        lines,
        folder,
        (*extra.values(), *added),
        faults,
        tuple(notes),
        known.feed,
        known.sources,
        known.ignored,
        (*(shown and [MAIN]), *(name for name in table.column_names if name not in shown), *added),
    )


def _require(
    path: AnyPath | str, given: Sequence[str], understood: Sequence[str], pictures: object
) -> None:
    """Refuse a table without ids or pictures."""
    for name in REQUIRED:
        if name in understood or (name == MAIN and pictures):
            continue
        listed_names = ", ".join(map(repr, given))
        raise TableError(
            f"{path} has no column {name!r} but only {listed_names}; rename the column in "
            f"question, or name it with --columns {name}=COLUMN"
        )


def _long(table: pa.Table) -> pa.Table:
    """Return a table with columns of large strings, which may have more than 2 GiB in total."""
    return table.cast(pa.schema([(name, TEXT) for name in table.column_names]))


def _images(
    table: pa.Table, pictures: Sequence[str], folder: AnyPath, numbers: NDArray[np.int64]
) -> tuple[NDArray[np.int64], list[str], list[str]]:
    """Return row (from 0) and path of each image, and a note on Windows paths that were found."""
    columns = [table[name].to_pylist() for name in pictures]
    rows, images, found = [], [], []
    for row, cells in enumerate(zip(*columns, strict=True)):
        named = (text for cell in cells if cell for text in existing_pictures_in(cell, folder))
        for written in named:
            image = on_this_system(written, folder)
            rows.append(row)
            images.append(image)
            if image not in (written, written.replace("\\", "/")):
                found.append(f"row {numbers[row]}: {written} is {image}")
    notes = [f"Windows paths found beside the table: {listed(found)}"]
    return np.array(rows, np.int64), images, notes if found else []


def _one_per_image(
    table: pa.Table,
    rows: NDArray[np.int64],
    images: list[str],
    extra: tuple[str, ...],
    numbers: NDArray[np.int64],
) -> tuple[pa.Table, tuple[RowFault, ...]]:
    """Return a line for each image, columns in their final order, and the rows without one."""
    ids = pc.utf8_trim_whitespace(one_array(table["product_id"]))
    nameless = pc.equal(ids, "").to_numpy(zero_copy_only=False)
    without = np.ones(table.num_rows, bool)
    without[rows] = False
    bad = np.flatnonzero(nameless | without)
    faults = tuple(
        RowFault(
            int(numbers[row]),
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
        "row": pa.array(numbers).take(taken),
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
