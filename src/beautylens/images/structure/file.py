"""Result of a structure check."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


class ExcessError(ValueError):
    """A file has more parts, or larger ones, than a picture of its size can need."""


@dataclass(frozen=True, slots=True)
class Structure:
    """A checked file.

    Args:
        data: the file without metadata on which a decoder could fail or spend its time.
        size: width and height in pixels, for decoders that allocate memory when they open the file;
            None for others.
        working: bytes that the decoder takes beside the pixels.
    """

    data: bytes
    size: tuple[int, int] | None = None
    working: int = 0


def without(data: bytes, spans: Sequence[tuple[int, int]]) -> bytes:
    """Return the bytes outside spans, which are sorted and do not overlap."""
    if not spans:
        return data
    view = memoryview(data)
    kept = []
    start = 0
    for first, last in spans:
        kept.append(view[start:first])
        start = last
    return b"".join([*kept, view[start:]])
