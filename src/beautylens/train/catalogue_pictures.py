"""The readable pictures of a catalogue, with their products and titles."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from beautylens.arrays import Intp
from beautylens.catalogue.table import read_catalogue
from beautylens.errors import ImageError
from beautylens.files.paths import AnyPath
from beautylens.runtime.prefetch import prefetch
from beautylens.runtime.threads import cores
from beautylens.train.sources import read_error

Row = TypeVar("Row")

# Pictures that are checked in advance.
AHEAD = 64


@dataclass(frozen=True, slots=True, eq=False)
class CataloguePictures:
    """The readable pictures of a catalogue, in order: path, product id and title of each."""

    paths: tuple[AnyPath, ...]
    products: tuple[str, ...]
    titles: tuple[str, ...]

    @property
    def product_numbers(self) -> Intp:
        """Number of the product of each picture, (N,)."""
        known = {product: number for number, product in enumerate(dict.fromkeys(self.products))}
        return np.array([known[product] for product in self.products], np.intp)

    @property
    def indices_by_product(self) -> dict[str, list[int]]:
        """Indices of each product's pictures."""
        found: dict[str, list[int]] = {}
        for index, product in enumerate(self.products):
            found.setdefault(product, []).append(index)
        return found


def read_pictures(table: AnyPath) -> tuple[CataloguePictures, list[str]]:
    """Return the readable pictures of a catalogue, and the errors of the others.

    Raises:
        ImageError: when no picture can be read.
        TableError: when the table cannot be read.
    """
    catalogue = read_catalogue(table)
    rows, errors = split_readable(
        catalogue.rows.select(["product_id", "image", "brand", "name"]).to_pylist(),
        lambda row: catalogue.image_path(row["image"]),
    )
    errors = [*catalogue.left_out, *errors]
    if not rows:
        raise ImageError(f"none of the catalogue's pictures can be read: {errors[0]}")
    pictures = CataloguePictures(
        tuple(catalogue.image_path(row["image"]) for row in rows),
        tuple(row["product_id"] for row in rows),
        tuple(f"{row['brand']} {row['name']}".strip() for row in rows),
    )
    return pictures, errors


def split_readable(
    rows: Sequence[Row], path_of: Callable[[Row], AnyPath]
) -> tuple[list[Row], list[str]]:
    """Return the rows whose pictures can be read, and the errors of the others."""
    errors = list(prefetch(cores(), read_error, map(path_of, rows), AHEAD))
    readable = [row for row, error in zip(rows, errors, strict=True) if not error]
    return readable, [error for error in errors if error]
