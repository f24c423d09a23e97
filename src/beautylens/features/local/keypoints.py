"""Keypoints of one picture, of any extractor, and their compact stored form."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np

from beautylens.arrays import Float32, UInt8

SIFT_LENGTH = 128
_HEADER = np.dtype([("length", "<u2"), ("bits", "<u2")])
_FOUR_BITS = 15
_SUBPIXEL = 16
_TURN = 65536


@dataclass(frozen=True, slots=True, eq=False)
class Keypoints:
    """Keypoints of one picture, strongest first, in pixels of the shrunk picture.

    points (K, 2) float32 x, y; sizes (K,) float32 diameters in pixels; angles (K,) float32
    radians; descriptors (K, D) uint8, quantised as the extractor does. Sizes and angles are 0 where
    the extractor does not measure them.
    """

    points: Float32
    sizes: Float32
    angles: Float32
    descriptors: UInt8

    def __len__(self) -> int:
        return len(self.points)

    def strongest(self, limit: int) -> Keypoints:
        """Return the `limit` strongest keypoints."""
        first = np.s_[:limit]
        return Keypoints(
            self.points[first], self.sizes[first], self.angles[first], self.descriptors[first]
        )

    def to_bytes(self) -> bytes:
        """Return the stored form: 8 + D bytes a keypoint, positions to 1/16 pixel.

        If no value is above 15, two values share a byte: 8 + D/2 bytes.

        Raises:
            ValueError: when D is odd.
        """
        length = self.descriptors.shape[1]
        bits = 4 if self.descriptors.max(initial=0) <= _FOUR_BITS else 8
        records = np.empty(len(self), _record(length, bits))
        positions = np.clip(np.rint(self.points * _SUBPIXEL), 0, 65535)
        records["x"], records["y"] = positions[:, 0], positions[:, 1]
        records["size"] = self.sizes
        turns = np.rint(self.angles / (2 * np.pi) * _TURN).astype(np.int64) % _TURN
        records["angle"] = turns
        half = length // 2
        records["descriptor"] = (
            self.descriptors[:, :half] | self.descriptors[:, half:] << 4
            if bits == 4
            else self.descriptors
        )
        return np.array((length, bits), _HEADER).tobytes() + records.tobytes()

    @classmethod
    def from_bytes(cls, data: bytes | memoryview) -> Keypoints:
        """Return the keypoints that `to_bytes` stored; no bytes are no keypoints."""
        if not data:
            return NO_KEYPOINTS
        length, bits = np.frombuffer(data, _HEADER, 1)[0].tolist()
        records = np.frombuffer(data, _record(length, bits), offset=_HEADER.itemsize)
        stored = records["descriptor"]
        return cls(
            np.stack([records["x"], records["y"]], axis=1).astype(np.float32)
            * np.float32(1 / _SUBPIXEL),
            records["size"].astype(np.float32),
            records["angle"].astype(np.float32) * np.float32(2 * np.pi / _TURN),
            np.hstack([stored & _FOUR_BITS, stored >> 4]) if bits == 4 else stored.copy(),
        )


def no_keypoints(length: int = SIFT_LENGTH) -> Keypoints:
    """Return an empty set of keypoints, for descriptors of `length` bytes."""
    return Keypoints(
        np.empty((0, 2), np.float32),
        np.empty(0, np.float32),
        np.empty(0, np.float32),
        np.empty((0, length), np.uint8),
    )


@cache
def _record(length: int, bits: int) -> np.dtype[np.void]:
    if length % 2:
        raise ValueError(
            f"a descriptor of {length} bytes cannot be stored; pad it to an even length"
        )
    return np.dtype(
        [
            ("x", "<u2"),
            ("y", "<u2"),
            ("size", "<f2"),
            ("angle", "<u2"),
            ("descriptor", "u1", length * bits // 8),
        ]
    )


NO_KEYPOINTS = no_keypoints()
