"""Files mapped into memory, and what the system is told of how they are read."""

from __future__ import annotations

import mmap
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

# Windows has no such advice.
_KNOWS_ADVICE = hasattr(mmap, "MADV_WILLNEED")


def mapped(file: Path, kind: type[Any], shape: tuple[int, ...] | None = None) -> Any:
    """Return the values of a file, mapped; an empty file cannot be.

    Args:
        file: of values without a header.
        kind: of the values.
        shape: of the array; by default it has one dimension.
    """
    if not file.stat().st_size:
        return np.empty(shape or 0, kind)
    return np.memmap(file, kind, "r", shape=shape)


def read_scattered(values: Any) -> None:
    """Tell the system that values next to those that are read will not be needed."""
    if _KNOWS_ADVICE and isinstance(values, np.memmap):
        _map_of(values).madvise(mmap.MADV_RANDOM)


def will_need(values: Any, ranges: Iterable[tuple[int, int]]) -> None:
    """Let the system read ranges of a mapped array's bytes together, those not in memory yet."""
    if not _KNOWS_ADVICE or not isinstance(values, np.memmap):
        return
    whole = _map_of(values)
    for start, stop in ranges:
        if stop > start:
            first = start - start % mmap.PAGESIZE
            whole.madvise(mmap.MADV_WILLNEED, first, stop - first)


def _map_of(values: Any) -> Any:
    return values._mmap
