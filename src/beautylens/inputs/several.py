"""One value where several are meant."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import PurePath
from typing import TypeVar

Value = TypeVar("Value", bound=str | PurePath)


def several(values: Iterable[Value]) -> tuple[Value, ...]:
    """Return texts or paths one by one; a lone one is itself one, and not its letters.

    Python takes "12" for the texts "1" and "2", and no type checker says so.
    """
    if isinstance(values, str | PurePath):
        return (values,)  # type: ignore[return-value]  # a text is an Iterable of texts
    return tuple(values)
