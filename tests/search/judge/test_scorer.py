"""Plain scorers against slow references, and what goes before, or adds to, any formula."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from functools import partial

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from beautylens.features.local.features import Agreement
from beautylens.features.local.keypoints import NO_KEYPOINTS
from beautylens.reasons import Reasons
from beautylens.results import Geometry, Match, Matches, Product
from beautylens.search.judge.scorer import (
    FORMULAS,
    PlainScorer,
    cosine,
    cosine_plus_inliers,
    inliers,
)
from tests.search.judge.evidence import products

GTIN = "04006381333931"
LONGEST_DISTANCE = 255 * math.sqrt(128)
WEIGHT = 0.125

Formula = Callable[[Match], float]


def agreement(count: int, distance: float) -> Agreement:
    return Agreement(np.empty((0, 2), np.intp), count, distance, np.zeros((2, 3)))


def row(
    number: int,
    score: float,
    agreed: tuple[int, float] | None = None,
    *,
    product: str = "",
    refined: int | None = None,
    **reasons: object,
) -> Match:
    found = agreement(*agreed) if agreed else None
    return Match(
        f"i{number:02}",
        Product(product or f"p{number:02}"),
        "",
        score,
        Reasons(inliers=found.count if found else None, **reasons),  # type: ignore[arg-type]  # by name
        refined=refined,
        geometry=Geometry(NO_KEYPOINTS, found) if found else None,
    )


# Cosines, and the number and mean distance of what agrees; with many ties.
agreements = st.tuples(
    st.floats(-1, 1) | st.sampled_from([0.25, 0.5]),
    st.none()
    | st.tuples(
        st.integers(0, 4) | st.integers(0, 10_000),
        st.sampled_from([0.0, 250.0, 250.001, 612.25])
        | st.floats(0, LONGEST_DISTANCE).map(lambda value: round(value, 3)),
    ),
)
short_lists = st.lists(agreements, max_size=40).map(
    lambda drawn: Matches.ranked(row(n, score, agreed) for n, (score, agreed) in enumerate(drawn))
)
formulas: st.SearchStrategy[Formula] = st.sampled_from(
    [cosine, inliers, partial(cosine_plus_inliers, weight=WEIGHT)]
)


@given(short_lists)
def test_cosine_keeps_the_order_and_scores_that_retrieval_and_expansion_made(
    matches: Matches,
) -> None:
    assert PlainScorer(cosine).rank(matches).rows == matches.rows


@given(short_lists)
def test_inliers_orders_by_number_then_mean_distance_then_visual_score(matches: Matches) -> None:
    def key(match: Match) -> tuple[float, float, float]:
        if match.geometry is None or match.geometry.agreement.count == 0:
            return 0, 0, -match.score
        found = match.geometry.agreement
        return -found.count, found.distance, -match.score

    ranked = PlainScorer(inliers).rank(matches)
    assert [m.image_id for m in ranked] == [m.image_id for m in sorted(matches, key=key)]
    for match in ranked:
        found = match.geometry.agreement if match.geometry else None
        expected = found.count + 1 / (2 + found.distance) if found and found.count else 0
        assert match.score == expected


@given(short_lists, st.floats(0.01, 10))
def test_cosine_plus_inliers_adds_what_is_above_chance_as_a_logarithm(
    matches: Matches, weight: float
) -> None:
    expected = {}
    for match in matches:
        above = (match.reasons.inliers or 0) - 8
        expected[match.image_id] = match.score + (weight * math.log(1 + above) if above > 0 else 0)
    ranked = PlainScorer(partial(cosine_plus_inliers, weight=weight)).rank(matches)
    assert {m.image_id: m.score for m in ranked} == pytest.approx(expected)
    slow = sorted(expected.values(), reverse=True)
    assert [m.score for m in ranked] == pytest.approx(slow)


@given(
    st.lists(st.tuples(agreements, st.integers(0, 5)), max_size=15),
    formulas,
)
def test_a_plain_scorer_gives_the_best_image_of_each_product_and_no_verdict(
    drawn: list[tuple[tuple[float, tuple[int, float] | None], int]], formula: Formula
) -> None:
    matches = Matches.ranked(
        row(n, score, agreed, product=f"p{product}")
        for n, ((score, agreed), product) in enumerate(drawn)
    )
    answer = PlainScorer(formula)(matches)
    best: dict[str, float] = {}
    for match in matches:
        name = match.product.product_id
        best[name] = max(best.get(name, -math.inf), formula(match))
    assert {m.product.product_id: m.score for m in answer} == best
    assert len(answer) == len(best)
    assert [m.score for m in answer] == sorted(best.values(), reverse=True)
    assert (answer.verdict, answer.probability) == (None, None)
    assert all(match.probability is None for match in answer)


@given(short_lists, formulas, st.data())
def test_an_order_refined_by_names_is_kept_and_no_score_rises_along_it(
    matches: Matches, formula: Formula, data: st.DataObject
) -> None:
    ids = [match.image_id for match in matches]
    order = data.draw(
        st.lists(st.sampled_from(ids), unique=True, max_size=7) if ids else st.just([])
    )
    ranks = {image_id: rank for rank, image_id in enumerate(order)}
    refined = replace(
        matches, rows=tuple(replace(m, refined=ranks.get(m.image_id)) for m in matches)
    )
    plain = [m.image_id for m in PlainScorer(formula).rank(matches)]
    ranked = PlainScorer(formula).rank(refined)
    assert [m.image_id for m in ranked] == [*order, *(i for i in plain if i not in ranks)]
    scores = {match.image_id: formula(match) for match in matches}
    lowest = math.inf
    for match in ranked:
        lowest = min(lowest, scores[match.image_id])
        assert match.score == lowest


def test_words_read_and_typed_add_to_the_score_of_any_formula() -> None:
    matches = Matches.ranked(
        [
            row(1, 0.5),
            row(2, 0.45, text=2.0),
            row(3, 0.4, typed=0.5),
            row(4, 0.3, text=1.0, typed=1.0),
        ]
    )
    ranked = PlainScorer(cosine).rank(matches)
    assert products(ranked) == ["p04", "p03", "p02", "p01"]
    assert [m.score for m in ranked] == pytest.approx([1.33, 0.9, 0.51, 0.5])


def test_words_decide_among_places_that_a_refinement_left_equal() -> None:
    matches = Matches.ranked([row(1, 0.9), row(2, 0.5, refined=0), row(3, 0.4, text=1.0)])
    scores = {m.product.product_id: m.score for m in PlainScorer(cosine).rank(matches)}
    assert scores == pytest.approx({"p02": 0.5, "p01": 0.5, "p03": 0.43})


@given(short_lists, formulas, st.data())
def test_a_barcode_comes_first_and_changes_no_other_order(
    matches: Matches, formula: Formula, data: st.DataObject
) -> None:
    ids = [match.image_id for match in matches]
    coded = data.draw(st.sets(st.sampled_from(ids)) if ids else st.just(set()))
    marked = replace(
        matches,
        rows=tuple(
            replace(m, reasons=replace(m.reasons, barcode=GTIN if m.image_id in coded else None))
            for m in matches
        ),
    )
    plain = [m.image_id for m in PlainScorer(formula).rank(matches)]
    ranked = [m.image_id for m in PlainScorer(formula).rank(marked)]
    assert ranked == sorted(plain, key=lambda image_id: image_id not in coded)


def test_a_barcode_outdoes_typed_words_and_a_refinement() -> None:
    matches = Matches.ranked(
        [row(1, 0.9, refined=0), row(2, 0.8, typed=1.0), row(3, -0.9, barcode=GTIN)]
    )
    assert products(PlainScorer(cosine).rank(matches))[0] == "p03"


def test_without_a_probability_nothing_is_decided_early() -> None:
    certain = Matches((row(1, 1.0, (9999, 1.0), barcode=GTIN),))
    for formula in FORMULAS.values():
        assert not PlainScorer(formula).decided(certain)


def test_scoring_again_changes_nothing_where_the_formula_reads_no_score() -> None:
    matches = Matches.ranked([row(1, 0.9, (3, 200.0)), row(2, 0.5, (30, 200.0)), row(3, 0.1)])
    once = PlainScorer(inliers).rank(matches)
    assert PlainScorer(inliers).rank(once) == once
