"""The kind of Milvus index by the number of vectors."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple


class Index(NamedTuple):
    """An index of up to `most` vectors."""

    most: float
    kind: str
    build: Mapping[str, Any]


INDEXES = (
    Index(50_000, "FLAT", {}),
    # A graph (HNSW) needs four times the memory: docs/scaling.md.
    Index(50_000_000, "IVF_SQ8", {"nlist": 1024}),
    Index(float("inf"), "DISKANN", {}),
)


def index_for(count: int) -> Index:
    """Return the index for a number of vectors."""
    return next(index for index in INDEXES if count <= index.most)
