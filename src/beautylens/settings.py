"""Settings: frozen groups of values, checked, with the nearest right name for a wrong one."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping
from typing import Annotated, Any, TypeVar, get_args

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from beautylens.errors import BeautylensError, RecipeError

Model = TypeVar("Model", bound=BaseModel)
Scales = Annotated[
    tuple[Annotated[float, Field(ge=0.25, le=4)], ...], Field(min_length=1, max_length=8)
]


class Settings(BaseModel):
    """A frozen group of settings that refuses names it does not know."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class PoolingSettings(Settings):
    """How feature maps become one descriptor: a name in `features.pooling` and its options."""

    name: str = "ramac"
    options: Mapping[str, bool | int | float | str] = {}


def checked(
    model: type[Model], values: Mapping[str, Any], where: str, error: type[BeautylensError]
) -> Model:
    """Return the values as a model, or raise one sentence that names the setting at fault."""
    try:
        return model.model_validate(values)
    except ValidationError as failure:
        # A setting of [expand] is located through its kind, which its user did not write there.
        fault = re.sub(r"\bexpand\.\w+\.", "expand.", _first_fault(model, failure))
        raise error(f"{where}: {fault}") from failure
    except RecipeError as failure:
        raise error(f"{where}: {failure}") from failure


def _first_fault(model: type[BaseModel], failure: ValidationError) -> str:
    fault = failure.errors(include_url=False)[0]
    place = ".".join(str(part) for part in fault["loc"] if isinstance(part, str))
    if fault["type"].startswith("union_tag"):
        kinds = (n.split(".")[1] for n in _known_names(model) if _is_kind(n, place))
        return f"'{place}.kind': should be one of {', '.join(kinds)}"
    if fault["type"] != "extra_forbidden":
        return f"'{place}': {fault['msg'][0].lower()}{fault['msg'][1:]}"
    known = _known_names(model)
    near = difflib.get_close_matches(place, known, n=1) or difflib.get_close_matches(
        str(fault["loc"][-1]), known, n=1
    )
    hint = f"did you mean '{near[0]}'?" if near else f"known settings: {', '.join(known)}"
    return f"there is no setting '{place}'; {hint}"


def _is_kind(name: str, section: str) -> bool:
    return name.startswith(f"{section}.") and name.endswith(".kind")


def _known_names(model: type[BaseModel], prefix: str = "") -> list[str]:
    names: list[str] = []
    for name, field in model.model_fields.items():
        names.append(prefix + name)
        for kind in _models(field.annotation):
            names += _known_names(kind, f"{prefix}{name}.{_tag(kind)}")
    return names


def _tag(model: type[BaseModel]) -> str:
    """Return by what pydantic locates one kind of a section: "alpha_qe."; nothing for others."""
    kind = model.model_fields.get("kind")
    return f"{get_args(kind.annotation)[0]}." if kind else ""


def _models(annotation: object) -> list[type[BaseModel]]:
    """Return the models that an annotation is made of, in whatever unions."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [model for part in get_args(annotation) for model in _models(part)]
