"""Which index Milvus makes of so many vectors."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple


class Index(NamedTuple):
    """How vectors are indexed where there are at most so many."""

    most: float
    kind: str
    build: Mapping[str, Any]


INDEXES = (
    Index(50_000, "FLAT", {}),
    # A graph (HNSW) would take four times the memory: docs/scaling.md.
    Index(50_000_000, "IVF_SQ8", {"nlist": 1024}),
    Index(float("inf"), "DISKANN", {}),
)


def index_for(count: int) -> Index:
    """Return how so many vectors are indexed."""
    return next(index for index in INDEXES if count <= index.most)
