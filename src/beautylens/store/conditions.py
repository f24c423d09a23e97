"""Conditions on the catalogue's columns, and their SQL."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias


@dataclass(frozen=True, slots=True)
class Comparison:
    """A comparison of a column with texts.

    Args:
        column: name of the column.
        operator: =, <>, <, <=, >, >=, LIKE, ILIKE, IN, BETWEEN or NULL, which an empty cell is.
        texts: the operands: one; two for BETWEEN, any number for IN, none for NULL.
        negated: NOT LIKE, NOT IN, NOT BETWEEN, IS NOT NULL.
        numeric: whether the operands are numbers; cells that are none then meet no comparison.
    """

    column: str
    operator: str
    texts: tuple[str, ...]
    negated: bool = False
    numeric: bool = False


@dataclass(frozen=True, slots=True)
class Negation:
    """NOT a condition."""

    condition: Condition


@dataclass(frozen=True, slots=True)
class Joined:
    """Conditions joined by AND or by OR."""

    word: str
    conditions: tuple[Condition, ...]


Condition: TypeAlias = Comparison | Negation | Joined


def to_sql(condition: Condition) -> str:
    """Return a condition as SQL for Lance.

    Only necessary brackets are written, since Lance's parser takes few nested ones.
    """
    if isinstance(condition, Joined):
        parts = condition.conditions
        return f" {condition.word} ".join(_grouped(each, condition.word) for each in parts)
    if isinstance(condition, Negation):
        return f"NOT {_grouped(condition.condition, 'NOT')}"
    column = f"`{condition.column}`"
    texts = [text if condition.numeric else literal(text) for text in condition.texts]
    if condition.numeric:
        column = f"TRY_CAST({column} AS DOUBLE)"
    negated = "NOT " if condition.negated else ""
    if condition.operator == "NULL":
        # Cells of a table are empty rather than null.
        return f"NULLIF({column}, '') IS {negated}NULL"
    if condition.operator == "IN":
        return f"{column} {negated}IN ({', '.join(texts)})"
    return f"{column} {negated}{condition.operator} {' AND '.join(texts)}"


def _grouped(condition: Condition, around: str) -> str:
    sql = to_sql(condition)
    binds = ("OR", "AND", "NOT")
    loose = isinstance(condition, Joined) and binds.index(condition.word) < binds.index(around)
    return f"({sql})" if loose else sql


def literal(text: str) -> str:
    """Return a text in single quotes."""
    return "'" + text.replace("'", "''") + "'"
