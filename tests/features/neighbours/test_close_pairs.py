"""Pairs of descriptors that lie close together."""

from __future__ import annotations

import numpy as np
import pytest

from beautylens.features.neighbours import close_pairs as module
from beautylens.features.neighbours.close_pairs import close_pairs


def unwatched(steps, title):
    return steps


def twins(count: int) -> np.ndarray:
    """Random unit vectors, each odd one near the even one before it."""
    rng = np.random.default_rng(5)
    rows = rng.normal(size=(count, 32))
    rows[1::2] = rows[::2] + 0.1 * rng.normal(size=(count // 2, 32))
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


def slowly(rows: np.ndarray, least: float) -> list[list[int]]:
    return [
        [one, other]
        for one in range(len(rows))
        for other in range(one + 1, len(rows))
        if float(np.dot(rows[one], rows[other])) >= least
    ]


def test_pairs_above_the_cosine_are_found_once_and_in_order() -> None:
    rows = twins(60)
    found = close_pairs(rows, np.arange(60), 0.9, 8, unwatched)
    assert found.tolist() == slowly(rows, 0.9)
    assert len(found) == 30


def test_only_the_rows_asked_for_are_compared_and_named_by_their_place() -> None:
    rows, wanted = twins(20), np.array([7, 3, 2, 11])
    assert close_pairs(rows, wanted, 0.9, 8, unwatched).tolist() == [[1, 2]]


def test_cells_find_what_comparing_all_finds(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = twins(400)
    monkeypatch.setattr(module, "_EXACT", 100)
    monkeypatch.setattr(module, "_CELL", 40)
    assert close_pairs(rows, np.arange(400), 0.9, 8, unwatched).tolist() == slowly(rows, 0.9)


@pytest.mark.parametrize("count", [0, 1])
def test_fewer_than_two_rows_make_no_pair(count: int) -> None:
    assert close_pairs(twins(2)[:count], np.arange(count), 0.9, 8, unwatched).shape == (0, 2)
