"""Local features: SIFT keypoints with RootSIFT descriptors, and their compact stored form."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from beautylens.images.fit import shrink

# RootSIFT components are at most 1 and nearly always below a half: one step is 1/512.
QUANTUM = 512
_RECORD = np.dtype(
    [("x", "<u2"), ("y", "<u2"), ("size", "<f2"), ("angle", "<u2"), ("descriptor", "u1", 128)]
)
_SUBPIXEL = 16
_TURN = 65536


@dataclass(frozen=True, slots=True, eq=False)
class Keypoints:
    """Keypoints of one picture, strongest first, in pixels of the shrunken picture.

    points (K, 2) float32 x, y; sizes (K,) float32 diameters in pixels; angles (K,) float32
    radians; descriptors (K, 128) uint8 RootSIFT in steps of 1/512.
    """

    points: NDArray[np.float32]
    sizes: NDArray[np.float32]
    angles: NDArray[np.float32]
    descriptors: NDArray[np.uint8]

    def __len__(self) -> int:
        return len(self.points)

    def to_bytes(self) -> bytes:
        """Return the stored form: 136 bytes a keypoint, positions to 1/16 pixel."""
        records = np.empty(len(self), _RECORD)
        places = np.clip(np.rint(self.points * _SUBPIXEL), 0, 65535)
        records["x"], records["y"] = places[:, 0], places[:, 1]
        records["size"] = self.sizes
        turns = np.rint(self.angles / (2 * np.pi) * _TURN).astype(np.int64) % _TURN
        records["angle"] = turns
        records["descriptor"] = self.descriptors
        return records.tobytes()

    @classmethod
    def from_bytes(cls, data: bytes) -> Keypoints:
        """Return the keypoints that `to_bytes` stored."""
        records = np.frombuffer(data, _RECORD)
        return cls(
            np.stack([records["x"], records["y"]], axis=1).astype(np.float32)
            * np.float32(1 / _SUBPIXEL),
            records["size"].astype(np.float32),
            records["angle"].astype(np.float32) * np.float32(2 * np.pi / _TURN),
            np.ascontiguousarray(records["descriptor"]),
        )


def extract_keypoints(picture: NDArray[np.uint8], *, longest: int, limit: int) -> Keypoints:
    """Return a picture's strongest SIFT keypoints (Lowe, 2004) as RootSIFT (Arandjelovic, 2012).

    Args:
        picture: (H, W, 3) uint8 RGB.
        longest: the longer side is shrunk to this many pixels first; never enlarged.
        limit: keep this many of the strongest keypoints.
    """
    grey = cv2.cvtColor(shrink(picture, longest)[0], cv2.COLOR_RGB2GRAY)
    found, descriptors = cv2.SIFT.create(nfeatures=limit).detectAndCompute(grey, None)
    if descriptors is None:
        return NO_KEYPOINTS
    strength = np.array([keypoint.response for keypoint in found])
    order = np.argsort(-strength, kind="stable")[:limit]
    return Keypoints(
        np.array([found[place].pt for place in order], np.float32),
        np.array([found[place].size for place in order], np.float32),
        np.radians(np.array([found[place].angle for place in order], np.float32)),
        root_sift(np.asarray(descriptors[order], np.float32)),
    )


def root_sift(descriptors: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Return SIFT descriptors (K, 128) as RootSIFT, the root of the L1-normalised, in 1/512."""
    sums = np.maximum(descriptors.sum(axis=1, keepdims=True), 1e-12)
    rooted = np.rint(np.sqrt(descriptors / sums) * QUANTUM)
    return np.asarray(np.minimum(rooted, 255), np.uint8)


NO_KEYPOINTS = Keypoints(
    np.empty((0, 2), np.float32),
    np.empty(0, np.float32),
    np.empty(0, np.float32),
    np.empty((0, 128), np.uint8),
)
