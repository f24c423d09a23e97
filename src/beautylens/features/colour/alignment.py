"""Laying pictures of one item over each other, so that colours are compared place by place."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from beautylens.arrays import Bool, Float32, Float64, UInt8

# Pixels by which the dense flow may mend a transform: what turns a bottle takes from its rim.
_FARTHEST = 14.0
# Pixels over which the flow is smoothed, so that it follows the pack and not the print's noise.
_SMOOTH = 4.0
# Grey levels a pixel from which on an edge counts by its logarithm.
_EDGE = 8.0
# Coverage from which on a pixel lies wholly inside.
_FULL = 254


@dataclass(frozen=True, slots=True, eq=False)
class Aligned:
    """A picture laid over another one: pixels (H, W, 3), and where it covers that one (H, W)."""

    pixels: UInt8
    covers: Bool


def homogeneous(transform: Float64) -> Float64 | None:
    """Return an affine map or homography as (3, 3); None where it can be no view of a pack."""
    square = np.vstack([transform, (0.0, 0.0, 1.0)]) if transform.shape == (2, 3) else transform
    if not np.isfinite(square).all() or abs(float(np.linalg.det(square))) < 1e-6:
        return None
    return np.asarray(square, np.float64)


def lay(picture: UInt8, cover: UInt8, transform: Float64, size: tuple[int, int]) -> Aligned:
    """Return a picture as it falls on another one.

    Args:
        picture: (H, W, 3) uint8 RGB.
        cover: (H, W) uint8, 255 where the picture is of use.
        transform: (3, 3), takes its pixels to those of the other.
        size: width and height of the other.
    """
    # Shrinking by warping alone would skip pixels, and keep the grain of the rest.
    shrunk = max(1, round(1 / max(_scale(transform), 1e-3)))
    if shrunk > 1:
        picture, cover = (_halved(each, shrunk) for each in (picture, cover))
        transform = transform @ np.diag([shrunk, shrunk, 1.0])
    pixels = cv2.warpPerspective(picture, transform, size)
    covers = cv2.warpPerspective(cover, transform, size) >= _FULL
    return Aligned(np.asarray(pixels, np.uint8), np.asarray(covers, bool))


def settle(laid: Aligned, reference: UInt8) -> Aligned:
    """Return a laid picture with what is left of misplacement taken out by a dense flow.

    One plane cannot follow a bottle that was turned; DIS flow (Kroeger et al., 2016) on the edges
    of both pictures can. Edges rather than levels: a shade may be lighter or darker than the other.
    """
    still = np.zeros((*reference.shape[:2], 2), np.float32)
    flow = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM).calc(
        _edges(reference), _edges(laid.pixels), still
    )
    flow = cv2.GaussianBlur(cv2.medianBlur(flow, 5), (0, 0), _SMOOTH).clip(-_FARTHEST, _FARTHEST)
    height, width = reference.shape[:2]
    down, across = np.mgrid[0:height, 0:width].astype(np.float32)
    places = across + flow[..., 0], down + flow[..., 1]
    covers = cv2.remap(laid.covers.astype(np.uint8) * 255, *places, cv2.INTER_LINEAR) >= _FULL
    pixels = cv2.remap(laid.pixels, *places, cv2.INTER_LINEAR)
    return Aligned(np.asarray(pixels, np.uint8), np.asarray(covers, bool))


def cell_means(picture: Float32, flags: Bool, side: int) -> tuple[Float64, Float64]:
    """Return the mean of the flagged pixels of each square cell, and their share of it.

    Args:
        picture: (H, W, C); what is left of it beyond the last whole cell is not looked at.
        flags: (H, W), the pixels that count.
        side: pixels of a cell.

    Returns:
        (h, w, C) means, 0 where no pixel counts; (h, w) shares, 0 to 1.
    """
    size = flags.shape[1] // side, flags.shape[0] // side
    if 0 in size:
        return np.zeros((*size[::-1], picture.shape[2])), np.zeros(size[::-1])
    inner = np.s_[: size[1] * side, : size[0] * side]
    weights = flags[inner].astype(np.float32)
    sums = cv2.resize(picture[inner] * weights[..., None], size, interpolation=cv2.INTER_AREA)
    shares = cv2.resize(weights, size, interpolation=cv2.INTER_AREA).astype(np.float64)
    return sums / np.maximum(shares, 1e-9)[..., None], shares


def _scale(transform: Float64) -> float:
    return float(abs(np.linalg.det(transform[:2, :2])) ** 0.5)


def _halved(picture: UInt8, times: int) -> UInt8:
    height, width = (max(1, length // times) for length in picture.shape[:2])
    part = picture[: height * times, : width * times]
    return np.asarray(cv2.resize(part, (width, height), interpolation=cv2.INTER_AREA), np.uint8)


def _edges(picture: UInt8) -> UInt8:
    grey = cv2.GaussianBlur(cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY), (0, 0), 1.2)
    across, down = cv2.spatialGradient(grey)
    strength = cv2.magnitude(across.astype(np.float32), down.astype(np.float32))
    strength = cv2.GaussianBlur(np.log1p(strength / _EDGE), (0, 0), 1.0)
    return np.asarray(np.clip(strength * 60, 0, 255), np.uint8)
