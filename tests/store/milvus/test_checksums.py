"""What decides, before a cluster is asked, which rows it lacks."""

from __future__ import annotations

import hashlib
import json

import numpy as np
import pyarrow as pa

from beautylens.store.columns import vectors
from beautylens.store.milvus.checksums import row_checksums


def test_a_checksum_is_of_the_texts_and_the_vectors() -> None:
    stored = np.arange(8, dtype=np.float32).reshape(2, 4)
    rows = pa.table({"image_id": ["a", "é"], "name": ["", "x"], "descriptor": vectors(stored)})
    wanted = []
    for texts, vector in zip(rows.select(["image_id", "name"]).to_pylist(), stored, strict=True):
        whole = json.dumps(texts, sort_keys=True).encode() + vector.tobytes()
        digest = hashlib.blake2b(whole, digest_size=8).digest()
        wanted.append(int.from_bytes(digest, "little", signed=True))
    assert row_checksums(rows, ["image_id", "name"]).tolist() == wanted
