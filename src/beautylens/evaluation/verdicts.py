"""How far verdicts and probabilities can be trusted: wrong matches, precision, calibration."""

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
from beautylens.evaluation.metrics import (
    Interval,
    QueryResult,
    plain,
    plain_intervals,
    ranked_products,
    share_interval,
)
from beautylens.results import Match, Verdict
from beautylens.search.judge.evidence import CHANCE


@dataclass(frozen=True, slots=True)
class Share:
    """How many of some queries something is true of; a share of none is NaN."""

    count: int
    of: int

    @property
    def value(self) -> float:
        """The share, 0 to 1."""
        return self.count / self.of if self.of else float("nan")

    @property
    def interval(self) -> Interval:
        """Its 95 % interval (Wilson 1927), which has a width also where it is 0 or 1."""
        return share_interval(self.value, self.of) if self.of else (float("nan"), float("nan"))

    def as_dict(self) -> dict[str, object]:
        """Return plain JSON values with 4 decimals; NaN becomes None."""
        interval = [plain(end) for end in self.interval]
        share = plain(self.value)
        return {"count": self.count, "of": self.of, "share": share, "interval": interval}


@dataclass(frozen=True, slots=True)
class Given:
    """How often a verdict was given, and how often it was right.

    Args:
        queries: with this verdict.
        share: of all queries.
        held: the share of these where the best product was right; for `not_in_catalogue`, where the
            catalogue has no right product. None where the verdict was never given.
    """

    queries: int
    share: float
    held: float | None


@dataclass(frozen=True, slots=True)
class WrongMatch:
    """A query whose verdict is `match`, and whose best product is not right.

    `probability` is that of the best product in whichever of its listings.
    """

    result: QueryResult
    best: Match
    probability: float


@dataclass(frozen=True, slots=True)
class Verdicts:
    """How far probabilities and verdicts can be trusted; NaN where that cannot be measured.

    Args:
        queries: all that are counted.
        right: queries whose best product is right.
        found: queries with a right product, where it came first.
        coverage: queries with a right product, where it came first with the verdict `match`.
        recognised: queries without one, with the verdict `not_in_catalogue`.
        precision: queries with the verdict `match`, where the best product is right.
        wrong: the others with the verdict `match`, the most probable first: it does most harm.
        calibration_error: of the probabilities (`calibration_error`).
        auroc: of the probabilities, right answers against all others.
        auroc_geometry: the same where the best product's keypoints agree with the photo's.
        intervals: the 95 % interval of `calibration_error`, `auroc` and `auroc_geometry`.
        bins: predicted probability against the share that was right.
        given: each verdict.
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
    given: Mapping[Verdict, Given]

    def as_dict(self) -> dict[str, object]:
        """Return plain JSON values with 4 decimals; NaN becomes None."""
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
                    "queries": given.queries,
                    "share": plain(given.share),
                    "held": None if given.held is None else plain(given.held),
                }
                for name, given in self.given.items()
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
    """The answer to one query: its probability and verdict, and what is right.

    Args:
        result: of the query.
        best: the first product that is not to be ignored; None where nothing was found.
        probability: of that.
        verdict: None where it was about a product to be ignored.
    """

    result: QueryResult
    best: Match | None
    probability: float
    verdict: Verdict | None

    @property
    def present(self) -> bool:
        return bool(self.result.truths)

    @property
    def right(self) -> bool:
        return self.best is not None and self.best.product.product_id in self.result.truths

    @property
    def geometry(self) -> bool:
        return self.best is not None and (self.best.reasons.inliers or 0) > CHANCE


def judge_verdicts(rows: Sequence[QueryResult]) -> Verdicts | None:
    """Return how far the probabilities of these queries can be trusted, None where none were given.

    The best product is the first that is not ignored. Not counted are photos that could not be
    read, and those whose only listed products are to be ignored: there, neither yes nor no is
    wrong.
    """
    answers = [answer for row in rows if (answer := _answer(row)) is not None]
    if not answers:
        return None
    present = [answer for answer in answers if answer.present]
    absent = [answer for answer in answers if not answer.present]
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
        given={name: _given(name, answers) for name in get_args(Verdict)},
        **_measures(answers),
    )


def _answer(row: QueryResult) -> _Answer | None:
    if row.matches is None or row.matches.verdict is None:
        return None
    if row.ignore and not row.truths and not row.left_out:
        return None
    first = ranked_products(row.ranking, row.truths, row.ignore)[:1]
    best = next((m for m in row.matches if m.product.product_id in first), None)
    # A verdict on an ignored product is neither right nor wrong.
    about_best = row.ranking[:1] == first
    probability = (row.matches if about_best or best is None else best).probability
    return _Answer(row, best, probability or 0.0, row.matches.verdict if about_best else None)


def _measures(answers: Sequence[_Answer]) -> dict[str, Any]:
    probability = np.array([answer.probability for answer in answers])
    right = np.array([answer.right for answer in answers])
    agree = np.array([answer.geometry for answer in answers])

    def both(chosen: Any) -> int:
        # No more pairs of a right and another answer than these have no answer in common.
        return int(min(right[chosen].sum(), (~right[chosen]).sum()))

    return {
        "calibration_error": calibration_error(probability, right),
        "auroc": auroc(probability, right),
        "auroc_geometry": auroc(probability[agree], right[agree]),
        "intervals": {
            "calibration_error": measure_interval(
                calibration_error, probability, right, len(right)
            ),
            "auroc": measure_interval(auroc, probability, right, both(slice(None))),
            "auroc_geometry": measure_interval(
                auroc, probability[agree], right[agree], both(agree)
            ),
        },
        "bins": reliability(probability, right),
    }


def _given(name: Verdict, answers: Sequence[_Answer]) -> Given:
    held = [
        not answer.present if name == "not_in_catalogue" else answer.right
        for answer in answers
        if answer.verdict == name
    ]
    share = float(np.mean(held)) if held else None
    return Given(len(held), len(held) / len(answers), share)
