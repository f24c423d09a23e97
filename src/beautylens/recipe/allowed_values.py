"""The allowed values of a setting in words, for error messages."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import chain
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from annotated_types import Ge, Gt, Le, Lt, MaxLen, MinLen
from pydantic import BaseModel
from pydantic.fields import FieldInfo

_PLAIN = {bool: "true or false", int: "a whole number", float: "a number", str: "a text"}


def allowed_at(model: type[BaseModel], location: Iterable[object]) -> str | None:
    """Return the allowed values at a location of a model, in words; None if unknown.

    Examples: "a whole number from 1 to 100", "one of 'a', 'b'", "a table of the settings name,
    options".

    Args:
        model: the settings.
        location: location of an error, as pydantic gives it.
    """
    models, field = [model], None
    for part in location:
        if not isinstance(part, str):
            continue
        found = [each.model_fields[part] for each in models if part in each.model_fields]
        if found:
            field = found[0]
            models = models_in(field.annotation)
        elif kind := [each for each in models if part in _kinds([each])]:
            models = kind
    return None if field is None else _allowed(field.annotation, field.metadata)


def models_in(annotation: object) -> list[type[BaseModel]]:
    """Return the models in an annotation, also inside unions."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [model for part in get_args(annotation) for model in models_in(part)]


def _kinds(models: Sequence[type[BaseModel]]) -> list[str]:
    """Return the values of `kind` that distinguish the models of a union."""
    fields = (each.model_fields.get("kind") for each in models)
    return [str(kind) for field in fields if field for kind in get_args(field.annotation)]


def _allowed(annotation: Any, limits: Sequence[Any] = ()) -> str:
    origin, parts = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        within = [each.metadata if isinstance(each, FieldInfo) else [each] for each in parts[1:]]
        return _allowed(parts[0], [*chain.from_iterable(within), *limits])
    if origin in (Union, UnionType):
        return _one_of(annotation, limits)
    if origin is Literal:
        words = f"one of {', '.join(map(repr, parts))}"
    elif origin is tuple:
        words = _list(parts, limits)
    elif models := models_in(annotation):
        short = f"{models[0].shorthand} or " if hasattr(models[0], "shorthand") else ""
        words = f"{short}a table of the settings {', '.join(models[0].model_fields)}"
    elif origin is not None and issubclass(origin, Mapping):
        words = f"a table whose values are each {_allowed(parts[1])}"
    else:
        words = f"{_PLAIN.get(annotation, 'a value')}{_range(limits)}"
    return words


def _one_of(annotation: Any, limits: Sequence[Any]) -> str:
    """Return the allowed values of a union, in words."""
    kinds = _kinds(models_in(annotation))
    if len(kinds) > 1:
        return f"a table whose kind is one of {', '.join(map(repr, kinds))}"
    return " or ".join(
        _allowed(part, limits) for part in get_args(annotation) if part is not NoneType
    )


def _list(parts: tuple[Any, ...], limits: Sequence[Any]) -> str:
    if parts[-1] is not Ellipsis:
        return f"a list of {len(parts)}, each {_allowed(parts[0])}"
    least = _limit(limits, MinLen, "min_length")
    most = _limit(limits, MaxLen, "max_length")
    count = (
        "" if least is None else f" of {least} or more" if most is None else f" of {least}-{most}"
    )
    return f"a list{count}, each {_allowed(parts[0])}"


def _range(limits: Sequence[Any]) -> str:
    low, high = _limit(limits, Ge, "ge"), _limit(limits, Le, "le")
    bounds = {
        "above": _limit(limits, Gt, "gt"),
        "from": low,
        "at most" if low is None else "to": high,
        "below": _limit(limits, Lt, "lt"),
    }
    bounded = [f"{word} {bound:,.12g}" for word, bound in bounds.items() if bound is not None]
    return f" {' and '.join(bounded) if low is None else ' '.join(bounded)}" if bounded else ""


def _limit(limits: Sequence[Any], kind: type, name: str) -> Any:
    return next((getattr(each, name) for each in limits if isinstance(each, kind)), None)
