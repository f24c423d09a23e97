"""Conditions on the catalogue's columns as SQL for SQLite."""

from __future__ import annotations

import math
import re
import sqlite3
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from beautylens.store.conditions import Comparison, Condition, Joined, Negation

# SQL with placeholders, and their values.
Sql = tuple[str, list[Any]]

_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?|[+-]?(inf|infinity|nan)", re.I)


def number_of(text: str | None) -> float | None:
    """Return a cell as the number that comparisons with numbers take it for; None for others."""
    if not text or text[0] not in "+-.0123456789iInN" or not _NUMBER.fullmatch(text):
        return None
    number = float(text)
    # Lance takes NaN for the largest number, and SQLite has none.
    return math.inf if math.isnan(number) else number


def to_sqlite(condition: Condition, columns: Sequence[str]) -> Sql:
    """Return a condition as SQL over a part's table.

    Args:
        condition: from `parse_filter` or `parse_sql`.
        columns: all texts of the table: the one at index i is called c<i>, its numbers n<i>.
    """
    if isinstance(condition, Joined):
        parts = [to_sqlite(each, columns) for each in condition.conditions]
        sql = f" {condition.word} ".join(part for part, _ in parts)
        return f"({sql})", [value for _, values in parts for value in values]
    if isinstance(condition, Negation):
        sql, values = to_sqlite(condition.condition, columns)
        return f"(NOT {sql})", values
    sql, values = _comparison(condition, columns.index(condition.column))
    return (f"(NOT {sql})" if condition.negated else sql), values


def _comparison(asked: Comparison, index: int) -> Sql:
    """Return a comparison without its negation."""
    column = f"n{index}" if asked.numeric else f"c{index}"
    values: list[Any] = [float(text) if asked.numeric else text for text in asked.texts]
    if asked.operator == "NULL":
        return f"(NULLIF({column}, '') IS NULL)", []
    if asked.operator == "IN":
        return f"({column} IN ({', '.join('?' * len(values)) or 'NULL'}))", values
    if asked.operator == "BETWEEN":
        return f"({column} BETWEEN ? AND ?)", values
    if asked.operator == "LIKE":
        return f"({column} GLOB ?)", [_glob(values[0])]
    if asked.operator == "ILIKE":
        # SQLite's LIKE takes both cases of the letters A to Z for one, and knows no escapes.
        plain = values[0].isascii() and "\\" not in values[0]
        return (f"({column} LIKE ?)" if plain else f"ilike(?, {column})"), values
    return f"({column} {asked.operator} ?)", values


def _glob(pattern: str) -> str:
    """Return the pattern of LIKE as one of GLOB, which takes upper and lower case for different."""
    wild = {"%": "*", "_": "?"}
    return "".join(
        wild[each] if each in wild else f"[{each}]" if each in "*?[" else each[-1]
        for each in re.findall(r"\\.|.", pattern, re.S)
    )


def add_functions(connection: sqlite3.Connection) -> None:
    """Add the functions of the SQL above to a connection."""
    connection.create_function("ilike", 2, _ilike, deterministic=True)


def _ilike(pattern: str, text: str | None) -> bool | None:
    return None if text is None else _insensitive(pattern).fullmatch(text) is not None


@lru_cache(maxsize=64)
def _insensitive(pattern: str) -> re.Pattern[str]:
    wild = {"%": ".*", "_": "."}
    parts = re.findall(r"\\.|.", pattern, re.S)
    return re.compile("".join(wild.get(p) or re.escape(p[-1]) for p in parts), re.I | re.S)
