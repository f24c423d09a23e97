"""The scorer that a recipe names, with the judge's parameters."""

from __future__ import annotations

from functools import partial

from beautylens.recipe.recipe import Recipe
from beautylens.recipe.sections import CosinePlusInliersSettings, JudgeSettings
from beautylens.search.judge.judge import Judge
from beautylens.search.judge.parameters import PARAMETERS, JudgeParameters, read_judge_parameters
from beautylens.search.judge.scorer import FORMULAS, PlainScorer, Scorer, cosine_plus_inliers
from beautylens.search.sharing import stored_share
from beautylens.store.gallery import Gallery


def make_scorer(
    recipe: Recipe, gallery: Gallery, parameters: JudgeParameters | None = None
) -> Scorer:
    """Return the scorer that a recipe names.

    Args:
        recipe: names the scorer.
        gallery: has the judge's parameters if they were calibrated.
        parameters: of the judge, in place of those of the gallery or recipe.
    """
    settings = recipe.scorer
    if isinstance(settings, JudgeSettings):
        parameters = parameters or make_judge_parameters(settings, gallery)
        return Judge(parameters, stored_share(gallery))
    if isinstance(settings, CosinePlusInliersSettings):
        return PlainScorer(partial(cosine_plus_inliers, weight=settings.weight))
    return PlainScorer(FORMULAS[settings.kind])


def make_judge_parameters(settings: JudgeSettings, gallery: Gallery) -> JudgeParameters:
    """Return the parameters calibrated on photos of the collection, else those of the recipe."""
    fitted = gallery.artefacts.get(PARAMETERS)
    if fitted is not None:
        return JudgeParameters.from_bytes(
            fitted, f"the artefact '{PARAMETERS}' of {gallery.address}"
        )
    return read_judge_parameters(settings.file)
