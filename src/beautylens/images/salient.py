"""Salient object segmentation: the item of a photo on a white background."""

from __future__ import annotations

import cv2
import numpy as np

from beautylens.arrays import Bool, UInt8

# Longer side in pixels at which the item is segmented.
_SIDE = 192
# Share of width and height at each border that is taken as background.
_FRAME = 0.04
_ROUNDS = 4
# Least and largest share of the photo of a valid mask.
_MIN_AREA = 0.03
_MAX_AREA = 0.9


def salient_on_white(picture: UInt8) -> UInt8:
    """Return a photo, (H, W, 3) uint8 RGB, with the background of its salient item made white.

    GrabCut (Rother et al., 2004) from a centred ellipse, in place of the trained salient-object
    network of Yan et al. (2020). If the mask is nearly empty or full, the photo is unchanged.
    """
    height, width = picture.shape[:2]
    scale = min(1.0, _SIDE / max(height, width))
    size = (max(8, round(width * scale)), max(8, round(height * scale)))
    small = cv2.resize(picture, size, interpolation=cv2.INTER_AREA)
    item = _item_mask(np.asarray(small, np.uint8))
    if not _MIN_AREA <= item.mean() <= _MAX_AREA:
        return picture
    cover = cv2.resize(item.astype(np.float32), (width, height), interpolation=cv2.INTER_LINEAR)
    cover = np.clip(cover, 0, 1)[:, :, None]
    return np.asarray(np.rint(picture * cover + 255 * (1 - cover)), np.uint8)


def _item_mask(small: UInt8) -> Bool:
    mask = _initial_mask(*small.shape[:2])
    models = np.zeros((1, 65)), np.zeros((1, 65))
    # GrabCut initialises its mixtures at random.
    cv2.setRNGSeed(0)
    # GrabCut fails on a picture of a single colour.
    if int(np.ptp(small)) == 0:
        return np.zeros(mask.shape, bool)
    cv2.grabCut(
        np.ascontiguousarray(small), mask, (0, 0, 1, 1), *models, _ROUNDS, cv2.GC_INIT_WITH_MASK
    )
    item = (mask == cv2.GC_FGD) | (mask == cv2.GC_PR_FGD)
    return _largest(item)


def _initial_mask(height: int, width: int) -> UInt8:
    """Return GrabCut's initial mask: background at the border, a probable item in the centre."""
    mask = np.full((height, width), cv2.GC_PR_BGD, np.uint8)
    centre, axes = (width // 2, height // 2), (round(width * 0.36), round(height * 0.36))
    cv2.ellipse(mask, centre, axes, 0, 0, 360, int(cv2.GC_PR_FGD), -1)
    rows, columns = max(1, round(height * _FRAME)), max(1, round(width * _FRAME))
    mask[:rows], mask[-rows:] = cv2.GC_BGD, cv2.GC_BGD
    mask[:, :columns], mask[:, -columns:] = cv2.GC_BGD, cv2.GC_BGD
    return mask


def _largest(item: Bool) -> Bool:
    """Return the largest connected component, with holes filled."""
    contours, _ = cv2.findContours(
        item.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE
    )
    filled = np.zeros(item.shape, np.uint8)
    if contours:
        cv2.drawContours(filled, [max(contours, key=cv2.contourArea)], -1, 1, -1)
    return filled.astype(bool)
