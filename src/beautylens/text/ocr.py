"""Optical character recognition (OCR) with RapidOCR: the lines of text on a picture."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from beautylens.arrays import Float32, UInt8
from beautylens.errors import EncoderError
from beautylens.runtime.native import ONNX_RUNTIME, Lock, Once
from beautylens.runtime.startup import plain_yaml

# PP-OCR networks of RapidOCR's package; named, so that it downloads no others.
NETWORKS = {
    "Det": "PP-OCRv6_det_small.onnx",
    "Cls": "ch_ppocr_mobile_v2.0_cls_mobile.onnx",
    "Rec": "PP-OCRv6_rec_small.onnx",
}
# Lines of less confidence are mostly texture.
MIN_CONFIDENCE = 0.5
# Pixels of the longer side that a photo needs for small text and thin bars.
READABLE_SIDE = 1280
# Pixels of the shorter side below which a picture is not read.
_MIN_SIDE = 32
# Largest total length of the lines that are read, in multiples of their heights: none of 120
# pictures of packs has more than 140. A page of small text would take a minute, in which no other
# search could read.
MAX_TEXT = 250
# Least length of a line: the recognition network pads shorter ones to it.
_MIN_LENGTH = 320 / 48


@dataclass(frozen=True, slots=True)
class Line:
    """A line of text on a picture.

    Args:
        text: as read.
        confidence: mean probability of its characters, 0 to 1.
        corners: x, y in pixels of the picture, clockwise.
    """

    text: str
    confidence: float
    corners: tuple[tuple[float, float], ...]

    @property
    def height(self) -> float:
        """Height of its letters in pixels, for a line that is longer than tall."""
        first, second, _, last = self.corners
        return float(
            min(np.hypot(*np.subtract(first, second)), np.hypot(*np.subtract(first, last)))
        )


# Returns the lines of text on a picture, (H, W, 3) uint8 RGB.
Reads = Callable[[UInt8], tuple[Line, ...]]


class Reader:
    """Reads the text on pictures, one at a time: threads wait for each other.

    Of a picture with more text than `MAX_TEXT`, the tallest lines are read.

    ONNX Runtime runs the networks in single precision: the text depends neither on the processor
    nor on the pictures read before (docs/benchmarks.md, "Precision").

    Args:
        side: longer side in pixels to which pictures are resized for text detection.
        upright: whether no line is upside down, which saves a network.
        threads: that the networks use; all cores by default.
        folder: folder of the networks; by default that of RapidOCR's package.

    Raises:
        EncoderError: when a network is missing.
    """

    def __init__(
        self,
        *,
        side: int = 640,
        upright: bool = False,
        threads: int = -1,
        folder: Path | None = None,
    ) -> None:
        self._side, self._upright, self._threads = side, upright, threads
        self._networks = network_files(folder)
        self._once: Once[Any] = Once()
        self._lock = Lock()

    def __call__(self, picture: UInt8) -> tuple[Line, ...]:
        """Return the lines of a picture, (H, W, 3) uint8 RGB, the tallest first."""
        if min(picture.shape[:2]) * max(1, self._side / max(picture.shape[:2])) < _MIN_SIDE:
            return ()
        # The networks were trained on BGR pictures, and miss small text.
        resized = cv2.cvtColor(picture, cv2.COLOR_RGB2BGR)
        scale = max(1.0, self._side / max(picture.shape[:2]))
        if scale > 1:
            resized = cv2.resize(resized, None, fx=scale, fy=scale, interpolation=cv2.INTER_CUBIC)
        with self._lock():
            found = _read(self._engine, resized)
        if found.txts is None:
            return ()
        lines = [
            Line(text, float(score), tuple((float(x), float(y)) for x, y in quad / scale))
            for text, score, quad in zip(found.txts, found.scores, found.boxes, strict=True)
        ]
        return tuple(sorted(lines, key=lambda line: -line.height))

    def _engine(self) -> Any:
        return self._once(
            lambda: _make_engine(
                self._side, self._networks, upright=self._upright, threads=self._threads
            )
        )


@ONNX_RUNTIME.serialise_first_call
def _read(engine: Callable[[], Any], picture: Any) -> Any:
    return engine()(picture)


_SHARED: Once[Reader] = Once()


def shared_reader() -> Reader:
    """Return the reader that all searches of this process share.

    Raises:
        EncoderError: when a network is missing.
    """
    return _SHARED(Reader)


def _package_folder() -> Path:
    """Return the folder of the networks in RapidOCR's package."""
    spec = importlib.util.find_spec("rapidocr")
    if spec is None or not spec.submodule_search_locations:
        raise EncoderError("reading text needs the package rapidocr: pip install 'rapidocr>=3.10'")
    return Path(spec.submodule_search_locations[0]) / "models"


def network_files(folder: Path | None = None) -> dict[str, Path]:
    """Return the network files of text detection, orientation and recognition.

    Args:
        folder: where they are; by default in RapidOCR's package.

    Raises:
        EncoderError: when one is missing.
    """
    folder = folder or _package_folder()
    files = {part: folder / name for part, name in NETWORKS.items()}
    for file in files.values():
        if not file.is_file():
            raise EncoderError(
                f"{file}: the network is missing; pip install --force-reinstall 'rapidocr>=3.10'"
            )
    return files


def lines_within(boxes: Float32, most: float) -> list[int]:
    """Return the indices, in order, of the tallest lines whose total length is within a limit.

    Args:
        boxes: (N, 4, 2) corners of the lines, in pixels.
        most: total length in multiples of each line's height.
    """
    sides = np.linalg.norm(boxes - np.roll(boxes, -1, axis=1), axis=2)[:, :2]
    heights = np.maximum(1, sides.min(axis=1))
    lengths = np.maximum(_MIN_LENGTH, sides.max(axis=1) / heights)
    tallest = np.argsort(-heights, kind="stable")
    return sorted(tallest[np.cumsum(lengths[tallest]) <= most].tolist())


def _make_engine(side: int, networks: Mapping[str, Path], *, upright: bool, threads: int) -> Any:
    with plain_yaml():
        from rapidocr import EngineType, RapidOCR

    class Bounded(RapidOCR):
        """Recognises only as much of the detected text as `MAX_TEXT` allows."""

        def detect_and_crop(self, *given: Any) -> tuple[list[UInt8], Any]:
            crops: list[UInt8]
            found: Any
            crops, found = super().detect_and_crop(*given)
            kept = lines_within(found.boxes, MAX_TEXT)
            found.boxes, found.scores = found.boxes[kept], [found.scores[at] for at in kept]
            return crops, found

        def crop_text_regions(self, picture: UInt8, boxes: Float32) -> list[UInt8]:
            kept = boxes[lines_within(boxes, MAX_TEXT)]
            crops: list[UInt8] = super().crop_text_regions(picture, kept)
            return crops

    settings: dict[str, Any] = {
        "Global.log_level": "critical",
        "Global.text_score": MIN_CONFIDENCE,
        "Global.use_cls": not upright,
        "Det.limit_type": "max",
        "Det.limit_side_len": side,
        # Memory is kept from one picture to the next.
        "EngineConfig.onnxruntime.enable_cpu_mem_arena": True,
        "EngineConfig.onnxruntime.intra_op_num_threads": threads,
    }
    for part, file in networks.items():
        settings[f"{part}.engine_type"] = EngineType.ONNXRUNTIME
        settings[f"{part}.model_path"] = str(file)
    return Bounded(params=settings)
