"""Reading the print on a picture: where lines of text stand, which way up, and what they say.

The networks are PP-OCRv6, "small", as the package RapidOCR carries them. RapidOCR's own program
runs them one picture at a time and may fetch what it misses; here any number of threads share
them, and nothing is ever fetched.
"""

from __future__ import annotations

import importlib.util
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from beautylens.errors import EncoderError
from beautylens.features.ocr_boxes import Quads, find_boxes, is_upright
from beautylens.features.ocr_letters import Directions, Letters, straightened
from beautylens.features.runtime import compile_graph

BOXES, DIRECTIONS, LETTERS = (
    "PP-OCRv6_det_small.onnx",
    "ch_ppocr_mobile_v2.0_cls_mobile.onnx",
    "PP-OCRv6_rec_small.onnx",
)
# Lines read less surely than this are mostly texture taken for letters.
LEAST_CONFIDENCE = 0.5
# Pixels of the longer side below which small print and the bars of a code are lost.
PRINT = 1280


@dataclass(frozen=True, slots=True)
class Line:
    """A line of text as it stands on a picture.

    Args:
        text: what it says.
        confidence: mean probability of its characters, 0 to 1.
        corners: x, y in pixels of the picture, clockwise from where the line begins.
    """

    text: str
    confidence: float
    corners: tuple[tuple[float, float], ...]

    @property
    def height(self) -> float:
        """How tall its letters stand, in pixels."""
        return float(np.hypot(*np.subtract(self.corners[3], self.corners[0])))


class Reader:
    """Reads pictures; one may serve any number of threads.

    Args:
        side: pixels that the longer side is given before lines are looked for.
        lines: the most that are read, the largest first.
        folder: where the networks are; those that RapidOCR's package carries by default.

    Raises:
        EncoderError: when a network is not there.
    """

    def __init__(self, *, side: int = 640, lines: int = 40, folder: Path | None = None) -> None:
        folder = folder or models()
        self._side, self._lines = side, lines
        self._boxes = compile_graph(folder / BOXES)
        self._directions = Directions(folder / DIRECTIONS)
        self._letters = Letters(folder / LETTERS)

    def __call__(self, picture: NDArray[np.uint8]) -> tuple[Line, ...]:
        """Return the lines of a picture, (H, W, 3) uint8 RGB, the largest first."""
        # The networks were trained on pictures as OpenCV reads them.
        picture = np.asarray(cv2.cvtColor(picture, cv2.COLOR_RGB2BGR), np.uint8)
        quads = find_boxes(self._boxes, picture, self._side)[: self._lines]
        if not len(quads):
            return ()
        quads = self._turned(picture, quads)
        found = self._letters([straightened(picture, quad) for quad in quads])
        return tuple(
            Line(text, confidence, tuple((float(x), float(y)) for x, y in quad))
            for quad, (text, confidence) in zip(quads, found, strict=True)
            if text.strip() and confidence >= LEAST_CONFIDENCE
        )

    def _turned(self, picture: NDArray[np.uint8], quads: Quads) -> Quads:
        """Return the boxes so that each begins where its line does.

        A pack is held one way, so that the lines along its height decide together which way up
        they are, and so do those across.
        """
        upright = np.array([is_upright(quad) for quad in quads])
        quads = np.where(upright[:, None, None], np.roll(quads, 1, axis=1), quads)
        for group in (upright, ~upright):
            if group.any():
                crops = [straightened(picture, quad) for quad in quads[group]]
                if self._directions.upside_down(crops):
                    quads[group] = np.roll(quads[group], 2, axis=1)
        return quads


@cache
def shared_reader() -> Reader:
    """Return the one reader of this process; it takes a second to make.

    Raises:
        EncoderError: when a network is not there.
    """
    return Reader()


def models() -> Path:
    """Return the folder of the networks inside RapidOCR's package, which is not imported.

    Raises:
        EncoderError: when the package is not installed.
    """
    spec = importlib.util.find_spec("rapidocr")
    if spec is None or not spec.submodule_search_locations:
        raise EncoderError("reading packs needs the package rapidocr: pip install 'rapidocr>=3.10'")
    return Path(spec.submodule_search_locations[0]) / "models"
