"""95 % intervals of means and shares over queries."""

from __future__ import annotations

import math
from collections.abc import Mapping
from statistics import NormalDist

import numpy as np

from beautylens.arrays import Floating

Interval = tuple[float, float]

# Values drawn at once: the bootstrap needs less than 100 MB for any number of queries.
RESAMPLED_AT_ONCE = 4_000_000


def bootstrap_interval(
    values: Floating,
    *,
    confidence: float = 0.95,
    resamples: int = 2000,
    seed: int = 0,
) -> Interval:
    """Return the percentile bootstrap interval of the mean over queries (Efron 1979).

    If all values are equal, so are all resamples, and the bootstrap interval has no width. Then the
    score interval of a share of the same size is returned: among values between 0 and 1 with one
    mean, those of a share have the largest variance.

    Args:
        values: (N,) float between 0 and 1, one per query, in any order.
        confidence: share of the resampled means inside the interval.
        resamples: number of resamples.
        seed: seed of the random number generator.

    Raises:
        ValueError: when there are no values.
    """
    if len(values) == 0:
        raise ValueError("an interval needs at least one value")
    ordered = np.sort(values)
    if ordered[0] == ordered[-1]:
        return share_interval(float(ordered[0]), len(ordered), confidence=confidence)
    draw = np.random.default_rng(seed)
    block = max(1, RESAMPLED_AT_ONCE // len(ordered))
    means = [
        ordered[draw.integers(len(ordered), size=(rows, len(ordered)))].mean(axis=1)
        for start in range(0, resamples, block)
        if (rows := min(block, resamples - start))
    ]
    tail = (1 - confidence) / 2
    low, high = np.quantile(np.concatenate(means), [tail, 1 - tail])
    return float(low), float(high)


def share_interval(share: float, count: int, *, confidence: float = 0.95) -> Interval:
    """Return the score interval of a share (Wilson 1927).

    Unlike the bootstrap interval it has a width at shares of 0 and 1: 0.676 to 1 for 8 of 8.

    Args:
        share: share of the queries that succeed.
        count: number of queries, 1 or more.
        confidence: probability that the interval contains the true share.
    """
    squared = NormalDist().inv_cdf((1 + confidence) / 2) ** 2 / count
    middle = share + squared / 2
    half = math.sqrt(squared * share * (1 - share) + squared**2 / 4)
    low, high = (middle - half) / (1 + squared), (middle + half) / (1 + squared)
    # A share of 0 or 1 is one end of its interval; rounding may exclude it.
    return min(share, max(0.0, low)), max(share, min(1.0, high))


def plain(value: float) -> float | None:
    """Return a figure as a JSON value: 4 decimals, None for NaN."""
    return None if math.isnan(value) else round(float(value), 4)


def plain_intervals(intervals: Mapping[str, Interval]) -> dict[str, list[float | None]]:
    """Return intervals by name as JSON values."""
    return {name: [plain(low), plain(high)] for name, (low, high) in intervals.items()}
