"""Conversions between columns of a gallery's rows and values."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any, Literal

import numpy as np
import pyarrow as pa

from beautylens.arrays import Float32
from beautylens.reasons import Reasons
from beautylens.results import Match, Product

# The column of the words that may be on the pack, for look-up.
PACK_WORDS = "pack_words"
# The columns that can be searched by.
Vectors = Literal["descriptor", "vlad"]


def to_match(row: Mapping[str, Any], extra: Sequence[str], cosine: float) -> Match:
    """Return a row's image as a match.

    Args:
        row: the columns PLAIN, `path` and those of `extra`.
        extra: the metadata columns of the catalogue.
        cosine: of its descriptor with the query's.
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
        score=cosine,
        reasons=Reasons(visual=cosine),
    )


def file_digest(data: bytes) -> str:
    """Return the digest of a picture file; copies have the same."""
    return hashlib.blake2b(data, digest_size=16).hexdigest()


def stacked(column: pa.ChunkedArray | pa.FixedSizeListArray) -> Float32:
    """Return the vectors of a column without nulls, (N, D) float32."""
    lists = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
    values = lists.flatten().to_numpy(zero_copy_only=False)
    return np.asarray(values.reshape(-1, column.type.list_size), np.float32)


def vectors(rows: Float32) -> pa.FixedSizeListArray:
    """Return vectors (N, D) as a column."""
    return pa.FixedSizeListArray.from_arrays(pa.array(rows.ravel()), rows.shape[1])


def cosines(rows: Float32, vector: Float32) -> Float32:
    """Return the cosines of unit rows (N, D) with a unit vector (D,): (N,).

    Equal rows have exactly equal cosines, which a matrix product does not guarantee.
    """
    products: Float32 = np.einsum("nd,d->n", rows, vector)
    return products
