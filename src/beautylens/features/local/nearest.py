"""The exact nearest two of many descriptors, by products of bytes.

The squared distance of whole numbers is |a|² + |b|² - 2ab: the nearest of a photo's descriptor a is
where 2ab - |b|² is greatest. That is one matrix product once |b|² has columns of its own. ONNX
Runtime multiplies bytes with the widest instructions of the processor, without rounding.
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
from beautylens.native import ONNX_RUNTIME, Once

Pairs = Intp

# A product of bytes has |b|² in two columns: in shares of this, and what is left over.
_SHARE = 128
_SHARES = 2
_NOWHERE = np.iinfo(np.int32).min
# Bytes of an array beyond which a thread does not keep it.
_MOST_KEPT = 4 << 20


class Nearest:
    """Finds for a photo's descriptors those of pictures that are clearly nearer than the second.

    Args:
        query: (Q, D) descriptors of the photo, D at most 256.
        ratio: the most that the squared distance to the nearest may be of that to the second.
        mutual: keep a pair only if the query's is in turn the nearest of the gallery's.
    """

    def __init__(self, query: UInt8, *, ratio: float, mutual: bool) -> None:
        self._query = query
        self._ratio = ratio
        self._mutual = mutual
        self._squares = _squares(query)
        shares = np.full((len(query), _SHARES), (_SHARE, 1), np.uint8)
        self._doubled = np.hstack([2 * query, shares])

    def __call__(self, galleries: Sequence[UInt8]) -> list[Pairs]:
        """Return (M, 2) indices of descriptors for each picture, in the order of the photo's.

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
        # A view of all scores: to set the greatest in it aside leaves the second.
        flat = scores.reshape(-1)
        places = np.arange(len(rows)) * rows.shape[1] + nearest
        first = flat[places]
        flat[places] = _NOWHERE
        second = rows.max(axis=1)
        flat[places] = first
        own = self._squares.repeat(len(galleries))
        kept = np.flatnonzero(own - first <= self._ratio * (own - second))
        photo, picture = np.divmod(kept, len(galleries))
        nearest = nearest[kept]
        if self._mutual:
            back = scores[:, picture, nearest] - self._squares[:, None]
            both = back.argmax(axis=0) == photo
            photo, picture, nearest = photo[both], picture[both], nearest[both]
        pairs = np.stack([photo, nearest], axis=1)
        return [pairs[picture == place] for place in range(len(galleries))]

    def _scores(self, galleries: Sequence[UInt8]) -> Int32:
        """Return 2ab - |b|² (Q, pictures, longest G), far below all others where there is no b."""
        longest = max(map(len, galleries))
        length = self._query.shape[1]
        padded = _KEPT.array("rows", len(galleries), longest, length + _SHARES)
        for place, gallery in enumerate(galleries):
            padded[place, : len(gallery), :length] = gallery
            padded[place, len(gallery) :, :length] = 0
        rows = padded.reshape(-1, length + _SHARES)
        squares = _squares(rows[:, :length])
        # Some processors add two products in 16 bits. Of descriptors shorter than the share they
        # stay below, 2ab + 2a'b' being at most twice the product of the lengths; and so do those of
        # the shares, which are negative, among themselves or, where D is odd, with one of the rest.
        short = max(squares.max(), self._squares.max()) < _SHARE**2
        product = self._of_bytes if short else self._of_floats
        scores = product(rows, squares).reshape(len(self._query), len(galleries), longest)
        for place, gallery in enumerate(galleries):
            scores[:, place, len(gallery) :] = _NOWHERE
        return scores

    def _of_bytes(self, rows: UInt8, squares: Int32) -> Int32:
        """Return the scores (Q, N) of rows (N, D + 2), the last two of which are free for |b|²."""
        signed = rows.view(np.int8)
        signed[:, -2], signed[:, -1] = -(squares // _SHARE), -(squares % _SHARE)
        columns = _KEPT.array("columns", *reversed(rows.shape)).view(np.int8)
        given = {"rows": self._doubled, "columns": cv2.transpose(signed, columns)}
        return _multiply(given)

    def _of_floats(self, rows: UInt8, squares: Int32) -> Int32:
        """Return the same of any bytes: double precision holds their products exactly."""
        gallery = rows[:, :-_SHARES].T.astype(np.float64)
        return np.asarray((2.0 * self._query) @ gallery - squares, np.int32)


def _squares(descriptors: UInt8) -> Int32:
    """Return |a|² (K,): single precision holds sums of squares of up to 256 bytes exactly."""
    floats = _KEPT.array("floats", *descriptors.shape, 4).view(np.float32)[..., 0]
    floats[...] = descriptors
    squares: Int32 = np.vecdot(floats, floats).astype(np.int32)
    return squares


class _Kept(threading.local):
    """Memory that a thread keeps: a system may take longer to hand it out than to fill it."""

    def __init__(self) -> None:
        self._arrays: dict[str, UInt8] = {}

    def array(self, name: str, *shape: int) -> UInt8:
        """Return an array that holds anything, until the same thread asks for it again."""
        size = math.prod(shape)
        if size > _MOST_KEPT:
            return np.empty(shape, np.uint8)
        if name not in self._arrays or self._arrays[name].size < size:
            self._arrays[name] = np.empty(size, np.uint8)
        return self._arrays[name][:size].reshape(shape)


_KEPT = _Kept()


_PRODUCT: Once[Any] = Once()


@ONNX_RUNTIME.first_call_alone
def _multiply(given: Mapping[str, Any]) -> Int32:
    """Return the product of bytes, on the thread that asks for it."""
    scores: Int32 = _PRODUCT(_product).run(None, given)[0]
    return scores


def _product() -> Any:
    # It takes a fifth of a second to import, and not every command compares keypoints.
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    graph = files(__package__).joinpath("byte_product.onnx").read_bytes()
    return onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])
