"""Learning how a collection weighs its evidence, and when it says no, from known photos."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace

from beautylens.catalogue.truth import TruthRow
from beautylens.collection import Collection
from beautylens.errors import ImageError, TableError
from beautylens.evaluation.calibration.labelled_shortlist import Example
from beautylens.evaluation.calibration.learning import Answered, answered, cross_answered, learn
from beautylens.evaluation.verdicts import auroc, calibration_error
from beautylens.search.judge.parameters import JudgeParameters

FEWEST = 30
"""Photos with a right product that it takes at least."""
STRENGTH = 1.0
"""How firmly what is learnt stays near what is shipped: docs/benchmarks.md."""


@dataclass(frozen=True, slots=True)
class Trust:
    """How far probabilities can be trusted."""

    auroc: float
    calibration_error: float

    @classmethod
    def of(cls, said: Answered) -> Trust:
        """Return that of a judge's answers."""
        return cls(auroc(said.best, said.right), calibration_error(said.best, said.right))


@dataclass(frozen=True, slots=True)
class Calibrated:
    """What was learnt from how many photos, and what it changes for photos not learnt from."""

    parameters: JudgeParameters
    photos: int
    before: Trust
    after: Trust


def gather(collection: Collection, truth: Iterable[TruthRow]) -> Iterator[Example | None]:
    """Yield what each photo teaches.

    None for one that cannot be read, finds nothing, or has only products to be ignored.
    """
    for row in truth:
        example = None
        if row.product_ids or not row.ignore_ids:
            with suppress(ImageError):
                found = collection.evidence(row.image)
                example = Example.of(found, row.product_ids, row.ignore_ids)
        yield example


def calibrate(examples: Sequence[Example], prior: JudgeParameters) -> Calibrated:
    """Return what photos teach, and how good it is by five-fold cross-validation.

    Each photo is also judged with its right products left out.

    Raises:
        TableError: when too few photos have a right product that was found.
    """
    taught = sum(example.question.answered and bool(example.left_out) for example in examples)
    if taught < FEWEST:
        raise TableError(
            f"{taught} photos found a right product among others; to learn how sure to be takes "
            f"at least {FEWEST}: label more photos"
        )
    made = {"by": "beautylens evaluate --calibrate", "photos": len(examples)}
    return Calibrated(
        replace(learn(examples, prior, STRENGTH), made=made),
        len(examples),
        Trust.of(answered(examples, prior)),
        Trust.of(cross_answered(examples, prior, STRENGTH)),
    )
