"""Metadata that cannot be read is left out; the picture beside it is read."""

from __future__ import annotations

import struct
import zlib

import numpy as np
import pytest
from PIL import Image, PngImagePlugin

from beautylens.errors import ImageError
from beautylens.images.decode import decode
from tests.images import bombs
from tests.images.pictures import saved, smooth, turned


def damaged(chunk: bytes) -> bytes:
    """The chunk with a wrong checksum."""
    return chunk[:-1] + bytes([chunk[-1] ^ 1])


@pytest.mark.parametrize(
    "chunks",
    [
        bombs.chunk(b"tEXt", b"Comment\0" + b"x" * 3_000_000),
        bombs.chunk(b"zTXt", b"Comment\0\0" + zlib.compress(bytes(50_000_000))),
        bombs.chunk(b"iTXt", b"Comment\0\1\0\0\0" + zlib.compress(bytes(2_000_000))),
        bombs.chunk(b"iTXt", b"XML:com.adobe.xmp\0\1\0\0\0" + zlib.compress(bytes(2_000_000))),
        bombs.chunk(b"iTXt", b"XML:com.adobe.xmp\0\1"),
        bombs.chunk(b"zTXt", b"Comment\0\7nothing that unpacks"),
        bombs.chunk(b"zTXt", b"Comment\0\0" + zlib.compress(bytes(900_000))) * 80,
        bombs.chunk(b"iCCP", b"profile\0\0" + zlib.compress(bytes(2_000_000))),
        bombs.chunk(b"iCCP", b"profile\0\5nothing"),
        bombs.chunk(b"iCCP", b"profile"),
        bombs.chunk(b"pHYs", b"short"),
        bombs.chunk(b"gAMA", b""),
        bombs.chunk(b"cHRM", b"short"),
        bombs.chunk(b"sRGB", b""),
        bombs.chunk(b"tRNS", b"\0"),
        bombs.chunk(b"acTL", b"short"),
        bombs.chunk(b"fcTL", b"short"),
        *(
            damaged(bombs.chunk(kind, body))
            for kind, body in {
                b"tEXt": b"Author\0me", b"pHYs": struct.pack(">IIB", 2835, 2835, 1),
                b"iCCP": b"p\0\0" + zlib.compress(b"x"), b"eXIf": turned(6)[6:], b"tIME": bytes(7),
                b"tRNS": bytes(6), b"iTXt": b"XML:com.adobe.xmp\0\0\0\0\0<x/>", b"vpAg": b"12345",
            }.items()
        ),
    ],
)  # fmt: skip
def test_a_png_is_read_whatever_its_other_chunks_hold(chunks: bytes) -> None:
    np.testing.assert_array_equal(decode(bombs.png_with(chunks)), smooth())


@pytest.mark.parametrize("kind", [b"IHDR", b"IDAT"])
def test_a_png_whose_pixels_are_damaged_is_refused(kind: bytes) -> None:
    data = bytearray(saved(smooth(), "PNG"))
    data[data.index(kind) + 12] ^= 255
    with pytest.raises(ImageError, match="damaged"):
        decode(bytes(data))


def test_what_a_png_says_of_its_pixels_is_kept() -> None:
    palette = Image.fromarray(smooth()).quantize(16)
    clear = decode(saved(palette, "PNG", transparency=bytes(16)))
    assert (clear == 255).all()
    text = PngImagePlugin.PngInfo()
    text.add_itxt("XML:com.adobe.xmp", '<x tiff:Orientation="3"/>', zip=True)
    for options in ({"exif": turned(3)}, {"pnginfo": text}):
        turned_back = decode(saved(smooth(), "PNG", **options))
        np.testing.assert_array_equal(turned_back, smooth()[::-1, ::-1])


@pytest.mark.parametrize(
    ("marker", "body"),
    [
        (0xE0, b"JFIF\0"),
        (0xE0, b"JFIF\0\1"),
        (0xE2, b"ICC_PROFILE\0"),
        (0xEE, b"Adobe"),
        (0xEE, b"Adobe\0\x64"),
        (0xED, b"Photoshop 3.0\x008BIM\4\4"),
        (0xE1, b"Exif\0\0MM"),
        (0xE1, b"Exif\0\0nothing at all"),
        (0xE2, b"MPF\0broken"),
    ],
)
def test_a_jpeg_is_read_whatever_its_other_segments_hold(marker: int, body: bytes) -> None:
    segment = bytes((0xFF, marker)) + struct.pack(">H", len(body) + 2) + body
    np.testing.assert_array_equal(decode(bombs.jpeg_with(segment)), decode(bombs.jpeg_with(b"")))


@pytest.mark.parametrize("block", [b"!\xff\0", b"!\xf9\2ab\0", b"!\1\0", b"!\x7f\3abc\0"])
def test_a_gif_is_read_whatever_its_extensions_hold(block: bytes) -> None:
    data = saved(smooth(), "GIF")
    start = 13 + (3 << ((data[10] & 7) + 1))
    np.testing.assert_array_equal(decode(data[:start] + block + data[start:]), decode(data))


@pytest.mark.parametrize("kind", [1, 2, 5, 7, 12])
def test_a_tiff_is_read_whatever_its_descriptions_point_to(kind: int) -> None:
    data = bytearray(saved(smooth(), "TIFF", description="x" * 40))
    (start,) = struct.unpack_from("<I", data, 4)
    at = data.index(struct.pack("<H", 270), start)
    struct.pack_into("<HII", data, at + 2, kind, 1000, 1 << 31)
    np.testing.assert_array_equal(decode(bytes(data)), smooth())
