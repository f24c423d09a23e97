"""EXIF orientation: reading and applying it."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable
from typing import cast

import cv2
import numpy as np
from PIL import Image
from PIL.ExifTags import Base

from beautylens.arrays import UInt8
from beautylens.images.quiet import quiet

# Exceptions that Pillow and its plugins raise on damaged files.
DAMAGE = (
    ArithmeticError,
    AssertionError,
    AttributeError,
    EOFError,
    LookupError,
    MemoryError,
    OSError,
    RuntimeError,
    SyntaxError,
    TypeError,
    ValueError,
    struct.error,
    zlib.error,
)


def orientation_of(picture: Image.Image) -> int:
    """Return the EXIF orientation to apply, 1 to 8; 1 if EXIF data is damaged."""
    try:
        with quiet():
            return cast(int, picture.getexif().get(Base.Orientation, 1))
    except DAMAGE:
        return 1


_UPRIGHT: dict[int, Callable[[UInt8], cv2.typing.MatLike]] = {
    2: lambda pixels: cv2.flip(pixels, 1),
    3: lambda pixels: cv2.rotate(pixels, cv2.ROTATE_180),
    4: lambda pixels: cv2.flip(pixels, 0),
    5: cv2.transpose,
    6: lambda pixels: cv2.rotate(pixels, cv2.ROTATE_90_CLOCKWISE),
    7: lambda pixels: cv2.flip(cv2.rotate(pixels, cv2.ROTATE_90_CLOCKWISE), 0),
    8: lambda pixels: cv2.rotate(pixels, cv2.ROTATE_90_COUNTERCLOCKWISE),
}


def upright(pixels: UInt8, orientation: int) -> UInt8:
    """Return the pixels rotated and mirrored by an EXIF orientation."""
    turn = _UPRIGHT.get(orientation)
    return pixels if turn is None else np.asarray(turn(pixels), np.uint8)
