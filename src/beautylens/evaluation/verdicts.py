"""Metrics of verdicts and probabilities: precision, coverage, calibration, wrong matches."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, get_args

import numpy as np

from beautylens.evaluation.calibration.measures import (
    Bin,
    auroc,
    calibration_error,
    measure_interval,
    reliability,
)
from beautylens.evaluation.intervals import Interval, plain, plain_intervals, share_interval
from beautylens.evaluation.metrics import QueryResult, ranked_products
from beautylens.results import Match, Verdict
from beautylens.search.judge.evidence import CHANCE


@dataclass(frozen=True, slots=True)
class Share:
    """A number of queries out of others; the share of none is NaN."""

    count: int
    of: int

    @property
    def value(self) -> float:
        """The share, 0 to 1."""
        return self.count / self.of if self.of else float("nan")

    @property
    def interval(self) -> Interval:
        """The 95 % interval of the share (Wilson 1927)."""
        return share_interval(self.value, self.of) if self.of else (float("nan"), float("nan"))

    def as_dict(self) -> dict[str, object]:
        """Return the share as JSON values with 4 decimals; NaN becomes None."""
        interval = [plain(end) for end in self.interval]
        share = plain(self.value)
        return {"count": self.count, "of": self.of, "share": share, "interval": interval}


@dataclass(frozen=True, slots=True)
class VerdictCount:
    """The number of queries with one verdict, and how often it was correct.

    Args:
        queries: queries with this verdict.
        share: their share of all queries.
        correct: the share of them whose best product is right; for `not_in_catalogue`, those
            without a right product in the catalogue. None without such queries.
    """

    queries: int
    share: float
    correct: float | None


@dataclass(frozen=True, slots=True)
class WrongMatch:
    """A query with the verdict `match` whose best product is wrong.

    `probability` is that of the best product and its duplicates.
    """

    result: QueryResult
    best: Match
    probability: float


@dataclass(frozen=True, slots=True)
class Verdicts:
    """Metrics of verdicts and probabilities; NaN if undefined.

    Args:
        queries: number of queries.
        right: queries whose best product is right.
        found: of the queries with a right product, those that rank it first.
        coverage: of the queries with a right product, those that rank it first with the verdict
            `match`.
        recognised: of the queries without a right product, those with the verdict
            `not_in_catalogue`.
        precision: of the queries with the verdict `match`, those whose best product is right.
        wrong: the other queries with the verdict `match`, highest probability first.
        calibration_error: expected calibration error.
        auroc: AUROC of the probabilities, right best products against wrong ones.
        auroc_geometry: `auroc` of the queries whose best product has enough inliers.
        intervals: the 95 % interval of `calibration_error`, `auroc` and `auroc_geometry`.
        bins: the reliability diagram.
        by_verdict: the count of each verdict.
    """

    queries: int
    right: int
    found: Share
    coverage: Share
    recognised: Share
    precision: Share
    wrong: tuple[WrongMatch, ...]
    calibration_error: float
    auroc: float
    auroc_geometry: float
    intervals: Mapping[str, Interval]
    bins: tuple[Bin, ...]
    by_verdict: Mapping[Verdict, VerdictCount]

    def as_dict(self) -> dict[str, object]:
        """Return the metrics as JSON values with 4 decimals; NaN becomes None."""
        shares = ("found", "coverage", "recognised", "precision")
        measures = ("calibration_error", "auroc", "auroc_geometry")
        return {
            "queries": self.queries,
            "right": self.right,
            **{name: getattr(self, name).as_dict() for name in shares},
            "wrong_matches": [_wrong(wrong) for wrong in self.wrong],
            **{name: plain(getattr(self, name)) for name in measures},
            "intervals": plain_intervals(self.intervals),
            "bins": [
                [bin_.queries, plain(bin_.probability), plain(bin_.right)] for bin_ in self.bins
            ],
            "verdicts": {
                name: {
                    "queries": count.queries,
                    "share": plain(count.share),
                    "correct": None if count.correct is None else plain(count.correct),
                }
                for name, count in self.by_verdict.items()
            },
        }


def _wrong(wrong: WrongMatch) -> dict[str, object]:
    return {
        "image": str(wrong.result.image),
        "left_out": sorted(wrong.result.left_out),
        "product_ids": sorted(wrong.result.truths),
        "match": wrong.best.product.product_id,
        "probability": plain(wrong.probability),
    }


@dataclass(frozen=True, slots=True)
class _Answer:
    """The best product of one query, with its probability and verdict.

    Args:
        result: result of the query.
        best: the first product that is not ignored; None if there is none.
        probability: of the best product.
        verdict: None if it is about an ignored product.
    """

    result: QueryResult
    best: Match | None
    probability: float
    verdict: Verdict | None

    @property
    def in_catalogue(self) -> bool:
        return bool(self.result.truths)

    @property
    def right(self) -> bool:
        return self.best is not None and self.best.product.product_id in self.result.truths

    @property
    def geometry(self) -> bool:
        return self.best is not None and (self.best.reasons.inliers or 0) > CHANCE


def measure_verdicts(rows: Sequence[QueryResult]) -> Verdicts | None:
    """Return the metrics of the verdicts; None without verdicts.

    Not counted are photos that could not be read, and queries with ignored products only, for which
    no verdict is wrong.
    """
    answers = [answer for row in rows if (answer := _answer(row)) is not None]
    if not answers:
        return None
    present = [answer for answer in answers if answer.in_catalogue]
    absent = [answer for answer in answers if not answer.in_catalogue]
    matched = [answer for answer in answers if answer.verdict == "match"]
    wrong = [answer for answer in matched if not answer.right]
    wrong.sort(key=lambda answer: -answer.probability)
    return Verdicts(
        queries=len(answers),
        right=sum(answer.right for answer in answers),
        found=Share(sum(answer.right for answer in present), len(present)),
        coverage=Share(len(matched) - len(wrong), len(present)),
        recognised=Share(
            sum(answer.verdict == "not_in_catalogue" for answer in absent), len(absent)
        ),
        precision=Share(len(matched) - len(wrong), len(matched)),
        wrong=tuple(
            WrongMatch(each.result, each.best, each.probability)
            for each in wrong
            if each.best is not None
        ),
        by_verdict={name: _count(name, answers) for name in get_args(Verdict)},
        **_measures(answers),
    )


def _answer(row: QueryResult) -> _Answer | None:
    if row.matches is None or row.matches.verdict is None:
        return None
    if row.ignore and not row.truths and not row.left_out:
        return None
    first = ranked_products(row.ranking, row.truths, row.ignore)[:1]
    best = next((m for m in row.matches if m.product.product_id in first), None)
    # The verdict is about the first product; if that is ignored, it is neither right nor wrong.
    about_best = row.ranking[:1] == first
    probability = (row.matches if about_best or best is None else best).probability
    return _Answer(row, best, probability or 0.0, row.matches.verdict if about_best else None)


def _measures(answers: Sequence[_Answer]) -> dict[str, Any]:
    probability = np.array([answer.probability for answer in answers])
    right = np.array([answer.right for answer in answers])
    agree = np.array([answer.geometry for answer in answers])

    def pairs(chosen: Any) -> int:
        # The number of disjoint pairs of a right and a wrong answer.
        return int(min(right[chosen].sum(), (~right[chosen]).sum()))

    return {
        "calibration_error": calibration_error(probability, right),
        "auroc": auroc(probability, right),
        "auroc_geometry": auroc(probability[agree], right[agree]),
        "intervals": {
            "calibration_error": measure_interval(
                calibration_error, probability, right, len(right)
            ),
            "auroc": measure_interval(auroc, probability, right, pairs(slice(None))),
            "auroc_geometry": measure_interval(
                auroc, probability[agree], right[agree], pairs(agree)
            ),
        },
        "bins": reliability(probability, right),
    }


def _count(name: Verdict, answers: Sequence[_Answer]) -> VerdictCount:
    correct = [
        not answer.in_catalogue if name == "not_in_catalogue" else answer.right
        for answer in answers
        if answer.verdict == name
    ]
    share = float(np.mean(correct)) if correct else None
    return VerdictCount(len(correct), len(correct) / len(answers), share)
