"""An SQL condition on the catalogue's columns, as Milvus has it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, TypeAlias

import sqlglot
from sqlglot import expressions as sql
from sqlglot.errors import SqlglotError

from beautylens.errors import QueryError
from beautylens.store.tables import PLAIN

# sqlglot 27 calls them Expression, sqlglot 30 Expr.
Node: TypeAlias = Any
_COMPARED: dict[type, str] = {
    sql.EQ: "==", sql.NEQ: "!=", sql.LT: "<", sql.LTE: "<=", sql.GT: ">", sql.GTE: ">=",
    sql.Like: "like",
}  # fmt: skip
_JOINED: dict[type, str] = {sql.And: "and", sql.Or: "or"}


class _UntranslatableError(Exception):
    """A part of a condition that Milvus has no words for."""


class _UnknownError(_UntranslatableError):
    """A part that nobody has words for."""


def milvus_filter(where: str, columns: Sequence[str]) -> str:
    """Return an SQL condition as an expression of Milvus that the same rows meet.

    Args:
        where: such as "brand = 'Dior' AND name LIKE '%rouge%'".
        columns: those that it may ask about; all but PLAIN are dynamic fields.

    Raises:
        QueryError: when any part of it cannot be translated.
    """
    try:
        conditions = sqlglot.parse(where)
        if len(conditions) != 1:
            raise _UntranslatableError(f"{len(conditions)} conditions")
        return _condition(conditions[0], columns)
    except (SqlglotError, RecursionError, _UntranslatableError) as error:
        reason = f" ({error} in it)" if isinstance(error, _UntranslatableError) else ""
        mistaken = isinstance(error, SqlglotError | _UnknownError)
        refused = "understood" if mistaken else "asked of Milvus"
        raise QueryError(
            f"the filter {where!r} cannot be {refused}{reason}: compare columns with texts "
            "by =, <>, <, <=, >, >=, LIKE (% and _), IN or BETWEEN, joined by AND, OR and NOT; "
            f"columns, all text, are {', '.join(columns)}"
        ) from None


def _condition(part: Node, columns: Sequence[str]) -> str:
    kind = type(part)
    if part is None or kind is sql.Paren:
        return f"({_condition(_given(part, 'this')['this'], columns)})"
    if kind is sql.Not:
        return f"not ({_condition(_given(part, 'this')['this'], columns)})"
    if kind in _JOINED:
        sides = _given(part, "this", "expression").values()
        return f"({f' {_JOINED[kind]} '.join(_condition(side, columns) for side in sides)})"
    asked = _comparison(part, columns)
    return f"not ({asked})" if part.args.get("negate") else asked


def _comparison(part: Node, columns: Sequence[str]) -> str:
    """Return the comparison of a column with texts, as if it was not negated."""
    kind = type(part)
    if kind in _COMPARED:
        given = _given(part, "this", "expression")
        if kind is sql.Like and "\\" in given["expression"].name:
            raise _UntranslatableError("LIKE with a backslash")
        return f"{_column(given['this'], columns)} {_COMPARED[kind]} {_text(given['expression'])}"
    if kind is sql.In:
        given = _given(part, "this", "expressions")
        column = _column(given["this"], columns)
        # Milvus Lite knows no `in` for dynamic fields.
        return f"({' or '.join(f'{column} == {_text(each)}' for each in given['expressions'])})"
    if kind is sql.Between:
        given = _given(part, "this", "low", "high")
        column = _column(given["this"], columns)
        return f"({column} >= {_text(given['low'])} and {column} <= {_text(given['high'])})"
    raise _UntranslatableError(part.key.upper())


def _given(part: Node, *names: str) -> dict[str, Node]:
    """Return the arguments of a part; refuse others than those named, which might mean anything."""
    given = {} if part is None else {k: v for k, v in part.args.items() if v and k != "negate"}
    if set(given) != set(names):
        raise _UntranslatableError(part.sql()) if part else _UnknownError("nothing")
    return {name: given[name] for name in names}


def _column(part: Node, columns: Sequence[str]) -> str:
    name = part.name
    if type(part) is not sql.Column or set(_given(part, "this")) != {"this"}:
        raise _UntranslatableError(part.sql())
    if name not in columns:
        raise _UnknownError(f"a column {name!r}")
    return name if name in PLAIN else f"$meta[{_quoted(name)}]"


def _text(part: Node) -> str:
    if type(part) is not sql.Literal or not part.is_string:
        raise _UntranslatableError(part.sql())
    return _quoted(part.name)


def _quoted(text: str) -> str:
    """Return a text between quotes; escapes are those of JSON."""
    return json.dumps(text, ensure_ascii=False)
