"""A picture file whose parts have been counted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


class ExcessError(ValueError):
    """A file holds more of something than a picture of its size can need; says what."""


@dataclass(frozen=True, slots=True)
class Structure:
    """What was read of a file.

    Args:
        data: the file, without metadata that a decoder could fail at or spend its time on.
        size: width and height in pixels, where a decoder takes memory for them as it opens the
            file; None where it is enough to look when it is open.
        working: bytes that its decoder takes beside the pixels.
    """

    data: bytes
    size: tuple[int, int] | None = None
    working: int = 0


def without(data: bytes, spans: Sequence[tuple[int, int]]) -> bytes:
    """Return the bytes outside these spans, which are in order and do not overlap."""
    if not spans:
        return data
    view = memoryview(data)
    kept = []
    start = 0
    for first, last in spans:
        kept.append(view[start:first])
        start = last
    return b"".join([*kept, view[start:]])
