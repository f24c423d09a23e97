"""A small copy of a catalogue picture, kept in the gallery so that searches need no file."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from beautylens.arrays import UInt8
from beautylens.images.draw import to_jpeg
from beautylens.images.fit import shrink

# Pixels of its longer side, at most.
SIDE = 256
_QUALITY = 85


@dataclass(frozen=True, slots=True, eq=False)
class Thumbnail:
    """A shrunken picture (H, W, 3) uint8 RGB.

    `scale` is its size over that of the picture from which keypoints were taken, so that these
    can be found in it.
    """

    pixels: UInt8
    scale: float

    @classmethod
    def of(cls, picture: UInt8, longest: int) -> Thumbnail:
        """Return the thumbnail of a picture whose keypoints were taken at `longest` pixels."""
        pixels, scale = shrink(picture, SIDE)
        return cls(pixels, scale / min(1.0, longest / max(picture.shape[:2])))

    def to_jpeg(self) -> bytes:
        """Return the pixels as a JPEG file."""
        return to_jpeg(self.pixels, _QUALITY)

    @classmethod
    def from_jpeg(cls, data: bytes, scale: float) -> Thumbnail:
        """Return the thumbnail that was stored as a JPEG file."""
        pixels = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR_RGB)
        return cls(np.asarray(pixels, np.uint8), scale)
