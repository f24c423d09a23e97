"""Nearest neighbours against a full sort, and augmentation against a plain sum."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from beautylens.features.neighbours.knn import augment, blend, nearest_neighbours


def unit_rows(seed: int, count: int, dimensions: int = 6) -> np.ndarray:
    rows = np.random.default_rng(seed).normal(size=(count, dimensions)).astype(np.float32)
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def slowly(descriptors: np.ndarray, k: int) -> list[list[int]]:
    """The nearest others of each row by sorting all of them."""
    nearest = []
    for place, own in enumerate(descriptors):
        others = [other for other in range(len(descriptors)) if other != place]
        others.sort(key=lambda other, own=own: (-float(own @ descriptors[other]), other))
        nearest.append(others[:k])
    return nearest


@pytest.mark.parametrize(("block", "tile"), [(256, 4096), (7, 11), (1, 1), (16, 3)])
@pytest.mark.parametrize("k", [1, 4, 39, 500])
def test_neighbours_agree_with_a_full_sort_however_the_work_is_cut(
    k: int, block: int, tile: int
) -> None:
    descriptors = unit_rows(1, 40)
    found = nearest_neighbours(descriptors, k, block=block, tile=tile)
    assert found.rows.tolist() == slowly(descriptors, k)
    for own, rows, similarities in zip(descriptors, *found, strict=True):
        np.testing.assert_allclose(similarities, descriptors[rows] @ own, atol=1e-6)


@given(st.integers(2, 30), st.integers(0, 6), st.integers(1, 9), st.integers(1, 9))
def test_equal_similarities_are_ordered_by_row_number(
    count: int, k: int, block: int, tile: int
) -> None:
    # Axes and their opposites: every similarity is exactly 1, 0 or -1.
    rng = np.random.default_rng(count)
    axes = np.concatenate([np.eye(3), -np.eye(3)]).astype(np.float32)
    descriptors = axes[rng.integers(6, size=count)]
    found = nearest_neighbours(descriptors, k, block=block, tile=tile)
    assert found.rows.tolist() == slowly(descriptors, k)


@pytest.mark.parametrize("count", [0, 1])
def test_a_lonely_row_has_no_neighbours(count: int) -> None:
    descriptors = unit_rows(2, count)
    assert nearest_neighbours(descriptors, 5).rows.shape == (count, 0)
    np.testing.assert_allclose(augment(descriptors, 5, 3.0), descriptors, atol=1e-6)


@pytest.mark.parametrize(("n", "alpha"), [(1, 0.0), (3, 3.0), (5, 0.5), (100, 1.0)])
def test_augmentation_is_the_unit_sum_of_a_row_and_its_weighted_neighbours(
    n: int, alpha: float
) -> None:
    descriptors = unit_rows(3, 30)
    expected = []
    for own, near in zip(descriptors, slowly(descriptors, n), strict=True):
        total = own.astype(np.float64)
        for other in near:
            total = total + max(0.0, float(own @ descriptors[other])) ** alpha * descriptors[other]
        expected.append(total / np.linalg.norm(total))
    np.testing.assert_allclose(augment(descriptors, n, alpha, block=7), expected, atol=1e-5)


def test_augmentation_by_one_half_adds_half_of_the_nearest() -> None:
    descriptors = unit_rows(7, 20)
    expected = []
    for own, near in zip(descriptors, slowly(descriptors, 1), strict=True):
        total = own.astype(np.float64) + 0.5 * descriptors[near[0]]
        expected.append(total / np.linalg.norm(total))
    np.testing.assert_allclose(augment(descriptors, 1, 0.0, 0.5), expected, atol=1e-5)


def test_augmentation_by_no_neighbours_changes_nothing() -> None:
    descriptors = unit_rows(4, 20)
    np.testing.assert_allclose(augment(descriptors, 0, 3.0), descriptors, atol=1e-6)


def test_a_row_of_the_database_that_is_near_to_nothing_is_added_to_nothing() -> None:
    # The 2018 program adds row 1 to every row: here it is orthogonal to all others.
    descriptors = np.zeros((6, 4), np.float32)
    descriptors[1, 3] = 1
    descriptors[[0, 2, 3, 4, 5], :3] = unit_rows(5, 5, 3)
    assert np.all(augment(descriptors, 2, 3.0)[[0, 2, 3, 4, 5], 3] == 0)


@given(st.integers(1, 25), st.integers(0, 8), st.floats(0, 5), st.integers(0, 10_000))
def test_blended_and_augmented_descriptors_have_unit_length(
    count: int, n: int, alpha: float, seed: int
) -> None:
    descriptors = unit_rows(seed, count)
    query = unit_rows(seed + 1, 1)[0]
    blended = blend(query, descriptors, descriptors @ query, alpha)
    assert np.linalg.norm(blended) == pytest.approx(1, abs=1e-5)
    lengths = np.linalg.norm(augment(descriptors, n, alpha), axis=1)
    np.testing.assert_allclose(lengths, 1, atol=1e-5)


@given(st.integers(2, 25), st.integers(0, 1000))
def test_the_order_of_the_rows_changes_no_neighbour(count: int, seed: int) -> None:
    descriptors = unit_rows(seed, count)
    order = np.random.default_rng(seed).permutation(count)
    plain, turned = (augment(rows, 3, 3.0) for rows in (descriptors, descriptors[order]))
    np.testing.assert_allclose(turned, plain[order], atol=1e-5)
