"""Reading the print on a picture with RapidOCR: where lines of text stand, and what they say."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import yaml

from beautylens.arrays import UInt8
from beautylens.errors import EncoderError
from beautylens.native import ONNX_RUNTIME, Lock, Once
from beautylens.startup import quick_imports

# PP-OCR's networks as RapidOCR's package carries them; named, so that it fetches no others.
NETWORKS = {
    "Det": "PP-OCRv6_det_small.onnx",
    "Cls": "ch_ppocr_mobile_v2.0_cls_mobile.onnx",
    "Rec": "PP-OCRv6_rec_small.onnx",
}
# Lines read less surely than this are mostly texture taken for letters.
LEAST_CONFIDENCE = 0.5
# Pixels of the longer side below which small print and thin bars are lost.
PRINT = 1280
# Pixels below which a side holds no line.
_LEAST_SIDE = 32


@dataclass(frozen=True, slots=True)
class Line:
    """A line of text as it stands on a picture.

    Args:
        text: what it says.
        confidence: mean probability of its characters, 0 to 1.
        corners: x, y in pixels of the picture, clockwise.
    """

    text: str
    confidence: float
    corners: tuple[tuple[float, float], ...]

    @property
    def height(self) -> float:
        """How tall its letters stand, in pixels, if it is longer than tall."""
        first, second, _, last = self.corners
        return float(
            min(np.hypot(*np.subtract(first, second)), np.hypot(*np.subtract(first, last)))
        )


# Returns the lines of a picture, (H, W, 3) uint8 RGB.
Reads = Callable[[UInt8], tuple[Line, ...]]


class Reader:
    """Reads pictures, one at a time: threads wait for each other.

    ONNX Runtime runs the networks, in single precision: what is read depends neither on the
    processor nor on how many pictures were read before (docs/benchmarks.md, "Precision").

    Args:
        side: pixels that the longer side is given before lines are looked for.
        folder: where the networks are; those that RapidOCR's package carries by default.

    Raises:
        EncoderError: when a network is not there.
    """

    def __init__(self, *, side: int = 640, folder: Path | None = None) -> None:
        self._side = side
        self._networks = _networks(folder or _carried())
        self._engine: Once[Any] = Once()
        self._turn = Lock()

    def __call__(self, picture: UInt8) -> tuple[Line, ...]:
        """Return the lines of a picture, (H, W, 3) uint8 RGB, the tallest first."""
        if min(picture.shape[:2]) * max(1, self._side / max(picture.shape[:2])) < _LEAST_SIDE:
            return ()
        # The networks were trained on pictures as OpenCV reads them, and miss what is small.
        given = cv2.cvtColor(picture, cv2.COLOR_RGB2BGR)
        scale = max(1.0, self._side / max(picture.shape[:2]))
        if scale > 1:
            given = cv2.resize(given, None, fx=scale, fy=scale, interpolation=cv2.INTER_CUBIC)
        with self._turn():
            found = _read(self._ready, given)
        if found.txts is None:
            return ()
        lines = [
            Line(text, float(score), tuple((float(x), float(y)) for x, y in quad / scale))
            for text, score, quad in zip(found.txts, found.scores, found.boxes, strict=True)
        ]
        return tuple(sorted(lines, key=lambda line: -line.height))

    def _ready(self) -> Any:
        return self._engine(lambda: _engine(self._side, self._networks))


@ONNX_RUNTIME.first_call_alone
def _read(engine: Callable[[], Any], picture: Any) -> Any:
    return engine()(picture)


_SHARED: Once[Reader] = Once()


def shared_reader() -> Reader:
    """Return the one reader of this process.

    Raises:
        EncoderError: when a network is not there.
    """
    return _SHARED(Reader)


def _carried() -> Path:
    """Return the folder of the networks inside RapidOCR's package."""
    spec = importlib.util.find_spec("rapidocr")
    if spec is None or not spec.submodule_search_locations:
        raise EncoderError("reading packs needs the package rapidocr: pip install 'rapidocr>=3.10'")
    return Path(spec.submodule_search_locations[0]) / "models"


def _networks(folder: Path) -> dict[str, Path]:
    """Return the file of each part of reading.

    Raises:
        EncoderError: when one is not there.
    """
    files = {part: folder / name for part, name in NETWORKS.items()}
    for file in files.values():
        if not file.is_file():
            raise EncoderError(
                f"{file}: no such network; pip install --force-reinstall 'rapidocr>=3.10'"
            )
    return files


def _engine(side: int, networks: Mapping[str, Path]) -> Any:
    with quick_imports(), _plain_tables():
        from rapidocr import EngineType, RapidOCR

    settings: dict[str, Any] = {
        "Global.log_level": "critical",
        "Global.text_score": LEAST_CONFIDENCE,
        "Det.limit_type": "max",
        "Det.limit_side_len": side,
        # It keeps its memory from one picture to the next.
        "EngineConfig.onnxruntime.enable_cpu_mem_arena": True,
    }
    for part, file in networks.items():
        settings[f"{part}.engine_type"] = EngineType.ONNXRUNTIME
        settings[f"{part}.model_path"] = str(file)
    return RapidOCR(params=settings)


@contextmanager
def _plain_tables() -> Iterator[None]:
    """Have what is imported here read its tables as plain dictionaries.

    RapidOCR reads 90 KB of YAML twice, about networks that it could fetch, into OmegaConf's nodes:
    0.8 s for what is not asked for here, where every network is named.
    """
    from omegaconf import OmegaConf

    load = OmegaConf.load
    OmegaConf.load = _load_plain  # type: ignore[method-assign, assignment]  # put back below
    try:
        yield
    finally:
        OmegaConf.load = load  # type: ignore[method-assign]  # what it was


def _load_plain(path: Path) -> Any:
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    return yaml.load(Path(path).read_bytes(), loader)  # noqa: S506  (both are safe)
