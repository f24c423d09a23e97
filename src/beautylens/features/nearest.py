"""The exact nearest two of many descriptors, by products of bytes.

The squared distance of whole numbers is |a|² + |b|² - 2ab: the nearest of a photo's descriptor a is
where 2ab - |b|² is greatest. That is one matrix product once |b|² has columns of its own. ONNX
Runtime multiplies bytes with the widest instructions of the processor, without rounding.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from importlib.resources import files
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

Bytes = NDArray[np.uint8]
Whole = NDArray[np.int32]
Pairs = NDArray[np.intp]

# A product of bytes has |b|² in two columns: in shares of this, and what is left over.
_SHARE = 128
# Some processors add products of bytes two at a time in 16 bits: greater values would leave them.
_MOST = 63
_NOWHERE = np.iinfo(np.int32).min


def nearest_pairs(
    query: Bytes, galleries: Sequence[Bytes], *, ratio: float, mutual: bool
) -> list[Pairs]:
    """Return (M, 2) indices of nearest descriptors that are clearly nearer than the second.

    There is one array for each picture. Of equally near descriptors the first is the nearest.

    Args:
        query: (Q, D) descriptors of a photo.
        galleries: (G, D) descriptors of each picture, at least two; all of them together take
            4 Q bytes for each descriptor of the longest.
        ratio: the most that the squared distance to the nearest may be of that to the second.
        mutual: keep a pair only if the query's is in turn the nearest of the gallery's.
    """
    if not len(query):
        return [np.empty((0, 2), np.intp)] * len(galleries)
    scores = _scores(query, galleries)
    rows = scores.reshape(-1, scores.shape[2])
    every = np.arange(len(rows))
    nearest = rows.argmax(axis=1)
    first = rows[every, nearest]
    rows[every, nearest] = _NOWHERE
    second = rows.max(axis=1)
    rows[every, nearest] = first
    squares = _squares(query)
    own = squares.repeat(len(galleries))
    kept = np.flatnonzero(own - first <= ratio * (own - second))
    (photo, picture), nearest = np.divmod(kept, len(galleries)), nearest[kept]
    if mutual:
        back = scores[:, picture, nearest] - squares[:, None]
        both = back.argmax(axis=0) == photo
        photo, picture, nearest = photo[both], picture[both], nearest[both]
    pairs = np.stack([photo, nearest], axis=1)
    return [pairs[picture == place] for place in range(len(galleries))]


def _scores(query: Bytes, galleries: Sequence[Bytes]) -> Whole:
    """Return 2ab - |b|² (Q, pictures, longest G), far below all others where there is no b."""
    longest = max(map(len, galleries))
    padded = np.zeros((len(galleries), longest, query.shape[1]), np.uint8)
    for place, gallery in enumerate(galleries):
        padded[place, : len(gallery)] = gallery
    rows = padded.reshape(-1, query.shape[1])
    squares = _squares(rows)
    small = max(query.max(), rows.max()) <= _MOST and squares.max() < _SHARE**2
    product = _of_bytes if small else _of_floats
    scores = product(query, rows, squares).reshape(len(query), len(galleries), longest)
    for place, gallery in enumerate(galleries):
        scores[:, place, len(gallery) :] = _NOWHERE
    return scores


def _squares(descriptors: Bytes) -> Whole:
    squares: Whole = np.einsum("kd,kd->k", descriptors, descriptors, dtype=np.int32)
    return squares


def _of_bytes(query: Bytes, gallery: Bytes, squares: Whole) -> Whole:
    left = np.hstack([2 * query, np.full((len(query), 2), (_SHARE, 1), np.uint8)])
    shares = -np.stack(np.divmod(squares, _SHARE), axis=1)
    right = np.hstack([gallery.view(np.int8), shares.astype(np.int8)])
    scores: Whole = _product().run(None, {"rows": left, "columns": cv2.transpose(right)})[0]
    return scores


def _of_floats(query: Bytes, gallery: Bytes, squares: Whole) -> Whole:
    """Return the same of any bytes: double precision holds their products exactly."""
    return np.asarray((2.0 * query) @ gallery.T.astype(np.float64) - squares, np.int32)


@cache
def _product() -> Any:
    """Return the product of bytes, on the thread that asks for it."""
    # It takes a fifth of a second to import, and not every command compares keypoints.
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    graph = files("beautylens.features").joinpath("byte_product.onnx").read_bytes()
    return onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])
