"""Counts: checks of arguments, and counts with nouns in messages."""

from __future__ import annotations

import operator
from typing import SupportsIndex

from beautylens.errors import QueryError


def at_least_one(count: SupportsIndex, name: str) -> int:
    """Return an argument that must be a whole number of 1 or more, such as `limit`.

    Raises:
        QueryError: when it is not a whole number, or less than 1.
    """
    return at_least(1, count, name)


def at_least(least: int, count: SupportsIndex, name: str) -> int:
    """Return an argument that must be a whole number of `least` or more, such as `offset`.

    Raises:
        QueryError: when it is not a whole number, or less.
    """
    try:
        number = operator.index(count)
    except TypeError:
        number = least - 1
    if number < least:
        raise QueryError(f"{name} is {count!r}; give a whole number, {least} or more")
    return number


def none_or_at_least_one(count: SupportsIndex | None, name: str) -> int | None:
    """Return an argument that must be None or a whole number of 1 or more.

    Raises:
        QueryError: when it is neither.
    """
    return None if count is None else at_least_one(count, name)


def counted(count: int, noun: str, plural: str | None = None) -> str:
    """Return a count with its noun, such as "1 picture" or "2,000 pictures"."""
    return f"{count:,} {noun if count == 1 else plural or f'{noun}s'}"
