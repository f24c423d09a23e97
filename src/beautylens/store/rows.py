"""From rows of the gallery to the values they stand for."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any, Literal

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from beautylens.results import Match, Product, Reasons

Vectors = Literal["descriptor", "aggregate"]
"""The columns that a gallery can be searched by."""


def to_match(
    row: Mapping[str, Any],
    extra: Sequence[str],
    similarity: float,
    column: Vectors = "descriptor",
) -> Match:
    """Return a row's image as a match by the similarity of one of its vectors.

    Args:
        row: the columns PLAIN, `path` and those of `extra`.
        extra: the catalogue's own further columns.
        similarity: cosine with the query.
        column: the vectors that were compared.
    """
    visual = column == "descriptor"
    return Match(
        image_id=row["image_id"],
        product=Product(
            row["product_id"],
            row["name"],
            row["brand"],
            row["category"],
            row["gtin"],
            {name: row[name] for name in extra if row[name]},
        ),
        image=row["path"],
        score=similarity,
        reasons=Reasons(visual=similarity) if visual else Reasons(local=similarity),
    )


def file_digest(data: bytes) -> str:
    """Return the digest by which a copy of a picture file is recognised."""
    return hashlib.blake2b(data, digest_size=16).hexdigest()


def stacked(column: pa.ChunkedArray | pa.FixedSizeListArray) -> NDArray[np.float32]:
    """Return the descriptors of a column that are there as (N, D) float32."""
    lists = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
    values = lists.flatten().to_numpy(zero_copy_only=False)
    return np.asarray(values.reshape(-1, column.type.list_size), np.float32)


def vectors(rows: NDArray[np.float32]) -> pa.FixedSizeListArray:
    """Return descriptors (N, D) as a column."""
    return pa.FixedSizeListArray.from_arrays(pa.array(rows.ravel()), rows.shape[1])
