"""The salient item of a photo on white: what a studio picture of it would show."""

from __future__ import annotations

import cv2
import numpy as np

from beautylens.arrays import Bool, UInt8

# Pixels of the longer side on which the item is told from its surroundings.
_SIDE = 192
# Share of width and height around the photo that is taken for surroundings.
_FRAME = 0.04
_ROUNDS = 4
# Shares of the photo outside which a mask is taken for a failure.
_LEAST = 0.03
_MOST = 0.9


def salient_on_white(picture: UInt8) -> UInt8:
    """Return a photo, (H, W, 3) uint8 RGB, with all but its salient item painted white.

    GrabCut (Rother et al., 2004) from a centred guess, where Yan et al. (2020) ran a trained
    salient-object network. A mask of nearly nothing or of nearly all leaves the photo as it is.
    """
    height, width = picture.shape[:2]
    scale = min(1.0, _SIDE / max(height, width))
    size = (max(8, round(width * scale)), max(8, round(height * scale)))
    small = cv2.resize(picture, size, interpolation=cv2.INTER_AREA)
    item = _item_mask(np.asarray(small, np.uint8))
    if not _LEAST <= item.mean() <= _MOST:
        return picture
    cover = cv2.resize(item.astype(np.float32), (width, height), interpolation=cv2.INTER_LINEAR)
    cover = np.clip(cover, 0, 1)[:, :, None]
    return np.asarray(np.rint(picture * cover + 255 * (1 - cover)), np.uint8)


def _item_mask(small: UInt8) -> Bool:
    mask = _first_guess(*small.shape[:2])
    models = np.zeros((1, 65)), np.zeros((1, 65))
    # Its mixtures start from random colours.
    cv2.setRNGSeed(0)
    # GrabCut gives up on a picture without any colours to tell apart.
    if int(np.ptp(small)) == 0:
        return np.zeros(mask.shape, bool)
    cv2.grabCut(
        np.ascontiguousarray(small), mask, (0, 0, 1, 1), *models, _ROUNDS, cv2.GC_INIT_WITH_MASK
    )
    item = (mask == cv2.GC_FGD) | (mask == cv2.GC_PR_FGD)
    return _largest(item)


def _first_guess(height: int, width: int) -> UInt8:
    """Return GrabCut's flags: a frame of surroundings, a centred ellipse that may be the item."""
    mask = np.full((height, width), cv2.GC_PR_BGD, np.uint8)
    centre, axes = (width // 2, height // 2), (round(width * 0.36), round(height * 0.36))
    cv2.ellipse(mask, centre, axes, 0, 0, 360, int(cv2.GC_PR_FGD), -1)
    rows, columns = max(1, round(height * _FRAME)), max(1, round(width * _FRAME))
    mask[:rows], mask[-rows:] = cv2.GC_BGD, cv2.GC_BGD
    mask[:, :columns], mask[:, -columns:] = cv2.GC_BGD, cv2.GC_BGD
    return mask


def _largest(item: Bool) -> Bool:
    """Return the largest connected part, its holes filled."""
    contours, _ = cv2.findContours(
        item.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE
    )
    filled = np.zeros(item.shape, np.uint8)
    if contours:
        cv2.drawContours(filled, [max(contours, key=cv2.contourArea)], -1, 1, -1)
    return filled.astype(bool)
