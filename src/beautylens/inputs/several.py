"""Arguments that are texts: single ones, and one or several ids, names or paths."""

from __future__ import annotations

from collections.abc import Iterable
from numbers import Integral
from pathlib import PurePath
from typing import TypeVar

from beautylens.errors import QueryError

Value = TypeVar("Value", bound=str | PurePath)


def several(values: Iterable[Value]) -> tuple[Value, ...]:
    """Return texts or paths as a tuple; a lone one is one value, not its letters.

    In Python a str is an iterable of str, so that no type checker refuses a lone "12".
    """
    if isinstance(values, str | PurePath):
        return (values,)  # type: ignore[return-value]  # a text is an Iterable of texts
    return tuple(values)


def several_ids(product_ids: Iterable[str]) -> tuple[str, ...]:
    """Return product ids as a tuple; a lone id is one value.

    Raises:
        QueryError: when one is not a text; a number may have lost its leading zeros.
    """
    ids = several(product_ids) if isinstance(product_ids, Iterable) else (product_ids,)
    for one in ids:
        if not isinstance(one, str):
            text = f", such as '{one}'" if isinstance(one, Integral) else ""
            raise QueryError(
                f"the product id {one!r} is of type {type(one).__name__}; give ids as texts{text}"
            )
    return ids


def one_text(value: str, name: str) -> str:
    """Return an argument that must be a text.

    Raises:
        QueryError: when it is something else, such as a list of words.
    """
    if not isinstance(value, str):
        raise QueryError(f"{name} is of type {type(value).__name__}; give one text")
    return value
