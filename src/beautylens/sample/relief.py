"""Relief: rounded slabs, pressed powder and embossed words, lit from the upper left."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import ArrayLike
from PIL import Image, ImageDraw

from beautylens.arrays import UInt8
from beautylens.sample.colour import RGB
from beautylens.sample.surfaces import SCALE


def rounded(width: float, height: float, radius: float) -> UInt8:
    """Return the mask of a rounded rectangle; lengths in pixels of the finished picture."""
    size = (round(width * SCALE), round(height * SCALE))
    image = Image.new("L", size, 0)
    box = (0, 0, size[0] - 1, size[1] - 1)
    ImageDraw.Draw(image).rounded_rectangle(box, radius * SCALE, fill=255)
    return np.asarray(image)


def whole(layer: UInt8) -> UInt8:
    """Return the mask of an opaque layer."""
    return np.full(layer.shape[:2], 255, np.uint8)


def solid(mask: UInt8, colour: RGB) -> UInt8:
    """Return a layer of one colour of the mask's size."""
    return np.full((*mask.shape, 3), colour, np.uint8)


def dimmed(layer: UInt8, gain: ArrayLike) -> UInt8:
    """Return the layer multiplied by a gain that broadcasts to (H, W, 3)."""
    return np.clip(layer * np.asarray(gain, np.float32), 0, 255).astype(np.uint8)


def embossed(layer: UInt8, heights: UInt8, depth: float) -> UInt8:
    """Return the layer lit as a relief of `heights`; a negative depth presses it in."""
    relief = cv2.GaussianBlur(heights, (0, 0), 1.6).astype(np.float32)
    slope = cv2.Sobel(relief, cv2.CV_32F, 1, 0) + cv2.Sobel(relief, cv2.CV_32F, 0, 1)
    return np.clip(layer + (depth * slope)[..., None], 0, 255).astype(np.uint8)


def slab(colour: RGB, mask: UInt8, rounding: float) -> UInt8:
    """Return a slab with a rounded, darker edge of `rounding` supersampled pixels."""
    heights = _domed(mask, rounding)
    rim = cv2.merge([cv2.convertScaleAbs(heights, alpha=0.3, beta=178)] * 3)
    body = cv2.multiply(solid(mask, colour), rim, scale=1 / 255)
    return embossed(np.asarray(body, np.uint8), heights, 0.22)


def _domed(mask: UInt8, reach: float) -> UInt8:
    bordered = cv2.copyMakeBorder(mask, 1, 1, 1, 1, cv2.BORDER_CONSTANT, value=0)
    inside = cv2.distanceTransform(bordered, cv2.DIST_L2, 3)[1:-1, 1:-1]
    rise = np.sqrt(1 - (1 - np.clip(inside / reach, 0, 1)) ** 2)
    return np.asarray(rise * 255, np.uint8)
