"""Comparison of two systems on the same photos: differences with intervals and a test."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from beautylens.arrays import Float64
from beautylens.errors import QueryError
from beautylens.evaluation.intervals import Interval, bootstrap_interval, share_interval
from beautylens.evaluation.metrics import MEASURES

# Up to so many photos that differ, all assignments of signs are tried.
EXACT = 16
# Random assignments of signs beyond.
DRAWN = 100_000
_AT_ONCE = 4_000_000
# Differences of up to this are rounding.
ROUNDING = 1e-12


@dataclass(frozen=True, slots=True)
class Difference:
    """A measure of two systems, A and B, on the same photos.

    Args:
        a: mean of A.
        b: mean of B.
        interval: 95 % interval of b - a over photos.
        p_value: of the paired randomisation test, two-sided: the share of exchanges of A and B on
            single photos after which the means differ at least as much.
        better: number of photos on which B is better.
        worse: number of photos on which B is worse.
    """

    a: float
    b: float
    interval: Interval
    p_value: float
    better: int
    worse: int

    @property
    def difference(self) -> float:
        """The mean of B minus that of A."""
        return self.b - self.a


def compare_photos(
    a: Mapping[str, Sequence[float]], b: Mapping[str, Sequence[float]]
) -> dict[str, Difference]:
    """Return the difference of each of `MEASURES`.

    Args:
        a: values of `MEASURES` of A, by photo.
        b: values of `MEASURES` of B, by photo.

    Raises:
        QueryError: when the photos are not the same, or there are none.
    """
    if a.keys() != b.keys():
        only = sorted(a.keys() ^ b.keys())
        raise QueryError(
            f"{len(only)} photos are in one of the results only, such as {only[0]}; compare "
            "results of the same truth table"
        )
    if not a:
        raise QueryError("there are no photos with relevant products; nothing can be compared")
    photos = sorted(a)
    left, right = (np.array([each[photo] for photo in photos], np.float64) for each in (a, b))
    return {
        name: difference_of(left[:, column], right[:, column])
        for column, name in enumerate(MEASURES)
    }


def difference_of(a: Float64, b: Float64) -> Difference:
    """Return the difference of a measure between 0 and 1 of two systems, (N,) each."""
    differences = b - a
    differences[np.abs(differences) < ROUNDING] = 0
    return Difference(
        float(a.mean()),
        float(b.mean()),
        difference_interval(differences),
        randomisation_test(differences),
        int((differences > 0).sum()),
        int((differences < 0).sum()),
    )


def difference_interval(differences: Float64) -> Interval:
    """Return the 95 % bootstrap interval of the mean of paired differences between -1 and 1.

    If all are 0, the resamples say nothing about other photos: then it is the largest share of
    photos that may differ all the same, by Wilson's interval, in both directions.
    """
    if not differences.any():
        most = share_interval(0.0, len(differences))[1]
        return -most, most
    low, high = bootstrap_interval((differences + 1) / 2)
    return 2 * low - 1, 2 * high - 1


def randomisation_test(differences: Float64, *, seed: int = 0) -> float:
    """Return the two-sided p-value of the paired randomisation test (Fisher, 1935).

    Under the null hypothesis the systems are exchangeable on every photo, so that the sign of each
    difference is random. Exact for up to 16 differences that are not 0; beyond, of 100,000 random
    assignments, the observed one included (Smucker et al., 2007).

    Args:
        differences: (N,), of each photo.
        seed: of the random assignments.
    """
    sizes = np.abs(differences)
    sizes = sizes[sizes > ROUNDING]
    count = len(sizes)
    if count == 0:
        return 1.0
    # Sums in another order differ by rounding.
    least = abs(differences.sum()) - count * ROUNDING
    if count <= EXACT:
        numbers = np.arange(2**count)[:, None]
        signs = 1 - 2 * ((numbers >> np.arange(count)) & 1)
        return float((np.abs(signs @ sizes) >= least).mean())
    draw = np.random.default_rng(seed)
    block = max(1, _AT_ONCE // count)
    extreme = 0
    for start in range(0, DRAWN, block):
        signs = 1 - 2 * draw.integers(0, 2, size=(min(block, DRAWN - start), count))
        extreme += int((np.abs(signs @ sizes) >= least).sum())
    return (extreme + 1) / (DRAWN + 1)
