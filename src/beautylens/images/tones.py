"""Conversion of Pillow images to 8-bit sRGB: bit depth, CMYK, colour profile, transparency."""

from __future__ import annotations

import io
from functools import lru_cache
from itertools import product

import cv2
import numpy as np
import pyarrow as pa
from PIL import Image, ImageChops, ImageCms
from PIL.JpegImagePlugin import JpegImageFile

from beautylens.arrays import UInt8
from beautylens.runtime.native import OPENCV

# The mode in which a colour profile is applied; RGB for all others.
_PROFILED = {"1": "L", "L": "L", "LA": "L", "CMYK": "CMYK"}

# One level of rounding, and one for profiles that approximate the sRGB curve.
_SAME_LEVELS = 2


def has_plain_cmyk(picture: Image.Image) -> bool:
    """Return whether the CMYK values of a file are not inverted.

    Pillow takes those of every JPEG as inverted, which is true of Adobe's files only.
    """
    return isinstance(picture, JpegImageFile) and "adobe" not in picture.info


def srgb(picture: Image.Image, *, plain_cmyk: bool = False) -> Image.Image:
    """Return a loaded picture, or a part of it, in mode RGB.

    Its colour profile is applied, and transparent pixels are blended with white.

    Args:
        picture: of any mode.
        plain_cmyk: `has_plain_cmyk` of the whole picture.
    """
    profile = picture.info.get("icc_profile")
    if picture.mode.startswith("I;16"):
        picture = _eight_bits(picture)
    alpha = picture.convert("RGBA").getchannel("A") if picture.has_transparency_data else None
    colour = _in_srgb(_opaque(picture, plain_cmyk), profile)
    if alpha is None:
        return colour
    white = Image.new("RGB", picture.size, "white")
    white.paste(colour, mask=alpha)
    return white


def _eight_bits(picture: Image.Image) -> Image.Image:
    """Return 16-bit levels scaled to 8 bits; Pillow's own conversion clips them at 255."""
    samples = np.asarray(picture).astype(np.uint32)
    return Image.fromarray(((samples + 128) // 257).astype(np.uint8))


def _opaque(picture: Image.Image, plain_cmyk: bool) -> Image.Image:
    """Return the picture without alpha, in the mode of its colour profile."""
    if picture.mode == "CMYK":
        return ImageChops.invert(picture) if plain_cmyk else picture
    if picture.mode == "P":
        # Through RGBA: Pillow warns about palettes with more than one transparent colour.
        picture = picture.convert("RGBA")
    return _in_mode(picture, _PROFILED.get(picture.mode, "RGB"))


def _in_mode(picture: Image.Image, mode: str) -> Image.Image:
    """Return the picture in a mode; Pillow's `convert` would copy even if nothing changes."""
    return picture if picture.mode == mode else picture.convert(mode)


def _in_srgb(picture: Image.Image, profile: bytes | None) -> Image.Image:
    transform = _transform(profile, picture.mode) if profile else None
    return _in_mode(picture, "RGB") if transform is None else transform.apply(picture)


@lru_cache(maxsize=16)
def _transform(profile: bytes, mode: str) -> ImageCms.ImageCmsTransform | None:
    """Return the transform of a profile to sRGB; None if it is sRGB itself, or invalid."""
    try:
        transform = ImageCms.ImageCmsTransform(
            ImageCms.ImageCmsProfile(io.BytesIO(profile)),
            ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")),
            mode,
            "RGB",
        )
    except (OSError, ValueError, ImageCms.PyCMSError):
        return None
    return None if mode == "RGB" and _changes_nothing(transform) else transform


def _changes_nothing(transform: ImageCms.ImageCmsTransform) -> bool:
    levels = np.array(list(product(range(0, 256, 51), repeat=3)), np.uint8)[None]
    changed = np.asarray(transform.apply(Image.fromarray(levels)))
    return bool(np.abs(changed.astype(int) - levels).max() <= _SAME_LEVELS)


_STRIP_BYTES = 1 << 20


def pixels_of(picture: Image.Image) -> UInt8:
    """Return the pixels of a loaded picture in sRGB, (H, W, 3) uint8.

    Pillow has four bytes a pixel, and `np.asarray` of a large image takes as long as decoding it.
    Arrow gives access to a small image without a copy: the picture is converted strip by strip,
    which also avoids a second large image in the colour conversion.
    """
    width, height = picture.size
    plain_cmyk = has_plain_cmyk(picture)
    rows = max(1, min(height, _STRIP_BYTES // (4 * width)))
    pixels = np.empty((height, width, 3), np.uint8)
    for top in range(0, height, rows):
        bottom = min(height, top + rows)
        strip = srgb(picture.crop((0, top, width, bottom)), plain_cmyk=plain_cmyk)
        _copy(strip, pixels[top:bottom])
    return pixels


@OPENCV.serialise_first_call
def _copy(strip: Image.Image, pixels: UInt8) -> None:
    """Copy a small RGB image into an array of its size."""
    seen = pa.array(strip).flatten().to_numpy().reshape(*pixels.shape[:2], 4)
    cv2.cvtColor(seen, cv2.COLOR_RGBA2RGB, dst=pixels)
