"""Small files that ask a decoder for much more than a picture of their size can need."""

from __future__ import annotations

import struct
import zlib

import numpy as np
from numpy.typing import NDArray

from tests.images.pictures import saved, smooth


def chunk(kind: bytes, body: bytes = b"") -> bytes:
    """A chunk of a PNG with its checksum."""
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def png_with(chunks: bytes, data: bytes | None = None) -> bytes:
    """A PNG with further chunks before its pixels."""
    data = saved(smooth(), "PNG") if data is None else data
    return data[:33] + chunks + data[33:]


def png_of_empty_chunks(count: int = 1_600_000) -> bytes:
    return png_with(chunk(b"IDAT") * count)


def png_of_profiles(count: int = 4_000) -> bytes:
    """A PNG that gives its colour profile again and again, each as large as one may be."""
    packed = zlib.compress(bytes((1 << 20) - 10), 9)
    return png_with(chunk(b"iCCP", b"profile\0\0" + packed) * count)


def png_of_orientations(count: int = 4_000) -> bytes:
    """A PNG that gives its XMP again and again, each as large as one may be."""
    packed = zlib.compress(bytes((1 << 20) - 10), 9)
    return png_with(chunk(b"iTXt", b"XML:com.adobe.xmp\0\1\0\0\0" + packed) * count)


def jpeg_with(segments: bytes) -> bytes:
    """A JPEG with further segments after its start."""
    data = saved(smooth(), "JPEG")
    return data[:2] + segments + data[2:]


def jpeg_of_segments(count: int = 1_000_000) -> bytes:
    return jpeg_with(b"\xff\xfe\0\2" * count)


def jpeg_of_filler(size: int = 5_000_000) -> bytes:
    return jpeg_with(b"\xff" * size)


def jpeg_of_scans(count: int = 7_000, side: int = 7_000) -> bytes:
    """A progressive JPEG of one grey component whose further scans say that nothing changes."""
    frame = b"\xff\xc2" + struct.pack(">HBHHB", 11, 8, side, side, 1) + b"\1\x11\0"
    table = b"\xff\xdb\0\x43\0" + b"\1" * 64
    # One code of one bit for each: a difference of zero, and for AC the longest run of blocks.
    codes = (
        b"\xff\xc4\0\x14\0\1" + bytes(15) + b"\0" + b"\xff\xc4\0\x14\x10\1" + bytes(15) + b"\xe0"
    )
    blocks = ((side + 7) // 8) ** 2
    first = b"\xff\xda\0\x08\1\1\0\0\0\0" + bytes(blocks // 8 + 1)
    run = 15  # bits of each run: its code and fourteen more
    bits = "0" + "1" * 14
    needed = blocks // ((1 << 15) - 1) + 1
    text = (bits * needed).ljust(-(-run * needed // 8) * 8, "1")
    coded = int(text, 2).to_bytes(len(text) // 8, "big").replace(b"\xff", b"\xff\0")
    again = b"\xff\xda\0\x08\1\1\0\1\x3f\0" + coded
    return b"\xff\xd8" + table + frame + codes + first + again * count + b"\xff\xd9"


def jpeg_of_hidden_scans(count: int = 20, side: int = 7_000) -> bytes:
    """A JPEG of many scans, behind markers that have no length but look as if they had one."""
    data = jpeg_of_scans(2, side)
    *before, scan = data.split(b"\xff\xda")
    scan = b"\xff\xda" + scan.removesuffix(b"\xff\xd9")
    # 0xFFDA would be a length of 65,498 bytes.
    hidden = b"\xff\x01" + scan * (65_498 // len(scan) + 1)
    return b"\xff\xda".join(before) + hidden * count + b"\xff\xd9"


def arithmetic_jpeg() -> bytes:
    data = saved(smooth(), "JPEG")
    return data.replace(b"\xff\xc0", b"\xff\xc9", 1)


def gif_of_comments(count: int = 60_000) -> bytes:
    """A GIF with a comment of many blocks before its frame."""
    data = saved(smooth(), "GIF")
    start = 13 + (3 << ((data[10] & 7) + 1))
    return data[:start] + b"!\xfe" + (b"\xff" + b"x" * 255) * count + b"\0" + data[start:]


def gif_of_blocks(count: int = 2_000_000) -> bytes:
    data = saved(smooth(), "GIF")
    start = 13 + (3 << ((data[10] & 7) + 1))
    return data[:start] + b"!\xfe" + b"\1x" * count + b"\0" + data[start:]


def gif_of_skipped_bytes(count: int = 10_000_000) -> bytes:
    """A GIF with bytes before its frame that start no block, and that Pillow skips one by one."""
    data = saved(smooth(), "GIF")
    start = 13 + (3 << ((data[10] & 7) + 1))
    return data[:start] + b"\1" * count + data[start:]


def gif_of_hidden_comments(count: int = 60_000) -> bytes:
    """A GIF of comments behind a byte that starts no block."""
    data = gif_of_comments(count)
    start = 13 + (3 << ((data[10] & 7) + 1))
    return data[:start] + b"\1" + data[start:]


def webp_of_nothing(side: int = 7_000) -> bytes:
    """A lossless WebP of one colour: four bytes a pixel of some canvases, from 38 bytes."""
    bits = (side - 1) | (side - 1) << 14 | 1 << 28
    body = (
        b"\x2f" + struct.pack("<I", bits) + bytes.fromhex("88888808 00000000 00".replace(" ", ""))
    )
    body += b"\0" * (len(body) & 1)
    coded = b"VP8L" + struct.pack("<I", len(body)) + body
    return b"RIFF" + struct.pack("<I", 4 + len(coded)) + b"WEBP" + coded


def webp_of_chunks(count: int = 1_000_000) -> bytes:
    data = saved(smooth(), "WEBP")
    return data + b"JUNK\0\0\0\0" * count


def tiff(
    width: int, height: int, packing: int, tags: list[tuple[int, int, int, int | bytes]]
) -> bytes:
    """A TIFF of grey pixels; tags are number, type, count, and value."""
    plain = [
        (256, 4, 1, width), (257, 4, 1, height), (258, 3, 1, 8), (259, 3, 1, packing),
        (262, 3, 1, 1), (277, 3, 1, 1),
    ]  # fmt: skip
    entries = sorted([*plain, *tags], key=lambda entry: entry[0])
    heap = 8 + 2 + 12 * len(entries) + 4
    directory, values = struct.pack("<H", len(entries)), b""
    for number, kind, count, value in entries:
        if isinstance(value, bytes):
            directory += struct.pack("<HHII", number, kind, count, heap + len(values))
            values += value
        else:
            directory += struct.pack("<HHII", number, kind, count, value)
    return b"II*\0" + struct.pack("<I", 8) + directory + bytes(4) + values


_DEFLATE, _PLAIN = 8, 1


def tiled(width: int, height: int, side: int) -> bytes:
    """A TIFF whose tiles are all the same packed bytes."""
    packed = zlib.compress(bytes(side * side), 9)
    count = -(-width // side) * -(-height // side)
    start = 8 + 2 + 12 * 10 + 4 + 8 * count
    data = tiff(width, height, _DEFLATE, [
        (322, 4, 1, side), (323, 4, 1, side),
        (324, 4, count, struct.pack("<I", start) * count),
        (325, 4, count, struct.pack("<I", len(packed)) * count),
    ])  # fmt: skip
    assert len(data) == start
    return data + packed


def tiff_in_tiles(grey: NDArray[np.uint8], side: int) -> bytes:
    """An honest TIFF whose pixels are stored tile by tile."""
    height, width = grey.shape
    down, across = -(-height // side), -(-width // side)
    filled = np.zeros((down * side, across * side), np.uint8)
    filled[:height, :width] = grey
    tiles = filled.reshape(down, side, across, side).swapaxes(1, 2).tobytes()
    count, size = down * across, side * side
    start = 8 + 2 + 12 * 10 + 4 + (8 * count if count > 1 else 0)
    offsets = [start + size * number for number in range(count)]
    placed, lengths = (
        struct.pack(f"<{count}I", *offsets),
        struct.pack(f"<{count}I", *[size] * count),
    )
    data = tiff(width, height, _PLAIN, [
        (322, 4, 1, side), (323, 4, 1, side),
        (324, 4, count, placed if count > 1 else start),
        (325, 4, count, lengths if count > 1 else size),
    ])  # fmt: skip
    return data + tiles


def tiff_of_a_huge_tile(side: int = 43_648) -> bytes:
    packed = zlib.compress(bytes(1000))
    tags = [(322, 4, 1, side), (323, 4, 1, side), (324, 4, 1, 134), (325, 4, 1, len(packed))]
    return tiff(64, 64, _DEFLATE, tags) + packed


def tiff_of_large_tiles() -> bytes:
    """Sixteen tiles of four million pixels in a picture of eight rows."""
    return tiled(16 * 2048, 8, 2048)


def tiff_of_overhanging_tiles() -> bytes:
    """Tiles of a common size of which the picture shows eight rows each."""
    return tiled(200_000, 8, 1024)


def tiff_of_strips(count: int = 2_400_000) -> bytes:
    return tiff(64, 64, _PLAIN, [
        (278, 4, 1, 1), (273, 4, count, struct.pack("<I", 8) * count),
        (279, 4, count, struct.pack("<I", 1) * count),
    ])  # fmt: skip


def bmp_of_runs(width: int = 180_000, height: int = 270) -> bytes:
    """A BMP in run-length encoding each of whose rows is given one pixel, the rest left out."""
    head = struct.pack("<IiiHHIIiiII", 40, width, height, 1, 8, 1, 0, 0, 0, 2, 0)
    start = 14 + len(head) + 8
    rows = b"\1\0\0\0" * height + b"\0\1"
    return b"BM" + struct.pack("<IHHI", start + len(rows), 0, 0, start) + head + bytes(8) + rows


def heic_of_items(count: int = 300_000) -> bytes:
    """A HEIC whose list of items is longer than any phone's."""
    entry = struct.pack(">I4sI", 20, b"infe", 2 << 24) + struct.pack(">HH4s", 1, 0, b"hvc1")
    listed = struct.pack(">I4sIH", 14 + len(entry) * count, b"iinf", 0, count & 0xFFFF)
    items = listed + entry * count
    head = struct.pack(">I4s4sI4s", 20, b"ftyp", b"heic", 0, b"mif1")
    return head + struct.pack(">I4sI", 12 + len(items), b"meta", 0) + items


def uncompressed_heic() -> bytes:
    """A HEIC whose picture is stored in a coding that phones do not use."""
    return saved(smooth(), "HEIF").replace(b"hvc1", b"unci", 1)
