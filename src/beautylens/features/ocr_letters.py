"""Reading one line of text: which way up it is, and its characters.

Characters come out of a CTC head: Graves et al., "Connectionist Temporal Classification", ICML
2006.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from beautylens.features.runtime import compile_graph, read_strings

Crop = NDArray[np.uint8]
"""(h, w, 3) uint8 BGR: one line, level."""

HEIGHT = 48
# Widths come in steps, as the engine prepares itself for each new one.
STEP = 32
WIDEST = 48 * 40
BATCH = 4
DIRECTION_WIDTH = 192


def straightened(picture: NDArray[np.uint8], quad: NDArray[np.float32]) -> Crop:
    """Return the line inside a box, level and HEIGHT pixels tall.

    Args:
        picture: (H, W, 3) uint8 BGR.
        quad: (4, 2) corners, clockwise from where the line begins.
    """
    across, down = (float(np.linalg.norm(quad[place] - quad[0])) for place in (1, 3))
    width = min(max(1, math.ceil(HEIGHT * across / max(down, 1.0))), WIDEST)
    target = np.array([[0, 0], [width, 0], [width, HEIGHT]], np.float32)
    turn = cv2.getAffineTransform(np.asarray(quad[:3], np.float32), target)
    return np.asarray(
        cv2.warpAffine(
            picture, turn, (width, HEIGHT), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE
        ),
        np.uint8,
    )


class Directions:
    """Tells whether lines stand upside down.

    Args:
        graph: (N, 3, 48, 192) to the probabilities of 0 and 180 degrees (N, 2).
    """

    def __init__(self, graph: Path) -> None:
        self._network = compile_graph(graph)

    def upside_down(self, crops: Sequence[Crop]) -> bool:
        """Tell whether most of the lines are; longer ones have more to say."""
        votes = _infer(self._network, [_squeezed(crop) for crop in crops])[:, 1] - 0.5
        lengths = [min(crop.shape[1], DIRECTION_WIDTH) for crop in crops]
        return bool(votes @ np.array(lengths, np.float32) > 0)


class Letters:
    """Reads level lines.

    Args:
        graph: (N, 3, 48, W) to the probabilities of characters in T places (N, T, C); its metadata
            names the characters.
    """

    def __init__(self, graph: Path) -> None:
        self._network = compile_graph(graph)
        self._characters = ["", *read_strings(graph, "character"), " "]

    def __call__(self, crops: Sequence[Crop]) -> list[tuple[str, float]]:
        """Return the text of each line and the mean probability of its characters."""
        read: dict[int, tuple[str, float]] = {}
        # Lines of like width go together, so that little of a batch is padding.
        order = sorted(range(len(crops)), key=lambda place: crops[place].shape[1])
        for start in range(0, len(order), BATCH):
            places = order[start : start + BATCH]
            probabilities = _infer(self._network, [crops[place] for place in places])
            for place, row in zip(places, probabilities, strict=True):
                read[place] = self._decoded(row)
        return [read[place] for place in range(len(crops))]

    def _decoded(self, probabilities: NDArray[np.float32]) -> tuple[str, float]:
        """Return the best path of (T, C), repeats joined and blanks left out."""
        best = probabilities.argmax(axis=1)
        kept = (best != 0) & np.concatenate([[True], best[1:] != best[:-1]])
        if not kept.any():
            return "", 0.0
        text = "".join(self._characters[one] for one in best[kept])
        return text, float(probabilities.max(axis=1)[kept].mean())


def _squeezed(crop: Crop) -> Crop:
    """Return a line for the network of directions: as wide as it takes, the rest left empty."""
    width = min(crop.shape[1], DIRECTION_WIDTH)
    resized = np.asarray(cv2.resize(crop, (width, HEIGHT)), np.uint8)
    return cv2.copyMakeBorder(
        resized, 0, 0, 0, DIRECTION_WIDTH - width, cv2.BORDER_CONSTANT, value=(127, 127, 127)
    ).astype(np.uint8)


def _infer(network: Any, crops: Sequence[Crop]) -> NDArray[np.float32]:
    """Run lines through a network side by side, padded with grey to one width."""
    widest = max(crop.shape[1] for crop in crops)
    width = -(-widest // STEP) * STEP
    batch = np.zeros((len(crops), 3, HEIGHT, width), np.float32)
    for values, crop in zip(batch, crops, strict=True):
        values[:, :, : crop.shape[1]] = crop.transpose(2, 0, 1) / np.float32(127.5) - 1
    request = network.create_infer_request()
    request.infer({0: batch})
    return np.array(request.get_output_tensor(0).data, np.float32)
