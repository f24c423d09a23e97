"""Fit the judge's weights, in-catalogue model and thresholds to labelled short-lists."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields, replace

import numpy as np
import scipy

from beautylens.arrays import Bool, Float64
from beautylens.evaluation.calibration.labelled_shortlist import Example, LabelledShortlist
from beautylens.evaluation.calibration.likelihood import Likelihood
from beautylens.search.judge.evidence import COLOUR_UNIT, FEATURES
from beautylens.search.judge.parameters import JudgeParameters, Thresholds, most_shared_design
from beautylens.search.judge.probability import InCatalogueModel, probabilities

FOLDS = 5
# The precision that answers at or above each threshold must have, if this share of photos show a
# product of the catalogue.
PRECISION = {"match": 0.95, "missing": 0.6, "decided": 0.995}
PRESENT = 2 / 3


@dataclass(frozen=True, slots=True, eq=False)
class Predictions:
    """A judge's probabilities for Q short-lists, with their labels; all arrays (Q,).

    best: P of the best product; right: whether it is right; none: P of "not in the catalogue";
    absent: whether that is right; has_right: whether a right product is in the short-list;
    importance: weights that balance short-lists with and without one.
    """

    best: Float64
    none: Float64
    right: Bool
    absent: Bool
    has_right: Bool
    importance: Float64


def learn(examples: Sequence[Example], prior: JudgeParameters, strength: float) -> JudgeParameters:
    """Return weights and thresholds fitted to photos, regularised towards a prior.

    Each photo is also used with its right products left out, as a negative. Thresholds come from
    cross-validation over products.

    Args:
        examples: one per photo, several times `FOLDS` of them with a right product.
        prior: the parameters to regularise towards.
        strength: of the regularisation; 1 counts like one photo for a weight that is one standard
            deviation of its feature away.
    """
    judged = _cross_judged(examples, prior, strength)
    learnt = thresholds(_predictions_of(judged), _predictions_of(judged, without_text=True))
    return replace(fit(examples, prior, strength), thresholds=learnt)


def cross_val_predict(
    examples: Sequence[Example], prior: JudgeParameters, strength: float
) -> Predictions:
    """Return the held-out predictions of a cross-validation over products."""
    return _predictions_of(_cross_judged(examples, prior, strength))


def _cross_judged(
    examples: Sequence[Example], prior: JudgeParameters, strength: float
) -> list[tuple[list[Example], JudgeParameters]]:
    """Return the photos of each fold, with the parameters fitted to the other folds."""
    folds = _folds(examples)
    judged = []
    for fold in range(FOLDS):
        held = [each for each, number in zip(examples, folds, strict=True) if number == fold]
        others = [each for each, number in zip(examples, folds, strict=True) if number != fold]
        if held:
            judged.append((held, fit(others, prior, strength)))
    return judged


def _predictions_of(
    judged: Sequence[tuple[Sequence[Example], JudgeParameters]], *, without_text: bool = False
) -> Predictions:
    """Return the predictions of several judges for their photos, concatenated."""
    parts = [predict(held, parameters, without_text=without_text) for held, parameters in judged]
    names = (each.name for each in fields(Predictions))
    return Predictions(*(np.concatenate([getattr(part, name) for part in parts]) for name in names))


def _folds(examples: Sequence[Example]) -> list[int]:
    """Return the fold of each photo; photos of one product share one, unless products are few."""
    subjects = sorted({example.subject for example in examples} - {""})
    if len(subjects) < FOLDS:
        return [row % FOLDS for row in range(len(examples))]
    number = {subject: index for index, subject in enumerate(subjects)}
    return [number.get(each.subject, row) % FOLDS for row, each in enumerate(examples)]


def predict(
    examples: Sequence[Example], parameters: JudgeParameters, *, without_text: bool = False
) -> Predictions:
    """Return a judge's predictions for photos as they are and with right products left out."""
    weights = np.array([parameters.weights.get(name, 0.0) for name in FEATURES])
    shortlists = all_shortlists(examples)
    if without_text:
        shortlists = [shortlist.without_text() for shortlist in shortlists]
    ranked = [shortlist.ranked(weights) for shortlist in shortlists]
    model = parameters.in_catalogue
    shares = [probabilities(each.products, model) for each in ranked]
    return Predictions(
        best=np.array([share[0] for share in shares]),
        none=np.array([1 - share.sum() for share in shares]),
        right=np.array([bool(r.right[0]) for r in ranked]),
        absent=np.array([not shortlist.present for shortlist in shortlists]),
        has_right=np.array([shortlist.has_right for shortlist in shortlists]),
        importance=importance(shortlists),
    )


def importance(shortlists: Sequence[LabelledShortlist]) -> Float64:
    """Return weights (Q,) that balance short-lists with and without a right product."""
    has_right = np.array([shortlist.has_right for shortlist in shortlists])
    return np.where(has_right, 1.0, has_right.sum() / max((~has_right).sum(), 1))


def all_shortlists(examples: Sequence[Example]) -> list[LabelledShortlist]:
    """Return the short-lists of all photos, then those with right products left out."""
    left_out = (shortlist for example in examples for shortlist in example.left_out)
    return [*(example.shortlist for example in examples), *left_out]


def fit(examples: Sequence[Example], prior: JudgeParameters, strength: float) -> JudgeParameters:
    """Return the parameters with weights and in-catalogue model fitted to the examples."""
    shortlists = [example.shortlist for example in examples]
    weights = _fit_weights([q for q in shortlists if q.has_right], prior, strength)
    named = dict(zip(FEATURES, weights.tolist(), strict=True))
    model = _fit_in_catalogue(all_shortlists(examples), weights, prior.in_catalogue, strength)
    limit = most_shared_design(named, model)
    model = replace(model, shared_design=min(model.shared_design, limit))
    return replace(prior, weights=named, in_catalogue=model)


def _fit_weights(
    shortlists: Sequence[LabelledShortlist], prior: JudgeParameters, strength: float
) -> Float64:
    """Maximise the likelihood of the right products; absent evidence keeps the prior's weight."""
    likelihood = Likelihood.of(shortlists)
    start = np.array([prior.weights.get(name, 0.0) for name in FEATURES])
    spread = likelihood.evidence.std(axis=0)

    def cost(weights: Float64) -> tuple[float, Float64]:
        value, gradient = likelihood(weights)
        away = (weights - start) * spread
        return value + strength / 2 * away @ away, gradient + strength * away * spread

    return _lowest(cost, start, [(0.0, None)] * len(FEATURES))


def _fit_in_catalogue(
    shortlists: Sequence[LabelledShortlist],
    weights: Float64,
    prior: InCatalogueModel,
    strength: float,
) -> InCatalogueModel:
    """Fit P(in catalogue) by balanced logistic regression."""
    ranked = [shortlist.ranked(weights).products for shortlist in shortlists]
    best = np.array([each.scores[0] for each in ranked])
    typical = np.array([each.background for each in ranked])
    colour = np.array([each.colour / COLOUR_UNIT for each in ranked])
    contradiction = np.array([each.contradictions[0] for each in ranked])
    agreement = np.array([each.agreements[0] for each in ranked])
    design = np.array([each.design for each in ranked])
    has_right = np.array([shortlist.has_right for shortlist in shortlists])
    weight = importance(shortlists)
    # Parametrised so that bounds at 0 give slope >= background >= 0.
    evidence = (best - typical, best, -colour, -contradiction, agreement, -design)
    columns = np.stack([np.ones(len(best)), *evidence], axis=1)
    beyond = prior.slope - prior.background
    against = (prior.colour, prior.contradiction, prior.text_agreement, prior.shared_design)
    start = np.array([prior.level, prior.background, beyond, *against])
    spread = np.append(1.0, columns[:, 1:].std(axis=0))

    def cost(values: Float64) -> tuple[float, Float64]:
        logits = columns @ values
        away = (values - start) * spread
        value = weight @ np.logaddexp(0, np.where(has_right, -logits, logits))
        gradient = (weight * (scipy.special.expit(logits) - has_right)) @ columns
        return value + strength / 2 * away @ away, gradient + strength * away * spread

    bounds = [(None, None), *[(0.0, None)] * (len(start) - 1)]
    level, background, beyond, *others = map(float, _lowest(cost, start, bounds))
    return InCatalogueModel(level, background + beyond, background, *others)


def _lowest(
    cost: Callable[[Float64], tuple[float, Float64]],
    start: Float64,
    limits: Sequence[tuple[float | None, None]],
) -> Float64:
    """Return the minimum of a cost, given with its gradient, within bounds."""
    # Imported here because a search, which fits nothing, should not wait for it.
    from scipy.optimize import minimize

    found = minimize(cost, start, jac=True, method="L-BFGS-B", bounds=limits)
    return np.asarray(found.x, np.float64)


def thresholds(predictions: Predictions, without_text: Predictions) -> Thresholds:
    """Return the lowest thresholds with the precisions of `PRECISION`.

    Args:
        predictions: with all evidence.
        without_text: of the same photos without words, on which it is decided whether to read them.
    """
    read, unread = predictions, without_text
    match = threshold(read.best, read.right, _shares(read), PRECISION["match"])
    decided = threshold(unread.best, unread.right, _shares(unread), PRECISION["decided"])
    missing = threshold(read.none, read.absent, _shares(read), PRECISION["missing"])
    return Thresholds(match, missing, max(match, decided))


def _shares(predictions: Predictions) -> Float64:
    """Return weights (Q,) by which `PRESENT` of the photos show a product of the catalogue."""
    lowered = predictions.importance * (1 - PRESENT) / PRESENT
    return np.where(predictions.has_right, predictions.importance, lowered)


def threshold(probability: Float64, right: Bool, weight: Float64, precision: float) -> float:
    """Return the lowest threshold above 0.5 at which answers have a precision; 1 if there is none.

    Equal probabilities are on the same side of the threshold.
    """
    order = np.argsort(-probability, kind="stable")
    falling = probability[order]
    shares = np.cumsum((right * weight)[order]) / np.cumsum(weight[order])
    last = np.append(falling[1:] < falling[:-1], True)
    enough = falling[last & (shares >= precision) & (falling > 0.5)]
    return float(enough.min()) if len(enough) else 1.0
