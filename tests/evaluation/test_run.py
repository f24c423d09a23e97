"""Running a truth table: what a list of results holds on to."""

from __future__ import annotations

import pickle

from beautylens.catalogue.truth import TruthRow
from beautylens.collection import Collection
from beautylens.evaluation.run import run_queries
from tests.conftest import Shop


def test_results_answer_as_a_search_does_and_hold_no_pictures(
    collection: Collection, shop: Shop
) -> None:
    rows = [TruthRow(shop.photo(n), frozenset({f"p{n:02}"}), row=n) for n in range(2)]
    for row, result in zip(rows, run_queries(collection, rows), strict=True):
        searched = collection.search(row.image)
        assert searched.query is not None
        assert result.matches is not None
        assert result.matches.rows == searched.rows
        assert result.matches.query is None
        assert all(match.geometry is None for match in result.matches)
        # Reasons are some hundred bytes a match; the photo alone is a hundred thousand.
        assert len(pickle.dumps(result)) < 10_000 < searched.query.pixels.nbytes
