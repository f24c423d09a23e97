"""Translation of filters to Milvus expressions."""

from __future__ import annotations

import json
from collections.abc import Sequence

from beautylens.errors import QueryError
from beautylens.store.conditions import Comparison, Condition, Joined, Negation
from beautylens.store.filters import parse_sql
from beautylens.store.schema import PLAIN

_COMPARED = {"=": "==", "<>": "!=", "LIKE": "like"} | {
    sign: sign for sign in ("<", "<=", ">", ">=")
}


class _UntranslatableError(Exception):
    """A part of a condition that Milvus cannot express."""


def milvus_filter(where: str, columns: Sequence[str]) -> str:
    """Return a filter as the equivalent Milvus expression.

    Args:
        where: such as "brand = 'Dior' AND name LIKE '%rouge%'".
        columns: columns that may be compared; all but PLAIN are dynamic fields.

    Raises:
        QueryError: when the filter is invalid or cannot be translated.
    """
    condition = parse_sql(where, columns)
    try:
        return _expression(condition)
    except _UntranslatableError as error:
        raise QueryError(
            f"Milvus does not support {error}, in the filter {where!r}: compare columns with texts "
            "by =, <>, <, <=, >, >=, LIKE (% and _), IN or BETWEEN, combined by AND, OR and NOT; "
            f"the columns are {', '.join(columns)}"
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
    """Return the comparison without its negation."""
    column = asked.column if asked.column in PLAIN else f"$meta[{_quoted(asked.column)}]"
    texts = [_quoted(text) for text in asked.texts]
    if asked.numeric:
        raise _UntranslatableError("comparisons with numbers")
    if asked.operator == "LIKE" and "\\" in asked.texts[0]:
        raise _UntranslatableError("LIKE with a backslash")
    if asked.operator in _COMPARED:
        return f"{column} {_COMPARED[asked.operator]} {texts[0]}"
    if asked.operator == "IN":
        # Milvus Lite does not support `in` for dynamic fields.
        return f"({' or '.join(f'{column} == {text}' for text in texts)})"
    if asked.operator == "BETWEEN":
        return f"({column} >= {texts[0]} and {column} <= {texts[1]})"
    raise _UntranslatableError("IS NULL" if asked.operator == "NULL" else asked.operator)


def _quoted(text: str) -> str:
    """Return a text in quotes, with the escapes of JSON."""
    return json.dumps(text, ensure_ascii=False)
