"""Checksums of rows, by which a gallery and its Milvus cluster are compared."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from beautylens.store.columns import stacked

Checksums = NDArray[np.int64]


def row_checksums(rows: pa.Table, plain: Sequence[str]) -> Checksums:
    """Return a checksum of each row: (N,), of its texts with their columns' names and its vectors.

    Args:
        rows: columns of texts and of vectors.
        plain: the names of those of texts.
    """
    vectors = [stacked(rows[name]) for name in rows.column_names if name not in plain]
    sums = bytearray()
    for number, texts in enumerate(rows.select(list(plain)).to_pylist()):
        digest = hashlib.blake2b(json.dumps(texts, sort_keys=True).encode(), digest_size=8)
        for stored in vectors:
            digest.update(stored[number].tobytes())
        sums += digest.digest()
    return np.frombuffer(bytes(sums), "<i8")
