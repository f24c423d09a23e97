"""Verifications by name: which matched keypoints of two pictures agree with each other."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import cv2
import numpy as np

from beautylens.arrays import Float32, Float64
from beautylens.features.local.keypoints import Keypoints
from beautylens.features.local.matching import (
    MIN_INLIERS,
    NOTHING,
    Plausible,
    Verified,
    as_complex,
    distinct_places,
    is_plausible,
    verify,
)
from beautylens.features.local.nearest import Pairs

Verification = Callable[[Keypoints, Keypoints, Pairs], Verified]


def unverified(query: Keypoints, gallery: Keypoints, pairs: Pairs) -> Verified:
    """Return all pairs: the source papers count what passes the ratio test."""
    return Verified(pairs, np.eye(2, 3), len(pairs))


def verify_affine(
    query: Keypoints, gallery: Keypoints, pairs: Pairs, plausible: Plausible | None = None
) -> Verified:
    """Return the pairs that one plausible affine map explains (MAGSAC++, Barath et al., 2020)."""
    return _verified(cv2.estimateAffine2D, query, gallery, pairs, plausible or Plausible())


def verify_homography(
    query: Keypoints, gallery: Keypoints, pairs: Pairs, plausible: Plausible | None = None
) -> Verified:
    """Return the pairs that one plausible homography explains (MAGSAC++, Barath et al., 2020)."""
    return _verified(cv2.findHomography, query, gallery, pairs, plausible or Plausible())


VERIFICATIONS: Mapping[str, Verification] = {
    "none": unverified,
    "similarity": verify,
    "affine": verify_affine,
    "homography": verify_homography,
}


def _verified(
    estimate: Callable[..., Any],
    query: Keypoints,
    gallery: Keypoints,
    pairs: Pairs,
    limits: Plausible,
) -> Verified:
    if len(pairs) < MIN_INLIERS:
        return NOTHING
    source, target = query.points[pairs[:, 0]], gallery.points[pairs[:, 1]]
    transform, mask = estimate(source, target, _sampling(limits.affine_tolerance))
    if transform is None:
        return NOTHING
    kept = mask.ravel().astype(bool)
    count = distinct_places(as_complex(source[kept]), as_complex(target[kept]))
    if count < MIN_INLIERS or not is_plausible(_affine_at(transform, source[kept]), limits):
        return NOTHING
    return Verified(pairs[kept], np.asarray(transform, np.float64), count)


def _sampling(tolerance: float) -> Any:
    """Return how samples are drawn: alone on one thread, from the same seed each time."""
    sampling = cv2.UsacParams()
    sampling.isParallel = False
    sampling.randomGeneratorState = 0
    sampling.sampler = cv2.SAMPLING_UNIFORM
    sampling.score = cv2.SCORE_METHOD_MAGSAC
    sampling.loMethod = cv2.LOCAL_OPTIM_SIGMA
    sampling.threshold = tolerance
    sampling.confidence = 0.999
    sampling.maxIterations = 2000
    return sampling


def _affine_at(transform: Float64, points: Float32) -> Float64:
    """Return the affine map (2, 3) that a transform is near the middle of points.

    A homography that sends any of them behind the camera gives zeros, which nobody finds plausible.
    """
    if transform.shape == (2, 3):
        return transform
    depths = points @ transform[2, :2] + transform[2, 2]
    if depths.min() <= 0:
        return np.zeros((2, 3))
    middle = np.append(points.mean(axis=0, dtype=np.float64), 1.0)
    x, y, depth = transform @ middle
    seen = np.array([x, y]) / depth
    linear = (transform[:2, :2] - np.outer(seen, transform[2, :2])) / depth
    return np.hstack([linear, (seen - linear @ middle[:2])[:, None]])
