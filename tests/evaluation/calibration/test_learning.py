"""Learning the judge's parameters: against slow loops and scikit-learn, and toward a prior."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from scipy.optimize import check_grad
from sklearn.linear_model import LogisticRegression

from beautylens.evaluation.calibration.labelled_shortlist import Example, LabelledShortlist
from beautylens.evaluation.calibration.learning import (
    cross_val_predict,
    fit,
    importance,
    learn,
    predict,
    threshold,
)
from beautylens.evaluation.calibration.likelihood import Likelihood
from beautylens.results import Matches
from beautylens.search.judge.evidence import FEATURES
from beautylens.search.judge.parameters import JudgeParameters, Thresholds
from beautylens.search.judge.probability import InCatalogueModel
from tests.search.judge.evidence import match

PRIOR = JudgeParameters(
    dict.fromkeys(FEATURES, 0.0) | {"visual": 4.0, "inliers": 0.5, "text": 3.0},
    InCatalogueModel(level=-1.0, slope=0.2, background=0.1, colour=0.5),
    Thresholds(match=0.9, missing=0.9, decided=0.99),
)
rng = np.random.default_rng(3)


def photo(number: int, *, products: int = 12, images: int = 2, print_: int = 25) -> Matches:
    """A short-list whose product "p0" has more of everything, most of the time."""
    draw = np.random.default_rng(number)
    # Some photos resemble everything a little.
    lift = draw.normal(0, 0.1)
    rows = []
    for product in range(products):
        right = product == 0
        for image in range(images):
            inliers = int(draw.poisson(print_ if right else 6))
            visual = float(draw.normal(0.6 if right else 0.4, 0.12) + lift)
            rows.append(match(f"p{product}", f"{product}-{image}", visual=visual, inliers=inliers))
    return Matches(tuple(rows))


def without(matches: Matches, *products: str) -> Matches:
    """The short-list of a catalogue that lacks products."""
    return Matches(tuple(row for row in matches if row.product.product_id not in products))


def example_of(matches: Matches, truth: str) -> Example:
    made = Example.of(matches, {truth}, left_out=[without(matches, truth)])
    assert made is not None
    return made


def examples(count: int, **options: int) -> list[Example]:
    return [example_of(photo(number, **options), "p0") for number in range(count)]


def slow_likelihood(rows: Matches, truths: set[str], weights: Sequence[float]) -> float:
    best: dict[str, float] = {}
    for row in rows:
        why = row.reasons
        inliers = why.inliers or 0
        values = ((why.visual or 0), math.log(1 + max(0, inliers - 8)))
        score = sum(w * v for w, v in zip(weights, values, strict=False))
        name = row.product.product_id
        best[name] = max(best.get(name, -math.inf), score)
    total = sum(math.exp(score) for score in best.values())
    return -math.log(sum(math.exp(best[name]) for name in truths) / total)


def test_the_likelihood_is_that_of_slow_loops() -> None:
    weights = np.array([3.0, 0.7, 0.0, 0.0, 0.0])
    truths = [{"p0"}, {"p1", "p4"}, {"p0"}]
    shortlists = [LabelledShortlist.of(photo(n), t) for n, t in enumerate(truths)]
    value, _ = Likelihood.of([q for q in shortlists if q])(weights)
    slow = sum(slow_likelihood(photo(n), t, weights.tolist()) for n, t in enumerate(truths))
    assert value == pytest.approx(slow)


def test_the_gradient_is_that_of_small_steps() -> None:
    likelihood = Likelihood.of([example.shortlist for example in examples(6)])
    at = rng.uniform(0.1, 2.0, len(FEATURES))
    wrong = check_grad(lambda w: likelihood(w)[0], lambda w: likelihood(w)[1], at)
    assert wrong < 1e-4


def test_two_candidates_are_weighed_as_logistic_regression_does() -> None:
    """With one rival, the conditional logit is logistic regression on differences."""
    made = examples(80, products=2, images=1)
    none = JudgeParameters(dict.fromkeys(FEATURES, 0.0), PRIOR.in_catalogue, PRIOR.thresholds)
    weights = fit(made, none, 1.0).weights
    evidence = [example.shortlist.evidence for example in made]
    spread = np.concatenate(evidence).std(axis=0)
    columns = [FEATURES.index(name) for name in ("visual", "inliers")]
    ahead = np.stack([rows[0] - rows[1] for rows in evidence])[:, columns] / spread[columns]
    both = np.concatenate([ahead, -ahead])
    sides = np.repeat([1, 0], len(ahead))
    # Each pair stands there twice, turned round, so that its penalty weighs half as much.
    peer = LogisticRegression(C=1.0, fit_intercept=False, tol=1e-10, max_iter=10_000)
    found = peer.fit(both, sides, sample_weight=np.full(len(both), 0.5)).coef_[0] / spread[columns]
    assert (found > 0).all()
    mine = [weights[name] for name in ("visual", "inliers")]
    assert mine == pytest.approx(found, rel=0.02)


def test_the_in_catalogue_model_is_fitted_as_logistic_regression_does() -> None:
    made = examples(300, print_=12)
    fitted = fit(made, PRIOR, 1e-6)
    weights = np.array([fitted.weights[name] for name in FEATURES])
    shortlists = [*(e.shortlist for e in made), *(q for e in made for q in e.left_out)]
    ranked = [q.ranked(weights).products for q in shortlists]
    scores = np.array([(products.scores[0], products.background) for products in ranked])
    there = np.array([q.has_right for q in shortlists])
    peer = LogisticRegression(C=1e6, tol=1e-10, max_iter=100_000).fit(scores, there)
    slope, background = peer.coef_[0]
    assert slope > -background > 0
    assert fitted.in_catalogue.slope == pytest.approx(slope, rel=0.02)
    assert fitted.in_catalogue.background == pytest.approx(-background, rel=0.02)
    assert fitted.in_catalogue.level == pytest.approx(peer.intercept_[0], rel=0.02)


def test_evidence_that_no_photo_has_keeps_the_weight_of_the_prior() -> None:
    fitted = fit(examples(40), PRIOR, 1.0)
    assert fitted.weights["text"] == pytest.approx(3.0)
    assert fitted.weights["colour"] == pytest.approx(0.0)
    assert fitted.in_catalogue.colour == pytest.approx(0.5)
    assert fitted.weights["visual"] != pytest.approx(4.0)


def test_text_that_agrees_only_with_the_right_product_is_learnt_to_speak_for_it() -> None:
    def agreeing(number: int) -> Example:
        rows = photo(number)
        draw = np.random.default_rng(number)
        return example_of(
            Matches(
                tuple(
                    replace(
                        row,
                        reasons=replace(
                            row.reasons,
                            text_agreement=float(
                                draw.uniform(0.5, 1) if row.product.product_id == "p0" else 0.1
                            ),
                        ),
                    )
                    for row in rows
                )
            ),
            "p0",
        )

    fitted = fit([agreeing(number) for number in range(40)], PRIOR, 1.0)
    assert fitted.in_catalogue.text_agreement > 1


def test_a_catalogue_of_sisters_is_learnt_to_make_keypoints_tell_less() -> None:
    """Two catalogues with equal photos: in one, the sisters of missing products agree too."""

    def of(number: int, sharing: float) -> Example:
        rows = photo(number)
        sister = replace(rows[0].reasons, visual=0.55)
        absent = Matches(
            tuple(
                replace(row, reasons=sister)
                if sharing > 0.5 and row.product.product_id == "p1"
                else row
                for row in without(rows, "p0")
            )
        )
        made = Example.of(rows, {"p0"}, left_out=[absent], sharing=sharing)
        assert made is not None
        return made

    made = [of(number, sharing) for number in range(40) for sharing in (0.05, 0.9)]
    assert fit(made, PRIOR, 1.0).in_catalogue.shared_design > 0.1


def test_a_firm_prior_is_kept() -> None:
    fitted = fit(examples(40), PRIOR, 1e9)
    assert fitted.weights == pytest.approx(PRIOR.weights, abs=1e-3)
    assert fitted.in_catalogue.slope == pytest.approx(PRIOR.in_catalogue.slope, abs=1e-3)


def test_searches_without_the_product_are_examples_of_absent_ones() -> None:
    rows = Matches((match("a", visual=0.9), match("b", visual=0.5), match("c", visual=0.4)))
    left_out = [without(rows, "a"), without(rows, "a", "b"), without(rows, "a", "b", "c")]
    example = Example.of(rows, {"a"}, left_out=left_out)
    assert example is not None
    assert example.shortlist.has_right
    # A catalogue without any product gives no short-list.
    assert [len(each.right) for each in example.left_out] == [2, 1]
    assert not any(each.has_right or each.present for each in example.left_out)


def test_ignored_products_are_no_part_of_a_question() -> None:
    rows = (match("a", visual=0.9), match("b", visual=0.8), match("c", visual=0.7))
    shortlist = LabelledShortlist.of(Matches(rows), {"a"}, {"a", "b"})
    assert shortlist is not None
    assert shortlist.right.tolist() == [True, False]
    assert LabelledShortlist.of(Matches(rows[1:2]), set(), {"b"}) is None


def test_what_is_learnt_tells_right_from_absent_on_other_photos() -> None:
    learnt = learn(examples(60), PRIOR, 1.0)
    predictions = predict([example_of(photo(n), "p0") for n in range(900, 960)], learnt)
    assert predictions.best[predictions.right].mean() > 0.7
    assert predictions.none[predictions.absent].mean() > 0.7
    held = predictions.right[predictions.best >= learnt.thresholds.match]
    assert len(held) > 10
    assert held.mean() >= 0.9


def test_crossed_answers_cover_each_question_once_by_judges_that_did_not_see_it() -> None:
    made = examples(23)
    predictions = cross_val_predict(made, PRIOR, 1.0)
    assert len(predictions.best) == len(predictions.none) == 46
    assert predictions.absent.sum() == 23
    first = made[0::5]
    others = [example for place, example in enumerate(made) if place % 5]
    apart = predict(first, fit(others, PRIOR, 1.0))
    assert predictions.best[: len(apart.best)] == pytest.approx(apart.best)


def test_photos_of_one_product_are_never_on_both_sides() -> None:
    made = [example_of(photo(n), f"p{n % 6}") for n in range(30)]
    assert {example.subject for example in made} == {f"p{n}" for n in range(6)}
    predictions = cross_val_predict(made, PRIOR, 1.0)
    held = [example for example in made if example.subject in {"p0", "p5"}]
    others = [example for example in made if example.subject not in {"p0", "p5"}]
    apart = predict(held, fit(others, PRIOR, 1.0))
    assert predictions.best[: len(apart.best)] == pytest.approx(apart.best)


def test_what_the_short_list_missed_is_not_absent() -> None:
    rows = (match("a", visual=0.9), match("b", visual=0.8))
    missed = Example.of(Matches(rows), {"elsewhere"})
    stranger = Example.of(Matches(rows), set())
    assert missed is not None
    assert stranger is not None
    assert predict([missed, stranger], PRIOR).absent.tolist() == [False, True]


def test_before_reading_there_are_no_words() -> None:
    rows = (match("a", visual=0.5, text=9.0), match("b", visual=0.6, text=0.0))
    example = Example.of(Matches(rows), {"a"})
    assert example is not None
    assert predict([example], PRIOR).right.tolist()[0]
    assert not predict([example], PRIOR, without_text=True).right.tolist()[0]


def test_yes_and_no_weigh_the_same() -> None:
    shortlists = [q for e in examples(8) for q in (e.shortlist, *e.left_out, *e.left_out)]
    weight = importance(shortlists)
    there = np.array([q.has_right for q in shortlists])
    assert weight[there].sum() == pytest.approx(weight[~there].sum())


@pytest.mark.parametrize("precision", [0.6, 0.9, 0.95])
def test_the_threshold_is_the_lowest_from_which_enough_answers_hold(precision: float) -> None:
    probability = rng.uniform(0, 1, 60)
    held = rng.uniform(0, 1, 60) < probability
    weight = np.where(held, 1.0, 2.0)
    good = [
        at
        for at in probability
        if at > 0.5
        and weight[held & (probability >= at)].sum() / weight[probability >= at].sum() >= precision
    ]
    assert threshold(probability, held, weight, precision) == (min(good) if good else 1.0)


def test_equal_probabilities_stand_or_fall_together() -> None:
    probability, weight = np.full(10, 0.9), np.ones(10)
    for held in (np.arange(10) < 5, np.arange(10) >= 5):
        assert threshold(probability, held, weight, 0.95) == 1.0
        assert threshold(probability, held, weight, 0.5) == 0.9


def test_without_any_right_answer_there_is_no_threshold_to_reach() -> None:
    wrong = np.zeros(4, bool)
    assert threshold(np.array([0.9, 0.8, 0.7, 0.6]), wrong, np.ones(4), 0.95) == 1.0
