"""How long a network takes for one picture on this machine."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from threadpoolctl import threadpool_limits

# Before anything is counted: memory is taken, and the processor leaves its lowest clock.
WARM_SECONDS, WARM_RUNS = 0.5, 3
# Of what is counted, whichever is reached last; and no more runs than the most.
TIMED_SECONDS, LEAST_RUNS, MOST_RUNS = 1.5, 9, 200


class Timing(NamedTuple):
    """The time of one run, in milliseconds."""

    median: float
    quartiles: tuple[float, float]
    runs: int


def time_runs(run: Callable[[], object], clock: Callable[[], float] = time.perf_counter) -> Timing:
    """Return the median time of many runs after a warm-up, linear algebra on one thread.

    So are pictures described when they are indexed and when a server searches. The threads of
    linear algebra wait for their next product by spinning, which takes the cores from the network.

    Args:
        run: what is timed.
        clock: tells seconds.
    """
    with threadpool_limits(1, "blas"):
        _repeat(run, clock, WARM_SECONDS, WARM_RUNS)
        spent = _repeat(run, clock, TIMED_SECONDS, LEAST_RUNS)
    low, median, high = (1000 * float(each) for each in np.percentile(spent, (25, 50, 75)))
    return Timing(median, (low, high), len(spent))


def _repeat(
    run: Callable[[], object], clock: Callable[[], float], seconds: float, least: int
) -> list[float]:
    """Return the seconds of each of at least so many runs that take at least so long together."""
    spent: list[float] = []
    while len(spent) < least or (sum(spent) < seconds and len(spent) < MOST_RUNS):
        start = clock()
        run()
        spent.append(clock() - start)
    return spent
