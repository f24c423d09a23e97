"""How far probabilities and verdicts can be trusted: calibration, AUROC, precision by verdict."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import get_args

import numpy as np
from numpy.typing import NDArray

from beautylens.evaluation.metrics import (
    Interval,
    QueryResult,
    places,
    plain,
    plain_intervals,
    share_interval,
)
from beautylens.results import Verdict

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
Measure = Callable[[Floats, Bools], float]

BINS = 10
RESAMPLES = 1000
# Sums of the same values in another order differ by less.
_EQUAL = 1e-9


@dataclass(frozen=True, slots=True)
class Bin:
    """A tenth of the queries, by the probability of their best product."""

    queries: int
    probability: float
    """The mean of what was said."""
    right: float
    """The share that was right."""


@dataclass(frozen=True, slots=True)
class Given:
    """How often a verdict was given, and how often it held."""

    queries: int
    share: float
    """Of all queries."""
    held: float | None
    """The share of these where the best product was right; for `not_in_catalogue`, where the
    catalogue has no right product. None where the verdict was never given."""


@dataclass(frozen=True, slots=True)
class Verdicts:
    """The trust that probabilities and verdicts deserve; NaN where it cannot be told."""

    queries: int
    right: int
    """Queries whose best product is right."""
    calibration_error: float
    auroc: float
    intervals: Mapping[str, Interval]
    """The 95 % interval of `calibration_error` and `auroc`."""
    bins: tuple[Bin, ...]
    given: Mapping[Verdict, Given]

    def as_dict(self) -> dict[str, object]:
        """Return plain JSON values with 4 decimals; NaN becomes None."""
        return {
            "queries": self.queries,
            "right": self.right,
            "calibration_error": plain(self.calibration_error),
            "auroc": plain(self.auroc),
            "intervals": plain_intervals(self.intervals),
            "bins": [[bin_.queries, plain(bin_.probability), plain(bin_.right)]
                     for bin_ in self.bins],
            "verdicts": {
                name: {"queries": given.queries, "share": plain(given.share),
                       "held": None if given.held is None else plain(given.held)}
                for name, given in self.given.items()
            },
        }  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Said:
    """One query: the probability of its best product, whether that is right, and the verdict."""

    probability: float
    right: bool
    present: bool
    verdict: Verdict | None


def judge_verdicts(rows: Sequence[QueryResult]) -> Verdicts | None:
    """Return how far the probabilities of these queries can be trusted, None where none were given.

    The best product is the first that is not ignored. Left out are photos that could not be read,
    and those whose only listed products are to be ignored: there, neither yes nor no is wrong.
    """
    said = [answer for row in rows if (answer := _said(row)) is not None]
    if not said:
        return None
    probability = np.array([answer.probability for answer in said])
    right = np.array([answer.right for answer in said])
    return Verdicts(
        queries=len(said),
        right=int(right.sum()),
        calibration_error=calibration_error(probability, right),
        auroc=auroc(probability, right),
        intervals={
            "calibration_error": _interval(calibration_error, probability, right, len(right)),
            # No more pairs of a right and another answer than these have no answer in common.
            "auroc": _interval(auroc, probability, right, int(min(right.sum(), (~right).sum()))),
        },
        bins=reliability(probability, right),
        given={name: _given(name, said) for name in get_args(Verdict)},
    )


def _said(row: QueryResult) -> _Said | None:
    if row.matches is None or row.matches.verdict is None or (row.ignore and not row.truths):
        return None
    first = places(row.ranking, row.truths, row.ignore)[:1]
    best = next((m for m in row.matches if m.product.product_id in first), None)
    # A verdict on an ignored product is neither right nor wrong.
    about_best = row.ranking[:1] == first
    said = row.matches if about_best or best is None else best
    return _Said(
        probability=said.probability or 0.0,
        right=best is not None and best.product.product_id in row.truths,
        present=bool(row.truths),
        verdict=row.matches.verdict if about_best else None,
    )


def _given(name: Verdict, said: Sequence[_Said]) -> Given:
    held = [
        not answer.present if name == "not_in_catalogue" else answer.right
        for answer in said
        if answer.verdict == name
    ]
    share = float(np.mean(held)) if held else None
    return Given(len(held), len(held) / len(said), share)


def _interval(measure: Measure, probability: Floats, right: Bools, independent: int) -> Interval:
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
    chosen = (draw.integers(count, size=count) for _ in range(RESAMPLES))
    values = np.array([measure(probability[rows], right[rows]) for rows in chosen])
    known = values[~np.isnan(values)]
    if not len(known):
        return float("nan"), float("nan")
    if np.ptp(known) < _EQUAL:
        return share_interval(float(known[0]), independent)
    low, high = np.quantile(known, [0.025, 0.975])
    return float(low), float(high)


def reliability(probability: Floats, right: Bools, bins: int = BINS) -> tuple[Bin, ...]:
    """Return bins of equal mass: as many queries in each as can be, by rising probability."""
    order = np.argsort(probability, kind="stable")
    return tuple(
        Bin(len(part), float(probability[part].mean()), float(right[part].mean()))
        for part in np.array_split(order, bins)
        if len(part)
    )


def calibration_error(probability: Floats, right: Bools) -> float:
    """Return the expected calibration error over ten bins of equal mass (Naeini et al. 2015).

    The mean over queries of |mean probability - share right| of their bin; 0 is perfect.
    """
    gaps = [b.queries * abs(b.probability - b.right) for b in reliability(probability, right)]
    return float(sum(gaps) / len(probability))


def auroc(probability: Floats, right: Bools) -> float:
    """Return how often a right answer was given a higher probability than one that is not.

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
