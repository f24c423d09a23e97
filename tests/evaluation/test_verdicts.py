"""The trust in verdicts: against scikit-learn and slow loops."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from beautylens.cli.evaluation_tables import print_verdicts
from beautylens.evaluation.calibration.measures import auroc, calibration_error, reliability
from beautylens.evaluation.metrics import QueryResult
from beautylens.evaluation.verdicts import measure_verdicts
from beautylens.reasons import Reasons
from beautylens.results import Match, Matches, Product

rng = np.random.default_rng(5)


def result(
    ranking: str, shares: list[float], verdict: str, truths: str = "", ignore: str = ""
) -> QueryResult:
    rows = tuple(
        Match(name, Product(name), "", 1.0 - place / 10, probability=share)
        for place, (name, share) in enumerate(zip(ranking, shares, strict=True))
    )
    best = shares[0] if shares else 0.0
    matches = Matches(rows, verdict, best)
    return QueryResult(Path("q.jpg"), frozenset(truths), frozenset(ignore), "", matches, None)


@pytest.mark.parametrize("count", [7, 10, 42, 300])
def test_auroc_is_that_of_scikit_learn_also_with_ties(count: int) -> None:
    probability = rng.integers(0, 12, count) / 12
    right = rng.uniform(size=count) < probability
    right[:2] = [True, False]
    assert auroc(probability, right) == pytest.approx(roc_auc_score(right, probability))


def test_auroc_of_one_kind_of_answers_is_unknown() -> None:
    assert math.isnan(auroc(np.array([0.1, 0.9]), np.array([True, True])))


def test_where_all_answers_are_right_it_is_said_that_there_is_no_auroc(
    capsys: pytest.CaptureFixture[str],
) -> None:
    verdicts = measure_verdicts([result("ab", [0.9, 0.1], "match", truths="a")] * 3)
    assert verdicts is not None
    print_verdicts(verdicts)
    told = " ".join(capsys.readouterr().err.split())
    assert "AUROC of right against wrong answers: undefined (all answers are right" in told
    assert "nan" not in told


@pytest.mark.parametrize("count", [3, 10, 42, 301])
def test_calibration_error_is_that_of_slow_loops_over_ten_equal_parts(count: int) -> None:
    probability = rng.uniform(size=count)
    right = rng.uniform(size=count) < probability
    ordered = sorted(zip(probability, right, strict=True))
    sizes = [count // 10 + (part < count % 10) for part in range(10)]
    error, start = 0.0, 0
    for size in sizes:
        part = ordered[start : start + size]
        start += size
        if part:
            said = sum(p for p, _ in part) / size
            was = sum(r for _, r in part) / size
            error += size / count * abs(said - was)
    assert calibration_error(probability, right) == pytest.approx(error)
    assert sum(b.queries for b in reliability(probability, right)) == count


def test_certain_and_right_has_no_error_and_certain_but_wrong_has_all() -> None:
    sure = np.ones(20)
    assert calibration_error(sure, np.ones(20, bool)) == 0.0
    assert calibration_error(sure, np.zeros(20, bool)) == 1.0


def test_verdicts_are_counted_with_how_many_held() -> None:
    rows = [
        result("ab", [0.9, 0.05], "match", truths="a"),
        result("ab", [0.9, 0.05], "match", truths="b"),
        result("ab", [0.2, 0.1], "not_in_catalogue"),
        result("ab", [0.2, 0.1], "not_in_catalogue", truths="b"),
        result("ab", [0.45, 0.44], "unsure", truths="a"),
    ]
    verdicts = measure_verdicts(rows)
    assert verdicts is not None
    counts = {name: (count.queries, count.correct) for name, count in verdicts.by_verdict.items()}
    assert counts == {"match": (2, 0.5), "not_in_catalogue": (2, 0.5), "unsure": (1, 1.0)}
    assert (verdicts.queries, verdicts.right) == (5, 2)
    low, high = verdicts.intervals["auroc"]
    assert low <= verdicts.auroc <= high
    assert verdicts.as_dict()["verdicts"]["match"] == {"queries": 2, "share": 0.4, "correct": 0.5}


def test_perfect_probabilities_of_few_photos_have_intervals_with_a_width() -> None:
    right = [result("ab", [1.0, 0.0], "match", truths="a")] * 6
    wrong = [result("ab", [0.0, 0.0], "unsure", truths="b")] * 2
    verdicts = measure_verdicts([*right, *wrong])
    assert verdicts is not None
    assert (verdicts.auroc, verdicts.calibration_error) == (1.0, 0.0)
    # scipy.stats.binomtest(2, 2) and (0, 8), .proportion_ci(method="wilson")
    assert verdicts.intervals["auroc"] == pytest.approx((0.3424, 1.0), abs=1e-4)
    assert verdicts.intervals["calibration_error"] == pytest.approx((0.0, 0.3244), abs=1e-4)


def test_the_best_product_is_the_first_that_is_not_ignored() -> None:
    rows = [
        result("xab", [0.8, 0.1, 0.05], "match", truths="a", ignore="x"),
        result("ba", [0.3, 0.2], "unsure", truths="a"),
    ]
    verdicts = measure_verdicts(rows)
    assert verdicts is not None
    assert [b.probability for b in verdicts.bins] == [0.1, 0.3]
    assert [b.right for b in verdicts.bins] == [1.0, 0.0]
    # The verdict was about the ignored product, and is neither right nor wrong.
    assert verdicts.by_verdict["match"].queries == 0


def test_queries_with_ignored_products_alone_and_unread_photos_do_not_count() -> None:
    unread = QueryResult(Path("q.jpg"), frozenset("a"), frozenset(), "", None, "broken")
    rows = [result("ab", [0.9, 0.0], "match", ignore="a"), unread]
    assert measure_verdicts(rows) is None
    rows.append(result("", [], "not_in_catalogue"))
    verdicts = measure_verdicts(rows)
    assert verdicts is not None
    assert verdicts.queries == 1
    assert verdicts.by_verdict["not_in_catalogue"].correct == 1.0


def test_a_recipe_without_a_judge_has_no_verdicts() -> None:
    rows = (Match("a", Product("a"), "", 1.0),)
    plain = QueryResult(Path("q"), frozenset("a"), frozenset(), "", Matches(rows), None)
    assert measure_verdicts([plain]) is None


def test_of_photos_whose_product_is_there_and_is_not_the_verdicts_are_counted_apart() -> None:
    rows = [
        result("ab", [0.9, 0.05], "match", truths="a"),
        result("ab", [0.5, 0.4], "unsure", truths="a"),
        result("ba", [0.97, 0.01], "match", truths="a"),
        replace(result("b", [0.95], "match"), left_out=frozenset("a")),
        replace(result("b", [0.1], "not_in_catalogue"), left_out=frozenset("a")),
        result("b", [0.2], "unsure"),
    ]
    verdicts = measure_verdicts(rows)
    assert verdicts is not None
    assert (verdicts.found.count, verdicts.found.of) == (2, 3)
    assert (verdicts.coverage.count, verdicts.coverage.of) == (1, 3)
    assert (verdicts.recognised.count, verdicts.recognised.of) == (1, 3)
    assert (verdicts.precision.count, verdicts.precision.of) == (1, 3)
    # The most probable wrong match first, with whose product it is.
    assert [(w.best.product.product_id, w.result.left_out) for w in verdicts.wrong] == [
        ("b", frozenset()),
        ("b", frozenset("a")),
    ]
    # scipy.stats.binomtest(1, 3).proportion_ci(method="wilson")
    assert verdicts.precision.interval == pytest.approx((0.0615, 0.7923), abs=1e-4)


def test_auroc_where_geometry_agrees_is_of_those_answers_alone() -> None:
    def with_inliers(row: QueryResult, inliers: int) -> QueryResult:
        assert row.matches is not None
        reasons = Reasons(inliers=inliers)
        rows = tuple(replace(match, reasons=reasons) for match in row.matches)
        return replace(row, matches=replace(row.matches, rows=rows))

    right = result("ab", [0.6, 0.1], "unsure", truths="a")
    wrong = result("ba", [0.8, 0.1], "unsure", truths="a")
    far = result("ba", [0.1, 0.1], "unsure", truths="a")
    verdicts = measure_verdicts([with_inliers(right, 40), with_inliers(wrong, 40), far])
    assert verdicts is not None
    assert verdicts.auroc == 0.5
    assert verdicts.auroc_geometry == 0.0


def test_a_product_left_out_counts_as_absent_also_beside_ignored_ones() -> None:
    row = result("xb", [0.9, 0.1], "match", ignore="x")
    verdicts = measure_verdicts([row, replace(row, left_out=frozenset("a"))])
    assert verdicts is not None
    # Without a truth and a left-out product, neither yes nor no would be wrong.
    assert verdicts.queries == 1
    assert (verdicts.recognised.of, verdicts.precision.of) == (1, 0)
