"""Rows written on many machines, each piece where it was made, published together in one commit."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import pyarrow as pa


def write_piece(address: str, rows: pa.Table) -> list[str]:
    """Write rows as fragments of a table that nobody sees yet; return what publishes them.

    Args:
        address: of a Lance table.
        rows: all its columns, in any order.
    """
    from lance import dataset
    from lance.fragment import write_fragments

    there = dataset(address)
    ordered = rows.select(there.schema.names).cast(there.schema)
    return [json.dumps(each.to_json()) for each in write_fragments(ordered, there)]


def publish(address: str, pieces: Sequence[str]) -> None:
    """Make pieces part of a table in one commit, on top of whatever it is by then."""
    from lance import FragmentMetadata, LanceDataset, LanceOperation, dataset

    made: list[Any] = [FragmentMetadata.from_json(piece) for piece in pieces]
    LanceDataset.commit(address, LanceOperation.Append(made), read_version=dataset(address).version)
