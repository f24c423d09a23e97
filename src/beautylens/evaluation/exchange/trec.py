"""The run and qrels files of TREC, which ranx, ir_measures and trec_eval read."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from urllib.parse import quote

from beautylens.evaluation.metrics import QueryResult, ranked_products

# The characters that ids keep as they are; others, spaces among them, become %20 and so on.
KEPT = "/:;,.+*@()[]{}=~!$&'"


def trec_run(results: Sequence[QueryResult], tag: str = "beautylens") -> Iterator[str]:
    """Yield a line `query Q0 product rank score tag` for each product that takes a rank.

    Ranks are those of the metrics: ignored products have none. The score is the number of products
    from this rank on, because a tie of scores would be broken by the names of the products.

    Args:
        results: of the queries; searches with products left out are omitted.
        tag: name of the run.
    """
    for query, result in _queries(results):
        ranking = ranked_products(result.ranking, result.truths, result.ignore)
        for rank, product in enumerate(ranking, 1):
            score = len(ranking) - rank + 1
            yield f"{query} Q0 {trec_id(product)} {rank} {score} {trec_id(tag)}\n"


def trec_qrels(results: Sequence[QueryResult]) -> Iterator[str]:
    """Yield a line `query 0 product 1` for each relevant product of each query.

    Queries without a relevant product have no line, and are not scored here either.
    """
    for query, result in _queries(results):
        for product in sorted(result.truths):
            yield f"{query} 0 {trec_id(product)} 1\n"


def trec_id(text: str) -> str:
    """Return a text as an id without white space: percent-encoded, never empty."""
    return quote(text, safe=KEPT) or "%"


def _queries(results: Sequence[QueryResult]) -> Iterator[tuple[str, QueryResult]]:
    for result in results:
        if not result.left_out:
            yield trec_id(str(result.image)), result
