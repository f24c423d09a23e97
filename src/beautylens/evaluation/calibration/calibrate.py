"""Calibrate a collection's judge, its weights and its thresholds, on labelled photos."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace

from beautylens.catalogue.truth import TruthRow
from beautylens.collection import Collection
from beautylens.errors import CollectionError, ImageError, TableError
from beautylens.evaluation.calibration.labelled_shortlist import Example
from beautylens.evaluation.calibration.learning import (
    Predictions,
    cross_val_predict,
    learn,
    predict,
)
from beautylens.evaluation.calibration.measures import auroc, calibration_error
from beautylens.images.sources import Picture
from beautylens.recipe.sections import JudgeSettings
from beautylens.results import Matches
from beautylens.search.judge.parameters import (
    PARAMETERS,
    JudgeParameters,
    read_judge_parameters,
)
from beautylens.search.sharing import stored_share
from beautylens.store.lance import except_products

# Minimum of photos whose right product is in the short-list.
FEWEST = 30
# Strength of the prior, the shipped parameters: docs/benchmarks.md.
STRENGTH = 1.0


@dataclass(frozen=True, slots=True)
class ProbabilityQuality:
    """The quality of predicted probabilities."""

    auroc: float
    calibration_error: float

    @classmethod
    def of(cls, predictions: Predictions) -> ProbabilityQuality:
        """Return the quality of a judge's predictions."""
        return cls(
            auroc(predictions.best, predictions.right),
            calibration_error(predictions.best, predictions.right),
        )


@dataclass(frozen=True, slots=True)
class Calibrated:
    """Calibrated parameters, and their quality before and after on held-out photos."""

    parameters: JudgeParameters
    photos: int
    before: ProbabilityQuality
    after: ProbabilityQuality


class EvidenceSearch:
    """Searches a collection for all evidence, without early decisions, to calibrate the judge.

    Args:
        collection: has a recipe with a judge.

    Raises:
        CollectionError: when the recipe has no judge.
    """

    def __init__(self, collection: Collection) -> None:
        self._collection = collection
        parameters = recipe_parameters(collection).undecided()
        self.sharing = stored_share(collection.gallery)
        self._pipeline = collection.parts.make_pipeline(parameters)

    def __call__(
        self, picture: Picture, left_out: Sequence[Iterable[str]] = ()
    ) -> tuple[Matches, ...]:
        """Return the short-list of a photo with all evidence, and those of reduced catalogues.

        Args:
            picture: the photo.
            left_out: the products that each reduced catalogue lacks.

        Raises:
            ImageError: when the picture cannot be read.
        """
        query = self._pipeline.describe(self._collection.photo(picture))
        conditions = (None, *(except_products(sorted(products)) for products in left_out))
        return tuple(self._pipeline.find_evidence(query.filtered(each)) for each in conditions)


def recipe_parameters(collection: Collection) -> JudgeParameters:
    """Return the parameters in the recipe, without any calibration.

    Raises:
        CollectionError: when the recipe has no judge.
    """
    recipe = collection.recipe
    if not isinstance(recipe.scorer, JudgeSettings):
        raise CollectionError(
            f"{collection.address} has the recipe '{recipe.name}', which gives no verdicts; index "
            'with a recipe that has [scorer] kind = "judge"'
        )
    return read_judge_parameters(recipe.scorer.file)


def store_parameters(collection: Collection, parameters: JudgeParameters) -> None:
    """Store the judge's parameters in a collection; later searches use them."""
    collection.gallery.artefacts.put(PARAMETERS, parameters.to_bytes())


def labelled_examples(
    collection: Collection, truth: Iterable[TruthRow]
) -> Iterator[Example | None]:
    """Yield the example of each photo.

    None for a photo that cannot be read, finds nothing, or has only products to be ignored.
    """
    search = EvidenceSearch(collection)
    for row in truth:
        example = None
        if row.product_ids or not row.ignore_ids:
            with suppress(ImageError):
                left_out = [row.product_ids] if row.product_ids else []
                found, *without = search(row.image, left_out)
                example = Example.of(
                    found, row.product_ids, row.ignore_ids, without, search.sharing
                )
        yield example


def calibrate(examples: Sequence[Example], prior: JudgeParameters) -> Calibrated:
    """Return parameters fitted to photos, and their quality by five-fold cross-validation.

    Each photo is also judged with its right products left out.

    Raises:
        TableError: when too few photos have their right product in the short-list.
    """
    usable = sum(example.shortlist.has_right and bool(example.left_out) for example in examples)
    if usable < FEWEST:
        raise TableError(
            f"{usable} photos have their right product in the short-list, but calibration needs "
            f"at least {FEWEST}: label more photos"
        )
    made = {"by": "beautylens evaluate --calibrate", "photos": len(examples)}
    return Calibrated(
        replace(learn(examples, prior, STRENGTH), made=made),
        len(examples),
        ProbabilityQuality.of(predict(examples, prior)),
        ProbabilityQuality.of(cross_val_predict(examples, prior, STRENGTH)),
    )
