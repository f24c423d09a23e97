"""Telling whether two files hold the same picture: re-encoded, resized, framed or trimmed.

Two shades or sizes of one product line look alike as a whole and differ in one place. So what
counts is the place where two pictures, laid over each other, differ most.
"""

from __future__ import annotations

import cv2
import numpy as np

from beautylens.arrays import Float32, UInt8

# Sides in pixels at which pictures are compared: of thumbnails, and of what can show print.
COARSE = 128
FINE = 512
_FIRST_STEPS = 40
_FURTHER_STEPS = 10
# Side in pixels of the places compared: a word of small print at the fine side.
_CELL = 11
# Levels by which a pixel differs from the frame around a picture before it belongs to it.
_GROUND = 12
# Share of the picture that must be covered by the other.
_OVERLAP = 0.6
# Ratio of width to height that resizing keeps: a taller bottle is another size, not a copy.
_STRETCH = 1.04
# The difference of pictures that cannot be laid over each other: that of black and white.
APART = 100.0


def difference(one: UInt8, other: UInt8, side: int) -> float:
    """Return by how much two pictures differ where they differ most, in units of CIELAB.

    They are laid over each other by an affine map (ECC; Evangelidis and Psarakis, 2008), as they
    are and with the plain ground around them cut away; the better counts. Measured values of copies
    and of other products: docs/benchmarks.md.

    Args:
        one: (H, W, 3) uint8 RGB.
        other: (H', W', 3).
        side: pixels to which both are brought, or less where one has less.
    """
    side = min(side, max(one.shape[:2]), max(other.shape[:2]))
    framings = ((one, other), (_trimmed(one), _trimmed(other)))
    return min(_difference(left, right, side) for left, right in framings)


def _difference(first: UInt8, second: UInt8, side: int) -> float:
    one, other = _square(first, side), _square(second, side)
    transform = _transform(one, other)
    if transform is None or _stretch(transform, first, second) > _STRETCH:
        return APART
    size = one.shape[1::-1]
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    laid = np.asarray(cv2.warpAffine(other, transform, size, flags=flags), np.uint8)
    ones = np.ones(one.shape[:2], np.uint8)
    covered = cv2.erode(cv2.warpAffine(ones, transform, size, flags=flags), np.ones((9, 9)))
    if covered.mean() < _OVERLAP:
        return APART
    apart = np.linalg.norm(_lab(one) - _lab(laid), axis=2) * covered
    cells = max(1, len(one) // _CELL)
    return float(cv2.resize(apart, (cells, cells), interpolation=cv2.INTER_AREA).max())


def _transform(one: UInt8, other: UInt8) -> Float32 | None:
    """Return the affine map (2, 3) from one picture to the other, found small and then refined."""
    transform = np.eye(2, 3, dtype=np.float32)
    for side in sorted({min(COARSE, len(one)), len(one)}):
        left, right = (
            cv2.cvtColor(_square(each, side), cv2.COLOR_RGB2GRAY) for each in (one, other)
        )
        most = _FURTHER_STEPS if side > COARSE else _FIRST_STEPS
        stop = (cv2.TERM_CRITERIA_COUNT | cv2.TERM_CRITERIA_EPS, most, 1e-4)
        transform[:, 2] *= side / min(COARSE, len(one))
        try:
            _, found = cv2.findTransformECC(
                left, right, transform, cv2.MOTION_AFFINE, stop, np.ones_like(left), 5
            )
        except cv2.error:
            # It does not converge on pictures that have nothing in common.
            return None
        transform = np.asarray(found, np.float32)
    return transform


def _stretch(transform: Float32, one: UInt8, other: UInt8) -> float:
    """Return the ratio of the two scales of a map between the squares made of two pictures."""
    down, across = (np.array(other.shape[:2]) / one.shape[:2]).tolist()
    ratio = float(transform[0, 0]) * across / (float(transform[1, 1]) * down)
    return max(ratio, 1 / ratio) if ratio > 0 else APART


def _trimmed(picture: UInt8) -> UInt8:
    """Return a picture without the plain ground around it; as it is, where nothing else is left."""
    edge = np.concatenate([picture[0], picture[-1], picture[:, 0], picture[:, -1]])
    apart = np.abs(picture - np.median(edge, axis=0)).max(axis=2) > _GROUND
    mask = cv2.morphologyEx(apart.astype(np.uint8), cv2.MORPH_OPEN, np.ones((2, 2)))
    x, y, width, height = cv2.boundingRect(mask)
    return picture[y : y + height, x : x + width] if min(width, height) >= _CELL else picture


def _square(picture: UInt8, side: int) -> UInt8:
    return np.asarray(cv2.resize(picture, (side, side), interpolation=cv2.INTER_AREA), np.uint8)


def _lab(picture: UInt8) -> Float32:
    soft = cv2.GaussianBlur(picture, (0, 0), len(picture) / 256)
    return np.asarray(cv2.cvtColor(soft.astype(np.float32) / 255, cv2.COLOR_RGB2LAB), np.float32)
