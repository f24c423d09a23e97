"""Verifications: known transforms come back, the same every time, and chance does not pass."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import cv2
import numpy as np
import pytest

from beautylens.features.local.keypoints import Keypoints
from beautylens.features.local.verification import (
    VERIFICATIONS,
    Verification,
    unverified,
    verify_affine,
    verify_homography,
)
from tests.features.local.test_keypoints import random_keypoints
from tests.features.local.test_matching import scene

TILT = np.array([[0.9, 0.2, 40.0], [-0.15, 0.7, 60.0], [0.0, 0.0, 1.0]])
PERSPECTIVE = np.array([[0.9, 0.2, 40.0], [-0.1, 0.8, 60.0], [3e-4, 2e-4, 1.0]])
robust = pytest.mark.parametrize("verify", [verify_affine, verify_homography])


def seen_under(
    transform: np.ndarray, count: int = 60, wrong: int = 0
) -> tuple[Keypoints, Keypoints, np.ndarray]:
    """A query, what it looks like under a transform, and pairs of which the last are wrong.

    Sizes and angles are unknown, as those of learned keypoints are.
    """
    rng = np.random.default_rng(count)
    query = random_keypoints(rng, count)
    points = cv2.perspectiveTransform(query.points[None].astype(np.float64), transform)[0]
    points[count - wrong :] = rng.random((wrong, 2)) * 600
    points += rng.normal(0, 0.5, points.shape)
    unknown = np.zeros(count, np.float32)
    gallery = Keypoints(points.astype(np.float32), unknown, unknown, query.descriptors)
    return query, gallery, np.stack([np.arange(count)] * 2, axis=1)


@pytest.mark.parametrize(
    ("verify", "transform"),
    [(verify_affine, TILT), (verify_homography, TILT), (verify_homography, PERSPECTIVE)],
)
def test_a_known_transform_is_found_among_wrong_pairs(
    verify: Verification, transform: np.ndarray
) -> None:
    query, gallery, pairs = seen_under(transform, wrong=35)
    verified = verify(query, gallery, pairs)
    assert set(range(25)) <= set(verified.pairs[:, 0].tolist())
    assert verified.count <= 29
    corners = np.array([[[100, 100], [500, 150], [300, 400]]], np.float64)
    found = np.vstack([verified.transform, [0, 0, 1]])[:3]
    np.testing.assert_allclose(
        cv2.perspectiveTransform(corners, found),
        cv2.perspectiveTransform(corners, transform),
        atol=4,
    )


@pytest.mark.parametrize("name", VERIFICATIONS)
def test_the_same_pairs_always_verify_alike_in_any_thread(name: str) -> None:
    verify = VERIFICATIONS[name]
    cases = [scene(seed) for seed in range(2, 8)]
    rng = np.random.default_rng(1)
    pairs = [rng.integers(0, 70, (40, 2)) for _ in cases]
    for case, mixed in zip(pairs, cases, strict=True):
        case[:20] = np.arange(20)[:, None]
        assert len(mixed[0]) == 90

    def answers() -> list[tuple[bytes, bytes, int]]:
        found = [verify(*case, chosen) for case, chosen in zip(cases, pairs, strict=True)]
        return [(each.pairs.tobytes(), each.transform.tobytes(), each.count) for each in found]

    expected = answers()
    cv2.setRNGSeed(12345)
    with ThreadPoolExecutor(8) as pool:
        assert all(each.result() == expected for each in [pool.submit(answers) for _ in range(24)])


@robust
@pytest.mark.parametrize(
    ("transform", "why"),
    [
        (np.diag([0.05, 0.05, 1.0]), "far too small"),
        (np.diag([9.0, 9.0, 1.0]), "far too large"),
        (np.diag([-1.0, 1.0, 1.0]), "mirror image"),
        (np.diag([1.0, 0.2, 1.0]), "too oblique"),
    ],
)
def test_implausible_transforms_are_refused(
    verify: Verification, transform: np.ndarray, why: str
) -> None:
    query, gallery, pairs = seen_under(transform)
    assert verify(query, gallery, pairs).count == 0, why


def test_a_homography_that_looks_behind_the_camera_is_refused() -> None:
    behind = np.array([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [-1 / 300, 0.0, 1.0]])
    query, gallery, pairs = seen_under(behind)
    near = np.abs(query.points[:, 0] - 300) > 60
    assert 4 < near.sum() < len(near)
    assert verify_homography(query, gallery, pairs[near]).count == 0


@robust
def test_many_query_keypoints_on_one_gallery_spot_count_as_nothing(verify: Verification) -> None:
    query = random_keypoints(np.random.default_rng(9), 60)
    spot = Keypoints(
        np.full((60, 2), 200, np.float32), query.sizes, query.angles, query.descriptors
    )
    assert verify(query, spot, np.stack([np.arange(60)] * 2, axis=1)).count == 0


@pytest.mark.parametrize("name", sorted(set(VERIFICATIONS) - {"none"}))
@pytest.mark.parametrize("count", range(4))
def test_fewer_than_four_pairs_agree_by_chance(name: str, count: int) -> None:
    query, gallery = scene(6)
    pairs = np.stack([np.arange(count)] * 2, axis=1).astype(np.intp)
    assert VERIFICATIONS[name](query, gallery, pairs).count == 0


def test_without_verification_every_pair_counts() -> None:
    query, gallery = scene(3)
    pairs = np.array([[0, 5], [1, 5], [2, 9]])
    verified = unverified(query, gallery, pairs)
    assert verified.count == 3
    assert verified.pairs.tolist() == pairs.tolist()
