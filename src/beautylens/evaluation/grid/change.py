"""What a re-ranking changes, query by query."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from beautylens.evaluation.metrics import QueryResult


@dataclass(frozen=True, slots=True)
class Change:
    """Shares of the queries whose AP@7 (challenge) rose and fell by re-ranking."""

    improved: float
    impaired: float


def change_of(before: Sequence[QueryResult], after: Sequence[QueryResult]) -> Change:
    """Return what happened to the queries with relevant products, in the same order."""
    pairs = [
        (one.average_precision("challenge") or 0.0, two.average_precision("challenge") or 0.0)
        for one, two in zip(before, after, strict=True)
        if one.truths
    ]
    count = max(1, len(pairs))
    return Change(sum(b > a for a, b in pairs) / count, sum(b < a for a, b in pairs) / count)
