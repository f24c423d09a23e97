"""Geometric verification by name: which keypoint matches are inliers of one transform."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import cv2
import numpy as np

from beautylens.arrays import Float32, Float64
from beautylens.features.local.keypoints import Keypoints
from beautylens.features.local.matching import (
    MIN_INLIERS,
    NO_MATCHES,
    Plausible,
    Verified,
    as_complex,
    count_distinct,
    is_plausible,
    verify,
)
from beautylens.features.local.nearest import Pairs

Verification = Callable[[Keypoints, Keypoints, Pairs], Verified]


def unverified(query: Keypoints, gallery: Keypoints, pairs: Pairs) -> Verified:
    """Return all pairs, as the source papers that count the matches passing the ratio test."""
    return Verified(pairs, np.eye(2, 3), len(pairs))


def verify_affine(
    query: Keypoints, gallery: Keypoints, pairs: Pairs, plausible: Plausible | None = None
) -> Verified:
    """Return the inliers of one plausible affine map (MAGSAC++, Barath et al., 2020)."""
    return _verified(cv2.estimateAffine2D, query, gallery, pairs, plausible or Plausible())


def verify_homography(
    query: Keypoints, gallery: Keypoints, pairs: Pairs, plausible: Plausible | None = None
) -> Verified:
    """Return the inliers of one plausible homography (MAGSAC++, Barath et al., 2020)."""
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
        return NO_MATCHES
    source, target = query.points[pairs[:, 0]], gallery.points[pairs[:, 1]]
    transform, mask = estimate(source, target, _usac_parameters(limits.affine_tolerance))
    if transform is None:
        return NO_MATCHES
    kept = mask.ravel().astype(bool)
    count = count_distinct(as_complex(source[kept]), as_complex(target[kept]))
    if count < MIN_INLIERS or not is_plausible(_affine_at(transform, source[kept]), limits):
        return NO_MATCHES
    return Verified(pairs[kept], np.asarray(transform, np.float64), count)


def _usac_parameters(tolerance: float) -> Any:
    """Return OpenCV's parameters of MAGSAC++: one thread, a fixed seed."""
    parameters = cv2.UsacParams()
    parameters.isParallel = False
    parameters.randomGeneratorState = 0
    parameters.sampler = cv2.SAMPLING_UNIFORM
    parameters.score = cv2.SCORE_METHOD_MAGSAC
    parameters.loMethod = cv2.LOCAL_OPTIM_SIGMA
    parameters.threshold = tolerance
    parameters.confidence = 0.999
    parameters.maxIterations = 2000
    return parameters


def _affine_at(transform: Float64, points: Float32) -> Float64:
    """Return a transform's affine approximation (2, 3) at the centroid of points.

    A homography that maps any of them behind the camera gives zeros, which are not plausible.
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
