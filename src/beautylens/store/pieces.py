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
        rows: all its columns, in its order.
    """
    from lance import dataset
    from lance.fragment import write_fragments

    there = dataset(address)
    return [json.dumps(each.to_json()) for each in write_fragments(rows, there)]


def publish(address: str, pieces: Sequence[str]) -> int:
    """Make pieces part of a table in one commit, on top of whatever it is by then.

    Returns:
        The version that it made.
    """
    from lance import FragmentMetadata, LanceDataset, LanceOperation, dataset

    made: list[Any] = [FragmentMetadata.from_json(piece) for piece in pieces]
    appended = LanceOperation.Append(made)
    return int(
        LanceDataset.commit(address, appended, read_version=dataset(address).version).version
    )
