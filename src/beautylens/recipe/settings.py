"""Validated, frozen settings; an error suggests the nearest name for an unknown one."""

from __future__ import annotations

import difflib
import re
import reprlib
from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, TypeVar, get_args

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator
from pydantic_core import ErrorDetails

from beautylens.errors import BeautylensError, RecipeError
from beautylens.recipe.allowed_values import allowed_at, models_in

Model = TypeVar("Model", bound=BaseModel)
Scales = Annotated[
    tuple[Annotated[float, Field(ge=0.25, le=4)], ...], Field(min_length=1, max_length=8)
]

_OUT_OF_RANGE = frozenset(
    (
        "greater_than",
        "greater_than_equal",
        "less_than",
        "less_than_equal",
        "too_short",
        "too_long",
        "finite_number",
        "missing",
    )
)
_WRONG_TYPE = frozenset(
    (
        "model_type",
        "model_attributes_type",
        "dict_type",
        "mapping_type",
        "tuple_type",
        "list_type",
        "string_type",
        "bool_type",
        "bool_parsing",
        "int_type",
        "int_parsing",
        "int_from_float",
        "float_type",
        "float_parsing",
    )
)
_GENERIC = _OUT_OF_RANGE | _WRONG_TYPE


class Settings(BaseModel):
    """Frozen settings that refuse unknown names."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class PoolingSettings(Settings):
    """A pooling: a name in `POOLINGS` and its options."""

    shorthand: ClassVar[str] = "a pooling's name"

    name: str = "ramac"
    options: Mapping[str, bool | int | float | str] = {}

    @model_validator(mode="before")
    @classmethod
    def _name_alone(cls, values: Any) -> Any:
        """Accept `pooling = "gem"`, with default options."""
        return {"name": values} if isinstance(values, str) else values


def checked(
    model: type[Model], values: Mapping[str, Any], where: str, error: type[BeautylensError]
) -> Model:
    """Return the values as a model.

    Raises:
        error: with one sentence about the first invalid setting.
    """
    try:
        return model.model_validate(values)
    except ValidationError as failure:
        message = _without_kinds(model, _first_error(model, failure))
        raise error(f"{where}: {message}") from failure
    except RecipeError as failure:
        raise error(f"{where}: {failure}") from failure


def _without_kinds(model: type[BaseModel], message: str) -> str:
    """Return a message with the settings of [expand] and [scorer] named as the recipe has them.

    pydantic locates a setting of a section that has several kinds under its kind.
    """
    for name, field in model.model_fields.items():
        if len(models_in(field.annotation)) > 1:
            message = re.sub(rf"\b{name}\.\w+\.", f"{name}.", message)
    return message


def _first_error(model: type[BaseModel], failure: ValidationError) -> str:
    fault = failure.errors(include_url=False)[0]
    name = ".".join(str(part) for part in fault["loc"] if isinstance(part, str))
    if fault["type"].startswith("union_tag"):
        kinds = (n.split(".")[1] for n in _known_names(model) if _is_kind(n, name))
        return f"'{name}.kind': should be one of {', '.join(kinds)}"
    if fault["type"] != "extra_forbidden":
        return f"'{name}': {_wrong_value(model, fault)}"
    known = _known_names(model)
    near = difflib.get_close_matches(name, known, n=1) or difflib.get_close_matches(
        str(fault["loc"][-1]), known, n=1
    )
    if near:
        return f"unknown setting '{name}'; did you mean '{near[0]}'?"
    written = dict.fromkeys(_without_kinds(model, each) for each in known)
    return f"unknown setting '{name}'; known settings: {', '.join(written)}"


def _wrong_value(model: type[BaseModel], fault: ErrorDetails) -> str:
    """Return what is wrong with a value, and the allowed values unless the message has them."""
    message = fault["msg"]
    if not message[:2].isupper():  # an abbreviation
        message = f"{message[0].lower()}{message[1:]}"
    allowed = allowed_at(model, fault["loc"])
    if allowed is None or fault["type"] not in _GENERIC:
        return message
    # pydantic's message about a wrong type names its own classes.
    if fault["type"] not in _OUT_OF_RANGE:
        return f"{reprlib.repr(fault['input'])} is not {allowed}"
    return f"{message}; it takes {allowed}"


def _is_kind(name: str, section: str) -> bool:
    return name.startswith(f"{section}.") and name.endswith(".kind")


def _known_names(model: type[BaseModel], prefix: str = "") -> list[str]:
    names: list[str] = []
    for name, field in model.model_fields.items():
        names.append(prefix + name)
        kinds = models_in(field.annotation)
        for kind in kinds:
            tag = _tag(kind) if len(kinds) > 1 else ""
            names += _known_names(kind, f"{prefix}{name}.{tag}")
    return names


def _tag(model: type[BaseModel]) -> str:
    """Return the prefix by which pydantic locates a kind of a section, such as "alpha_qe."."""
    return f"{get_args(model.model_fields['kind'].annotation)[0]}."
