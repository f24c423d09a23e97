"""What a file may hold is bounded by its picture, and counted before anything is decoded."""

from __future__ import annotations

import io
import zlib
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext

import numpy as np
import pytest
from PIL import Image

from beautylens.errors import ImageError
from beautylens.images.decode import DecodeOptions, decode, decode_scaled
from beautylens.images.limits import Limits
from beautylens.images.structure.gif import read_gif
from beautylens.images.structure.png import read_png
from tests.images import bombs
from tests.images.pictures import saved, smooth

STRANGERS = Limits(max_bytes=20 << 20, max_pixels=50_000_000, max_scans=64, rare=False)


@pytest.mark.parametrize(
    ("bomb", "fault"),
    [
        (bombs.png_of_empty_chunks, "more than 4,144 chunks"),
        (bombs.jpeg_of_segments, "more than 4,096 segments"),
        (bombs.jpeg_of_filler, "bytes of filler"),
        (bombs.jpeg_of_scans, "more than 32 scans"),
        (bombs.jpeg_of_hidden_scans, "more than 32 scans"),
        (bombs.gif_of_blocks, "more than 65,536 blocks"),
        (bombs.gif_of_skipped_bytes, "more than 65,536 blocks"),
        (bombs.webp_of_chunks, "more than 65,536 chunks"),
        (bombs.heic_of_items, "more than 4,096 items"),
        (bombs.tiff_of_a_huge_tile, "tiles of 43,648 x 43,648 pixels in a picture of 64 x 64"),
        (bombs.tiff_of_large_tiles, "tiles of 2,048 x 2,048 pixels"),
        (bombs.tiff_of_overhanging_tiles, "mostly outside"),
        (bombs.tiff_of_strips, "2,400,000 strips where its picture has 64"),
        (bombs.bmp_of_runs, "run-length encoding"),
        (bombs.arithmetic_jpeg, "no camera writes"),
        (bombs.uncompressed_heic, "no phone writes"),
    ],
)
def test_a_file_with_more_parts_than_its_picture_needs_is_refused_unopened(
    bomb: Callable[[], bytes], fault: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = bomb()
    monkeypatch.setattr(io, "BytesIO", lambda _: pytest.fail("was opened"))
    with pytest.raises(ImageError, match=rf"^photo .*{fault}.*; save it again as JPEG or PNG$"):
        decode(data, name="photo", limits=STRANGERS)


@pytest.mark.parametrize("comments", [bombs.gif_of_comments, bombs.gif_of_hidden_comments])
def test_comments_of_a_gif_are_not_read(comments: Callable[[], bytes]) -> None:
    plain = saved(smooth(), "GIF")
    np.testing.assert_array_equal(decode(comments()), decode(plain))
    assert read_gif(comments(), STRANGERS).data == plain


@pytest.mark.parametrize("repeated", [bombs.png_of_profiles, bombs.png_of_orientations])
def test_repeated_metadata_of_a_png_is_unpacked_once(
    repeated: Callable[[int], bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    unpack, unpacked = zlib.decompressobj, []
    monkeypatch.setattr(zlib, "decompressobj", lambda: unpacked.append(None) or unpack())
    assert read_png(repeated(100), STRANGERS).data == repeated(1)
    assert len(unpacked) == 1


def test_a_webp_is_refused_before_memory_is_taken_for_its_canvas() -> None:
    with pytest.raises(ImageError, match="7000 x 7000 pixels, more than 1,000,000"):
        decode(bombs.webp_of_nothing(), limits=Limits(max_pixels=1_000_000))


def test_memory_is_limited_in_bytes_and_not_in_pixels() -> None:
    limits = Limits(max_decoded=700_000_000)
    with pytest.raises(ImageError, match=r"needs 980,000,000 bytes of memory to decode"):
        decode(bombs.webp_of_nothing(), limits=limits)
    grey = saved(Image.new("L", (7000, 7000)), "PNG")
    assert decode(grey, limits=limits).shape == (7000, 7000, 3)


@pytest.mark.parametrize("progressive", [False, True])
def test_all_scans_of_a_progressive_jpeg_count_as_memory(progressive: bool) -> None:
    picture = Image.new("RGB", (1024, 1024))
    data = saved(picture, "JPEG", progressive=progressive, subsampling=2)
    asked: list[int] = []

    def hold(size: int) -> AbstractContextManager[None]:
        asked.append(size)
        return nullcontext()

    assert decode_scaled(data, DecodeOptions(least_side=128), hold=hold).pixels.shape == (
        128,
        128,
        3,
    )
    # A coefficient of two bytes for each sample, of which a pixel has one and a half.
    whole = 2 * 1.5 * 1024 * 1024 if progressive else 0
    assert whole <= asked[0] <= 1.3 * whole + 10 * 128 * 128


@pytest.mark.parametrize(("scans", "fits"), [(60, True), (70, False)])
def test_scans_are_counted_exactly_where_there_are_many(scans: int, fits: bool) -> None:
    data = bombs.jpeg_of_scans(scans - 1, side=64)
    # What follows the picture, such as a film, is no part of it.
    data += b"\xff\xda\0\x08" * 1000
    if fits:
        assert decode(data, limits=STRANGERS).shape == (64, 64, 3)
    else:
        with pytest.raises(ImageError, match="more than 64 scans"):
            decode(data, limits=STRANGERS)


def test_a_format_that_is_not_taken_is_named_with_those_that_are() -> None:
    limits = Limits(kinds=(".jpg", ".png", ".webp"))
    with pytest.raises(ImageError, match=r"is a TIFF file, .* save it as JPEG, PNG or WebP"):
        decode(saved(smooth(), "TIFF"), limits=limits)
    with pytest.raises(ImageError, match="no known picture; give a JPEG, PNG or WebP file"):
        decode(b"nothing", limits=limits)


def test_a_jpeg_of_more_pixels_than_are_allowed_is_decoded_smaller() -> None:
    picture = smooth(400, 600)
    data = saved(picture, "JPEG", quality=95)
    decoded = decode_scaled(data, DecodeOptions(limits=Limits(max_pixels=70_000)))
    assert (decoded.pixels.shape, decoded.scale) == ((200, 300, 3), 1 / 2)
    with pytest.raises(ImageError, match="600 x 400 pixels, more than 200,000"):
        decode(data, limits=Limits(max_pixels=70_000, max_jpeg_pixels=200_000))


@pytest.mark.parametrize("options", [{}, {"compression": "tiff_lzw", "strip_size": 200}])
def test_tiffs_in_strips_are_taken(options: dict[str, object]) -> None:
    data = saved(smooth(), "TIFF", **options)
    np.testing.assert_array_equal(decode(data, limits=STRANGERS), smooth())


@pytest.mark.parametrize("side", [16, 256, 1024])
def test_tiffs_in_tiles_are_taken_however_small_their_picture(side: int) -> None:
    grey = smooth()[..., 0]
    decoded = decode(bombs.tiff_in_tiles(grey, side), limits=STRANGERS)
    np.testing.assert_array_equal(decoded, np.repeat(grey[..., None], 3, axis=2))
