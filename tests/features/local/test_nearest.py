"""The nearest two against NumPy's distances of the same bytes, ties and extremes included."""

from __future__ import annotations

import importlib.util
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from beautylens.features.local.nearest import Nearest


def slow_pairs(query: np.ndarray, gallery: np.ndarray, ratio: float, mutual: bool) -> list[list]:
    apart = query[:, None].astype(np.int64) - gallery[None].astype(np.int64)
    distances = np.square(apart).sum(axis=2)
    rows = np.arange(len(query))
    closest = distances.argmin(axis=1)
    back = distances.argmin(axis=0) if len(query) else np.zeros(len(gallery), int)
    first = distances[rows, closest]
    distances[rows, closest] = np.iinfo(np.int64).max
    kept = first <= ratio * distances.min(axis=1)
    if mutual:
        kept &= back[closest] == rows
    return [[row, closest[row]] for row in rows[kept]]


@given(
    st.integers(0, 400),
    st.lists(st.integers(2, 40), min_size=1, max_size=4),
    st.sampled_from([1, 8, 32, 64, 128, 256]),
    st.sampled_from([2, 3, 16, 64, 256]),
    st.sampled_from([1, 255]),
    st.sampled_from([0.7, 1.0]),
    st.booleans(),
    st.integers(0, 10_000),
)
@settings(max_examples=80, deadline=None)
def test_pairs_are_those_of_all_distances(
    left: int,
    right: list[int],
    length: int,
    levels: int,
    most: int,
    ratio: float,
    mutual: bool,
    seed: int,
) -> None:
    rng = np.random.default_rng(seed)
    scale = max(1, most // (levels - 1))  # few levels make equal distances occur, far ones too
    query, *galleries = (
        (rng.integers(0, levels, (count, length)) * scale).astype(np.uint8)
        for count in (left, *right)
    )
    found = Nearest(query, ratio=ratio, mutual=mutual)(galleries)
    for pairs, gallery in zip(found, galleries, strict=True):
        assert pairs.tolist() == slow_pairs(query, gallery, ratio, mutual)


@pytest.mark.parametrize("length", [128, 256])
@pytest.mark.parametrize("most", [11, 15, 63, 64, 127, 128, 255])
def test_the_greatest_values_do_not_overflow(length: int, most: int) -> None:
    query = np.zeros((200, length), np.uint8)
    query[:100] = most
    gallery = np.full((3, length), most, np.uint8)
    gallery[2, 0] = most - 1
    pairs = Nearest(query, ratio=1.0, mutual=False)([gallery])[0]
    assert pairs.tolist() == [[row, 0 if row < 100 else 2] for row in range(200)]


@pytest.mark.parametrize("length", [127, 128])
def test_bytes_and_floats_give_the_same_scores(length: int) -> None:
    rng = np.random.default_rng(1)
    query, gallery = (rng.integers(0, 16, (40, length)).astype(np.uint8) for _ in range(2))
    # All of a descriptor in two values, whose products are added first, and in the last, beside
    # which the squares stand where the length is odd.
    query[:2], gallery[:2] = 0, 0
    query[0, :2] = gallery[0, :2] = 90
    query[1, -1] = gallery[1, -1] = 127
    squares = np.square(gallery.astype(np.int32)).sum(axis=1, dtype=np.int32)
    rows = np.hstack([gallery, np.zeros((40, 2), np.uint8)])
    nearest = Nearest(query, ratio=1.0, mutual=False)
    assert (nearest._by_floats(rows, squares) == nearest._by_bytes(rows, squares)).all()


def test_threads_do_not_disturb_each_other() -> None:
    rng = np.random.default_rng(3)
    query, *galleries = (rng.integers(0, 16, (n, 128)).astype(np.uint8) for n in range(60, 120))
    nearest = Nearest(query, ratio=1.0, mutual=True)
    alone = [nearest([gallery])[0].tolist() for gallery in galleries]
    with ThreadPoolExecutor(4) as pool:
        for _ in range(5):
            found = pool.map(lambda gallery: nearest([gallery])[0].tolist(), galleries)
            assert list(found) == alone


def test_rows_that_are_slices_of_larger_ones_are_compared_as_they_are() -> None:
    whole = np.random.default_rng(0).integers(0, 256, (60, 200)).astype(np.uint8)
    part = whole[::2, 50:178]
    found = Nearest(part, ratio=0.5, mutual=True)([part])[0]
    assert found.tolist() == [[row, row] for row in range(30)]


def test_the_graph_is_what_its_tool_builds() -> None:
    tool = Path(__file__).parents[3] / "tools/build_byte_product.py"
    spec = importlib.util.spec_from_file_location(tool.stem, tool)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    assert module.GRAPH.read_bytes() == module.byte_product().SerializeToString()
