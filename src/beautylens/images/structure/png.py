"""PNG: number of chunks, and removal of those that do not affect pixels (ISO 15948)."""

from __future__ import annotations

import struct
import zlib

from beautylens.images.limits import Limits
from beautylens.images.structure.file import ExcessError, Structure, without

# Chunks allowed beside one for each row.
SPARE_CHUNKS = 4096
MAX_ROWS = 65_536
_SIGNATURE_BYTES = 8
# Largest size of an unpacked profile or text in bytes; Pillow refuses larger ones.
_MAX_METADATA = 1 << 20
_ORIENTATION_TEXT = b"XML:com.adobe.xmp"
# Least bytes of tRNS by the colour type of the header.
_TRANSPARENCY_BYTES = {0: 2, 2: 6, 3: 1}


def read_png(data: bytes, _: Limits) -> Structure:
    """Count a PNG's chunks; remove damaged and repeated ancillary ones, and those without effect.

    A wrong checksum of metadata, or a text too large to unpack, does not matter for the pixels. Of
    an animation the default image is kept.

    Raises:
        ExcessError: when there are more chunks than a picture of its size can need.
    """
    at = _SIGNATURE_BYTES
    most = SPARE_CHUNKS
    dropped: list[tuple[int, int]] = []
    seen: set[bytes] = set()
    colour_type = data[25] if len(data) > 25 else 0
    if len(data) >= 24:
        most += min(MAX_ROWS, struct.unpack_from(">I", data, 20)[0])
    for _chunk in range(most):
        if at + 12 > len(data):
            return Structure(without(data, dropped))
        length, kind = struct.unpack_from(">I4s", data, at)
        end = at + 12 + length
        if end > len(data) or kind == b"IEND":
            return Structure(without(data, dropped))
        if kind[0] & 0x20:
            # Each once: to unpack thousands of profiles takes longer than to decode the picture.
            name = kind if kind != b"iTXt" else data[at + 8 : at + 8 + len(_ORIENTATION_TEXT)]
            if name in seen or not _is_wanted(kind, memoryview(data)[at:end], colour_type):
                dropped.append((at, end))
            seen.add(name)
        at = end
    raise ExcessError(f"has more than {most:,} chunks")


def _is_wanted(kind: bytes, chunk: memoryview, colour_type: int) -> bool:
    body = bytes(chunk[8:-4]) if kind in (b"tRNS", b"iCCP", b"eXIf", b"iTXt") else None
    if body is None or zlib.crc32(chunk[4:-4]) != struct.unpack(">I", chunk[-4:])[0]:
        return False
    match kind:
        case b"tRNS":
            return len(body) >= _TRANSPARENCY_BYTES.get(colour_type, 1 << 30)
        case b"iCCP":
            name, _, packed = body.partition(b"\0")
            return len(name) < 80 and packed[:1] == b"\0" and _is_small(packed[1:])
        case b"iTXt":
            return _is_orientation(body)
    return True


def _is_orientation(text: bytes) -> bool:
    """Return whether a text is XMP, which may have the orientation."""
    keyword, _, rest = text.partition(b"\0")
    if keyword != _ORIENTATION_TEXT or rest[1:2] != b"\0":
        return False
    packed = rest[2:].split(b"\0", 2)[-1]
    return _is_small(packed) if rest[:1] == b"\1" else len(packed) <= _MAX_METADATA


def _is_small(packed: bytes) -> bool:
    unpacker = zlib.decompressobj()
    try:
        unpacker.decompress(packed, _MAX_METADATA)
    except zlib.error:
        return False
    return not unpacker.unconsumed_tail
