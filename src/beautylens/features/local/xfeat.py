"""Learned keypoints and descriptors by an ONNX export of XFeat (Potje et al., CVPR 2024).

Accelerated Features for Lightweight Image Matching, https://arxiv.org/abs/2404.19174. XFeat gives
position and descriptor of a keypoint, but neither size nor angle.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import cv2
import numpy as np

from beautylens.arrays import Float32, UInt8
from beautylens.errors import EncoderError
from beautylens.features.encoder.openvino import compile_graph
from beautylens.features.local.keypoints import Keypoints
from beautylens.images.fit import shrink
from beautylens.runtime.native import OPENVINO, Once

LENGTH = 64
CELL = 8
MIN_HEAT = 0.05
NMS_SIDE = 5
# Components of a 64-dimensional unit vector are nearly always within -0.5 and 0.5: one step is
# 1/256, and the offset cancels in differences.
QUANTUM = 256
OFFSET = 128


class _Maps(NamedTuple):
    """Outputs of the network for a picture, in cells of 8 x 8 pixels."""

    # (64, h, w) descriptors.
    feats: Float32
    # (65, h, w) logits of a keypoint at each pixel of the cell, and of none.
    keypoints: Float32
    # (h, w) reliability, 0 to 1.
    heatmap: Float32


class XFeat:
    """Extractor that runs an XFeat graph with OpenVINO.

    The graph takes one grey picture (1, 1, H, W) of fixed size, values 0 to 1, and has the outputs
    `feats` (1, 64, H/8, W/8), `keypoints` (1, 65, H/8, W/8) and `heatmap` (1, 1, H/8, W/8). A
    larger picture is shrunk to fit; a smaller one is padded with its edge pixels.

    Args:
        file: the ONNX file.

    Raises:
        EncoderError: when the file cannot be read, or its graph has other inputs or outputs.
    """

    distance = "l2"

    def __init__(self, file: str | Path) -> None:
        self._file = Path(file)
        self._once: Once[Any] = Once()
        self._height, self._width = _input_size(self._compiled, file)

    @property
    def _compiled(self) -> Any:
        return self._once(lambda: compile_graph(self._file))

    def __call__(self, picture: UInt8, *, longest: int, limit: int) -> Keypoints:
        """Return the strongest keypoints, in pixels of the picture shrunk to `longest`."""
        shrunk, _ = shrink(picture, longest)
        canvas, size = self._fit(np.asarray(cv2.cvtColor(shrunk, cv2.COLOR_RGB2GRAY), np.uint8))
        maps = _run(self._compiled, canvas)
        points, scores = _peaks(_heat(maps.keypoints), size)
        scores = scores * _sample(maps.heatmap[None], points)[:, 0]
        order = np.argsort(-scores, kind="stable")[:limit]
        points = points[order]
        height, width = shrunk.shape[:2]
        scale = np.array([width / size[1], height / size[0]], np.float32)
        unmeasured = np.zeros(len(points), np.float32)
        return Keypoints(
            # Resizing keeps pixel centres, not corners.
            (points + np.float32(0.5)) * scale - np.float32(0.5),
            unmeasured,
            unmeasured,
            _to_bytes(_sample(_unit(maps.feats, axis=0), points)),
        )

    def _fit(self, grey: UInt8) -> tuple[UInt8, tuple[int, int]]:
        """Return the picture padded to the graph's input, and its height and width there."""
        height, width = grey.shape
        scale = min(1.0, self._height / height, self._width / width)
        rows, columns = max(1, round(height * scale)), max(1, round(width * scale))
        if scale < 1.0:
            grey = np.asarray(
                cv2.resize(grey, (columns, rows), interpolation=cv2.INTER_AREA), np.uint8
            )
        below, beside = self._height - rows, self._width - columns
        return np.pad(grey, ((0, below), (0, beside)), mode="edge"), (rows, columns)


@OPENVINO.serialise_first_call
def _run(compiled: Any, canvas: UInt8) -> _Maps:
    request = compiled.create_infer_request()
    request.infer({0: canvas[None, None].astype(np.float32) / np.float32(255)})
    feats, keypoints, heatmap = (
        np.array(request.get_tensor(name).data[0], np.float32) for name in _Maps._fields
    )
    return _Maps(feats, keypoints, heatmap[0])


def _input_size(compiled: Any, file: str | Path) -> tuple[int, int]:
    """Return the height and width of the graph's input.

    Raises:
        EncoderError: when inputs or outputs are not those of XFeat.
    """
    inputs = [_shape(port) for port in compiled.inputs]
    outputs = {port.get_any_name(): _shape(port) for port in compiled.outputs}
    height, width = inputs[0][2:] if len(inputs[0]) == 4 else (-1, -1)
    cells = (height // CELL, width // CELL)
    wanted = {
        "feats": (1, LENGTH, *cells),
        "keypoints": (1, CELL * CELL + 1, *cells),
        "heatmap": (1, 1, *cells),
    }
    known = all(outputs.get(name) == shape for name, shape in wanted.items())
    if len(inputs) != 1 or inputs[0][:2] != (1, 1) or height % CELL or width % CELL or not known:
        found = ", ".join(f"{name} {list(shape)}" for name, shape in outputs.items())
        raise EncoderError(
            f"{file}: not an XFeat graph: it has input {inputs[0]} and outputs {found}, not one "
            "grey picture of fixed size and feats, keypoints and heatmap; export XFeat without its "
            "matcher"
        )
    return height, width


def _shape(port: Any) -> tuple[int, ...]:
    """Return the shape of an input or output; a dynamic dimension is -1."""
    return tuple(
        int(side.get_length()) if side.is_static else -1 for side in port.get_partial_shape()
    )


def _heat(logits: Float32) -> Float32:
    """Return the keypoint probability of each pixel, (8h, 8w), of logits (65, h, w)."""
    likely = np.exp(logits - logits.max(axis=0))
    likely = likely[:-1] / likely.sum(axis=0)
    rows, columns = likely.shape[1:]
    cells = likely.reshape(CELL, CELL, rows, columns).transpose(2, 0, 3, 1)
    return np.ascontiguousarray(cells.reshape(rows * CELL, columns * CELL))


def _peaks(heat: Float32, size: tuple[int, int]) -> tuple[Float32, Float32]:
    """Return the local maxima inside the picture, (K, 2) x, y, and their heat, (K,)."""
    highest = cv2.dilate(heat, np.ones((NMS_SIDE, NMS_SIDE), np.uint8))
    rows, columns = np.nonzero(((heat == highest) & (heat > MIN_HEAT))[: size[0], : size[1]])
    return np.stack([columns, rows], axis=1).astype(np.float32), heat[rows, columns]


def _sample(maps: Float32, points: Float32) -> Float32:
    """Return maps (C, h, w) sampled bilinearly at points (K, 2) in pixels: (K, C)."""
    height, width = maps.shape[1:]
    cells = (points + np.float32(0.5)) / CELL - np.float32(0.5)
    x, y = np.clip(cells[:, 0], 0, width - 1), np.clip(cells[:, 1], 0, height - 1)
    left, top = np.floor(x).astype(np.intp), np.floor(y).astype(np.intp)
    right, bottom = np.minimum(left + 1, width - 1), np.minimum(top + 1, height - 1)
    dx, dy = x - left, y - top
    upper = maps[:, top, left] * (1 - dx) + maps[:, top, right] * dx
    lower = maps[:, bottom, left] * (1 - dx) + maps[:, bottom, right] * dx
    return np.asarray((upper * (1 - dy) + lower * dy).T, np.float32)


def _unit(values: Float32, *, axis: int) -> Float32:
    lengths = np.sqrt(np.square(values).sum(axis=axis, keepdims=True))
    return np.asarray(values / np.maximum(lengths, 1e-12), np.float32)


def _to_bytes(descriptors: Float32) -> UInt8:
    """Return descriptors (K, 64) as unit vectors quantised to steps of 1/256, plus 128."""
    steps = np.rint(_unit(descriptors, axis=1) * QUANTUM) + OFFSET
    return np.asarray(np.clip(steps, 0, 255), np.uint8)
