"""Whatever its depth, inks, profile or transparency, a picture comes out in its true colours."""

from __future__ import annotations

import struct

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray
from PIL import Image, ImageCms

from beautylens.errors import ImageError
from beautylens.images.decode import decode
from beautylens.images.limits import Limits
from tests.images.pictures import Pixels, distance, saved, smooth

ANY_SIDE = Limits(min_side=1)

SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()

pictures = arrays(np.uint8, st.tuples(st.integers(1, 24), st.integers(1, 24), st.just(3)))


def on_white_slowly(picture: Pixels, alpha: NDArray[np.uint8]) -> NDArray[np.float64]:
    share = alpha[..., None] / 255
    return picture * share + 255 * (1 - share)


@settings(max_examples=20, deadline=None)
@given(st.data())
def test_transparent_parts_lie_on_white(data: st.DataObject) -> None:
    picture = data.draw(pictures)
    alpha = data.draw(arrays(np.uint8, picture.shape[:2]))
    file = saved(np.dstack([picture, alpha]), "PNG")
    decoded = decode(file, limits=ANY_SIDE)
    assert np.abs(decoded - on_white_slowly(picture, alpha)).max() <= 1


def test_grey_with_alpha_and_palette_with_alpha_lie_on_white() -> None:
    grey, alpha = smooth()[..., 0], smooth(seed=1)[..., 1]
    file = saved(Image.merge("LA", [Image.fromarray(grey), Image.fromarray(alpha)]), "PNG")
    expected = on_white_slowly(np.repeat(grey[..., None], 3, 2), alpha)
    assert np.abs(decode(file) - expected).max() <= 1

    palette = Image.new("P", (8, 8), 1)
    palette.putpalette([0, 0, 0, 10, 20, 30, 200, 100, 50])
    palette.putpixel((0, 0), 2)
    opaque_first = decode(saved(palette, "PNG", transparency=bytes([255, 0, 255])))
    assert opaque_first[0, 0].tolist() == [200, 100, 50]
    assert opaque_first[1, 1].tolist() == [255, 255, 255]
    assert decode(saved(palette, "GIF", transparency=1))[1, 1].tolist() == [255, 255, 255]


def test_black_and_white_and_grey_pictures_become_rgb() -> None:
    grey = Image.fromarray(smooth()[..., 0])
    np.testing.assert_array_equal(decode(saved(grey, "PNG"))[..., 1], np.asarray(grey))
    bits = grey.convert("1")
    assert set(np.unique(decode(saved(bits, "PNG")))) == {0, 255}


@pytest.mark.parametrize("suffix", [".png", ".tiff"])
@pytest.mark.parametrize("channels", [1, 3, 4])
def test_sixteen_bits_a_channel_keep_their_tones(suffix: str, channels: int) -> None:
    samples = np.random.default_rng(2).integers(0, 65536, (12, 20, channels)).astype(np.uint16)
    if channels == 4:
        samples[..., 3] = 65535
    data = cv2.imencode(suffix, samples)[1].tobytes()
    rgb = samples[..., [2, 1, 0]] if channels > 1 else samples.repeat(3, axis=2)
    assert np.abs(decode(data) - rgb / 257).max() <= 1


def test_thirty_two_bits_a_channel_are_refused_because_white_is_unknown() -> None:
    samples = Image.fromarray(np.full((16, 16), 0.5, np.float32))
    with pytest.raises(ImageError, match="32 bits"):
        decode(saved(samples, "TIFF"))


def test_cmyk_with_and_without_adobes_mark_shows_the_same_picture() -> None:
    picture = smooth()
    inks = Image.fromarray(picture).convert("CMYK")
    adobe = saved(inks, "JPEG", quality=95)
    assert distance(decode(adobe), picture) < 6
    at = adobe.index(b"\xff\xee")
    length = struct.unpack(">H", adobe[at + 2 : at + 4])[0]
    inverted = saved(Image.fromarray(255 - np.asarray(inks), "CMYK"), "JPEG", quality=95)
    plain = inverted[:at] + inverted[at + 2 + length :]
    assert distance(decode(plain), picture) < 6


def with_primaries(**primaries: tuple[float, float, float]) -> bytes:
    """Return the sRGB profile with other D50 XYZ values for `rXYZ`, `gXYZ` and `bXYZ`."""
    profile = bytearray(SRGB)
    for tag in range(struct.unpack_from(">I", profile, 128)[0]):
        name, offset, _ = struct.unpack_from(">4sII", profile, 132 + 12 * tag)
        if name.decode() in primaries:
            fixed = [round(value * 65536) for value in primaries[name.decode()]]
            struct.pack_into(">3i", profile, offset + 8, *fixed)
    return bytes(profile)


# The colorants of Apple's Display P3 profile, and the matrix from linear P3 to linear sRGB
# that follows from the two standards' chromaticities (SMPTE EG 432-1, IEC 61966-2-1).
DISPLAY_P3 = with_primaries(
    rXYZ=(0.51512, 0.24120, -0.00105),
    gXYZ=(0.29198, 0.69225, 0.04189),
    bXYZ=(0.15710, 0.06657, 0.78407),
)
NEARLY_SRGB = with_primaries(gXYZ=(0.3853, 0.7180, 0.0972))
P3_TO_SRGB = np.array(
    [[1.2249, -0.2247, 0.0], [-0.0420, 1.0419, 0.0], [-0.0197, -0.0786, 1.0979]], np.float64
)


def p3_to_srgb_slowly(levels: Pixels) -> NDArray[np.float64]:
    value = levels / 255
    linear = np.where(value <= 0.04045, value / 12.92, ((value + 0.055) / 1.055) ** 2.4)
    linear = np.clip(linear @ P3_TO_SRGB.T, 0, 1)
    return 255 * np.where(linear <= 0.0031308, linear * 12.92, 1.055 * linear ** (1 / 2.4) - 0.055)


def test_a_wide_gamut_photo_is_converted_as_the_published_matrices_say() -> None:
    # Away from black, where eight bits cannot tell one level from two.
    picture = smooth() // 2 + 90
    data = saved(picture, "PNG", icc_profile=DISPLAY_P3)
    assert np.abs(decode(data) - p3_to_srgb_slowly(picture)).max() <= 2
    for kind in ("JPEG", "WEBP", "AVIF", "HEIF", "TIFF"):
        data = saved(picture, kind, icc_profile=DISPLAY_P3, quality=95)
        assert np.abs(decode(data) - p3_to_srgb_slowly(picture)).mean() < 6


def test_the_profile_of_a_transparent_picture_is_applied_to_its_colours() -> None:
    picture = smooth() // 2 + 90
    opaque = np.dstack([picture, np.full(picture.shape[:2], 255, np.uint8)])
    data = saved(opaque, "PNG", icc_profile=DISPLAY_P3)
    assert np.abs(decode(data) - p3_to_srgb_slowly(picture)).max() <= 2


@pytest.mark.parametrize("profile", [SRGB, NEARLY_SRGB])
def test_a_profile_that_is_srgb_changes_no_pixel(profile: bytes) -> None:
    picture = np.random.default_rng(3).integers(0, 256, (40, 40, 3), np.uint8)
    data = saved(picture, "PNG", icc_profile=profile)
    np.testing.assert_array_equal(decode(data), picture)


@pytest.mark.parametrize("profile", [b"no profile", SRGB[:200], b"\0" * 128])
def test_a_broken_profile_is_ignored(profile: bytes) -> None:
    np.testing.assert_array_equal(decode(saved(smooth(), "PNG", icc_profile=profile)), smooth())
