"""Weighted evidence: what each kind adds, and what its absence must not do."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from beautylens.reasons import Reasons
from beautylens.results import Match, Matches, Product
from beautylens.search.judge.evidence import FEATURES
from beautylens.search.judge.weighted_evidence import WeightedEvidence
from tests.search.judge.evidence import match, products, short_list, short_lists

WEIGHTS = {"visual": 16.0, "inliers": 2.0, "text": 0.5, "colour": 4.0}
weigh = WeightedEvidence(WEIGHTS)


def slow_score(why: Reasons, least_colour: float) -> float:
    score = 0.0
    if why.visual is not None:
        score += WEIGHTS["visual"] * why.visual
    if why.inliers is not None:
        score += WEIGHTS["inliers"] * math.log(1 + max(0, why.inliers - 8))
    if why.text is not None:
        score += WEIGHTS["text"] * 5 * math.log(1 + why.text / 5)
    if why.colour is not None:
        score -= WEIGHTS["colour"] * (why.colour - least_colour) / 10
    return score


@given(short_lists())
def test_the_score_is_the_sum_of_what_each_evidence_is_worth(matches: Matches) -> None:
    known = [m.reasons.colour for m in matches if m.reasons.colour is not None]
    least = min(known, default=0.0)
    weighed = weigh(matches)
    for row in weighed:
        assert row.score == pytest.approx(slow_score(row.reasons, least), abs=1e-9)
    assert {row.image_id for row in weighed} == {row.image_id for row in matches}


@given(short_lists(), st.sampled_from(["visual", "inliers", "text", "colour"]))
def test_evidence_that_all_lack_changes_no_order(matches: Matches, name: str) -> None:
    without = Matches(
        tuple(replace(m, reasons=replace(m.reasons, **{name: None})) for m in matches)
    )
    column = "print" if name == "inliers" else name
    unweighed = WeightedEvidence({n: w for n, w in WEIGHTS.items() if n != column})
    assert products(weigh(without)) == products(unweighed(without))


def test_one_colour_alone_decides_nothing() -> None:
    known = match("a", visual=0.5, colour=30.0)
    assert weigh(short_list(known))[0].score == pytest.approx(8.0)


def test_the_closer_colour_comes_first_among_shades() -> None:
    weighed = weigh(
        short_list(match("a", visual=0.9, colour=9.0), match("b", visual=0.9, colour=2.0))
    )
    assert products(weighed) == ["b", "a"]


strongest = Reasons(visual=1.0, local=1.0, inliers=10_000, text=1e4, colour=0.0)
weakest = Reasons(
    visual=-1.0, local=-1.0, inliers=0, text=0.0, colour=100.0, barcode="4006381333931"
)


def test_a_barcode_outweighs_all_other_evidence_together() -> None:
    rows = (
        Match("i1", Product("looks alike"), "", 0.0, strongest),
        Match("i2", Product("has the code"), "", 0.0, weakest),
    )
    for weights in (WEIGHTS, dict.fromkeys(FEATURES, 1e6), {}):
        assert products(WeightedEvidence(weights)(Matches(rows))) == ["has the code", "looks alike"]


def test_weighing_again_changes_nothing_and_keeps_the_verdict() -> None:
    once = weigh(short_list(match("a", visual=0.5, inliers=30), match("b", visual=0.6)))
    assert weigh(once) == once
    judged = replace(once, verdict="unsure", probability=0.4)
    assert weigh(judged) == judged
