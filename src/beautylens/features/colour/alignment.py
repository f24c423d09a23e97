"""Align pictures of one item with each other, so that colours are compared pixel by pixel."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from beautylens.arrays import Bool, Float32, Float64, UInt8

# Largest displacement by the optical flow, in pixels: the rim of a bottle that was turned.
_MAX_FLOW = 14.0
# Standard deviation of the flow's smoothing in pixels: it follows the pack, not fine texture.
_FLOW_SIGMA = 4.0
# Gradient in grey levels a pixel above which an edge counts by its logarithm.
_EDGE = 8.0
# Coverage, of 255, from which a warped pixel lies wholly inside the picture.
_COVERED = 254


@dataclass(frozen=True, slots=True, eq=False)
class Aligned:
    """A picture warped onto another: pixels (H, W, 3) uint8, and where it covers, (H, W) bool."""

    pixels: UInt8
    covers: Bool


def homogeneous(transform: Float64) -> Float64 | None:
    """Return an affine map (2, 3) or homography as (3, 3); None where singular or not finite."""
    square = np.vstack([transform, (0.0, 0.0, 1.0)]) if transform.shape == (2, 3) else transform
    if not np.isfinite(square).all() or abs(float(np.linalg.det(square))) < 1e-6:
        return None
    return np.asarray(square, np.float64)


def warp(picture: UInt8, cover: UInt8, transform: Float64, size: tuple[int, int]) -> Aligned:
    """Return a picture warped into the frame of another one.

    Args:
        picture: (H, W, 3) uint8 RGB.
        cover: (H, W) uint8, 255 where the picture shows its item.
        transform: (3, 3), maps its pixels to those of the other.
        size: width and height of the other.
    """
    # Averaged before it is warped: warping alone would skip pixels and alias.
    factor = max(1, round(1 / max(_scale(transform), 1e-3)))
    if factor > 1:
        picture, cover = (_shrunk(each, factor) for each in (picture, cover))
        transform = transform @ np.diag([factor, factor, 1.0])
    pixels = cv2.warpPerspective(picture, transform, size)
    covers = cv2.warpPerspective(cover, transform, size) >= _COVERED
    return Aligned(np.asarray(pixels, np.uint8), np.asarray(covers, bool))


def refine_alignment(aligned: Aligned, reference: UInt8) -> Aligned:
    """Return an aligned picture after refinement by dense optical flow.

    A homography cannot follow a bottle that was turned; DIS optical flow (Kroeger et al., 2016)
    can. It is computed on edge maps, not on grey levels: one shade may be lighter than the other.
    """
    no_flow = np.zeros((*reference.shape[:2], 2), np.float32)
    flow = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM).calc(
        _edges(reference), _edges(aligned.pixels), no_flow
    )
    flow = cv2.GaussianBlur(cv2.medianBlur(flow, 5), (0, 0), _FLOW_SIGMA).clip(
        -_MAX_FLOW, _MAX_FLOW
    )
    height, width = reference.shape[:2]
    rows, columns = np.mgrid[0:height, 0:width].astype(np.float32)
    sampled = columns + flow[..., 0], rows + flow[..., 1]
    covers = (
        cv2.remap(aligned.covers.astype(np.uint8) * 255, *sampled, cv2.INTER_LINEAR) >= _COVERED
    )
    pixels = cv2.remap(aligned.pixels, *sampled, cv2.INTER_LINEAR)
    return Aligned(np.asarray(pixels, np.uint8), np.asarray(covers, bool))


def cell_means(picture: Float32, flags: Bool, side: int) -> tuple[Float64, Float64]:
    """Return the mean of the flagged pixels of each square cell, and their share of it.

    Args:
        picture: (H, W, C); pixels beyond the last whole cell are ignored.
        flags: (H, W), the pixels that count.
        side: side of a cell in pixels.

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


def _shrunk(picture: UInt8, factor: int) -> UInt8:
    height, width = (max(1, length // factor) for length in picture.shape[:2])
    part = picture[: height * factor, : width * factor]
    return np.asarray(cv2.resize(part, (width, height), interpolation=cv2.INTER_AREA), np.uint8)


def _edges(picture: UInt8) -> UInt8:
    """Return the logarithm of the gradient's magnitude, (H, W) uint8."""
    grey = cv2.GaussianBlur(cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY), (0, 0), 1.2)
    dx, dy = cv2.spatialGradient(grey)
    strength = cv2.magnitude(dx.astype(np.float32), dy.astype(np.float32))
    strength = cv2.GaussianBlur(np.log1p(strength / _EDGE), (0, 0), 1.0)
    return np.asarray(np.clip(strength * 60, 0, 255), np.uint8)
