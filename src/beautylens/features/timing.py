"""Timing of repeated runs, such as of a network on one picture."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from beautylens.runtime.threads import one_blas_thread

# Least time and number of runs of the warm-up: memory is allocated, and the clock rate rises.
WARM_SECONDS, WARM_RUNS = 0.5, 3
# Least time and number of timed runs, and the largest number.
TIMED_SECONDS, LEAST_RUNS, MOST_RUNS = 1.5, 9, 200


class Timing(NamedTuple):
    """The time of one run, in milliseconds."""

    median: float
    quartiles: tuple[float, float]
    runs: int


def time_runs(run: Callable[[], object], clock: Callable[[], float] = time.perf_counter) -> Timing:
    """Return the median time of many runs after a warm-up, with BLAS on one thread.

    Indexing and serving limit BLAS too: its idle threads spin, which takes cores from the network.

    Args:
        run: the function to time.
        clock: returns the time in seconds.
    """
    with one_blas_thread():
        _repeat(run, clock, WARM_SECONDS, WARM_RUNS)
        spent = _repeat(run, clock, TIMED_SECONDS, LEAST_RUNS)
    low, median, high = (1000 * float(each) for each in np.percentile(spent, (25, 50, 75)))
    return Timing(median, (low, high), len(spent))


def _repeat(
    run: Callable[[], object], clock: Callable[[], float], seconds: float, least: int
) -> list[float]:
    """Return the seconds of each run; runs until both minima are reached."""
    spent: list[float] = []
    while len(spent) < least or (sum(spent) < seconds and len(spent) < MOST_RUNS):
        start = clock()
        run()
        spent.append(clock() - start)
    return spent
