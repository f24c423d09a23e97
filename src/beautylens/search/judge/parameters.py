"""The parameters of the judge: weights, in-catalogue model and thresholds."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from importlib import resources
from pathlib import Path

from beautylens.errors import RecipeError
from beautylens.search.judge.evidence import CHANCE, FEATURES, SHARED, TYPICAL_SHARING
from beautylens.search.judge.probability import InCatalogueModel

SHIPPED = "parameters.json"
# Name of the artefact with the parameters fitted to photos of the collection itself.
PARAMETERS = "judge"


@dataclass(frozen=True, slots=True)
class Thresholds:
    """Probabilities from which on a verdict is given; above a half, only one product can reach it.

    `match` and `decided` apply to the best product: for the verdict `match`, and for needing no
    further evidence. `missing` applies to "none of these", for the verdict `not_in_catalogue`.

    Raises:
        ValueError: when they are out of order.
    """

    match: float
    missing: float
    decided: float

    def __post_init__(self) -> None:
        if not (0.5 < self.match <= self.decided <= 1 and 0.5 <= self.missing <= 1):
            raise ValueError("thresholds must be above a half, `decided` not below `match`")


@dataclass(frozen=True, slots=True)
class JudgeParameters:
    """Weights, in-catalogue model and thresholds; `tools/learn_judge.py` fits the shipped ones.

    `weights` are those of `FEATURES`, 0 or more each. `made` records how they were fitted.

    Raises:
        ValueError: when a weight is negative or its feature unknown, or if more inliers could lower
            a probability.
    """

    weights: Mapping[str, float]
    in_catalogue: InCatalogueModel
    thresholds: Thresholds
    made: Mapping[str, object] = field(default_factory=dict)

    def __post_init__(self) -> None:
        unknown = set(self.weights) - set(FEATURES)
        if unknown:
            raise ValueError(
                f"unknown feature {', '.join(sorted(unknown))}; known are {', '.join(FEATURES)}"
            )
        if min(self.weights.values(), default=0.0) < 0:
            raise ValueError("weights must not be negative")
        if self.in_catalogue.shared_design > most_shared_design(self.weights, self.in_catalogue):
            raise ValueError("more inliers must not lower a probability: lower shared_design")

    def undecided(self) -> JudgeParameters:
        """Return the same parameters without early decisions, so that all evidence is computed."""
        return replace(self, thresholds=replace(self.thresholds, decided=1.0))

    def to_bytes(self) -> bytes:
        """Return the parameters as JSON."""
        return (json.dumps(asdict(self), indent=2, ensure_ascii=False) + "\n").encode()

    @classmethod
    def from_bytes(cls, data: bytes, where: str) -> JudgeParameters:
        """Return the parameters that `to_bytes` wrote.

        Args:
            data: the JSON.
            where: where it is from, for errors.

        Raises:
            RecipeError: when the data holds no parameters.
        """
        try:
            values = json.loads(data)
            return cls(
                values["weights"],
                InCatalogueModel(**values["in_catalogue"]),
                Thresholds(**values["thresholds"]),
                values["made"],
            )
        except (TypeError, ValueError, KeyError, AttributeError) as error:
            raise RecipeError(
                f"{where} holds no parameters of the judge ({error}); write them with "
                "`tools/learn_judge.py` or `beautylens evaluate --calibrate`"
            ) from error


def most_shared_design(weights: Mapping[str, float], model: InCatalogueModel) -> float:
    """Return the largest `shared_design` by which more inliers never lower a probability."""
    gained = model.slope * weights.get("inliers", 0.0) * math.log1p(SHARED - CHANCE)
    return gained / math.log(1 / TYPICAL_SHARING)


def read_judge_parameters(file: str) -> JudgeParameters:
    """Return the parameters in a file; "default" are those of the package.

    Raises:
        RecipeError: when the file is missing or holds no parameters.
    """
    path = resources.files("beautylens.search.judge") / SHIPPED if file == "default" else Path(file)
    try:
        return JudgeParameters.from_bytes(path.read_bytes(), file)
    except OSError as error:
        raise RecipeError(
            f"no file {file} with parameters of the judge; write one with `tools/learn_judge.py`, "
            'or set file = "default" in [scorer]'
        ) from error
