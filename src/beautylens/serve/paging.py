"""A page of the candidates of a search: offset, limit, order by a column, counts by value."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from beautylens.errors import QueryError
from beautylens.inputs.unicode_text import composed
from beautylens.results import Match, Matches, Product
from beautylens.store.filters import column_named

# Maximum products of all pages of a search together.
MOST = 50
# Maximum columns whose values are counted.
FACETS = 10


@dataclass(frozen=True, slots=True)
class Page:
    """Which of the candidates a response has, and what is counted of all of them.

    Args:
        limit: number of products.
        offset: number of products before them.
        column: orders the candidates; empty for the order of the search.
        descending: whether the largest values come first.
        facets: columns whose values are counted.
    """

    limit: int = 7
    offset: int = 0
    column: str = ""
    descending: bool = False
    facets: tuple[str, ...] = ()

    @classmethod
    def parse(cls, limit: int, offset: int, sort: str, facets: str, columns: Sequence[str]) -> Page:
        """Return the page of a request.

        Args:
            limit: number of products.
            offset: number of products before them.
            sort: a column, with `-` before it for the largest values first; empty for none.
            facets: columns, separated by commas.
            columns: those that the collection has.

        Raises:
            QueryError: when a column is unknown, or offset and limit reach too far.
        """
        if limit + offset > MOST:
            raise QueryError(
                f"offset and limit together are {limit + offset}, but at most {MOST} products can "
                "be paged through; narrow the search by where"
            )
        counted = [name for name in map(str.strip, composed(facets).split(",")) if name]
        if len(counted) > FACETS:
            raise QueryError(f"facets has {len(counted)} columns; give at most {FACETS}")
        column = composed(sort.strip())
        descending = column.startswith("-")
        return cls(
            limit,
            offset,
            _named(column.removeprefix("-"), columns, "sort") if column else "",
            descending,
            tuple(dict.fromkeys(_named(each, columns, "facets") for each in counted)),
        )

    @property
    def least(self) -> int:
        """Number of candidates that the page needs, if there are as many."""
        return MOST if self.column or self.facets else self.limit + self.offset

    def of(self, candidates: Matches) -> Sequence[Match]:
        """Return the candidates on this page."""
        rows = self._sorted(candidates.rows) if self.column else candidates.rows
        return rows[self.offset : self.offset + self.limit]

    def counts(self, candidates: Matches) -> dict[str, list[dict[str, Any]]]:
        """Return the values of each facet among all candidates, most frequent first."""
        return {column: _counts(candidates, column) for column in self.facets}

    def _sorted(self, rows: Sequence[Match]) -> Sequence[Match]:
        """Return rows by the column; equal values keep their order, and empty ones are last."""

        def value(row: Match) -> str:
            return _value(row.product, self.column)

        def ordered(kept: Sequence[Match]) -> Sequence[Match]:
            return sorted(kept, key=lambda row: _order(value(row)), reverse=self.descending)

        numbers = [row for row in rows if value(row) and _order(value(row))[0] < math.inf]
        texts = [row for row in rows if value(row) and _order(value(row))[0] == math.inf]
        return [*ordered(numbers), *ordered(texts), *(row for row in rows if not value(row))]


DEFAULT_PAGE = Page()


def _named(name: str, columns: Sequence[str], field: str) -> str:
    try:
        return column_named(name, columns)
    except QueryError as error:
        raise QueryError(f"{field}: {error}") from None


def _counts(candidates: Matches, column: str) -> list[dict[str, Any]]:
    values = (_value(match.product, column) for match in candidates)
    counted = Counter(filter(None, values)).most_common()
    return [{"value": value, "count": count} for value, count in counted]


def _value(product: Product, column: str) -> str:
    if column in product.metadata:
        return product.metadata[column]
    return str(getattr(product, column, ""))


def _order(value: str) -> tuple[float, str]:
    """Return the sort key of a value: numbers as numbers, and texts after them."""
    try:
        number = float(value)
    except ValueError:
        number = math.nan
    return (number, "") if math.isfinite(number) else (math.inf, value.casefold())
