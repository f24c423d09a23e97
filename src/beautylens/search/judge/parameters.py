"""What has been learnt about weighing evidence: weights, when to say no, and how sure to be."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from importlib import resources
from pathlib import Path

from beautylens.errors import RecipeError
from beautylens.search.judge.evidence import FEATURES
from beautylens.search.judge.probability import InCatalogueModel

SHIPPED = "judgement.json"
# The name under which a gallery keeps what it has learnt from its own photos.
JUDGEMENT = "judgement"


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
    """The numbers of one fusion and judge; `tools/learn_judge.py` makes the shipped ones.

    Raises:
        ValueError: when more evidence could lower a score, or evidence has an unknown name.
    """

    weights: Mapping[str, float]
    """What one unit of each feature in `FEATURES` adds to a match's score; 0 or more."""
    presence: InCatalogueModel
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
                InCatalogueModel(**values["presence"]),
                Thresholds(**values["thresholds"]),
                values["made"],
            )
        except (TypeError, ValueError, KeyError, AttributeError) as error:
            raise RecipeError(
                f"{where} is no judgement ({error}); `tools/learn_judge.py` writes one"
            ) from error


def read_judge_parameters(file: str) -> JudgeParameters:
    """Return the judgement of a file; "default" is the one that comes with the package.

    Raises:
        RecipeError: when there is none, or it is something else.
    """
    path = resources.files("beautylens.search.judge") / SHIPPED if file == "default" else Path(file)
    try:
        return JudgeParameters.from_bytes(path.read_bytes(), file)
    except OSError as error:
        raise RecipeError(
            f"there is no judgement {file}; `tools/learn_judge.py` writes one, and "
            'file = "default" in [judge] names the shipped one'
        ) from error
