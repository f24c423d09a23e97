"""Matching against a slow nearest-two loop, and verification against known transforms."""

from __future__ import annotations

import math

import cv2
import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from beautylens.features.local.extractors import rootsift
from beautylens.features.local.keypoints import Keypoints
from beautylens.features.local.matching import (
    Matcher,
    Plausible,
    _fit,
    is_plausible,
    pair_distances,
    verify,
)
from tests.features.local.test_keypoints import printed_label, random_keypoints

extract_keypoints = rootsift()


def slow_squares(one: np.ndarray, other: np.ndarray) -> int:
    return sum((int(a) - int(b)) ** 2 for a, b in zip(one, other, strict=True))


def slow_bits(one: np.ndarray, other: np.ndarray) -> int:
    return sum((int(a) ^ int(b)).bit_count() for a, b in zip(one, other, strict=True))


SLOW = {"l2": lambda one, other: math.sqrt(slow_squares(one, other)), "hamming": slow_bits}


def slow_pairs(
    query: Keypoints, gallery: Keypoints, ratio: float, mutual: bool, distance: str
) -> list[tuple[int, int]]:
    """The nearest, clearly nearer than the second, and the other way round too where mutual."""

    def distances(row: np.ndarray, others: np.ndarray) -> list[float]:
        return [SLOW[distance](row, other) for other in others]

    pairs = []
    for i, row in enumerate(query.descriptors):
        found = distances(row, gallery.descriptors)
        nearest = found.index(min(found))
        second = min(d for j, d in enumerate(found) if j != nearest)
        back = distances(gallery.descriptors[nearest], query.descriptors)
        if found[nearest] <= ratio * second and (not mutual or back.index(min(back)) == i):
            pairs.append((i, nearest))
    return pairs


@given(
    st.integers(1, 14),
    st.integers(2, 14),
    st.integers(0, 10_000),
    st.sampled_from([0.8, 0.95, 1.0]),
    st.booleans(),
    st.sampled_from([("l2", 128, 4), ("l2", 64, 256), ("hamming", 32, 256), ("hamming", 8, 2)]),
)
@settings(max_examples=80, deadline=None)
def test_pairs_are_the_exact_nearest_that_pass_the_ratio(
    left: int, right: int, seed: int, ratio: float, mutual: bool, kind: tuple[str, int, int]
) -> None:
    rng = np.random.default_rng(seed)
    distance, length, levels = kind  # few levels make equal distances occur
    query = random_keypoints(rng, left, length, levels)
    gallery = random_keypoints(rng, right, length, levels)
    found = Matcher(query, ratio=ratio, mutual=mutual, distance=distance)(gallery)
    assert list(map(tuple, found.tolist())) == slow_pairs(query, gallery, ratio, mutual, distance)
    expected = [SLOW[distance](query.descriptors[i], gallery.descriptors[j]) for i, j in found]
    np.testing.assert_allclose(pair_distances(query, gallery, found, distance=distance), expected)


def test_of_equal_descriptors_the_first_is_the_nearest() -> None:
    rng = np.random.default_rng(3)
    query = random_keypoints(rng, 4)
    query.descriptors[:] = query.descriptors[0]
    gallery = random_keypoints(rng, 5)
    gallery.descriptors[2:] = query.descriptors[0]
    assert Matcher(query, ratio=1.0)(gallery).tolist() == [[0, 2]]
    each = Matcher(query, ratio=1.0, mutual=False)(gallery)
    assert each.tolist() == [[0, 2], [1, 2], [2, 2], [3, 2]]


def test_the_longest_distances_of_any_descriptor_are_exact() -> None:
    rng = np.random.default_rng(0)
    query, gallery = random_keypoints(rng, 3, levels=2), random_keypoints(rng, 4, levels=2)
    query.descriptors[:] = 255
    gallery.descriptors[:] = 0
    gallery.descriptors[2, 5] = 1  # nearer by 509 of 8,323,200
    pairs = Matcher(query, ratio=1.0, mutual=False)(gallery)
    assert pairs[:, 1].tolist() == [2, 2, 2]


def scene(seed: int) -> tuple[Keypoints, Keypoints]:
    """A query and a gallery picture that share 8 * seed keypoints under a tilted similarity."""
    rng = np.random.default_rng(seed)
    shown, angle, scale = 8 * seed, 0.3 * seed, 0.5 + 0.2 * seed
    query = Keypoints(
        (rng.random((90, 2)) * 600).astype(np.float32),
        (rng.random(90) * 8 + 3).astype(np.float32),
        (rng.random(90) * 2 * np.pi).astype(np.float32),
        rng.integers(0, 120, (90, 128)).astype(np.uint8),
    )
    rotation = [[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]]
    turn = scale * np.array(rotation) @ np.array([[1.0, 0.1], [0.0, 0.8]])
    points = rng.random((70, 2)) * 600
    points[:shown] = query.points[:shown] @ turn.T + 500
    descriptors = rng.integers(0, 120, (70, 128))
    noise = rng.integers(-40, 41, (shown, 128))
    descriptors[:shown] = np.clip(query.descriptors[:shown] + noise, 0, 255)
    sizes = rng.random(70) * 8 + 3
    sizes[:shown] = query.sizes[:shown] * scale
    angles = rng.random(70) * 2 * np.pi
    angles[:shown] = (query.angles[:shown] + angle) % (2 * np.pi)
    return query, Keypoints(
        points.astype(np.float32),
        sizes.astype(np.float32),
        angles.astype(np.float32),
        descriptors.astype(np.uint8),
    )


# What version 0.1.0 computed before matching had options: pairs, verified pairs, inliers.
FROZEN = [(0, 0, 0), (8, 5, 5), (16, 16, 16), (24, 24, 24), (32, 32, 31), (40, 40, 40)]


@pytest.mark.parametrize(("seed", "expected"), list(enumerate(FROZEN)))
def test_the_default_matches_and_verifies_as_it_did_before_it_had_options(
    seed: int, expected: tuple[int, int, int]
) -> None:
    query, gallery = scene(seed)
    pairs = Matcher(query)(gallery)
    verified = verify(query, gallery, pairs)
    assert (len(pairs), len(verified.pairs), verified.count) == expected
    assert pairs.tolist() == [[place, place] for place in range(8 * seed)]


def test_nothing_matches_an_empty_or_single_keypoint_picture() -> None:
    rng = np.random.default_rng(0)
    some, one, none = (random_keypoints(rng, count) for count in (5, 1, 0))
    for query, gallery in ((some, none), (none, some), (some, one)):
        pairs = Matcher(query)(gallery)
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
    verified = verify(query, gallery, Matcher(query)(gallery))
    assert verified.count >= 40
    corners = np.array([[100, 100, 1], [500, 100, 1], [300, 350, 1]], float)
    np.testing.assert_allclose(corners @ verified.transform.T, corners @ matrix.T, atol=3)


def test_different_labels_share_next_to_nothing() -> None:
    one = extract_keypoints(printed_label(1), longest=640, limit=500)
    blob = cv2.GaussianBlur(
        np.random.default_rng(5).integers(0, 255, (400, 400, 3)).astype(np.uint8), (0, 0), 4
    )
    other = extract_keypoints(blob, longest=640, limit=500)
    assert verify(one, other, Matcher(one)(other)).count <= 4


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


@given(st.integers(4, 30), st.integers(0, 10_000), st.sampled_from(["plane", "line", "spot"]))
@settings(max_examples=120, deadline=None)
def test_an_affine_map_is_that_of_least_squares_and_least_norm(
    count: int, seed: int, shape: str
) -> None:
    rng = np.random.default_rng(seed)
    source, target = (rng.normal(300, 100, (count, 2)).round() @ (1, 1j) for _ in range(2))
    if shape != "plane":
        source = source[0] + (1 + 2j) * rng.integers(-64, 64, count) * (shape == "line")
    left, right = (
        np.ascontiguousarray(points - points.mean()).view(np.float64).reshape(-1, 2)
        for points in (source, target)
    )
    expected = (np.linalg.pinv(left, rcond=1e-9) @ right).T
    found = _fit(source, target, affine=True)
    np.testing.assert_allclose(found.matrix[:, :2], expected, atol=1e-9)
    assert found(source).mean() == pytest.approx(target.mean())


@given(st.integers(0, 10_000), st.floats(0.3, 3.0), st.floats(-180, 180), st.floats(-0.3, 0.3))
@settings(max_examples=60, deadline=None)
def test_the_transform_is_the_affine_map_that_misses_least(
    seed: int, scale: float, degrees: float, tilt: float
) -> None:
    matrix = similarity(scale, degrees)
    matrix[:, :2] = matrix[:, :2] @ np.array([[1.0, tilt], [0.0, 1.0 - abs(tilt)]])
    query, gallery = pairs_under(matrix, seed=seed)
    gallery.points[:] += np.random.default_rng(seed).normal(0, 1, gallery.points.shape)
    all_count = Plausible(smallest=0.01, tolerance=1e3, affine_tolerance=1e3)
    verified = verify(query, gallery, all_pairs(), all_count)
    assert verified.pairs.tolist() == all_pairs().tolist()
    known = np.hstack([query.points, np.ones((len(query), 1))]).astype(np.float64)
    best, *_ = np.linalg.lstsq(known, gallery.points.astype(np.float64))
    np.testing.assert_allclose(verified.transform, best.T, atol=1e-6)


def test_keypoints_exactly_on_one_line_tell_too_little_of_a_pack() -> None:
    matrix = similarity(0.7, 15)
    query, gallery = pairs_under(matrix)
    query.points[:, 1] = 3 * query.points[:, 0] + 2
    gallery.points[:] = query.points @ matrix[:, :2].T + matrix[:, 2]
    assert verify(query, gallery, all_pairs()).count == 0


@given(st.lists(st.floats(-4, 4), min_size=4, max_size=4))
@settings(max_examples=200, deadline=None)
def test_what_is_plausible_goes_by_the_singular_values(entries: list[float]) -> None:
    limits = Plausible()
    linear = np.reshape(entries, (2, 2))
    longest, shortest = np.linalg.svd(linear, compute_uv=False)
    bounds = np.array([limits.smallest, limits.largest, limits.stretch])
    assume(not np.isclose([shortest, longest, longest / max(shortest, 1e-9)], bounds).any())
    expected = (
        np.linalg.det(linear) > 0
        and shortest >= limits.smallest
        and longest <= limits.largest
        and longest <= limits.stretch * shortest
    )
    assert is_plausible(np.hstack([linear, [[5.0], [-7.0]]]), limits) == expected
