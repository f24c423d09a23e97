"""Updates: some columns of products that a gallery has, or their pictures, the rest unchanged."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import pyarrow as pa

from beautylens.catalogue.table import Catalogue
from beautylens.errors import TableError
from beautylens.ingest.fill import Describe, Filled, fill, rows_of
from beautylens.ingest.mirror import write_cells
from beautylens.ingest.progress import OnProgress, silent
from beautylens.store.gallery import Gallery
from beautylens.store.lance import of_products
from beautylens.store.schema import PLAIN


@dataclass(frozen=True, slots=True)
class Updated:
    """The result of an update.

    Args:
        products: ids of those that were updated.
        unknown: ids of those that the gallery does not have.
        columns: names of the columns that were changed.
        filled: the pictures described; None where the table has none.
    """

    products: tuple[str, ...]
    unknown: tuple[str, ...]
    columns: tuple[str, ...]
    filled: Filled | None = None


def update(
    gallery: Gallery,
    catalogue: Catalogue,
    describer: Describe,
    *,
    stop_on_error: bool = False,
    progress: OnProgress = silent,
) -> Updated:
    """Replace the columns of products that a table has; keep their other columns.

    If the table has pictures, they replace all pictures of its products.

    Args:
        gallery: has the products; others are left out.
        catalogue: the table.
        describer: describes the pictures.
        stop_on_error: raise at the first picture that cannot be read, instead of recording it.
        progress: called after every image.

    Raises:
        ImageError: when a picture cannot be read and `stop_on_error` is set.
        TableError: when the table has no column but `product_id`.
    """
    if set(catalogue.given) <= {"product_id"}:
        raise TableError(
            "the table has no column to change, only product_id; add the columns that are to "
            "change, such as name or price"
        )
    listed = list(dict.fromkeys(catalogue.rows["product_id"].to_pylist()))
    columns = tuple(name for name in catalogue.given if name not in ("product_id", "image"))
    stored = _stored(gallery, listed)
    known = tuple(product for product in listed if product in stored)
    unknown = tuple(product for product in listed if product not in stored)
    filled = None
    if "image" in catalogue.given:
        wanted = _completed(catalogue, stored, columns, gallery.rows.extra)
        filled = fill(
            gallery,
            wanted,
            describer,
            resume=False,
            stop_on_error=stop_on_error,
            progress=progress,
        )
    else:
        given = {row["product_id"]: row for row in rows_of(catalogue)}
        cells = {
            image["image_id"]: {"digest": image["digest"]}
            | {name: given[product][name] for name in columns}
            for product in known
            for image in stored[product]
        }
        write_cells(gallery, cells)
    return Updated(known, unknown, columns, filled)


def _stored(gallery: Gallery, product_ids: Sequence[str]) -> dict[str, list[Mapping[str, Any]]]:
    """Return the images of each product that the gallery has."""
    names = ["image_id", *PLAIN[1:], *gallery.rows.extra, "digest"]
    rows = gallery.rows.select(names, of_products(product_ids)).sort_by("image_id")
    found: dict[str, list[Mapping[str, Any]]] = {}
    for row in rows.to_pylist():
        found.setdefault(row["product_id"], []).append(row)
    return found


def _completed(
    catalogue: Catalogue,
    stored: Mapping[str, Sequence[Mapping[str, Any]]],
    columns: Sequence[str],
    extra: Sequence[str],
) -> Catalogue:
    """Return the lines of known products, with stored cells in the columns that are not given."""
    names = tuple(dict.fromkeys((*catalogue.extra, *extra)))
    lines = [
        dict.fromkeys(names, "")
        | {name: stored[line["product_id"]][0][name] for name in (*PLAIN[3:], *extra)}
        | {name: line[name] for name in (*PLAIN[:3], "row", *columns)}
        for line in rows_of(catalogue)
        if line["product_id"] in stored
    ]
    schema = pa.schema(
        [(name, pa.large_string()) for name in (*PLAIN, *names)] + [("row", pa.int64())]
    )
    rows = pa.Table.from_pylist(lines, schema)
    return replace(catalogue, rows=rows, extra=names, faults=())
