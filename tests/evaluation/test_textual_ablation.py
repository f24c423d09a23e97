from __future__ import annotations

import pytest

from beautylens.evaluation.grid.textual_ablation import AblationRow, RankedQuery, ablate, as_table

RANKING = list("abcdefghij")
SCORES = {product: 1.0 - place / 10 for place, product in enumerate(RANKING)}
SIMILAR = {"a": ["h"], "b": ["e"]}


def query(*truths: str, ignore: str = "") -> RankedQuery:
    return RankedQuery(RANKING, SCORES, frozenset(truths), frozenset(ignore))


def similar(product: str) -> list[str]:
    return SIMILAR.get(product, [])


def test_each_variant_and_k_has_its_means_and_shares() -> None:
    # h is brought to place 2 by k = 1, which moves b from 2 to 3; a and nothing stay.
    queries = [query("h"), query("b"), query("a"), query()]
    rows = {(row.variant, row.first): row for row in ablate(queries, similar, depths=(1, 2))}
    assert list(rows) == [("slide", 1), ("slide", 2), ("program", 1), ("program", 2)]
    first = rows["slide", 1]
    assert first.before == pytest.approx((0 + 1 / 2 + 1) / 3)
    assert first.after == pytest.approx((1 / 2 + 1 / 3 + 1) / 3)
    assert (first.improved, first.impaired) == pytest.approx((1 / 3, 1 / 3))
    # k = 2 keeps b; then e .6, h .3 follow, h at place 4.
    assert rows["slide", 2].after == pytest.approx((1 / 4 + 1 / 2 + 1) / 3)
    # The program adds all of b..j, and sorts by score: h is at place 8 again.
    assert rows["program", 1].after == pytest.approx((0 + 1 / 2 + 1) / 3)
    assert rows["program", 1].impaired == 0


def test_ignored_products_take_no_place() -> None:
    (row,) = [
        r for r in ablate([query("h", ignore="a")], similar, depths=(1,)) if r.variant == "slide"
    ]
    assert row.after == pytest.approx(1.0)


def test_without_a_truth_there_is_nothing_to_measure() -> None:
    with pytest.raises(ValueError, match="a query with a truth"):
        ablate([query()], similar)


def test_the_table_has_a_line_for_each_row() -> None:
    lines = as_table([AblationRow("slide", 3, 0.25, 0.5, 0.3, 0.05)]).splitlines()
    assert lines[1].split() == ["slide", "3", "0.2500", "0.5000", "30.0%", "5.0%"]
    assert len(lines[0]) == len(lines[1])
