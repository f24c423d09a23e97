"""Measures of probabilities against what was right: reliability, calibration error, AUROC."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from beautylens.arrays import Bool, Float64
from beautylens.evaluation.intervals import Interval, share_interval

Measure = Callable[[Float64, Bool], float]

BINS = 10
RESAMPLES = 1000
# Sums of the same values in another order differ by less.
_EQUAL = 1e-9


@dataclass(frozen=True, slots=True)
class Bin:
    """A tenth of the queries, by the probability of their best product.

    Args:
        queries: how many there are in it.
        probability: their mean predicted probability.
        right: the share whose best product is right.
    """

    queries: int
    probability: float
    right: float


def reliability(probability: Float64, right: Bool, bins: int = BINS) -> tuple[Bin, ...]:
    """Return bins of equal mass: as many queries in each as can be, by rising probability."""
    order = np.argsort(probability, kind="stable")
    return tuple(
        Bin(len(part), float(probability[part].mean()), float(right[part].mean()))
        for part in np.array_split(order, bins)
        if len(part)
    )


def calibration_error(probability: Float64, right: Bool) -> float:
    """Return the expected calibration error over ten bins of equal mass (Naeini et al. 2015).

    The mean over queries of |mean probability - share right| of their bin; 0 is perfect.
    """
    gaps = [b.queries * abs(b.probability - b.right) for b in reliability(probability, right)]
    return float(sum(gaps) / len(probability))


def auroc(probability: Float64, right: Bool) -> float:
    """Return how often a right answer has a higher probability than one that is not right.

    Ties count a half. NaN where all are right, or none is.
    """
    # It takes a second to import: a search should not wait for it.
    from scipy.stats import rankdata

    positives = int(right.sum())
    negatives = len(right) - positives
    if not positives or not negatives:
        return float("nan")
    ranks = rankdata(probability)[right].sum()
    return float((ranks - positives * (positives + 1) / 2) / (positives * negatives))


def measure_interval(
    measure: Measure, probability: Float64, right: Bool, independent: int
) -> Interval:
    """Return the percentile bootstrap interval of a measure over queries (Efron 1979).

    Where all resamples are equal it would have no width: then it is that of a share.

    Args:
        measure: a mean of values between 0 and 1.
        probability: (N,) of the best product of each query.
        right: (N,) whether it is right.
        independent: how many values the share is of.
    """
    draw = np.random.default_rng(0)
    count = len(right)
    if not count:
        return float("nan"), float("nan")
    chosen = (draw.integers(count, size=count) for _ in range(RESAMPLES))
    values = np.array([measure(probability[rows], right[rows]) for rows in chosen])
    known = values[~np.isnan(values)]
    if not len(known):
        return float("nan"), float("nan")
    if np.ptp(known) < _EQUAL:
        return share_interval(float(known[0]), independent)
    low, high = np.quantile(known, [0.025, 0.975])
    return float(low), float(high)
