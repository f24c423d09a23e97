"""Metrics of retrieval: mAP@7 with both denominators, recall and MRR, with intervals."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from beautylens.arrays import Bool
from beautylens.evaluation.intervals import (
    Interval,
    bootstrap_interval,
    plain,
    plain_intervals,
    share_interval,
)
from beautylens.files.paths import AnyPath
from beautylens.inputs.several import several
from beautylens.results import Matches

Denominator = Literal["challenge", "all"]

MEASURES = ("map7_challenge", "map7_all", "recall1", "recall7", "mrr")
# The measures that are 0 or 1 for each query.
SHARES = ("recall1", "recall7")


@dataclass(frozen=True, slots=True)
class QueryResult:
    """The matches of one query, with its ground truth.

    Args:
        image: path of the photo.
        truths: ids of the relevant products; empty if the catalogue has none of them.
        ignore: ids of products that are neither relevant nor wrong, such as other sizes.
        kind: group of queries that is also scored by itself; empty for none.
        matches: the matches; None if the photo could not be read.
        error: why the photo could not be read.
        left_out: ids of relevant products that were excluded from the search; `truths` is then
            empty.

    Raises:
        ValueError: when there are both matches and an error, or neither.
    """

    image: AnyPath
    truths: frozenset[str]
    ignore: frozenset[str]
    kind: str
    matches: Matches | None
    error: str | None
    left_out: frozenset[str] = frozenset()

    def __post_init__(self) -> None:
        for name in ("truths", "ignore", "left_out"):
            object.__setattr__(self, name, frozenset(several(getattr(self, name))))
        if (self.matches is None) == (self.error is None):
            raise ValueError(f"{self.image}: a query has either matches or an error")

    @property
    def ranking(self) -> list[str]:
        """The returned product ids, best first; empty if the photo could not be read."""
        return [match.product.product_id for match in self.matches or ()]

    def average_precision(self, denominator: Denominator) -> float | None:
        """Return AP@7; None if no product is relevant."""
        if not self.truths:
            return None
        return average_precision(
            self.ranking, self.truths, ignore=self.ignore, denominator=denominator
        )


@dataclass(frozen=True, slots=True)
class Score:
    """The means of the metrics over queries with relevant products; NaN without such queries.

    `intervals` has the 95 % interval of each metric: Wilson's of `SHARES`, the bootstrap's of the
    others.
    """

    queries: int
    map7_challenge: float
    map7_all: float
    recall1: float
    recall7: float
    mrr: float
    intervals: Mapping[str, Interval]

    def as_dict(self) -> dict[str, object]:
        """Return the metrics as JSON values with 4 decimals; NaN becomes None."""
        return {
            "queries": self.queries,
            **{name: plain(getattr(self, name)) for name in MEASURES},
            "intervals": plain_intervals(self.intervals),
        }


@dataclass(frozen=True, slots=True)
class Summary:
    """The scores of an evaluation, and the number of queries that are not scored.

    Args:
        overall: over all queries.
        by_kind: by kind of query, in alphabetical order; kinds without a scored query are omitted.
        without_truth: number of queries without a relevant product, which are not scored.
        unreadable: number of photos that could not be read; those with relevant products score 0.
    """

    overall: Score
    by_kind: Mapping[str, Score]
    without_truth: int
    unreadable: int

    def as_dict(self) -> dict[str, object]:
        """Return the scores as JSON values with 4 decimals; NaN becomes None."""
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

    rel(i) is 1 if the i-th product is relevant, else 0; P@i is the share of relevant products among
    the first i. Eq. 10 of Tang, Huang and Fuh ("Cross-domain Beauty and Personal Care Product
    Retrieval") lacks rel(i), a misprint: without it, a single hit at rank 1 would score 2.59.

    Ranks are those of `ranked_products`: repeated and ignored products take none.

    Args:
        ranking: product ids, best first.
        truths: ids of the relevant products.
        ignore: ids of products that are neither relevant nor wrong.
        denominator: what R is. `challenge`: the number of relevant products in the top k, as in the
            programs of three challenge teams; a missed product costs nothing, and no hit scores 0.
            `all`: the number of relevant products of the query, as in Tang et al.; with more than k
            of them, even a perfect top k scores k/R.
        k: lowest rank that counts.

    Raises:
        ValueError: when no product is relevant, as the metric is then undefined.
    """
    right = _relevance(ranking, truths, ignore)[:k]
    precision = np.cumsum(right) / np.arange(1, len(right) + 1)
    divisors = {"challenge": max(int(right.sum()), 1), "all": len(set(several(truths)))}
    return float(precision[right].sum() / divisors[denominator])


def recall_at(
    ranking: Sequence[str], truths: Collection[str], k: int, ignore: Collection[str] = ()
) -> float:
    """Return 1 if a relevant product is among the first k, else 0.

    The mean over queries is recall@k as reported for instance retrieval: the share of queries with
    a hit, not the share of relevant products found.

    Raises:
        ValueError: when no product is relevant, as the metric is then undefined.
    """
    return float(_relevance(ranking, truths, ignore)[:k].any())


def reciprocal_rank(
    ranking: Sequence[str], truths: Collection[str], ignore: Collection[str] = ()
) -> float:
    """Return 1 / (rank of the first relevant product); 0 if the ranking has none.

    The rank has no limit, so that the mean depends slightly on the number of matches requested.

    Raises:
        ValueError: when no product is relevant, as the metric is then undefined.
    """
    right = _relevance(ranking, truths, ignore)
    return 1.0 / (1 + int(right.argmax())) if right.any() else 0.0


def ranked_products(
    ranking: Sequence[str], truths: Collection[str], ignore: Collection[str] = ()
) -> list[str]:
    """Return the products that take a rank: each once, at its first position, without ignored ones.

    A product that is both relevant and ignored is relevant.
    """
    dropped = set(several(ignore)) - set(several(truths))
    return [product for product in dict.fromkeys(several(ranking)) if product not in dropped]


def summarise(rows: Sequence[QueryResult]) -> Summary:
    """Return the scores of all queries and of each kind; the order of the queries has no effect.

    Queries without a relevant product are not scored. A photo that could not be read scores 0 if it
    has one: otherwise a system would gain by failing on it. Searches with `left_out` are not
    counted.
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
    # Sums of floats depend on their order: sorted, they do not depend on that of the queries.
    columns = np.sort([measures_of(row) for row in rows], axis=0).T
    means = {name: float(values.mean()) for name, values in zip(MEASURES, columns, strict=True)}
    intervals = {
        name: share_interval(means[name], len(rows))
        if name in SHARES
        else bootstrap_interval(values)
        for name, values in zip(MEASURES, columns, strict=True)
    }
    return Score(len(rows), **means, intervals=intervals)


def measures_of(row: QueryResult) -> tuple[float, ...]:
    """Return the value of each of `MEASURES`, in their order, of a query with relevant products."""
    answer = (row.ranking, row.truths)
    return (
        average_precision(*answer, ignore=row.ignore, denominator="challenge"),
        average_precision(*answer, ignore=row.ignore, denominator="all"),
        recall_at(*answer, 1, row.ignore),
        recall_at(*answer, 7, row.ignore),
        reciprocal_rank(*answer, row.ignore),
    )


def _relevance(ranking: Sequence[str], truths: Collection[str], ignore: Collection[str]) -> Bool:
    """Return rel(i) for each rank, (P,) bool."""
    if not truths:
        raise ValueError("a query without relevant products has no score")
    right = set(several(truths))
    return np.array([p in right for p in ranked_products(ranking, right, ignore)], dtype=bool)
