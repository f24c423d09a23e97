"""Files mapped into memory, and what the system is told of how they are read."""

from __future__ import annotations

import mmap
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np


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
    # Windows has no such advice.
    if sys.platform != "win32" and isinstance(values, np.memmap):
        _map_of(values).madvise(mmap.MADV_RANDOM)


def will_need(values: Any, ranges: Iterable[tuple[int, int]]) -> None:
    """Let the system read ranges of a mapped array's bytes together, those not in memory yet."""
    if sys.platform != "win32" and isinstance(values, np.memmap):
        for start, stop in ranges:
            if stop > start:
                first = start - start % mmap.PAGESIZE
                _map_of(values).madvise(mmap.MADV_WILLNEED, first, stop - first)


def _map_of(values: Any) -> Any:
    return values._mmap
