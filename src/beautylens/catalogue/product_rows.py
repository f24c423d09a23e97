"""The rows of one product together: repeated pictures, and cells that only one row fills."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from beautylens.catalogue.checks import listed
from beautylens.catalogue.gtin import gtins_in, lost_digits, tidy_cell
from beautylens.files.paths import AnyPath, path_in


def unrepeated(lines: pa.Table, folder: AnyPath) -> tuple[pa.Table, list[str]]:
    """Return the lines, each file once per product, and a note on those left out.

    Several paths may name one file: `./a.jpg`, `a.jpg`, a symbolic link.

    Args:
        lines: grouped by product.
        folder: the folder of relative paths.
    """
    _, sizes = _products(lines)
    several = np.repeat(sizes > 1, sizes)
    kept = np.ones(len(lines), bool)
    faults = []
    # Only products with several pictures, because resolving links is slow.
    chosen = lines.select(["product_id", "image", "row"]).filter(pa.array(several)).to_pylist()
    first: dict[tuple[str, str], int] = {}
    for line, row in zip(np.flatnonzero(several), chosen, strict=True):
        file = (row["product_id"], same_file(path_in(folder, row["image"])))
        if file in first:
            kept[line] = False
            faults.append(f"row {row['row']}: {row['image']} is in row {first[file]} already")
        else:
            first[file] = row["row"]
    if not faults:
        return lines, []
    note = f"pictures listed twice for one product and kept once: {listed(faults)}"
    return lines.filter(pa.array(kept)), [note]


def same_file(file: AnyPath) -> str:
    """Return the same text for all paths of a file, with links resolved; an address unchanged."""
    return os.path.realpath(file) if isinstance(file, Path) else str(file)


def filled(lines: pa.Table, columns: Sequence[str]) -> pa.Table:
    """Return the lines with empty cells filled by the first value of their product.

    Args:
        lines: grouped by product.
        columns: text columns that describe the product.
    """
    starts, sizes = _products(lines)
    if (sizes < 2).all():
        return lines
    product = np.repeat(np.arange(len(starts)), sizes)
    for name in columns:
        given = pc.not_equal(lines[name], "").to_numpy()
        filled_lines = np.flatnonzero(given)
        source = np.full(len(starts), -1)
        # Reversed, so that a product's first value is written last and stays.
        source[product[filled_lines[::-1]]] = filled_lines[::-1]
        taken = np.where(given | (source[product] < 0), np.arange(len(lines)), source[product])
        if (taken != np.arange(len(lines))).any():
            column = lines[name].take(pa.array(taken))
            lines = lines.set_column(lines.column_names.index(name), name, column)
    return lines


def noted_names(lines: pa.Table) -> list[str]:
    """Return a note on products whose rows have different names: one id may be that of several."""
    named = lines.filter(pc.not_equal(lines["name"], "")).select(["product_id", "name", "row"])
    first = named.group_by(["product_id", "name"], use_threads=False).aggregate([("row", "min")])
    by_product: dict[str, list[str]] = {}
    for line in first.to_pylist():
        text = f"row {line['row_min']}: {line['name']!r}"
        by_product.setdefault(line["product_id"], []).append(text)
    faults = [
        f"{product} ({listed(texts, ', ')})"
        for product, texts in by_product.items()
        if len(texts) > 1
    ]
    if not faults:
        return []
    return [f"products with several names, perhaps several products of one id: {listed(faults)}"]


def with_tidy_gtins(lines: pa.Table) -> tuple[pa.Table, list[str]]:
    """Return the lines with normalised GTINs, and a note on unusable ones."""
    cells = lines["gtin"].to_pylist()
    if not any(cells):
        return lines, []
    column = pa.array(map(tidy_cell, cells), lines["gtin"].type)
    tidy = lines.set_column(lines.column_names.index("gtin"), "gtin", column)
    starts, _ = _products(lines)
    rows = lines["row"].to_numpy()
    given = [line for line in starts.tolist() if cells[line].strip()]
    unusable = [line for line in given if not gtins_in(cells[line])]
    if not unusable:
        return tidy, []
    rounded = sum(lost_digits(cells[line]) for line in unusable)
    why = f", {rounded:,} of them rounded by a spreadsheet (format the column as text)"
    faults = listed([f"row {rows[line]}: {cells[line]!r}" for line in unusable])
    count = f"{len(unusable):,} of {len(given):,} products"
    return tidy, [f"gtin of {count} unusable{why if rounded else ''}: {faults}"]


def _products(lines: pa.Table) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return the first line of each product, and its number of lines."""
    ids = lines["product_id"].combine_chunks()
    changes = pc.not_equal(ids[1:], ids[:-1]).to_numpy(zero_copy_only=False)
    starts = np.concatenate([[0], np.flatnonzero(changes) + 1])[: len(lines)]
    return starts, np.diff(np.append(starts, len(lines)))


def products_together(lines: pa.Table) -> pa.Table:
    """Return the lines grouped by product, in the order in which the products first appear."""
    codes = _codes(lines["product_id"])
    if (np.diff(codes) >= 0).all():
        return lines
    return lines.take(pa.array(np.argsort(codes, kind="stable")))


def _codes(column: pa.ChunkedArray) -> NDArray[np.int32]:
    """Return the values of a column as codes, numbered by first appearance."""
    codes: NDArray[np.int32] = one_array(column).dictionary_encode().indices.to_numpy()
    return codes


def one_array(column: pa.ChunkedArray) -> pa.Array:
    """Return a column in one piece."""
    return pa.concat_arrays(column.chunks) if column.num_chunks else pa.array([], column.type)
