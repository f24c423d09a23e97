"""The learnt parameters of the judge: weights, the in-catalogue model, and thresholds."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from importlib import resources
from pathlib import Path

from beautylens.errors import RecipeError
from beautylens.search.judge.evidence import FEATURES
from beautylens.search.judge.probability import InCatalogueModel

SHIPPED = "parameters.json"
# The name under which a gallery keeps the parameters learnt from its own photos.
PARAMETERS = "judge"


@dataclass(frozen=True, slots=True)
class Thresholds:
    """From which probabilities a verdict is given; above a half, two products cannot both reach it.

    `match` and `decided` are of the best product: the verdict `match`, and no need for further
    evidence; `missing` is of "none of these": the verdict `not_in_catalogue`.

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
    """Weights, in-catalogue model and thresholds; `tools/learn_judge.py` makes the shipped ones.

    Raises:
        ValueError: when more evidence could lower a score, or evidence has an unknown name.
    """

    weights: Mapping[str, float]
    """What one unit of each feature in `FEATURES` adds to a match's score; 0 or more."""
    in_catalogue: InCatalogueModel
    thresholds: Thresholds
    made: Mapping[str, object] = field(default_factory=dict)
    """How it was learnt: for people."""

    def __post_init__(self) -> None:
        unknown = set(self.weights) - set(FEATURES)
        if unknown:
            raise ValueError(f"there is no evidence named {', '.join(sorted(unknown))}")
        if min(self.weights.values(), default=0.0) < 0:
            raise ValueError("weights must not be negative")

    def undecided(self) -> JudgeParameters:
        """Return one for which nothing is decided early, so that all evidence is looked for."""
        return replace(self, thresholds=replace(self.thresholds, decided=1.0))

    def to_bytes(self) -> bytes:
        """Return it as JSON."""
        return (json.dumps(asdict(self), indent=2, ensure_ascii=False) + "\n").encode()

    @classmethod
    def from_bytes(cls, data: bytes, where: str) -> JudgeParameters:
        """Return what `to_bytes` wrote.

        Raises:
            RecipeError: when it is something else.
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
                f"{where} holds no parameters of the judge ({error}); "
                "`tools/learn_judge.py` writes them"
            ) from error


def read_judge_parameters(file: str) -> JudgeParameters:
    """Return the parameters in a file; "default" are those that come with the package.

    Raises:
        RecipeError: when there is none, or it is something else.
    """
    path = resources.files("beautylens.search.judge") / SHIPPED if file == "default" else Path(file)
    try:
        return JudgeParameters.from_bytes(path.read_bytes(), file)
    except OSError as error:
        raise RecipeError(
            f"there is no file {file} with parameters of the judge; `tools/learn_judge.py` writes "
            'one, and file = "default" in [scorer] names the shipped one'
        ) from error
