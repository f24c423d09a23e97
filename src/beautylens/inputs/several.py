"""One value where several are meant."""

from __future__ import annotations

from collections.abc import Iterable
from numbers import Integral
from pathlib import PurePath
from typing import TypeVar

from beautylens.errors import QueryError

Value = TypeVar("Value", bound=str | PurePath)


def several(values: Iterable[Value]) -> tuple[Value, ...]:
    """Return texts or paths one by one; a lone one is itself one, and not its letters.

    Python takes "12" for the texts "1" and "2", and no type checker says so.
    """
    if isinstance(values, str | PurePath):
        return (values,)  # type: ignore[return-value]  # a text is an Iterable of texts
    return tuple(values)


def several_ids(product_ids: Iterable[str]) -> tuple[str, ...]:
    """Return product ids one by one; a lone id is itself one.

    Raises:
        QueryError: when one is no text; a number may have lost its leading zeros.
    """
    ids = several(product_ids) if isinstance(product_ids, Iterable) else (product_ids,)
    for one in ids:
        if not isinstance(one, str):
            text = f", such as '{one}'" if isinstance(one, Integral) else ""
            raise QueryError(
                f"the product id {one!r} is a {type(one).__name__}; give ids as texts{text}"
            )
    return ids
