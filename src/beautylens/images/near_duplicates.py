"""Near-duplicate detection: the same picture re-encoded, resized, framed or trimmed.

Two shades or sizes of a product line differ in a small region only. Two pictures are therefore
aligned and compared by the region in which they differ most.
"""

from __future__ import annotations

import cv2
import numpy as np

from beautylens.arrays import Float32, UInt8

# Side in pixels at which thumbnails are compared.
COARSE = 128
# Side in pixels at which small text is readable.
FINE = 512
# Iterations of ECC at the coarse side, and at the fine side.
_COARSE_STEPS = 40
_FINE_STEPS = 10
# Side in pixels of the regions compared: a word of small text at the fine side.
_CELL = 11
# Least difference in levels of a pixel from the background around a picture.
_BACKGROUND = 12
# Least share of a picture that the other must cover.
_OVERLAP = 0.6
# Largest change of the aspect ratio: a taller bottle is another size, not a copy.
_STRETCH = 1.04
# Difference of pictures that cannot be aligned: that of black and white.
MAX_DIFFERENCE = 100.0


def difference(one: UInt8, other: UInt8, side: int) -> float:
    """Return the CIELAB difference of two pictures in the region where they differ most.

    They are aligned by an affine map (ECC; Evangelidis and Psarakis, 2008), both as they are and
    trimmed of a plain background; the smaller difference counts. Measured values of copies and of
    other products: docs/benchmarks.md.

    Args:
        one: (H, W, 3) uint8 RGB.
        other: (H', W', 3).
        side: side in pixels to which both are resized, at most their own.
    """
    side = min(side, max(one.shape[:2]), max(other.shape[:2]))
    framings = ((one, other), (_trimmed(one), _trimmed(other)))
    return min(_difference(left, right, side) for left, right in framings)


def _difference(first: UInt8, second: UInt8, side: int) -> float:
    one, other = _square(first, side), _square(second, side)
    transform = _transform(one, other)
    if transform is None or _stretch(transform, first, second) > _STRETCH:
        return MAX_DIFFERENCE
    size = one.shape[1::-1]
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    warped = np.asarray(cv2.warpAffine(other, transform, size, flags=flags), np.uint8)
    ones = np.ones(one.shape[:2], np.uint8)
    covered = cv2.erode(cv2.warpAffine(ones, transform, size, flags=flags), np.ones((9, 9)))
    if covered.mean() < _OVERLAP:
        return MAX_DIFFERENCE
    apart = np.linalg.norm(_lab(one) - _lab(warped), axis=2) * covered
    cells = max(1, len(one) // _CELL)
    return float(cv2.resize(apart, (cells, cells), interpolation=cv2.INTER_AREA).max())


def _transform(one: UInt8, other: UInt8) -> Float32 | None:
    """Return the affine map (2, 3) from one picture to the other, coarse to fine."""
    transform = np.eye(2, 3, dtype=np.float32)
    for side in sorted({min(COARSE, len(one)), len(one)}):
        left, right = (
            cv2.cvtColor(_square(each, side), cv2.COLOR_RGB2GRAY) for each in (one, other)
        )
        most = _FINE_STEPS if side > COARSE else _COARSE_STEPS
        stop = (cv2.TERM_CRITERIA_COUNT | cv2.TERM_CRITERIA_EPS, most, 1e-4)
        transform[:, 2] *= side / min(COARSE, len(one))
        try:
            _, found = cv2.findTransformECC(
                left, right, transform, cv2.MOTION_AFFINE, stop, np.ones_like(left), 5
            )
        except cv2.error:
            # ECC does not converge on unrelated pictures.
            return None
        transform = np.asarray(found, np.float32)
    return transform


def _stretch(transform: Float32, one: UInt8, other: UInt8) -> float:
    """Return the ratio of the two scales of a map between two pictures resized to squares."""
    down, across = (np.array(other.shape[:2]) / one.shape[:2]).tolist()
    ratio = float(transform[0, 0]) * across / (float(transform[1, 1]) * down)
    return max(ratio, 1 / ratio) if ratio > 0 else MAX_DIFFERENCE


def _trimmed(picture: UInt8) -> UInt8:
    """Return a picture without the plain background around it; unchanged if nothing is left."""
    edge = np.concatenate([picture[0], picture[-1], picture[:, 0], picture[:, -1]])
    apart = np.abs(picture - np.median(edge, axis=0)).max(axis=2) > _BACKGROUND
    mask = cv2.morphologyEx(apart.astype(np.uint8), cv2.MORPH_OPEN, np.ones((2, 2)))
    x, y, width, height = cv2.boundingRect(mask)
    return picture[y : y + height, x : x + width] if min(width, height) >= _CELL else picture


def _square(picture: UInt8, side: int) -> UInt8:
    return np.asarray(cv2.resize(picture, (side, side), interpolation=cv2.INTER_AREA), np.uint8)


def _lab(picture: UInt8) -> Float32:
    soft = cv2.GaussianBlur(picture, (0, 0), len(picture) / 256)
    return np.asarray(cv2.cvtColor(soft.astype(np.float32) / 255, cv2.COLOR_RGB2LAB), np.float32)
