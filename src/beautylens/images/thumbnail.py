"""Thumbnails of catalogue pictures, stored in the gallery so that searches need no files."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from beautylens.arrays import UInt8
from beautylens.images.draw import to_jpeg
from beautylens.images.fit import shrink

# Largest longer side of a thumbnail in pixels.
SIDE = 256
_QUALITY = 85


@dataclass(frozen=True, slots=True, eq=False)
class Thumbnail:
    """A shrunk picture (H, W, 3) uint8 RGB.

    `scale` is its size over that of the picture in which keypoints were detected.
    """

    pixels: UInt8
    scale: float

    @classmethod
    def of(cls, picture: UInt8, longest: int) -> Thumbnail:
        """Return the thumbnail of a picture whose keypoints were detected at `longest` pixels."""
        pixels, scale = shrink(picture, SIDE)
        return cls(pixels, scale / min(1.0, longest / max(picture.shape[:2])))

    def to_jpeg(self) -> bytes:
        """Return the pixels as the bytes of a JPEG file."""
        return to_jpeg(self.pixels, _QUALITY)

    @classmethod
    def from_jpeg(cls, data: bytes | memoryview, scale: float) -> Thumbnail:
        """Return the thumbnail of a stored JPEG file."""
        pixels = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR_RGB)
        return cls(np.asarray(pixels, np.uint8), scale)
