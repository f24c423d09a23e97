"""Fragments: rows written on several machines and published together in one commit."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from beautylens.store.lance import sql_list


def write_fragments(address: str, rows: pa.Table) -> list[str]:
    """Write rows as fragments that are not yet part of a table; return their metadata as JSON.

    Args:
        address: of a Lance table.
        rows: all columns of the table, in its order.
    """
    from lance import dataset, fragment

    there = dataset(address)
    return [json.dumps(each.to_json()) for each in fragment.write_fragments(rows, there)]


def append_fragments(address: str, fragments: Sequence[str], examined: int) -> list[str]:
    """Append fragments to a table in one commit; delete those rows whose products others wrote.

    Args:
        address: of a Lance table.
        fragments: from `write_fragments`.
        examined: a version without their products.

    Returns:
        The products that others wrote since that version; their rows are kept. A process that is
        killed between the two commits leaves both.
    """
    from lance import FragmentMetadata, LanceDataset, LanceOperation, dataset

    known = {each.fragment_id for each in dataset(address, version=examined).get_fragments()}
    made: list[Any] = [FragmentMetadata.from_json(each) for each in fragments]
    newest = dataset(address).version
    table = LanceDataset.commit(address, LanceOperation.Append(made), read_version=newest)
    # A later commit sees our rows and resolves the conflict; an earlier one is in this version.
    files = {each.files[0].path for each in made}
    new = [each for each in table.get_fragments() if each.fragment_id not in known]
    ours = [each for each in new if each.metadata.files[0].path in files]
    theirs = [each for each in new if each.metadata.files[0].path not in files]
    if not theirs:
        return []
    written = _products(table, ours)
    products: list[str] = written.filter(pc.is_in(written, _products(table, theirs))).to_pylist()
    if products:
        # The upper half of a row address is the fragment id; those of one commit are consecutive.
        first, last = ours[0].fragment_id << 32, (ours[-1].fragment_id + 1) << 32
        table.delete(
            f"_rowaddr >= {first} AND _rowaddr < {last} AND product_id IN ({sql_list(products)})"
        )
    return products


def _products(table: Any, fragments: Sequence[Any]) -> pa.Array:
    """Return the products of the rows of some fragments."""
    rows = table.scanner(columns=["product_id"], fragments=fragments).to_table()
    return rows["product_id"].unique()
