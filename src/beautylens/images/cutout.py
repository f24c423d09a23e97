"""Segmentation of the item of a studio picture from its white background."""

from __future__ import annotations

import cv2
import numpy as np

from beautylens.arrays import Bool, UInt8

# Least value of the darkest channel of a studio-white pixel.
_WHITE_LEVEL = 236
# Largest difference between the channels of a grey or white pixel.
_GREY_SPREAD = 14
# Least white share of the border of a picture on a white background.
_WHITE_BORDER = 0.6
# Widest frame, in pixels, that some shops draw around a picture.
_FRAME = 4
# Least share of its convex hull that an item covers: below, parts of it were white as well.
_MIN_SOLIDITY = 0.35
# Least grey level of a shadow.
_SHADOW_LEVEL = 170
# Largest gradient inside a shadow.
_SHADOW_STEP = 4
# Largest area of the shadow, as a share of the item.
_SHADOW_SHARE = 0.4

_NEIGHBOURS = np.ones((3, 3), np.uint8)
# The structuring element of the flood fill: narrower gaps in an outline let nothing in.
_FLOOD = np.ones((7, 7), np.uint8)
# White pixels added around a picture for the flood fill to start in, wider than its element.
_MARGIN = 8


def cut_out(picture: UInt8) -> tuple[UInt8, UInt8]:
    """Return the item cropped to its bounding box, (h, w, 3), and its mask, (h, w) uint8.

    White connected to the border is background, and so is a soft grey shadow on it; white inside
    the item is kept. A thin frame drawn around the picture is removed first.
    """
    inner, cover = _cover(picture)
    if cover.all():
        return picture, np.full(picture.shape[:2], 255, np.uint8)
    x, y, width, height = cv2.boundingRect(cover)
    window = np.s_[y : y + height, x : x + width]
    cover = np.asarray(cv2.erode(cover, _NEIGHBOURS)[window], np.uint8)
    return picture[inner][window], cover


def item_cover(picture: UInt8) -> UInt8:
    """Return the mask of the item, (H, W) uint8: 255 on the item, 0 on the white background.

    It is 255 everywhere if the background is not white, or the picture is empty.
    """
    inner, cover = _cover(picture)
    if cover.all():
        return np.full(picture.shape[:2], 255, np.uint8)
    whole = np.zeros(picture.shape[:2], np.uint8)
    whole[inner] = cover
    return whole


def _cover(picture: UInt8) -> tuple[tuple[slice, slice], UInt8]:
    """Return the slices of the picture inside its frame, and the item's mask there."""
    darkest, spread = _channel_range(picture)
    height, width = darkest.shape
    white = (darkest >= _WHITE_LEVEL) & (spread <= _GREY_SPREAD)
    rings = (depth for depth in range(_FRAME) if _border(white, depth).mean() >= _WHITE_BORDER)
    depth = next(rings, None)
    if depth is None or white.all():
        return np.s_[:, :], np.full(white.shape, 255, np.uint8)
    inner = np.s_[depth : height - depth, depth : width - depth]
    background = _background(darkest[inner], spread[inner], white[inner])
    cover = np.where(background, 0, 255).astype(np.uint8)
    cover = _solid(np.asarray(cv2.morphologyEx(cover, cv2.MORPH_OPEN, _NEIGHBOURS), np.uint8))
    return inner, cover if cover.any() else np.full_like(cover, 255)


def _border(flags: Bool, depth: int) -> Bool:
    """Return the ring of pixels `depth` inside the picture's edge, (N,)."""
    ring = flags[depth : flags.shape[0] - depth, depth : flags.shape[1] - depth]
    if not ring.size:
        return np.zeros(1, bool)
    return np.concatenate([ring[0], ring[-1], ring[:, 0], ring[:, -1]])


def _solid(cover: UInt8) -> UInt8:
    """Return the mask, or its convex hull if only fragments of a pale item are left."""
    outlines, _ = cv2.findContours(cover, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
    if not outlines:
        return cover
    hull = cv2.fillConvexPoly(np.zeros_like(cover), cv2.convexHull(np.concatenate(outlines)), 255)
    sparse = np.count_nonzero(cover) < _MIN_SOLIDITY * np.count_nonzero(hull)
    return np.asarray(hull if sparse else cover, np.uint8)


def _channel_range(picture: UInt8) -> tuple[UInt8, UInt8]:
    """Return the minimum over channels of each pixel, and the range of its channels."""
    red, green, blue = cv2.split(picture)
    darkest = cv2.min(cv2.min(red, green), blue)
    spread = cv2.subtract(cv2.max(cv2.max(red, green), blue), darkest)
    return np.asarray(darkest, np.uint8), np.asarray(spread, np.uint8)


def _background(darkest: UInt8, spread: UInt8, white: Bool) -> Bool:
    """Return the background: white connected to the border, and its shadow unless that leaks.

    A shadow is grey without an edge, and so is the side of an overexposed white pack: if the flood
    fill of white and shadow covers much more than that of white, it has leaked into the item.
    """
    flat = cv2.morphologyEx(darkest, cv2.MORPH_GRADIENT, _NEIGHBOURS) <= _SHADOW_STEP
    shaded = white | (flat & (darkest >= _SHADOW_LEVEL) & (spread <= _GREY_SPREAD))
    strict, lenient = _flooded(white), _flooded(shaded)
    item = max(int((~strict).sum()), 1)
    return lenient if int((lenient & ~strict).sum()) <= _SHADOW_SHARE * item else strict


def _flooded(passable: Bool) -> Bool:
    """Return the passable pixels connected to the outside of the picture.

    The fill is as wide as `_FLOOD`, so that it does not leak through a pinhole in an outline.
    """
    padded = np.pad(passable, _MARGIN, constant_values=True).astype(np.uint8)
    eroded = np.asarray(cv2.erode(padded, _FLOOD), np.uint8)
    cv2.floodFill(eroded, None, (0, 0), 2)
    reached = np.asarray(cv2.dilate((eroded == 2).astype(np.uint8), _FLOOD), np.uint8) & padded
    inner = slice(_MARGIN, -_MARGIN)
    return np.asarray(reached[inner, inner] > 0)
