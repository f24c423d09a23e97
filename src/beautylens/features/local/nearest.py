"""Exact nearest-neighbour search of byte descriptors by integer matrix products.

The squared distance is |a|² + |b|² - 2ab: the nearest neighbour of descriptor a maximises
2ab - |b|². That is one matrix product if |b|² has columns of its own. ONNX Runtime multiplies bytes
with the widest instructions of the processor, without rounding.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Mapping, Sequence
from importlib.resources import files
from typing import Any

import cv2
import numpy as np

from beautylens.arrays import Int32, Intp, UInt8
from beautylens.runtime.native import ONNX_RUNTIME, Once

Pairs = Intp

# |b|² takes two byte columns: the quotient by this number, and the remainder.
_SHARE = 128
_SHARES = 2
_NEVER = np.iinfo(np.int32).min
# Bytes of the largest array that a thread keeps for reuse.
_MAX_KEPT = 4 << 20


class Nearest:
    """Nearest neighbours of a photo's descriptors in other pictures, with Lowe's ratio test.

    Args:
        query: (Q, D) descriptors of the photo, D at most 256.
        ratio: largest squared distance to the nearest over that to the second.
        mutual: keep mutual nearest neighbours only.
    """

    def __init__(self, query: UInt8, *, ratio: float, mutual: bool) -> None:
        self._query = query
        self._ratio = ratio
        self._mutual = mutual
        self._squares = _squares(query)
        shares = np.full((len(query), _SHARES), (_SHARE, 1), np.uint8)
        self._doubled = np.hstack([2 * query, shares])

    def __call__(self, galleries: Sequence[UInt8]) -> list[Pairs]:
        """Return the pairs (M, 2) of each picture, indices of descriptors, in the photo's order.

        Of equally near descriptors the first is the nearest.

        Args:
            galleries: (G, D) descriptors of each picture, at least two; all of them together take
                4 Q bytes for each descriptor of the longest.
        """
        if not len(self._query):
            return [np.empty((0, 2), np.intp)] * len(galleries)
        scores = self._scores(galleries)
        rows = scores.reshape(-1, scores.shape[2])
        nearest = rows.argmax(axis=1)
        # A view of all scores: with the greatest masked, the second greatest is the maximum.
        flat = scores.reshape(-1)
        best = np.arange(len(rows)) * rows.shape[1] + nearest
        first = flat[best]
        flat[best] = _NEVER
        second = rows.max(axis=1)
        flat[best] = first
        own = self._squares.repeat(len(galleries))
        kept = np.flatnonzero(own - first <= self._ratio * (own - second))
        photo, picture = np.divmod(kept, len(galleries))
        nearest = nearest[kept]
        if self._mutual:
            back = scores[:, picture, nearest] - self._squares[:, None]
            both = back.argmax(axis=0) == photo
            photo, picture, nearest = photo[both], picture[both], nearest[both]
        pairs = np.stack([photo, nearest], axis=1)
        return [pairs[picture == index] for index in range(len(galleries))]

    def _scores(self, galleries: Sequence[UInt8]) -> Int32:
        """Return 2ab - |b|², (Q, pictures, longest G); padding has the least integer."""
        longest = max(map(len, galleries))
        length = self._query.shape[1]
        padded = _BUFFERS.array("rows", len(galleries), longest, length + _SHARES)
        for index, gallery in enumerate(galleries):
            padded[index, : len(gallery), :length] = gallery
            padded[index, len(gallery) :, :length] = 0
        rows = padded.reshape(-1, length + _SHARES)
        squares = _squares(rows[:, :length])
        # Some processors add two products in 16 bits. They do not overflow if all norms are below
        # _SHARE: 2ab + 2a'b' is at most twice the product of the norms. The products of the two
        # |b|² columns, which are negative, do not either, alone or (D odd) with one of the rest.
        small = max(squares.max(), self._squares.max()) < _SHARE**2
        product = self._by_bytes if small else self._by_floats
        scores = product(rows, squares).reshape(len(self._query), len(galleries), longest)
        for index, gallery in enumerate(galleries):
            scores[:, index, len(gallery) :] = _NEVER
        return scores

    def _by_bytes(self, rows: UInt8, squares: Int32) -> Int32:
        """Return the scores (Q, N) of rows (N, D + 2), whose last two columns are free for |b|²."""
        signed = rows.view(np.int8)
        signed[:, -2], signed[:, -1] = -(squares // _SHARE), -(squares % _SHARE)
        columns = _BUFFERS.array("columns", *reversed(rows.shape)).view(np.int8)
        given = {"rows": self._doubled, "columns": cv2.transpose(signed, columns)}
        return _multiply(given)

    def _by_floats(self, rows: UInt8, squares: Int32) -> Int32:
        """Return the same scores in double precision, exact for any bytes."""
        gallery = rows[:, :-_SHARES].T.astype(np.float64)
        return np.asarray((2.0 * self._query) @ gallery - squares, np.int32)


def _squares(descriptors: UInt8) -> Int32:
    """Return |a|², (K,): exact in single precision for up to 256 bytes."""
    floats = _BUFFERS.array("floats", *descriptors.shape, 4).view(np.float32)[..., 0]
    floats[...] = descriptors
    squares: Int32 = np.vecdot(floats, floats).astype(np.int32)
    return squares


class _Buffers(threading.local):
    """Buffers that a thread reuses: allocation may take longer than filling them."""

    def __init__(self) -> None:
        self._arrays: dict[str, UInt8] = {}

    def array(self, name: str, *shape: int) -> UInt8:
        """Return an uninitialised array, valid until this thread asks for the same name again."""
        size = math.prod(shape)
        if size > _MAX_KEPT:
            return np.empty(shape, np.uint8)
        if name not in self._arrays or self._arrays[name].size < size:
            self._arrays[name] = np.empty(size, np.uint8)
        return self._arrays[name][:size].reshape(shape)


_BUFFERS = _Buffers()


_PRODUCT: Once[Any] = Once()


@ONNX_RUNTIME.serialise_first_call
def _multiply(given: Mapping[str, Any]) -> Int32:
    """Return the integer matrix product, computed on the calling thread."""
    scores: Int32 = _PRODUCT(_product).run(None, given)[0]
    return scores


def _product() -> Any:
    # Imported late: it takes 0.2 s, and not every command matches keypoints.
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    graph = files(__package__).joinpath("byte_product.onnx").read_bytes()
    return onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])
