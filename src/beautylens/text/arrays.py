"""Strings and groups of arrays in .npz files, without pickle."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

Arrays = dict[str, NDArray[Any]]


def pack_strings(name: str, strings: Sequence[str]) -> Arrays:
    """Return strings as two arrays: `name` (UTF-8 bytes) and `name.ends` (their end offsets)."""
    encoded = [string.encode() for string in strings]
    ends = np.cumsum([len(data) for data in encoded], dtype=np.int64)
    return {name: np.frombuffer(b"".join(encoded), np.uint8), f"{name}.ends": ends}


def unpack_strings(arrays: Mapping[str, NDArray[Any]], name: str) -> list[str]:
    """Return the strings that `pack_strings` packed."""
    data = arrays[name].tobytes()
    ends = [0, *arrays[f"{name}.ends"].tolist()]
    return [data[begin:end].decode() for begin, end in pairwise(ends)]


def under(arrays: Mapping[str, NDArray[Any]], prefix: str) -> Arrays:
    """Return the arrays whose names start with a prefix and a dot, without that prefix."""
    start = f"{prefix}."
    return {name.removeprefix(start): a for name, a in arrays.items() if name.startswith(start)}
