"""Keypoint extractors by name: SIFT, RootSIFT, ORB, and XFeat from an ONNX file.

SURF, which some of the source papers also tried, is patented and not part of OpenCV's builds; ORB
is the free alternative.
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
from beautylens.runtime.native import OPENCV

# RootSIFT components are at most 1 and seldom above a quarter: quantised to 16 steps of 1/56 (four
# bits) they match as well as with 256 steps of 1/512.
QUANTUM = 56
MAX_LEVEL = 15


class Extractor(Protocol):
    """Detects a picture's strongest keypoints and computes their descriptors, (K, D) uint8."""

    @property
    def distance(self) -> str:
        """Name of the distance of its descriptors, one of `matching.DISTANCES`."""

    def __call__(self, picture: UInt8, *, longest: int, limit: int) -> Keypoints:
        """Return the strongest keypoints, in pixels of the picture shrunk to `longest`.

        Args:
            picture: (H, W, 3) uint8 RGB.
            longest: the longer side is shrunk to this many pixels first; never enlarged.
            limit: keep this many of the strongest keypoints.
        """


@dataclass(frozen=True, slots=True)
class Detector:
    """A keypoint detector of OpenCV, run on the grey picture.

    Args:
        detector: `cv2.SIFT` or another class with the same `create(nfeatures)`.
        encode: converts its descriptors (K, D) to uint8.
        distance: name of their distance.
    """

    detector: Any
    encode: Callable[[NDArray[Any]], UInt8]
    distance: str

    def __call__(self, picture: UInt8, *, longest: int, limit: int) -> Keypoints:
        """Return the strongest keypoints; equally strong ones keep the detector's order."""
        grey = cv2.cvtColor(shrink(picture, longest)[0], cv2.COLOR_RGB2GRAY)
        detector = self.detector.create(nfeatures=limit)
        found, descriptors = _detect(detector, grey)
        if descriptors is None:
            return no_keypoints(detector.descriptorSize())
        strength = np.array([keypoint.response for keypoint in found])
        order = np.argsort(-strength, kind="stable")[:limit]
        return Keypoints(
            np.array([found[index].pt for index in order], np.float32),
            np.array([found[index].size for index in order], np.float32),
            np.radians(np.array([found[index].angle for index in order], np.float32)),
            self.encode(descriptors[order]),
        )


@OPENCV.serialise_first_call
def _detect(detector: Any, grey: Any) -> tuple[Any, Any]:
    found, descriptors = detector.detectAndCompute(grey, None)
    return found, descriptors


def rootsift() -> Detector:
    """Return SIFT (Lowe, 2004) with RootSIFT descriptors (Arandjelovic and Zisserman, 2012)."""
    return Detector(cv2.SIFT, root_sift, "l2")


def sift() -> Detector:
    """Return the SIFT detector (Lowe, 2004) with OpenCV's own descriptors, 0 to 255."""
    return Detector(cv2.SIFT, _as_bytes, "l2")


def orb() -> Detector:
    """Return the ORB detector (Rublee et al., 2011), whose descriptors have 256 bits."""
    return Detector(cv2.ORB, _as_bytes, "hamming")


def root_sift(descriptors: Float32) -> UInt8:
    """Return RootSIFT of SIFT descriptors (K, 128): roots of L1-normalised values, in 1/56."""
    sums = np.maximum(descriptors.sum(axis=1, keepdims=True), 1e-12)
    rooted = np.rint(np.sqrt(descriptors / sums) * QUANTUM)
    return np.asarray(np.minimum(rooted, MAX_LEVEL), np.uint8)


def _as_bytes(descriptors: NDArray[Any]) -> UInt8:
    return np.asarray(descriptors, np.uint8)


EXTRACTORS: Mapping[str, Callable[..., Extractor]] = {
    "rootsift": rootsift,
    "sift": sift,
    "orb": orb,
    "onnx": XFeat,
}
