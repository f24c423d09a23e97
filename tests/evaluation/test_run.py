"""Running a truth table: what a list of results holds on to."""

from __future__ import annotations

import pickle

from beautylens.catalogue.truth import TruthRow
from beautylens.collection import Collection
from beautylens.evaluation.metrics import summarise
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


def test_with_leave_out_each_photo_is_searched_again_without_its_right_products(
    collection: Collection, shop: Shop
) -> None:
    rows = [
        TruthRow(shop.photo(2), frozenset({"p02", "p'05"}), row=1),
        TruthRow(shop.photo(3), frozenset(), row=2),
    ]
    results = list(run_queries(collection, rows, leave_out=True))
    assert [(r.image.name, r.truths, r.left_out) for r in results] == [
        ("02.jpg", {"p02", "p'05"}, frozenset()),
        ("02.jpg", frozenset(), {"p02", "p'05"}),
        ("03.jpg", frozenset(), frozenset()),
    ]
    assert [row.ranking[:1] == ["p02"] for row in results[:2]] == [True, False]
    assert "p02" not in results[1].ranking
    assert len(results[1].ranking) == 7
    # What was left out is not scored a second time.
    assert summarise(results) == summarise([results[0], results[2]])
