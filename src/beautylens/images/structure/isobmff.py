"""HEIC and AVIF: the items of their container (ISO 14496-12, ISO 23008-12)."""

from __future__ import annotations

import struct
from collections.abc import Iterator

from beautylens.images.limits import Limits
from beautylens.images.structure.file import ExcessError, Structure

MAX_ITEMS = 4096
MAX_BOXES = 16_384
# Codecs other than HEVC and AV1, and overlays: no phone writes these.
_RARE = frozenset((b"unci", b"j2k1", b"j2ki", b"jpeg", b"avc1", b"vvc1", b"evc1", b"mski", b"iovl"))


def read_isobmff(data: bytes, limits: Limits) -> Structure:
    """Count the items of a HEIC or AVIF file: tiles, thumbnails, gain maps and metadata.

    Raises:
        ExcessError: when there are too many, or rare ones that are not accepted.
    """
    for items, kind in enumerate(_item_types(data), start=1):
        if items > MAX_ITEMS:
            raise ExcessError(f"has more than {MAX_ITEMS:,} items")
        if kind in _RARE and not limits.rare:
            raise ExcessError(f"has a picture coded as {kind.decode()!r}, which no phone writes")
    return Structure(data)


def _item_types(data: bytes) -> Iterator[bytes]:
    left = iter(range(MAX_BOXES))
    for kind, start, end in _boxes(data, 0, len(data), left):
        if kind != b"meta":
            continue
        for inner, first, last in _boxes(data, start + 4, end, left):
            if inner == b"iinf" and first + 4 <= last:
                count_bytes = 2 if data[first] == 0 else 4
                for entry, at, after in _boxes(data, first + 4 + count_bytes, last, left):
                    if entry == b"infe" and at + 12 <= after:
                        yield _item_type(data, at)


def _item_type(data: bytes, at: int) -> bytes:
    """Return the type of an item, which follows its id of two or four bytes."""
    version = data[at]
    if version < 2:
        return b""
    start = at + (8 if version == 2 else 10)
    return data[start : start + 4]


def _boxes(data: bytes, at: int, end: int, left: Iterator[int]) -> Iterator[tuple[bytes, int, int]]:
    """Yield the type of each box, and the start and end of its content.

    Raises:
        ExcessError: when the file has too many boxes.
    """
    for _ in left:
        if at + 8 > end:
            return
        length, kind = struct.unpack_from(">I4s", data, at)
        start = at + 8
        if length == 1 and at + 16 <= end:
            (length,) = struct.unpack_from(">Q", data, start)
            start += 8
        elif length == 0:
            length = end - at
        if length < start - at:
            return
        yield kind, start, min(end, at + length)
        at += length
    raise ExcessError(f"has more than {MAX_BOXES:,} boxes")
