"""A filter on the catalogue's columns, as Milvus has it."""

from __future__ import annotations

import json
from collections.abc import Sequence

from beautylens.errors import QueryError
from beautylens.store.filters import Comparison, Condition, Joined, Negation, parse_filter
from beautylens.store.schema import PLAIN

_COMPARED = {"=": "==", "<>": "!=", "LIKE": "like"} | {
    sign: sign for sign in ("<", "<=", ">", ">=")
}


class _UntranslatableError(Exception):
    """A part of a condition that Milvus has no words for."""


def milvus_filter(where: str, columns: Sequence[str]) -> str:
    """Return a filter as an expression of Milvus that the same rows meet.

    Args:
        where: such as "brand = 'Dior' AND name LIKE '%rouge%'".
        columns: those that it may ask about; all but PLAIN are dynamic fields.

    Raises:
        QueryError: when any part of it cannot be understood or translated.
    """
    condition = parse_filter(where, columns)
    try:
        return _expression(condition)
    except _UntranslatableError as error:
        raise QueryError(
            f"the filter {where!r} cannot be asked of Milvus ({error} in it): compare columns with "
            "texts by =, <>, <, <=, >, >=, LIKE (% and _), IN or BETWEEN, joined by AND, OR and "
            f"NOT; columns, all text, are {', '.join(columns)}"
        ) from None


def _expression(condition: Condition) -> str:
    if isinstance(condition, Joined):
        parts = map(_expression, condition.conditions)
        return f"({f' {condition.word.lower()} '.join(parts)})"
    if isinstance(condition, Negation):
        return f"not ({_expression(condition.condition)})"
    compared = _comparison(condition)
    return f"not ({compared})" if condition.negated else compared


def _comparison(asked: Comparison) -> str:
    """Return the comparison of a column with texts, as if it was not negated."""
    column = asked.column if asked.column in PLAIN else f"$meta[{_quoted(asked.column)}]"
    texts = [_quoted(text) for text in asked.texts]
    if asked.operator == "LIKE" and "\\" in asked.texts[0]:
        raise _UntranslatableError("LIKE with a backslash")
    if asked.operator in _COMPARED:
        return f"{column} {_COMPARED[asked.operator]} {texts[0]}"
    if asked.operator == "IN":
        # Milvus Lite knows no `in` for dynamic fields.
        return f"({' or '.join(f'{column} == {text}' for text in texts)})"
    if asked.operator == "BETWEEN":
        return f"({column} >= {texts[0]} and {column} <= {texts[1]})"
    raise _UntranslatableError("IS NULL" if asked.operator == "NULL" else asked.operator)


def _quoted(text: str) -> str:
    """Return a text between quotes; escapes are those of JSON."""
    return json.dumps(text, ensure_ascii=False)
