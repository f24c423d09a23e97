"""Matching against a slow nearest-two loop, and verification against known transforms."""

from __future__ import annotations

import math

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from beautylens.features.keypoints import Keypoints, extract_keypoints
from beautylens.features.matching import match_keypoints, verify
from tests.features.test_keypoints import printed_label


def random_keypoints(rng: np.random.Generator, count: int) -> Keypoints:
    return Keypoints(
        (rng.random((count, 2)) * 600).astype(np.float32),
        (rng.random(count) * 8 + 3).astype(np.float32),
        (rng.random(count) * 2 * np.pi).astype(np.float32),
        # Few levels, so that equal distances do occur.
        (rng.integers(0, 4, (count, 128)) * 20).astype(np.uint8),
    )


def slow_pairs(query: Keypoints, gallery: Keypoints, ratio: float) -> list[tuple[int, int]]:
    """Each other's nearest, and clearly nearer than the second: two plain loops."""

    def squares(row: np.ndarray, others: np.ndarray) -> list[int]:
        return [int(((row.astype(int) - other.astype(int)) ** 2).sum()) for other in others]

    pairs = []
    for i, row in enumerate(query.descriptors):
        distances = squares(row, gallery.descriptors)
        nearest = distances.index(min(distances))
        second = min(d for j, d in enumerate(distances) if j != nearest)
        back = squares(gallery.descriptors[nearest], query.descriptors)
        if (
            math.sqrt(distances[nearest]) <= ratio * math.sqrt(second)
            and back.index(min(back)) == i
        ):
            pairs.append((i, nearest))
    return pairs


@given(st.integers(1, 14), st.integers(2, 14), st.integers(0, 10_000), st.sampled_from([0.8, 0.95]))
@settings(max_examples=30, deadline=None)
def test_pairs_are_the_exact_mutual_nearest_that_pass_the_ratio(
    left: int, right: int, seed: int, ratio: float
) -> None:
    rng = np.random.default_rng(seed)
    query, gallery = random_keypoints(rng, left), random_keypoints(rng, right)
    found = match_keypoints(query, gallery, ratio=ratio)
    assert [tuple(pair) for pair in found.tolist()] == slow_pairs(query, gallery, ratio)


def test_nothing_matches_an_empty_or_single_keypoint_picture() -> None:
    rng = np.random.default_rng(0)
    some, one, none = (random_keypoints(rng, count) for count in (5, 1, 0))
    for query, gallery in ((some, none), (none, some), (some, one)):
        pairs = match_keypoints(query, gallery)
        assert pairs.shape == (0, 2)
        assert verify(query, gallery, pairs).count == 0


@pytest.mark.parametrize(("turn", "scale"), [(0, 1.0), (90, 0.6), (200, 1.5), (-35, 0.4)])
def test_a_turned_and_scaled_copy_is_verified_with_its_transform(turn: int, scale: float) -> None:
    label = printed_label()
    height, width = label.shape[:2]
    matrix = cv2.getRotationMatrix2D((width / 2, height / 2), turn, scale)
    matrix[:, 2] += 450 - np.array([width / 2, height / 2])
    turned = cv2.warpAffine(label, matrix, (900, 900), borderValue=(255, 255, 255))
    query = extract_keypoints(label, longest=900, limit=800)
    gallery = extract_keypoints(turned, longest=900, limit=800)
    verified = verify(query, gallery, match_keypoints(query, gallery))
    assert verified.count >= 40
    corners = np.array([[100, 100, 1], [500, 100, 1], [300, 350, 1]], float)
    np.testing.assert_allclose(corners @ verified.transform.T, corners @ matrix.T, atol=3)


def test_different_labels_share_next_to_nothing() -> None:
    one = extract_keypoints(printed_label(1), longest=640, limit=500)
    blob = cv2.GaussianBlur(
        np.random.default_rng(5).integers(0, 255, (400, 400, 3)).astype(np.uint8), (0, 0), 4
    )
    other = extract_keypoints(blob, longest=640, limit=500)
    assert verify(one, other, match_keypoints(one, other)).count <= 4


def pairs_under(matrix: np.ndarray, count: int = 40, seed: int = 0) -> tuple[Keypoints, Keypoints]:
    """Keypoints of a query and of the same query under a similarity, in matching order."""
    rng = np.random.default_rng(seed)
    query = random_keypoints(rng, count)
    points = query.points @ matrix[:, :2].T + matrix[:, 2]
    scale = math.sqrt(abs(np.linalg.det(matrix[:, :2])))
    angle = math.atan2(matrix[1, 0], matrix[0, 0])
    gallery = Keypoints(
        points.astype(np.float32),
        (query.sizes * scale).astype(np.float32),
        ((query.angles + angle) % (2 * np.pi)).astype(np.float32),
        query.descriptors,
    )
    return query, gallery


def similarity(scale: float, degrees: float, mirrored: bool = False) -> np.ndarray:
    turn = math.radians(degrees)
    rotation = np.array([[math.cos(turn), -math.sin(turn)], [math.sin(turn), math.cos(turn)]])
    if mirrored:
        rotation = rotation @ np.diag([1, -1])
    return np.hstack([scale * rotation, [[30.0], [50.0]]])


def all_pairs(count: int = 40) -> np.ndarray:
    return np.stack([np.arange(count)] * 2, axis=1)


def test_true_pairs_are_found_among_many_false_ones() -> None:
    query, gallery = pairs_under(similarity(0.8, 30))
    pairs = all_pairs()
    rng = np.random.default_rng(4)
    pairs[12:, 1] = rng.permutation(pairs[12:, 1])
    verified = verify(query, gallery, pairs)
    assert set(range(12)) <= set(verified.pairs[:, 0].tolist())
    assert verified.count <= 16


@pytest.mark.parametrize(
    ("matrix", "why"),
    [
        (similarity(0.05, 0), "far too small"),
        (similarity(9.0, 0), "far too large"),
        (similarity(1.0, 0, mirrored=True), "mirror image"),
    ],
)
def test_implausible_transforms_are_refused(matrix: np.ndarray, why: str) -> None:
    query, gallery = pairs_under(matrix)
    assert verify(query, gallery, all_pairs()).count <= 6, why


def test_many_query_keypoints_on_one_gallery_spot_count_once() -> None:
    # The striped background of the prototype: 81 "inliers" on a single gallery keypoint.
    rng = np.random.default_rng(9)
    query = random_keypoints(rng, 60)
    spot = Keypoints(
        np.full((60, 2), 200, np.float32), query.sizes * 0.16, query.angles, query.descriptors
    )
    assert verify(query, spot, all_pairs(60)).count == 0


def test_the_order_of_pairs_changes_nothing() -> None:
    query, gallery = pairs_under(similarity(1.2, -70))
    pairs = all_pairs()
    pairs[20:, 1] = np.roll(pairs[20:, 1], 3)
    shuffled = np.random.default_rng(1).permutation(pairs)
    one, other = verify(query, gallery, pairs), verify(query, gallery, shuffled)
    assert one.count == other.count
    assert sorted(one.pairs.tolist()) == sorted(other.pairs.tolist())
