"""Any picture of any common format comes out upright, at the size that is wanted."""

from __future__ import annotations

import io
import math
import warnings
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from PIL import Image

from beautylens.errors import ImageError
from beautylens.images.decode import decode
from beautylens.images.limits import Limits
from tests.images.pictures import ORIENTATION, Pixels, distance, saved, smooth, turned

ANY_SIDE = Limits(min_side=1)

pictures = arrays(np.uint8, st.tuples(st.integers(1, 24), st.integers(1, 24), st.just(3)))


LOSSLESS = [
    ("PNG", {}),
    ("BMP", {}),
    ("WEBP", {"lossless": True}),
    ("TIFF", {}),
    ("TIFF", {"compression": "tiff_lzw"}),
]
LOSSY = [
    ("JPEG", {"quality": 95}),
    ("JPEG", {"quality": 95, "progressive": True}),
    ("WEBP", {"quality": 95}),
    ("AVIF", {"quality": 95}),
    ("HEIF", {"quality": 95}),
    ("TIFF", {"compression": "jpeg"}),
    ("GIF", {}),
]


@pytest.mark.parametrize(("kind", "options"), LOSSLESS)
@settings(max_examples=20, deadline=None)
@given(picture=pictures)
def test_a_lossless_file_comes_back_pixel_for_pixel(
    kind: str, options: dict[str, object], picture: Pixels
) -> None:
    decoded = decode(saved(picture, kind, **options), limits=ANY_SIDE)
    assert decoded.dtype == np.uint8
    assert decoded.flags.c_contiguous
    np.testing.assert_array_equal(decoded, picture)


@pytest.mark.parametrize(("kind", "options"), LOSSY)
def test_a_lossy_file_comes_back_nearly(kind: str, options: dict[str, object]) -> None:
    picture = smooth()
    assert distance(decode(saved(picture, kind, **options)), picture) < 6


@settings(max_examples=25, deadline=None)
@given(picture=pictures, quality=st.integers(30, 95), subsampling=st.sampled_from([0, 1, 2]))
def test_a_jpeg_decodes_as_opencv_decodes_it(
    picture: Pixels, quality: int, subsampling: int
) -> None:
    data = saved(picture, "JPEG", quality=quality, subsampling=subsampling)
    theirs = np.asarray(cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR))[..., ::-1]
    ours = decode(data, limits=ANY_SIDE)
    assert np.abs(ours.astype(int) - theirs).max() <= 2


def test_a_picture_of_many_strips_keeps_its_rows_in_order() -> None:
    picture = np.random.default_rng(1).integers(0, 256, (700, 900, 3), np.uint8)
    np.testing.assert_array_equal(decode(saved(picture, "BMP")), picture)


# EXIF 2.32, tag 0x0112: the side of the scene on which the stored first row and column lie.
FIRST_ROW_AND_COLUMN = {
    1: ("top", "left"),
    2: ("top", "right"),
    3: ("bottom", "right"),
    4: ("bottom", "left"),
    5: ("left", "top"),
    6: ("right", "top"),
    7: ("right", "bottom"),
    8: ("left", "bottom"),
}


def upright_slowly(stored: Pixels, orientation: int) -> Pixels:
    rows, columns = stored.shape[:2]
    swapped = orientation >= 5
    scene = np.zeros((columns, rows, 3) if swapped else (rows, columns, 3), np.uint8)
    for row in range(rows):
        for column in range(columns):
            place = {"top": 0, "left": 0}
            sides = zip(
                FIRST_ROW_AND_COLUMN[orientation], (row, column), stored.shape, strict=False
            )
            for side, index, length in sides:
                axis = "top" if side in ("top", "bottom") else "left"
                place[axis] = index if side in ("top", "left") else length - 1 - index
            scene[place["top"], place["left"]] = stored[row, column]
    return scene


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize(("kind", "options"), [*LOSSLESS[:1], *LOSSLESS[2:]])
@settings(max_examples=4, deadline=None)
@given(picture=pictures)
def test_exif_orientation_is_applied_as_the_standard_defines_it(
    kind: str, options: dict[str, object], orientation: int, picture: Pixels
) -> None:
    data = saved(picture, kind, exif=turned(orientation), **options)
    expected = upright_slowly(picture, orientation)
    np.testing.assert_array_equal(decode(data, limits=ANY_SIDE), expected)
    opened = Image.open(io.BytesIO(data))
    np.testing.assert_array_equal(decode(opened, limits=ANY_SIDE), expected)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["JPEG", "AVIF", "HEIF"])
def test_phone_formats_are_turned_once_and_only_once(kind: str, orientation: int) -> None:
    picture = smooth()
    data = saved(picture, kind, exif=turned(orientation), quality=95)
    assert distance(decode(data), upright_slowly(picture, orientation)) < 6


def test_an_orientation_set_on_a_pillow_image_is_applied() -> None:
    image = Image.fromarray(smooth())
    image.getexif()[ORIENTATION] = 6
    np.testing.assert_array_equal(decode(image), upright_slowly(smooth(), 6))


@pytest.mark.parametrize("orientation", [0, 9, 65535])
def test_an_orientation_that_does_not_exist_is_ignored(orientation: int) -> None:
    data = saved(smooth(), "PNG", exif=turned(orientation))
    np.testing.assert_array_equal(decode(data), smooth())


def test_damaged_exif_is_ignored_without_a_warning() -> None:
    exif = bytearray(turned(6))
    exif[14:20] = b"\xff" * 6
    data = saved(smooth(), "JPEG", exif=bytes(exif), quality=95)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert decode(data).shape[2] == 3
    # A JPEG without a density makes Pillow look for it in the EXIF block while it opens the file.
    bare = data.replace(b"JFIF\0\1\1\1", b"JFIF\0\1\1\0")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert decode(bare).shape[2] == 3


def test_the_first_frame_of_an_animation_is_taken() -> None:
    first, second = Image.new("RGB", (16, 16), "red"), Image.new("RGB", (16, 16), "blue")
    for kind in ("GIF", "WEBP", "PNG", "TIFF"):
        data = saved(first, kind, save_all=True, append_images=[second])
        assert distance(decode(data), np.asarray(first)) < 2


@settings(max_examples=30, deadline=None)
@given(height=st.integers(8, 200), width=st.integers(8, 200), least=st.integers(1, 250))
def test_a_jpeg_is_reduced_as_far_as_its_longer_side_allows(
    height: int, width: int, least: int
) -> None:
    decoded = decode(saved(smooth(height, width), "JPEG"), least_side=least)
    sizes = [(math.ceil(height / by), math.ceil(width / by), 3) for by in (8, 4, 2, 1)]
    assert decoded.shape == next((size for size in sizes if max(size[:2]) >= least), sizes[-1])


def test_a_reduced_jpeg_is_the_picture_made_smaller_and_turned_upright() -> None:
    picture = smooth(480, 640)
    data = saved(picture, "JPEG", quality=95, exif=turned(6))
    decoded = decode(data, least_side=150)
    assert decoded.shape == (160, 120, 3)
    small = cv2.resize(picture, (160, 120), interpolation=cv2.INTER_AREA)
    assert distance(decoded, upright_slowly(np.asarray(small, np.uint8), 6)) < 4


def test_only_jpegs_are_reduced() -> None:
    for kind in ("PNG", "HEIF"):
        assert decode(saved(smooth(), kind), least_side=8).shape == (48, 64, 3)
    opened = Image.open(io.BytesIO(saved(smooth(), "JPEG")))
    assert decode(opened, least_side=8).shape == (48, 64, 3)


def test_the_content_decides_and_not_the_suffix(tmp_path: Path) -> None:
    path = tmp_path / "photo.jpg"
    path.write_bytes(saved(smooth(), "PNG"))
    np.testing.assert_array_equal(decode(path), smooth())
    np.testing.assert_array_equal(decode(str(path)), smooth())


def test_an_rgb_array_is_taken_as_it_is() -> None:
    np.testing.assert_array_equal(decode(smooth()), smooth())
    flipped = decode(smooth()[::-1])
    assert flipped.flags.c_contiguous
    np.testing.assert_array_equal(flipped, smooth()[::-1])


@pytest.mark.parametrize(
    "array",
    [np.zeros((9, 9), np.uint8), np.zeros((9, 9, 4), np.uint8), np.zeros((9, 9, 3), np.float32)],
)
def test_an_array_that_is_not_rgb_bytes_is_refused(array: Pixels) -> None:
    with pytest.raises(ImageError, match=r"give RGB as \(height, width, 3\) uint8"):
        decode(array)
