"""Learned keypoints from an ONNX export of XFeat (Potje et al., CVPR 2024).

Accelerated Features for Lightweight Image Matching, https://arxiv.org/abs/2404.19174. XFeat tells
where a keypoint is and what it looks like, but neither its size nor its angle.
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
from beautylens.native import OPENVINO, Once

LENGTH = 64
CELL = 8
LEAST_HEAT = 0.05
SUPPRESSED = 5
# Components of a unit vector of 64 are nearly always within a half: one step is 1/256, and the
# offset that makes them positive falls out of every difference.
QUANTUM = 256
OFFSET = 128


class _Maps(NamedTuple):
    """What the network says of a picture, in cells of 8 x 8 pixels."""

    # (64, h, w): what each cell looks like.
    feats: Float32
    # (65, h, w): logits of a keypoint at each pixel of the cell, and of none.
    keypoints: Float32
    # (h, w): how reliably the cell is found again, 0 to 1.
    heatmap: Float32


class XFeat:
    """Keypoints and descriptors of an XFeat graph, run with OpenVINO.

    The graph takes one grey picture (1, 1, H, W) of fixed size, values 0 to 1, and has the outputs
    `feats` (1, 64, H/8, W/8), `keypoints` (1, 65, H/8, W/8) and `heatmap` (1, 1, H/8, W/8). A
    picture too large for it is shrunk further; a smaller one is filled up with its last pixels.

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
        """Return the strongest keypoints, in pixels of the picture shrunken to `longest`."""
        shrunken, _ = shrink(picture, longest)
        canvas, seen = self._fit(np.asarray(cv2.cvtColor(shrunken, cv2.COLOR_RGB2GRAY), np.uint8))
        maps = _run(self._compiled, canvas)
        points, scores = _peaks(_heat(maps.keypoints), seen)
        scores = scores * _sample(maps.heatmap[None], points)[:, 0]
        order = np.argsort(-scores, kind="stable")[:limit]
        points = points[order]
        height, width = shrunken.shape[:2]
        scale = np.array([width / seen[1], height / seen[0]], np.float32)
        unmeasured = np.zeros(len(points), np.float32)
        return Keypoints(
            # Pixel centres, not corners, stay where they are when a picture is resized.
            (points + np.float32(0.5)) * scale - np.float32(0.5),
            unmeasured,
            unmeasured,
            _to_bytes(_sample(_unit(maps.feats, axis=0), points)),
        )

    def _fit(self, grey: UInt8) -> tuple[UInt8, tuple[int, int]]:
        """Return the picture in the upper left of the graph's input, and its height and width."""
        height, width = grey.shape
        scale = min(1.0, self._height / height, self._width / width)
        rows, columns = max(1, round(height * scale)), max(1, round(width * scale))
        if scale < 1.0:
            grey = np.asarray(
                cv2.resize(grey, (columns, rows), interpolation=cv2.INTER_AREA), np.uint8
            )
        below, beside = self._height - rows, self._width - columns
        return np.pad(grey, ((0, below), (0, beside)), mode="edge"), (rows, columns)


@OPENVINO.first_call_alone
def _run(compiled: Any, canvas: UInt8) -> _Maps:
    request = compiled.create_infer_request()
    request.infer({0: canvas[None, None].astype(np.float32) / np.float32(255)})
    feats, keypoints, heatmap = (
        np.array(request.get_tensor(name).data[0], np.float32) for name in _Maps._fields
    )
    return _Maps(feats, keypoints, heatmap[0])


def _input_size(compiled: Any, file: str | Path) -> tuple[int, int]:
    """Return the height and width that a graph takes, or say what it has instead of XFeat's."""
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
            f"{file}: XFeat's outputs feats, keypoints and heatmap for one grey picture of fixed "
            f"size are needed, this graph has input {inputs[0]} and outputs {found}; "
            "export XFeat itself, without its matcher"
        )
    return height, width


def _shape(port: Any) -> tuple[int, ...]:
    """Return the shape of an input or output; a side that is not fixed is -1."""
    return tuple(
        int(side.get_length()) if side.is_static else -1 for side in port.get_partial_shape()
    )


def _heat(logits: Float32) -> Float32:
    """Return how likely each pixel is a keypoint: (65, h, w) logits to (8h, 8w)."""
    likely = np.exp(logits - logits.max(axis=0))
    likely = likely[:-1] / likely.sum(axis=0)
    rows, columns = likely.shape[1:]
    cells = likely.reshape(CELL, CELL, rows, columns).transpose(2, 0, 3, 1)
    return np.ascontiguousarray(cells.reshape(rows * CELL, columns * CELL))


def _peaks(heat: Float32, seen: tuple[int, int]) -> tuple[Float32, Float32]:
    """Return the local maxima inside the picture, (K, 2) x, y, and the heat of each, (K,)."""
    highest = cv2.dilate(heat, np.ones((SUPPRESSED, SUPPRESSED), np.uint8))
    rows, columns = np.nonzero(((heat == highest) & (heat > LEAST_HEAT))[: seen[0], : seen[1]])
    return np.stack([columns, rows], axis=1).astype(np.float32), heat[rows, columns]


def _sample(maps: Float32, points: Float32) -> Float32:
    """Return the maps (C, h, w) at points (K, 2) in pixels, between cells bilinearly: (K, C)."""
    height, width = maps.shape[1:]
    cells = (points + np.float32(0.5)) / CELL - np.float32(0.5)
    x, y = np.clip(cells[:, 0], 0, width - 1), np.clip(cells[:, 1], 0, height - 1)
    left, top = np.floor(x).astype(np.intp), np.floor(y).astype(np.intp)
    right, bottom = np.minimum(left + 1, width - 1), np.minimum(top + 1, height - 1)
    across, down = x - left, y - top
    upper = maps[:, top, left] * (1 - across) + maps[:, top, right] * across
    lower = maps[:, bottom, left] * (1 - across) + maps[:, bottom, right] * across
    return np.asarray((upper * (1 - down) + lower * down).T, np.float32)


def _unit(values: Float32, *, axis: int) -> Float32:
    lengths = np.sqrt(np.square(values).sum(axis=axis, keepdims=True))
    return np.asarray(values / np.maximum(lengths, 1e-12), np.float32)


def _to_bytes(descriptors: Float32) -> UInt8:
    """Return descriptors (K, 64) as unit vectors in steps of 1/256, moved up by 128."""
    steps = np.rint(_unit(descriptors, axis=1) * QUANTUM) + OFFSET
    return np.asarray(np.clip(steps, 0, 255), np.uint8)
