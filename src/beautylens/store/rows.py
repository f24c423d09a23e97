"""From rows of the gallery to the values they stand for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from beautylens.records import Match, Product, Reasons


def to_match(row: Mapping[str, Any], extra: Sequence[str], similarity: float) -> Match:
    """Return a row's image as a match by its visual similarity.

    Args:
        row: the columns PLAIN, `path` and those of `extra`.
        extra: the catalogue's own further columns.
        similarity: cosine with the query.
    """
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
        reasons=Reasons(visual=similarity),
    )


def stacked(column: pa.ChunkedArray) -> NDArray[np.float32]:
    """Return a column of descriptors as (N, D) float32."""
    lists = column.combine_chunks()
    values = lists.flatten().to_numpy(zero_copy_only=False)
    return np.asarray(values.reshape(len(lists), column.type.list_size), np.float32)
