"""Resizing, padding and cropping of pictures."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from beautylens.arrays import UInt8
from beautylens.errors import QueryError

# Least side of a picture in pixels.
MIN_SIDE = 8
# Largest range of levels, of 256, of a blank picture in a thumbnail: noise and compression.
BLANK_RANGE = 10


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle in pixels of the upright picture; x, y is its upper left corner."""

    x: int
    y: int
    width: int
    height: int

    @classmethod
    def parse(cls, text: str) -> Box:
        """Return the box of a text `x,y,w,h`.

        Raises:
            QueryError: when the text is not four whole numbers with a positive size.
        """
        try:
            x, y, width, height = (int(part) for part in text.split(","))
        except ValueError:
            raise QueryError(
                f"the crop {text!r} is not four whole numbers; write it as x,y,w,h in pixels"
            ) from None
        if width <= 0 or height <= 0:
            raise QueryError(f"the crop {text!r} is empty; give a width and a height above zero")
        return cls(x, y, width, height)

    def scaled(self, scale: float) -> Box:
        """Return the same rectangle in pixels of the picture at another size."""
        if scale == 1:
            return self
        left, top = round(self.x * scale), round(self.y * scale)
        width, height = (max(1, round(side * scale)) for side in (self.width, self.height))
        return Box(left, top, width, height)


def white_pad(picture: UInt8, side: int) -> UInt8:
    """Return the picture resized and centred on a white square; its longer side fills it.

    Args:
        picture: (H, W, 3) uint8.
        side: side of the square in pixels.

    Returns:
        (side, side, 3) uint8.
    """
    fitted = _resized(picture, side / max(picture.shape[:2]))
    height, width = fitted.shape[:2]
    top, left = (side - height) // 2, (side - width) // 2
    square = np.full((side, side, 3), 255, np.uint8)
    square[top : top + height, left : left + width] = fitted
    return square


def shrink(picture: UInt8, longest: int) -> tuple[UInt8, float]:
    """Return the picture with its longer side at most `longest` pixels, and the scale.

    A small enough picture is returned unchanged, with scale 1. Sides are rounded to whole pixels,
    at least one, so that positions scale by `scale` only approximately.
    """
    scale = min(1.0, longest / max(picture.shape[:2]))
    return (picture if scale == 1.0 else _resized(picture, scale)), scale


def crop(picture: UInt8, box: Box) -> UInt8:
    """Return the picture cropped to the box, which is clipped to the picture.

    Raises:
        QueryError: when the box covers less than 8 x 8 pixels of the picture.
    """
    height, width = picture.shape[:2]
    left, right = max(0, box.x), min(width, box.x + box.width)
    top, bottom = max(0, box.y), min(height, box.y + box.height)
    if left >= right or top >= bottom:
        raise QueryError(
            f"the crop {box.x},{box.y},{box.width},{box.height} lies outside the picture of "
            f"{width} x {height} pixels; choose a box inside it"
        )
    if min(right - left, bottom - top) < MIN_SIDE:
        raise QueryError(
            f"the crop {box.x},{box.y},{box.width},{box.height} covers {right - left} x "
            f"{bottom - top} pixels of the picture; choose {MIN_SIDE} x {MIN_SIDE} or more"
        )
    return picture[top:bottom, left:right].copy()


def is_blank(picture: UInt8) -> bool:
    """Return whether a picture has a single colour, as of a covered lens or a bare wall."""
    small = cv2.resize(picture, (32, 32), interpolation=cv2.INTER_AREA)
    return bool((np.ptp(small.reshape(-1, 3).astype(int), axis=0) < BLANK_RANGE).all())


def centre(picture: UInt8, share: float) -> UInt8:
    """Return the centred crop with this share of width and height, 0 to 1."""
    height, width = picture.shape[:2]
    rows, columns = max(1, round(height * share)), max(1, round(width * share))
    top, left = (height - rows) // 2, (width - columns) // 2
    return picture[top : top + rows, left : left + columns]


def _resized(picture: UInt8, scale: float) -> UInt8:
    height, width = (max(1, round(length * scale)) for length in picture.shape[:2])
    # Area averaging avoids aliasing when shrinking, but shows blocks when enlarging.
    interpolation = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(picture, (width, height), interpolation=interpolation), np.uint8)
