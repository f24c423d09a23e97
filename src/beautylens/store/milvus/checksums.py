"""Checksums of rows, to compare a gallery with its Milvus cluster."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from beautylens.arrays import Int64
from beautylens.store.columns import stacked


def row_checksums(rows: pa.Table, plain: Sequence[str]) -> Int64:
    """Return the checksum of each row, (N,): of its texts, their column names and its vectors.

    Args:
        rows: columns of text and vectors.
        plain: the names of the text columns.
    """
    vectors = [stacked(rows[name]) for name in rows.column_names if name not in plain]
    sums = bytearray()
    for number, texts in enumerate(rows.select(list(plain)).to_pylist()):
        digest = hashlib.blake2b(json.dumps(texts, sort_keys=True).encode(), digest_size=8)
        for stored in vectors:
            digest.update(stored[number].tobytes())
        sums += digest.digest()
    return np.frombuffer(bytes(sums), "<i8")
