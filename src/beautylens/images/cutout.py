"""Cutting the item of a studio picture out of its white ground."""

from __future__ import annotations

import cv2
import numpy as np

from beautylens.arrays import Bool, UInt8

# A pixel is studio white when its darkest channel reaches the one and its channels keep within the
# other.
_WHITE_LEVEL = 236
_GREY_SPREAD = 14

# Share of the border that must be white before a picture counts as cut-out material.
_WHITE_BORDER = 0.6

# Pixels of frame that some shops draw around a picture; share of its convex hull that an item fills
# at least, for the rest of it was as white as the ground.
_FRAME = 4
_SCRAPS = 0.35

# A shadow's least grey level, its largest change between neighbours, and the most that it may add
# to the ground, as a share of the item.
_SHADOW_LEVEL = 170
_SHADOW_STEP = 4
_SHADOW_SHARE = 0.4

_NEIGHBOURS = np.ones((3, 3), np.uint8)
_DRAUGHT = np.ones((7, 7), np.uint8)
# White added around a picture for the flood to start in, wider than its draught, in pixels.
_MARGIN = 8


def cut_out(picture: UInt8) -> tuple[UInt8, UInt8]:
    """Return the item's own rectangle, (h, w, 3), and its coverage, (h, w) uint8.

    White that touches the border is ground, and so is the soft grey shadow on it; white inside
    the item stays. A thin frame drawn around a white ground is cut away first.
    """
    inner, cover = _cover(picture)
    if cover.all():
        return picture, np.full(picture.shape[:2], 255, np.uint8)
    x, y, width, height = cv2.boundingRect(cover)
    window = np.s_[y : y + height, x : x + width]
    cover = np.asarray(cv2.erode(cover, _NEIGHBOURS)[window], np.uint8)
    return picture[inner][window], cover


def item_cover(picture: UInt8) -> UInt8:
    """Return where a picture shows its item, (H, W) uint8: 255 there, 0 on its white ground.

    A picture without a white ground, or with nothing on it, is item all over.
    """
    inner, cover = _cover(picture)
    if cover.all():
        return np.full(picture.shape[:2], 255, np.uint8)
    whole = np.zeros(picture.shape[:2], np.uint8)
    whole[inner] = cover
    return whole


def _cover(picture: UInt8) -> tuple[tuple[slice, slice], UInt8]:
    """Return the part of a picture inside its frame, and the item's coverage of that part."""
    darkest, spread = _channel_range(picture)
    height, width = darkest.shape
    white = (darkest >= _WHITE_LEVEL) & (spread <= _GREY_SPREAD)
    rings = (depth for depth in range(_FRAME) if _border(white, depth).mean() >= _WHITE_BORDER)
    depth = next(rings, None)
    if depth is None or white.all():
        return np.s_[:, :], np.full(white.shape, 255, np.uint8)
    inner = np.s_[depth : height - depth, depth : width - depth]
    ground = _ground(darkest[inner], spread[inner], white[inner])
    cover = np.where(ground, 0, 255).astype(np.uint8)
    cover = _mended(np.asarray(cv2.morphologyEx(cover, cv2.MORPH_OPEN, _NEIGHBOURS), np.uint8))
    return inner, cover if cover.any() else np.full_like(cover, 255)


def _border(flags: Bool, depth: int) -> Bool:
    """Return the ring of pixels that lies `depth` inside the picture's edge, as one row."""
    ring = flags[depth : flags.shape[0] - depth, depth : flags.shape[1] - depth]
    if not ring.size:
        return np.zeros(1, bool)
    return np.concatenate([ring[0], ring[-1], ring[:, 0], ring[:, -1]])


def _mended(cover: UInt8) -> UInt8:
    """Return the coverage, or its convex hull where only scraps of a pale item are left."""
    outlines, _ = cv2.findContours(cover, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
    if not outlines:
        return cover
    hull = cv2.fillConvexPoly(np.zeros_like(cover), cv2.convexHull(np.concatenate(outlines)), 255)
    sparse = np.count_nonzero(cover) < _SCRAPS * np.count_nonzero(hull)
    return np.asarray(hull if sparse else cover, np.uint8)


def _channel_range(picture: UInt8) -> tuple[UInt8, UInt8]:
    """Return each pixel's darkest channel, and how far its brightest lies above it."""
    red, green, blue = cv2.split(picture)
    darkest = cv2.min(cv2.min(red, green), blue)
    spread = cv2.subtract(cv2.max(cv2.max(red, green), blue), darkest)
    return np.asarray(darkest, np.uint8), np.asarray(spread, np.uint8)


def _ground(darkest: UInt8, spread: UInt8, white: Bool) -> Bool:
    """Return what a flood from outside covers: white, and its shadow unless that eats the item.

    A shadow is grey without an edge. So is the flank of an overexposed white pack: where the
    flood over shadow takes much more than white alone, it has leaked into the item.
    """
    flat = cv2.morphologyEx(darkest, cv2.MORPH_GRADIENT, _NEIGHBOURS) <= _SHADOW_STEP
    shaded = white | (flat & (darkest >= _SHADOW_LEVEL) & (spread <= _GREY_SPREAD))
    strict, lenient = _flooded(white), _flooded(shaded)
    item = max(int((~strict).sum()), 1)
    return lenient if int((lenient & ~strict).sum()) <= _SHADOW_SHARE * item else strict


def _flooded(passable: Bool) -> Bool:
    """Return the passable pixels that a flood from outside the picture reaches.

    The flood is as wide as `_DRAUGHT`, so that a pinhole in a pale item's outline lets none in.
    """
    sea = np.pad(passable, _MARGIN, constant_values=True).astype(np.uint8)
    channel = np.asarray(cv2.erode(sea, _DRAUGHT), np.uint8)
    cv2.floodFill(channel, None, (0, 0), 2)
    reached = np.asarray(cv2.dilate((channel == 2).astype(np.uint8), _DRAUGHT), np.uint8) & sea
    inner = slice(_MARGIN, -_MARGIN)
    return np.asarray(reached[inner, inner] > 0)
