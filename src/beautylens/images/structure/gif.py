"""GIF: blocks before the first frame, which is the only one that is decoded (GIF89a)."""

from __future__ import annotations

from beautylens.images.limits import Limits
from beautylens.images.structure.file import ExcessError, Structure, without

MAX_BLOCKS = 65_536
_EXTENSION = 0x21
_IMAGE = 0x2C
_TRAILER = 0x3B
_CONTROL = 0xF9
_HEADER_BYTES = 13


def read_gif(data: bytes, _: Limits) -> Structure:
    """Remove all that precedes the first frame, such as comments, but its control block.

    Raises:
        ExcessError: when there are too many blocks.
    """
    at = _HEADER_BYTES
    if len(data) > at and data[10] & 0x80:
        at += 3 << ((data[10] & 7) + 1)
    blocks = 0
    dropped: list[tuple[int, int]] = []
    while at + 1 < len(data) and data[at] not in (_IMAGE, _TRAILER):
        if data[at] == _EXTENSION:
            end, count = _after_blocks(data, at + 2, MAX_BLOCKS - blocks)
        else:
            # Some writers leave a zero byte behind; Pillow skips any other byte, too.
            end = at + 1
            count = 1
        blocks += count
        if blocks >= MAX_BLOCKS:
            raise ExcessError(f"has more than {MAX_BLOCKS:,} blocks before its first frame")
        if not _is_control(data[at : at + 3]):
            dropped.append((at, end))
        at = end
    return Structure(without(data, dropped))


def _is_control(start: bytes) -> bool:
    """Return whether an extension is a complete graphic control block."""
    return start[:2] == bytes((_EXTENSION, _CONTROL)) and start[2:] >= b"\4"


def _after_blocks(data: bytes, at: int, most: int) -> tuple[int, int]:
    """Return the end of a sequence of sub-blocks, with its terminator, and their number."""
    for count in range(1, most + 1):
        if at >= len(data) or data[at] == 0:
            return at + 1, count
        at += 1 + data[at]
    return at, most
