"""Learning to weigh evidence, and to say no, from short-lists whose right products are known."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import scipy
from numpy.typing import NDArray

from beautylens.arrays import Float64
from beautylens.evaluation.calibration.labelled_shortlist import Example, LabelledShortlist
from beautylens.evaluation.calibration.likelihood import Likelihood
from beautylens.search.judge.evidence import COLOUR_UNIT, FEATURES
from beautylens.search.judge.parameters import JudgeParameters, Thresholds
from beautylens.search.judge.probability import InCatalogueModel, best_and_background, probabilities

FOLDS = 5
PRECISION = {"match": 0.95, "missing": 0.75, "decided": 0.995}
"""The share of answers at or above each threshold that must hold."""

Bools = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class Answered:
    """What a judge said of questions, and the truth: all (Q,).

    best is P of its best product, right whether that is right; none is P of "none of these",
    absent whether that is right; importance lets as many have an answer as have none.
    """

    best: Float64
    none: Float64
    right: Bools
    absent: Bools
    importance: Float64


def learn(examples: Sequence[Example], prior: JudgeParameters, strength: float) -> JudgeParameters:
    """Return weights and thresholds learnt from photos, near a prior where they tell little.

    Each photo is also asked with its right products left out, which teaches to say no. Thresholds
    come from answers by what was learnt from photos of other products.

    Args:
        examples: one a photo, several times `FOLDS` of them with a right product.
        prior: what to stay near.
        strength: how firmly; 1 is one photo's worth for a weight that moves its feature by its
            standard deviation.
    """
    judged = _cross_judged(examples, prior, strength)
    learnt = thresholds(_answers_of(judged), _answers_of(judged, unread=True))
    return replace(fit(examples, prior, strength), thresholds=learnt)


def cross_answered(
    examples: Sequence[Example], prior: JudgeParameters, strength: float
) -> Answered:
    """Return what judges learnt from four fifths of the products' photos say of the others."""
    return _answers_of(_cross_judged(examples, prior, strength))


def _cross_judged(
    examples: Sequence[Example], prior: JudgeParameters, strength: float
) -> list[tuple[list[Example], JudgeParameters]]:
    """Return the photos of each fold, with what was learnt from those of the others."""
    folds = _folds(examples)
    judged = []
    for fold in range(FOLDS):
        held = [each for each, number in zip(examples, folds, strict=True) if number == fold]
        others = [each for each, number in zip(examples, folds, strict=True) if number != fold]
        if held:
            judged.append((held, fit(others, prior, strength)))
    return judged


def _answers_of(
    judged: Sequence[tuple[Sequence[Example], JudgeParameters]], *, unread: bool = False
) -> Answered:
    """Return what judges say of their photos, one after the other."""
    parts = [answered(held, parameters, unread=unread) for held, parameters in judged]
    names = ("best", "none", "right", "absent", "importance")
    return Answered(*(np.concatenate([getattr(part, name) for part in parts]) for name in names))


def _folds(examples: Sequence[Example]) -> list[int]:
    """Return the fold of each photo; photos of one product share one, unless products are few."""
    subjects = sorted({example.subject for example in examples} - {""})
    if len(subjects) < FOLDS:
        return [place % FOLDS for place in range(len(examples))]
    number = {subject: place for place, subject in enumerate(subjects)}
    return [number.get(each.subject, place) % FOLDS for place, each in enumerate(examples)]


def answered(
    examples: Sequence[Example], parameters: JudgeParameters, *, unread: bool = False
) -> Answered:
    """Return what a judge says of photos as they are and with their right products left out."""
    weights = np.array([parameters.weights.get(name, 0.0) for name in FEATURES])
    asked = all_questions(examples)
    if unread:
        asked = [question.unread() for question in asked]
    ranked = [question.ranked(weights) for question in asked]
    shares = [probabilities(r.scores, parameters.in_catalogue, r.colour) for r in ranked]
    return Answered(
        best=np.array([share[0] for share in shares]),
        none=np.array([1 - share.sum() for share in shares]),
        right=np.array([bool(r.right[0]) for r in ranked]),
        absent=np.array([not question.present for question in asked]),
        importance=importance(asked),
    )


def importance(questions: Sequence[LabelledShortlist]) -> Float64:
    """Return weights (Q,) by which as many questions have an answer as have none."""
    there = np.array([question.answered for question in questions])
    return np.where(there, 1.0, there.sum() / max((~there).sum(), 1))


def all_questions(examples: Sequence[Example]) -> list[LabelledShortlist]:
    """Return the questions of all photos, then those with right products left out."""
    left_out = (question for example in examples for question in example.left_out)
    return [*(example.question for example in examples), *left_out]


def fit(examples: Sequence[Example], prior: JudgeParameters, strength: float) -> JudgeParameters:
    """Return the prior with the weights and in-catalogue model that explain the answers best."""
    questions = [example.question for example in examples]
    weights = _fit_weights([q for q in questions if q.answered], prior, strength)
    fitted = replace(prior, weights=dict(zip(FEATURES, weights.tolist(), strict=True)))
    model = _fit_in_catalogue(all_questions(examples), weights, prior.in_catalogue, strength)
    return replace(fitted, in_catalogue=model)


def _fit_weights(
    questions: Sequence[LabelledShortlist], prior: JudgeParameters, strength: float
) -> Float64:
    """Maximise the likelihood of the right products; absent evidence keeps the prior's weight."""
    likelihood = Likelihood.of(questions)
    start = np.array([prior.weights.get(name, 0.0) for name in FEATURES])
    spread = likelihood.evidence.std(axis=0)

    def cost(weights: Float64) -> tuple[float, Float64]:
        value, gradient = likelihood(weights)
        away = (weights - start) * spread
        return value + strength / 2 * away @ away, gradient + strength * away * spread

    return _lowest(cost, start, [(0.0, None)] * len(FEATURES))


def _fit_in_catalogue(
    questions: Sequence[LabelledShortlist],
    weights: Float64,
    prior: InCatalogueModel,
    strength: float,
) -> InCatalogueModel:
    """Fit P(there) by logistic regression, as many questions counting for yes as for no."""
    ranked = [question.ranked(weights) for question in questions]
    scores = np.array([best_and_background(r.scores) for r in ranked])
    colour = np.array([r.colour / COLOUR_UNIT for r in ranked])
    there = np.array([question.answered for question in questions])
    weight = importance(questions)
    # In steps that may not be negative: background, and slope above background.
    best, typical = scores.T
    columns = np.stack([np.ones(len(best)), best - typical, best, -colour], axis=1)
    start = np.array([prior.level, prior.background, prior.slope - prior.background, prior.colour])
    spread = np.append(1.0, columns[:, 1:].std(axis=0))

    def cost(values: Float64) -> tuple[float, Float64]:
        logits = columns @ values
        away = (values - start) * spread
        value = weight @ np.logaddexp(0, np.where(there, -logits, logits))
        gradient = (weight * (scipy.special.expit(logits) - there)) @ columns
        return value + strength / 2 * away @ away, gradient + strength * away * spread

    level, background, beyond, colour = _lowest(cost, start, [(None, None), *[(0.0, None)] * 3])
    return InCatalogueModel(
        float(level), float(background + beyond), float(background), float(colour)
    )


def _lowest(
    cost: Callable[[Float64], tuple[float, Float64]],
    start: Float64,
    limits: Sequence[tuple[float | None, None]],
) -> Float64:
    """Return where a cost, given with its gradient, is lowest within limits."""
    # A search, which learns nothing, should not wait for its import.
    from scipy.optimize import minimize

    found = minimize(cost, start, jac=True, method="L-BFGS-B", bounds=limits)
    return np.asarray(found.x, np.float64)


def thresholds(said: Answered, unread: Answered) -> Thresholds:
    """Return the lowest thresholds above which enough answers hold, by `PRECISION`.

    Args:
        said: of photos whose print was read.
        unread: of the same before that, which is when it is decided whether to read.
    """
    match = threshold(said.best, said.right, said.importance, PRECISION["match"])
    decided = threshold(unread.best, unread.right, unread.importance, PRECISION["decided"])
    missing = threshold(said.none, said.absent, said.importance, PRECISION["missing"])
    return Thresholds(match, missing, max(match, decided))


def threshold(probability: Float64, held: Bools, weight: Float64, precision: float) -> float:
    """Return the lowest probability, above a half, from which that share of answers held.

    1 where no share does. Equal probabilities stand or fall together.
    """
    order = np.argsort(-probability, kind="stable")
    falling = probability[order]
    shares = np.cumsum((held * weight)[order]) / np.cumsum(weight[order])
    last = np.append(falling[1:] < falling[:-1], True)
    enough = falling[last & (shares >= precision) & (falling > 0.5)]
    return float(enough.min()) if len(enough) else 1.0
