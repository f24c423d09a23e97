"""The nearest two against NumPy's distances of the same bytes, ties and extremes included."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from beautylens.features.nearest import measured, nearest_pairs


def squared_distances(left: np.ndarray, right: np.ndarray) -> np.ndarray:
    apart = left[:, None].astype(np.int64) - right[None].astype(np.int64)
    return np.square(apart).sum(axis=2)


@given(
    st.integers(0, 400),
    st.integers(2, 40),
    st.sampled_from([1, 8, 32, 64, 128, 256]),
    st.sampled_from([2, 3, 256]),
    st.sampled_from([0.7, 1.0]),
    st.booleans(),
    st.integers(0, 10_000),
)
@settings(max_examples=60, deadline=None)
def test_pairs_are_those_of_all_distances(
    left: int, right: int, length: int, levels: int, ratio: float, mutual: bool, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    scale = 255 // (levels - 1)  # few levels make equal distances occur, far ones too
    query = (rng.integers(0, levels, (left, length)) * scale).astype(np.uint8)
    gallery = (rng.integers(0, levels, (right, length)) * scale).astype(np.uint8)
    found = nearest_pairs(measured(query), measured(gallery), ratio=ratio, mutual=mutual)
    distances = squared_distances(query, gallery)
    rows = np.arange(left)
    nearest = distances.argmin(axis=1)
    back = distances.argmin(axis=0) if left else np.zeros(right, int)
    first = distances[rows, nearest]
    distances[rows, nearest] = np.iinfo(np.int64).max
    kept = first <= ratio * distances.min(axis=1)
    if mutual:
        kept &= back[nearest] == rows
    assert found.tolist() == [[row, nearest[row]] for row in rows[kept]]


@pytest.mark.parametrize("length", [128, 256])
def test_the_farthest_apart_that_bytes_can_be_does_not_overflow(length: int) -> None:
    query = np.zeros((200, length), np.uint8)
    gallery = np.full((3, length), 255, np.uint8)
    gallery[2, 0] = 254
    found = nearest_pairs(measured(query), measured(gallery), ratio=1.0, mutual=False)
    assert found.tolist() == [[row, 2] for row in range(200)]
    found = nearest_pairs(measured(query), measured(gallery), ratio=1.0, mutual=True)
    assert found.tolist() == [[0, 2]]


def test_rows_that_are_slices_of_larger_ones_are_compared_as_they_are() -> None:
    whole = np.random.default_rng(0).integers(0, 256, (60, 200)).astype(np.uint8)
    part = whole[::2, 50:178]
    found = nearest_pairs(measured(part), measured(part), ratio=0.5, mutual=True)
    assert found.tolist() == [[row, row] for row in range(30)]
