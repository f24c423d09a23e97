import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest

from beautylens.evaluation import intervals
from beautylens.evaluation.intervals import bootstrap_interval, share_interval


@given(st.lists(st.sampled_from([0.0, 0.25, 1 / 3, 0.5, 1.0]), min_size=1, max_size=60))
def test_the_interval_covers_the_mean_and_stays_among_values_that_differ(values):
    low, high = bootstrap_interval(np.array(values), resamples=500)
    assert low - 1e-9 <= np.mean(values) <= high + 1e-9
    if len(set(values)) > 1:
        assert min(values) - 1e-9 <= low
        assert high <= max(values) + 1e-9


@given(st.integers(1, 400), st.data())
def test_the_interval_of_a_share_is_wilsons(count, data):
    hits = data.draw(st.integers(0, count))
    published = binomtest(hits, count).proportion_ci(0.95, method="wilson")
    assert share_interval(hits / count, count) == pytest.approx(tuple(published), abs=1e-9)


@given(st.sampled_from([0.0, 0.25, 1 / 3, 1.0]), st.integers(1, 60))
def test_equal_values_have_an_interval_that_narrows_with_their_number(value, count):
    low, high = bootstrap_interval(np.full(count, value))
    more = bootstrap_interval(np.full(4 * count, value))
    assert 0 <= low <= value <= high <= 1
    assert 0 < more[1] - more[0] < high - low


def test_the_interval_is_the_normal_one_where_there_are_many_queries():
    values = np.arange(2000) % 10 < 3
    half = 1.96 * math.sqrt(0.3 * 0.7 / 2000)
    assert bootstrap_interval(values.astype(float)) == pytest.approx(
        (0.3 - half, 0.3 + half), abs=0.003
    )


def test_the_interval_shrinks_with_the_number_of_queries_and_with_confidence():
    def width(values, **options):
        low, high = bootstrap_interval(values, **options)
        return high - low

    few, many = np.tile([0.0, 1.0], 10), np.tile([0.0, 1.0], 160)
    assert width(many) == pytest.approx(width(few) / 4, rel=0.15)
    assert width(few, confidence=0.5) < width(few)


def test_the_interval_does_not_depend_on_how_many_resamples_fit_in_memory(monkeypatch):
    values = np.linspace(0, 1, 50)
    at_once = bootstrap_interval(values)
    monkeypatch.setattr(intervals, "RESAMPLED_AT_ONCE", 130)
    assert bootstrap_interval(values) == pytest.approx(at_once, abs=0.01)


def test_an_interval_needs_a_value():
    with pytest.raises(ValueError, match="at least one value"):
        bootstrap_interval(np.array([]))
