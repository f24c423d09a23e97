"""The nearest two against NumPy's distances of the same bytes, ties and extremes included."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from beautylens.features.nearest import measured, nearest_two


def squared_distances(left: np.ndarray, right: np.ndarray) -> np.ndarray:
    apart = left[:, None].astype(np.int64) - right[None].astype(np.int64)
    return np.square(apart).sum(axis=2)


@given(
    st.integers(0, 400),
    st.integers(2, 40),
    st.sampled_from([1, 8, 32, 64, 128, 256]),
    st.sampled_from([2, 3, 256]),
    st.integers(0, 10_000),
)
@settings(max_examples=60, deadline=None)
def test_nearest_second_and_mutual_are_those_of_all_distances(
    left: int, right: int, length: int, levels: int, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    scale = 255 // (levels - 1)  # few levels make equal distances occur, far ones too
    query = (rng.integers(0, levels, (left, length)) * scale).astype(np.uint8)
    gallery = (rng.integers(0, levels, (right, length)) * scale).astype(np.uint8)
    found = nearest_two(measured(query), measured(gallery))
    distances = squared_distances(query, gallery)
    rows = np.arange(left)
    nearest = distances.argmin(axis=1)
    np.testing.assert_array_equal(found.nearest, nearest)
    np.testing.assert_array_equal(found.first, distances[rows, nearest])
    if left:
        np.testing.assert_array_equal(found.mutual, distances.argmin(axis=0)[nearest] == rows)
    distances[rows, nearest] = np.iinfo(np.int64).max
    np.testing.assert_array_equal(found.second, distances.min(axis=1))


@pytest.mark.parametrize("length", [128, 256])
def test_the_farthest_apart_that_bytes_can_be_does_not_overflow(length: int) -> None:
    query = np.zeros((200, length), np.uint8)
    gallery = np.full((3, length), 255, np.uint8)
    gallery[2, 0] = 254
    found = nearest_two(measured(query), measured(gallery))
    assert set(found.nearest.tolist()) == {2}
    assert set(found.second.tolist()) == {length * 255**2}
    assert found.mutual.tolist() == [True] + [False] * 199


def test_rows_that_are_slices_of_larger_ones_are_compared_as_they_are() -> None:
    whole = np.random.default_rng(0).integers(0, 256, (60, 200)).astype(np.uint8)
    part = whole[::2, 50:178]
    found = nearest_two(measured(part), measured(part))
    assert found.nearest.tolist() == list(range(30))
    assert not found.first.any()
