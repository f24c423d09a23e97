"""Extractors by name: SIFT, RootSIFT and ORB here, a learned one from an ONNX file.

SURF, which some of the source papers also tried, is patented and left out of OpenCV's builds; ORB
is its free stand-in.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from beautylens.arrays import Float32, UInt8
from beautylens.features.local.keypoints import Keypoints, no_keypoints
from beautylens.features.local.xfeat import XFeat
from beautylens.images.fit import shrink
from beautylens.native import OPENCV

# RootSIFT components are at most 1 and seldom above a quarter: 16 steps of 1/56, four bits, match
# as well as 256 of 1/512 do.
QUANTUM = 56
MOST = 15


class Extractor(Protocol):
    """Finds a picture's strongest keypoints and describes each in whole bytes."""

    @property
    def distance(self) -> str:
        """How its descriptors are compared: a name in `matching.DISTANCES`."""

    def __call__(self, picture: UInt8, *, longest: int, limit: int) -> Keypoints:
        """Return the strongest keypoints, in pixels of the picture shrunken to `longest`.

        Args:
            picture: (H, W, 3) uint8 RGB.
            longest: the longer side is shrunk to this many pixels first; never enlarged.
            limit: keep this many of the strongest keypoints.
        """


@dataclass(frozen=True, slots=True)
class Detector:
    """One of OpenCV's detectors on the grey picture.

    Args:
        detector: `cv2.SIFT` or another class with the same `create(nfeatures)`.
        encode: turns its descriptors (K, D) into uint8.
        distance: how they are compared.
    """

    detector: Any
    encode: Callable[[NDArray[Any]], UInt8]
    distance: str

    def __call__(self, picture: UInt8, *, longest: int, limit: int) -> Keypoints:
        """Return the strongest keypoints; equal strength keeps the detector's order."""
        grey = cv2.cvtColor(shrink(picture, longest)[0], cv2.COLOR_RGB2GRAY)
        detector = self.detector.create(nfeatures=limit)
        found, descriptors = _detect(detector, grey)
        if descriptors is None:
            return no_keypoints(detector.descriptorSize())
        strength = np.array([keypoint.response for keypoint in found])
        order = np.argsort(-strength, kind="stable")[:limit]
        return Keypoints(
            np.array([found[place].pt for place in order], np.float32),
            np.array([found[place].size for place in order], np.float32),
            np.radians(np.array([found[place].angle for place in order], np.float32)),
            self.encode(descriptors[order]),
        )


@OPENCV.first_call_alone
def _detect(detector: Any, grey: Any) -> tuple[Any, Any]:
    found, descriptors = detector.detectAndCompute(grey, None)
    return found, descriptors


def rootsift() -> Detector:
    """Return SIFT keypoints (Lowe, 2004) as RootSIFT (Arandjelovic and Zisserman, 2012)."""
    return Detector(cv2.SIFT, root_sift, "l2")


def sift() -> Detector:
    """Return SIFT keypoints (Lowe, 2004) with OpenCV's own descriptors, whole numbers to 255."""
    return Detector(cv2.SIFT, _whole_numbers, "l2")


def orb() -> Detector:
    """Return ORB keypoints (Rublee et al., 2011): 256 bits each."""
    return Detector(cv2.ORB, _whole_numbers, "hamming")


def root_sift(descriptors: Float32) -> UInt8:
    """Return SIFT descriptors (K, 128) as RootSIFT, the root of the L1-normalised, in 1/56."""
    sums = np.maximum(descriptors.sum(axis=1, keepdims=True), 1e-12)
    rooted = np.rint(np.sqrt(descriptors / sums) * QUANTUM)
    return np.asarray(np.minimum(rooted, MOST), np.uint8)


def _whole_numbers(descriptors: NDArray[Any]) -> UInt8:
    return np.asarray(descriptors, np.uint8)


EXTRACTORS: Mapping[str, Callable[..., Extractor]] = {
    "rootsift": rootsift,
    "sift": sift,
    "orb": orb,
    "onnx": XFeat,
}
