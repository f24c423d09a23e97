"""The effect of textual refinement on visual rankings: the ablation of Hou, Ji and Wang (2020)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from beautylens.evaluation.metrics import average_precision
from beautylens.search.expand_by_name import REFINEMENTS, Refinement

DEPTHS = range(1, 7)


@dataclass(frozen=True, slots=True)
class RankedQuery:
    """The visual ranking of the whole gallery for one query, and its truths.

    ranking: distinct product ids, best first; scores: the visual score of every product.
    """

    ranking: Sequence[str]
    scores: Mapping[str, float]
    truths: frozenset[str]
    ignore: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class AblationRow:
    """One variant with one k (`first`) over all queries that have a truth.

    before, after: mAP@7 (challenge) of the visual and of the refined rankings; improved, impaired:
    shares of the queries whose AP@7 rose and fell.
    """

    variant: str
    first: int
    before: float
    after: float
    improved: float
    impaired: float


def ablate(
    queries: Iterable[RankedQuery],
    similar: Callable[[str], Sequence[str]],
    depths: Iterable[int] = DEPTHS,
) -> list[AblationRow]:
    """Return a row for each variant and each k.

    Args:
        queries: those without a truth are left out.
        similar: D, the products whose text is most similar to that of a product.
        depths: the values of k.

    Raises:
        ValueError: when no query has a truth.
    """
    asked = [query for query in queries if query.truths]
    if not asked:
        raise ValueError("an ablation needs a query with a truth")
    before = _precisions(asked, [query.ranking for query in asked])
    rows = []
    for variant, refine in REFINEMENTS.items():
        for first in depths:
            after = _precisions(asked, [_refined(query, similar, refine, first) for query in asked])
            rows.append(
                AblationRow(
                    variant,
                    first,
                    before=float(before.mean()),
                    after=float(after.mean()),
                    improved=float((after > before).mean()),
                    impaired=float((after < before).mean()),
                )
            )
    return rows


def as_table(rows: Iterable[AblationRow]) -> str:
    """Return the rows as lines of text under a line of column names."""
    lines = [f"{'variant':8}  k  {'before':>6}  {'after':>6}  improved  impaired"]
    lines += [
        f"{row.variant:8}  {row.first}  {row.before:6.4f}  {row.after:6.4f}  "
        f"{row.improved:8.1%}  {row.impaired:8.1%}"
        for row in rows
    ]
    return "\n".join(lines)


def _refined(
    query: RankedQuery, similar: Callable[[str], Sequence[str]], refine: Refinement, first: int
) -> list[str]:
    listed = {product: similar(product) for product in query.ranking[:first]}
    return refine(query.ranking, listed, query.scores, first)


def _precisions(
    queries: Sequence[RankedQuery], rankings: Sequence[Sequence[str]]
) -> NDArray[np.float64]:
    """AP@7 of each query, (Q,)."""
    return np.array(
        [
            average_precision(r, query.truths, ignore=query.ignore, denominator="challenge")
            for query, r in zip(queries, rankings, strict=True)
        ]
    )
