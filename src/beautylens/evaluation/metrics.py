"""The measures of retrieval quality: mAP@7 under both denominators, recall, MRR, intervals."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from statistics import NormalDist
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from beautylens.files.paths import AnyPath
from beautylens.inputs.several import several
from beautylens.results import Matches

Denominator = Literal["challenge", "all"]
Interval = tuple[float, float]

MEASURES = ("map7_challenge", "map7_all", "recall1", "recall7", "mrr")
# Those to which each query adds 0 or 1.
SHARES = ("recall1", "recall7")

RESAMPLED_AT_ONCE = 4_000_000
"""Values drawn in one go, which keeps the bootstrap of any number of queries under 100 MB."""


@dataclass(frozen=True, slots=True)
class QueryResult:
    """What a collection returned for one query, beside what it should have returned.

    Raises:
        ValueError: when there are both matches and an error, or neither.
    """

    image: AnyPath
    truths: frozenset[str]
    """Products that the photo shows; empty where the catalogue has none of them."""
    ignore: frozenset[str]
    """Products that are neither right nor wrong, such as another size of the same."""
    kind: str
    """The group under which the query is also counted; empty for no group."""
    matches: Matches | None
    error: str | None
    """Why the photo could not be read."""
    left_out: frozenset[str] = frozenset()
    """Right products that were excluded from this search; then there is no truth."""

    def __post_init__(self) -> None:
        for name in ("truths", "ignore", "left_out"):
            object.__setattr__(self, name, frozenset(several(getattr(self, name))))
        if (self.matches is None) == (self.error is None):
            raise ValueError(f"{self.image}: a query has either matches or an error")

    @property
    def ranking(self) -> list[str]:
        """The returned product ids, best first; empty for a photo that could not be read."""
        return [match.product.product_id for match in self.matches or ()]

    def average_precision(self, denominator: Denominator) -> float | None:
        """Return AP@7, or None where no product is right."""
        if not self.truths:
            return None
        return average_precision(
            self.ranking, self.truths, ignore=self.ignore, denominator=denominator
        )


@dataclass(frozen=True, slots=True)
class Score:
    """Means over the queries that have a truth; NaN where there is no such query."""

    queries: int
    map7_challenge: float
    map7_all: float
    recall1: float
    recall7: float
    mrr: float
    intervals: Mapping[str, Interval]
    """The 95 % interval of each of `MEASURES`: Wilson's of `SHARES`, the bootstrap's of others."""

    def as_dict(self) -> dict[str, object]:
        """Return plain JSON values with 4 decimals; NaN becomes None."""
        return {
            "queries": self.queries,
            **{name: plain(getattr(self, name)) for name in MEASURES},
            "intervals": plain_intervals(self.intervals),
        }


@dataclass(frozen=True, slots=True)
class Summary:
    """The scores of one evaluation, and what they leave out."""

    overall: Score
    by_kind: Mapping[str, Score]
    """Scores of each named kind that has a query with a truth, in the order of the names."""
    without_truth: int
    """Queries whose product is not in the catalogue: counted, not scored."""
    unreadable: int
    """Photos that could not be read; one that has a truth scores 0."""

    def as_dict(self) -> dict[str, object]:
        """Return plain JSON values with 4 decimals; NaN becomes None."""
        return {
            "overall": self.overall.as_dict(),
            "by_kind": {kind: score.as_dict() for kind, score in self.by_kind.items()},
            "without_truth": self.without_truth,
            "unreadable": self.unreadable,
        }


def average_precision(
    ranking: Sequence[str],
    truths: Collection[str],
    *,
    ignore: Collection[str] = (),
    denominator: Denominator,
    k: int = 7,
) -> float:
    """Return AP@k = (1/R) Σ_{i≤k} rel(i)·P@i of one query.

    P@i is the share of truths among the first i products, rel(i) is 1 where the i-th is a truth.
    Eq. 10 of Tang, Huang and Fuh ("Cross-domain Beauty and Personal Care Product Retrieval") lacks
    rel(i), which is a misprint: taken literally, one hit at rank 1 would score 2.59.

    Ranks are those of `ranked_products`: a repeated product counts once, an ignored one not at all.

    Args:
        ranking: product ids, best first.
        truths: ids of the right products.
        ignore: ids that are neither right nor wrong.
        denominator: what R is. `challenge` is the number of truths inside the top k, as the
            programs of three challenge teams have it: a missed truth costs nothing, and no hit at
            all scores 0. `all` is the number of truths of the query, as Tang has it. It stays so
            where there are more than k truths: even a perfect top k then scores k/R, below 1.
        k: the rank down to which is looked.

    Raises:
        ValueError: when there is no truth, for the measure is then undefined.
    """
    right = _relevance(ranking, truths, ignore)[:k]
    precision = np.cumsum(right) / np.arange(1, len(right) + 1)
    divisors = {"challenge": max(int(right.sum()), 1), "all": len(set(several(truths)))}
    return float(precision[right].sum() / divisors[denominator])


def recall_at(
    ranking: Sequence[str], truths: Collection[str], k: int, ignore: Collection[str] = ()
) -> float:
    """Return 1 if a truth is among the first k products, else 0.

    The mean over queries is then the share of queries that succeed, which is what the field calls
    recall@k; it is not the share of a query's truths that were found.

    Raises:
        ValueError: when there is no truth, for the measure is then undefined.
    """
    return float(_relevance(ranking, truths, ignore)[:k].any())


def reciprocal_rank(
    ranking: Sequence[str], truths: Collection[str], ignore: Collection[str] = ()
) -> float:
    """Return 1 / (rank of the first truth), 0 if the ranking holds none.

    The whole ranking is looked at, so the mean depends a little on how many matches were asked for.

    Raises:
        ValueError: when there is no truth, for the measure is then undefined.
    """
    right = _relevance(ranking, truths, ignore)
    return 1.0 / (1 + int(right.argmax())) if right.any() else 0.0


def ranked_products(
    ranking: Sequence[str], truths: Collection[str], ignore: Collection[str] = ()
) -> list[str]:
    """Return the products that take a rank: each once, at its first, without the ignored ones.

    An id that is named both a truth and to be ignored is a truth.
    """
    dropped = set(several(ignore)) - set(several(truths))
    return [product for product in dict.fromkeys(several(ranking)) if product not in dropped]


def bootstrap_interval(
    values: NDArray[np.floating],
    *,
    confidence: float = 0.95,
    resamples: int = 2000,
    seed: int = 0,
) -> Interval:
    """Return the percentile bootstrap interval of the mean over queries (Efron 1979).

    Where all values are equal so are all resamples, and the interval would have no width however
    few queries there are. Then it is that of a share of the same size: no values between 0 and 1
    with this mean vary more than those of a share.

    Args:
        values: (N,) float between 0 and 1, one value a query; their order does not matter.
        confidence: the share of resampled means inside the interval.
        resamples: how many times N queries are drawn with replacement.
        seed: of the draws, so that the same values always give the same interval.

    Raises:
        ValueError: when there is no value.
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

    Unlike the bootstrap's it is as wide as few queries make it where all succeed, or none: of 8
    of 8 it is 0.676 to 1.

    Args:
        share: of queries that succeed.
        count: of queries, 1 or more.
        confidence: how often such intervals cover the true share.
    """
    squared = NormalDist().inv_cdf((1 + confidence) / 2) ** 2 / count
    middle = share + squared / 2
    half = math.sqrt(squared * share * (1 - share) + squared**2 / 4)
    low, high = (middle - half) / (1 + squared), (middle + half) / (1 + squared)
    # Of 0 and of 1 one end is the share itself, but for rounding.
    return min(share, max(0.0, low)), max(share, min(1.0, high))


def summarise(rows: Sequence[QueryResult]) -> Summary:
    """Return the scores of all queries and of each kind, whatever the order of the queries.

    A query without a truth is counted but not scored. A photo that could not be read is counted,
    and scores 0 if it has a truth: leaving it out would reward a system for failing on it. A search
    from which the right products were left out is not counted again.
    """
    rows = [row for row in rows if not row.left_out]
    scored = [row for row in rows if row.truths]
    kinds = sorted({row.kind for row in scored if row.kind})
    return Summary(
        overall=_score(scored),
        by_kind={kind: _score([row for row in scored if row.kind == kind]) for kind in kinds},
        without_truth=len(rows) - len(scored),
        unreadable=sum(row.error is not None for row in rows),
    )


def _score(rows: Sequence[QueryResult]) -> Score:
    if not rows:
        unknown = dict.fromkeys(MEASURES, math.nan)
        return Score(0, **unknown, intervals=dict.fromkeys(MEASURES, (math.nan, math.nan)))
    # Sums of floats depend on their order; sorted columns make equal rows give equal scores.
    columns = np.sort([_measures(row) for row in rows], axis=0).T
    means = {name: float(values.mean()) for name, values in zip(MEASURES, columns, strict=True)}
    intervals = {
        name: share_interval(means[name], len(rows))
        if name in SHARES
        else bootstrap_interval(values)
        for name, values in zip(MEASURES, columns, strict=True)
    }
    return Score(len(rows), **means, intervals=intervals)


def _measures(row: QueryResult) -> tuple[float, ...]:
    """One value for each of `MEASURES`, in their order."""
    answer = (row.ranking, row.truths)
    return (
        average_precision(*answer, ignore=row.ignore, denominator="challenge"),
        average_precision(*answer, ignore=row.ignore, denominator="all"),
        recall_at(*answer, 1, row.ignore),
        recall_at(*answer, 7, row.ignore),
        reciprocal_rank(*answer, row.ignore),
    )


def _relevance(
    ranking: Sequence[str], truths: Collection[str], ignore: Collection[str]
) -> NDArray[np.bool_]:
    """rel(i) for each rank, (P,) bool."""
    if not truths:
        raise ValueError("a query without a truth has no score")
    right = set(several(truths))
    return np.array([p in right for p in ranked_products(ranking, right, ignore)], dtype=bool)


def plain(value: float) -> float | None:
    """Return a figure as JSON has it: 4 decimals, None for NaN."""
    return None if math.isnan(value) else round(float(value), 4)


def plain_intervals(intervals: Mapping[str, Interval]) -> dict[str, list[float | None]]:
    """Return intervals by name as JSON has them."""
    return {name: [plain(low), plain(high)] for name, (low, high) in intervals.items()}
