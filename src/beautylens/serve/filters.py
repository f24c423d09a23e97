"""Filters of strangers: conditions on the catalogue's columns, and nothing else."""

from __future__ import annotations

from collections.abc import Sequence

import sqlglot
from sqlglot import expressions as sql
from sqlglot.errors import SqlglotError

from beautylens.errors import QueryError

LONGEST = 500
# Comparisons and what joins them. No function: some would fill the memory, others read files.
_ALLOWED = (
    sql.And, sql.Or, sql.Not, sql.Paren, sql.EQ, sql.NEQ, sql.LT, sql.LTE, sql.GT, sql.GTE,
    sql.Like, sql.ILike, sql.In, sql.Is, sql.Null, sql.Between, sql.Column, sql.Identifier,
    sql.Literal,
)  # fmt: skip


def checked_filter(where: str, columns: Sequence[str]) -> str:
    """Return a condition, written anew from what was understood of it.

    Args:
        where: such as "brand = 'Dior' AND name LIKE '%rouge%'".
        columns: those that it may ask about.

    Raises:
        QueryError: when it is something else.
    """
    known = f"columns, all text, are {', '.join(columns)}"
    if len(where) > LONGEST:
        raise QueryError(f"the filter has {len(where)} characters; give at most {LONGEST}")
    try:
        condition = sqlglot.parse_one(where)
    except (SqlglotError, RecursionError):
        raise QueryError(
            f"the filter {where!r} cannot be understood; write it as brand = 'Dior'; {known}"
        ) from None
    for part in condition.walk():
        if not isinstance(part, _ALLOWED):
            raise QueryError(
                f"the filter {where!r} has {part.key.upper()!r} in it; compare columns with =, <>, "
                f"<, >, LIKE, IN, BETWEEN and IS NULL, joined by AND, OR and NOT; {known}"
            )
        if isinstance(part, sql.Literal) and not part.is_string:
            raise QueryError(
                f"the filter {where!r} compares with {part.this}; {known}, and are compared as "
                f"text: write '{part.this}'"
            )
        if isinstance(part, sql.Column) and (part.name not in columns or part.table):
            raise QueryError(f"the filter {where!r} asks about {part.sql()!r}; {known}")
    written: str = condition.sql(dialect="postgres", comments=False)
    return written
