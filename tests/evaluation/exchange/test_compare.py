"""Paired comparison against enumeration by hand, and the laws that it keeps."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from beautylens.errors import QueryError
from beautylens.evaluation.exchange.compare import (
    compare_photos,
    difference_interval,
    difference_of,
    randomisation_test,
)
from beautylens.evaluation.metrics import MEASURES

VALUES = st.lists(st.sampled_from([0.0, 0.2, 0.5, 1.0]), min_size=1, max_size=9)


def slow_test(a: list[float], b: list[float]) -> float:
    """The p-value by exchanging A and B on every subset of the photos."""
    observed = abs(sum(b) - sum(a))
    extreme = 0
    for exchanged in product([False, True], repeat=len(a)):
        left = [y if flip else x for x, y, flip in zip(a, b, exchanged, strict=True)]
        right = [x if flip else y for x, y, flip in zip(a, b, exchanged, strict=True)]
        extreme += abs(sum(right) - sum(left)) >= observed - 1e-9
    return extreme / 2 ** len(a)


@given(VALUES, st.integers(0, 1000))
def test_the_p_value_is_that_of_all_exchanges(a: list[float], seed: int) -> None:
    b = np.random.default_rng(seed).permutation(a).tolist()
    found = randomisation_test(np.array(b) - np.array(a))
    assert found == pytest.approx(slow_test(a, b))


def test_beyond_the_exact_number_random_exchanges_come_near_the_binomial_tail() -> None:
    # Twenty photos, all better by the same: p is that of the 2 outermost of 2^20 signs.
    assert randomisation_test(np.full(20, 0.5)) == pytest.approx(2 / 2**20, abs=3e-5)
    # Half of them better: every exchange differs at least as much.
    assert randomisation_test(np.array([0.5, -0.5] * 10)) == 1.0
    # 15 of 20 better: P(|X - 10| >= 5) of a binomial with 20 throws is .0414.
    signs = np.array([1.0] * 15 + [-1.0] * 5)
    assert randomisation_test(signs) == pytest.approx(0.0414, abs=0.003)


def test_the_interval_covers_the_difference_and_has_a_width_where_nothing_differs() -> None:
    rng = np.random.default_rng(0)
    differences = rng.choice([-0.5, 0.0, 0.5, 1.0], 60)
    low, high = difference_interval(differences)
    means = [rng.choice(differences, 60).mean() for _ in range(4000)]
    np.testing.assert_allclose([low, high], np.quantile(means, [0.025, 0.975]), atol=0.02)
    low, high = difference_interval(np.zeros(40))
    # Wilson's upper end of 0 of 40.
    assert high == pytest.approx(1.96**2 / (40 + 1.96**2), abs=1e-4)
    assert low == -high


@given(VALUES, st.integers(0, 1000))
def test_exchanging_the_systems_changes_the_sign_alone(a: list[float], seed: int) -> None:
    one = np.array(a)
    other = np.random.default_rng(seed).permutation(one)
    there, back = difference_of(one, other), difference_of(other, one)
    assert there.difference == pytest.approx(-back.difference)
    assert there.p_value == back.p_value
    assert (there.better, there.worse) == (back.worse, back.better)


def test_photos_are_paired_by_name_and_counted() -> None:
    a = {"x": (1.0,) * 5, "y": (0.0,) * 5, "z": (0.5,) * 5}
    b = {"z": (0.5,) * 5, "y": (1.0,) * 5, "x": (0.5,) * 5}
    found = compare_photos(a, b)
    assert list(found) == list(MEASURES)
    first = found["map7_challenge"]
    assert (first.a, first.b) == (pytest.approx(0.5), pytest.approx(2 / 3))
    assert (first.better, first.worse) == (1, 1)


def test_results_of_other_photos_are_not_compared() -> None:
    with pytest.raises(QueryError, match="2 photos are in one of the results only, such as x"):
        compare_photos({"x": (1.0,) * 5}, {"y": (1.0,) * 5})
    with pytest.raises(QueryError, match="nothing can be compared"):
        compare_photos({}, {})
