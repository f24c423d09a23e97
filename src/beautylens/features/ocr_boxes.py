"""Finding lines of text on a picture.

Liao et al., "Real-time Scene Text Detection with Differentiable Binarization", AAAI 2020,
https://arxiv.org/abs/1911.08947. The constants are those of PP-OCR.
"""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

Quads = NDArray[np.float32]
"""(N, 4, 2): x, y of corners, clockwise."""

STRIDE = 32
LEAST_PROBABILITY = 0.3
LEAST_MEAN = 0.5
# The network is trained on boxes shrunken by this much of area / perimeter.
GROWTH = 1.6
LEAST_SIDE = 3
# As tall as this against its width, a box holds a line that runs up or down.
UPRIGHT = 1.5


def find_boxes(network: Any, picture: NDArray[np.uint8], side: int) -> Quads:
    """Return the boxes of lines, in pixels of the picture, the largest first.

    Args:
        network: compiled; (1, 3, h, w) to the probability of text at each pixel, (1, 1, h, w).
        picture: (H, W, 3) uint8 BGR.
        side: pixels that the longer side is given; a small picture is enlarged.
    """
    height, width = picture.shape[:2]
    scale = side / max(height, width)
    rows, columns = (max(1, round(length * scale / STRIDE)) * STRIDE for length in (height, width))
    way = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    resized = cv2.resize(picture, (columns, rows), interpolation=way)
    values = (resized.astype(np.float32) / 127.5 - 1).transpose(2, 0, 1)[None]
    request = network.create_infer_request()
    request.infer({0: np.ascontiguousarray(values)})
    probability = np.array(request.get_output_tensor(0).data[0, 0])
    quads = boxes_of(probability) * np.array([width / columns, height / rows], np.float32)
    areas = [cv2.contourArea(quad) for quad in quads]
    return quads[np.argsort(np.negative(areas), kind="stable")]


def boxes_of(probability: NDArray[np.float32]) -> Quads:
    """Return a box for each patch of probable text: (N, 4, 2) in pixels of the map (h, w)."""
    mask = cv2.dilate((probability > LEAST_PROBABILITY).astype(np.uint8), np.ones((2, 2), np.uint8))
    outlines, _ = cv2.findContours(mask, cv2.RETR_LIST, cv2.CHAIN_APPROX_SIMPLE)
    quads = []
    for outline in outlines:
        centre, (width, height), angle = cv2.minAreaRect(outline)
        if min(width, height) < LEAST_SIDE or _mean_inside(probability, outline) < LEAST_MEAN:
            continue
        grown = 2 * GROWTH * width * height / (2 * (width + height))
        corners = cv2.boxPoints((centre, (width + grown, height + grown), angle))
        quads.append(_clockwise(np.asarray(corners, np.float32)))
    return np.array(quads, np.float32).reshape(-1, 4, 2)


def is_upright(quad: NDArray[np.float32]) -> bool:
    """Tell whether a box is so much taller than wide that its line runs up or down."""
    across, down = np.linalg.norm(quad[1] - quad[0]), np.linalg.norm(quad[3] - quad[0])
    return bool(down >= UPRIGHT * across)


def _mean_inside(probability: NDArray[np.float32], outline: cv2.typing.MatLike) -> float:
    """Return the mean probability inside the upright-or-leaning rectangle of an outline."""
    left, top, width, height = cv2.boundingRect(outline)
    corners = cv2.boxPoints(cv2.minAreaRect(outline)) - np.array([left, top], np.float32)
    mask = np.zeros((height, width), np.uint8)
    cv2.fillPoly(mask, [corners.astype(np.int32)], 1)
    return float(cv2.mean(probability[top : top + height, left : left + width], mask)[0])


def _clockwise(corners: NDArray[np.float32]) -> NDArray[np.float32]:
    """Order four corners clockwise from the upper left one."""
    by_x = corners[np.argsort(corners[:, 0], kind="stable")]
    upper_left, lower_left = by_x[:2][np.argsort(by_x[:2, 1], kind="stable")]
    upper_right, lower_right = by_x[2:][np.argsort(by_x[2:, 1], kind="stable")]
    return np.stack([upper_left, upper_right, lower_right, lower_left])
