"""WebP: canvas size, for which a decoder allocates memory when it opens the file (RFC 9649)."""

from __future__ import annotations

import struct

from beautylens.images.limits import Limits
from beautylens.images.structure.file import ExcessError, Structure

MAX_CHUNKS = 65_536


def read_webp(data: bytes, _: Limits) -> Structure:
    """Read a WebP's size and count its chunks.

    Raises:
        ExcessError: when there are too many.
    """
    at = 12
    for _chunk in range(MAX_CHUNKS):
        if at + 8 > len(data):
            return Structure(data, _size(data[:30]))
        (length,) = struct.unpack_from("<I", data, at + 4)
        at += 8 + length + (length & 1)
    raise ExcessError(f"has more than {MAX_CHUNKS:,} chunks")


def _size(head: bytes) -> tuple[int, int] | None:
    if len(head) < 30:
        return None
    match head[12:16]:
        case b"VP8 ":
            width, height = struct.unpack_from("<HH", head, 26)
            return width & 0x3FFF, height & 0x3FFF
        case b"VP8L":
            (bits,) = struct.unpack_from("<I", head, 21)
            return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
        case b"VP8X":
            return _uint24(head, 24) + 1, _uint24(head, 27) + 1
    return None


def _uint24(head: bytes, at: int) -> int:
    return int.from_bytes(head[at : at + 3], "little")
