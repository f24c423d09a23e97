"""Matches keep their order and their invariant."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from beautylens.query import Photo, Query
from beautylens.results import Match, Matches, Product
from beautylens.text.ocr import Line


def match(product: str, score: float, image: str = "") -> Match:
    return Match(f"{product}/{image}", Product(product), image, score)


SCORES = st.lists(st.tuples(st.sampled_from("abcd"), st.integers(-5, 5)), max_size=12)


def test_scores_out_of_order_are_refused() -> None:
    with pytest.raises(ValueError, match="descending order"):
        Matches((match("a", 0.1), match("b", 0.2)))


@given(SCORES)
def test_ranked_sorts_and_keeps_the_given_order_of_ties(rows: list[tuple[str, int]]) -> None:
    given_rows = [match(p, s, str(i)) for i, (p, s) in enumerate(rows)]
    ranked = Matches.ranked(given_rows)
    assert sorted(ranked, key=id) == sorted(given_rows, key=id)
    keys = [(-m.score, int(m.image)) for m in ranked]
    assert keys == sorted(keys)


@given(SCORES)
def test_products_keeps_the_best_row_of_each_product(rows: list[tuple[str, int]]) -> None:
    ranked = Matches.ranked(match(p, s, str(i)) for i, (p, s) in enumerate(rows))
    products = ranked.products()
    ids = [m.product.product_id for m in products]
    assert len(ids) == len(set(ids)) == len({p for p, _ in rows})
    for found in products:
        best = max(s for p, s in rows if p == found.product.product_id)
        assert found.score == best


def test_top_cuts_and_rescored_ranks_anew() -> None:
    matches = Matches((match("a", 3), match("b", 2), match("c", 1)))
    assert [m.product.product_id for m in matches.top(2)] == ["a", "b"]
    turned = matches.rescored(lambda m: -m.score)
    assert [m.product.product_id for m in turned] == ["c", "b", "a"]


def test_other_rows_keep_what_the_matches_hold_beside_them() -> None:
    line = Line("VELVET", 0.9, ((0, 0), (9, 0), (9, 3), (0, 3)))
    query = Query(Photo(np.zeros((8, 8, 3), np.uint8)), np.zeros(2, np.float32))
    beside = {"query": query, "lines": (line,), "codes": ("04006381333931",)}
    spent = {"milliseconds": {"verify": 1.0}, "verdict": "unsure", "probability": 0.5}
    matches = Matches((match("a", 3), match("a", 2, "2"), match("b", 1)), **beside, **spent)
    changed = (
        matches.with_rows([match("b", 1), match("c", 2)]),
        matches.rescored(lambda m: -m.score),
        matches.products(),
        matches.top(1),
    )
    assert [[m.product.product_id for m in each] for each in changed] == [
        ["c", "b"], ["b", "a", "a"], ["a", "b"], ["a"],
    ]  # fmt: skip
    for each in changed:
        assert replace(each, rows=matches.rows) == matches
        assert each.query is query
