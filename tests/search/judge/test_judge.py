"""The judge: probabilities that make sense whatever the evidence, and verdicts by threshold."""

from __future__ import annotations

import json
import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from beautylens.errors import RecipeError
from beautylens.reasons import Reasons
from beautylens.results import Match, Matches, Product
from beautylens.search.judge.duplicates import is_duplicate
from beautylens.search.judge.judge import Judge
from beautylens.search.judge.parameters import JudgeParameters, Thresholds, read_judge_parameters
from beautylens.search.judge.probability import InCatalogueModel
from tests.search.judge.evidence import match, products, short_list, short_lists

PARAMETERS = JudgeParameters(
    {"visual": 16.0, "inliers": 2.0, "text": 0.5, "colour": 4.0},
    InCatalogueModel(level=-6.0, slope=0.5, background=0.2, colour=1.0),
    Thresholds(match=0.8, missing=0.7, decided=0.95),
)
judge = Judge(PARAMETERS)
# Of a catalogue in which all products have sisters.
SISTERS = replace(
    PARAMETERS,
    in_catalogue=replace(PARAMETERS.in_catalogue, text_agreement=2.0, shared_design=2.0),
)


@given(short_lists())
def test_probabilities_fall_with_the_rank_and_sum_to_one_at_most(matches: Matches) -> None:
    answer = judge(matches)
    shares = [m.probability for m in answer]
    assert all(share is not None and 0 <= share <= 1 for share in shares)
    assert sum(shares) <= 1 + 1e-9
    assert shares == sorted(shares, reverse=True)
    assert answer.probability == shares[0]
    assert len(set(products(answer))) == len(answer)


@given(short_lists())
def test_probabilities_follow_the_formula_worked_out_slowly(matches: Matches) -> None:
    best: dict[str, float] = {}
    ranked = judge.rank(matches)
    for row in ranked:
        product = row.product.product_id
        best[product] = max(best.get(product, -math.inf), row.score)
    scores = sorted(best.values(), reverse=True)
    colour = ranked[0].reasons.colour or 0.0
    logit = -6 + 0.5 * scores[0] - 0.2 * scores[min(10, len(scores) - 1)] - colour / 10
    total = sum(math.exp(score - scores[0]) for score in scores)
    expected = [math.exp(score - scores[0]) / total / (1 + math.exp(-logit)) for score in scores]
    assert [m.probability for m in judge(matches)] == pytest.approx(expected, abs=1e-9)


@given(short_lists(), st.integers(1, 300), st.sampled_from([None, 0.01, 0.4, 1.0]))
def test_more_inliers_for_the_best_never_lower_its_probability(
    matches: Matches, more: int, sharing: float | None
) -> None:
    judge = Judge(SISTERS, sharing)
    before = judge(matches)
    best = before[0]
    inliers = (best.reasons.inliers or 0) + more
    stronger = replace(best, reasons=replace(best.reasons, inliers=inliers))
    rows = [stronger if m.image_id == best.image_id else m for m in matches]
    after = judge(Matches(tuple(replace(m, score=0.0) for m in rows)))
    assert after[0].product == best.product
    assert (after.probability or 0) >= (before.probability or 0) - 1e-12


def like(count: int, **best: object) -> Matches:
    others = [match(f"other{n}", visual=0.3, inliers=0) for n in range(count)]
    return short_list(match("best", **best), *others)


def test_clear_print_is_a_match_and_nothing_alike_is_not_in_the_catalogue() -> None:
    clear = judge(like(20, visual=0.7, inliers=150))
    assert clear.verdict == "match"
    assert (clear.probability or 0) > 0.95
    nothing = judge(like(20, visual=0.31, inliers=0))
    assert nothing.verdict == "not_in_catalogue"
    assert 1 - sum(m.probability or 0 for m in nothing) > 0.7


def test_products_that_cannot_be_told_apart_are_unsure() -> None:
    twins = (match("a", visual=0.7, inliers=150), match("b", visual=0.7, inliers=150))
    answer = judge(short_list(*twins, *like(20, visual=0.3).rows[1:]))
    assert answer.verdict == "unsure"
    assert answer[0].probability == pytest.approx(answer[1].probability)
    assert (answer.probability or 0) <= 0.5


def test_two_pictures_of_one_product_do_not_make_it_unsure() -> None:
    one = [match("a", f"image{n}", visual=0.7, inliers=150) for n in range(2)]
    assert judge(short_list(*one, *like(20, visual=0.3).rows[1:])).verdict == "match"


def test_a_barcode_is_a_match_however_the_pictures_look() -> None:
    coded = match("coded", visual=0.1, inliers=0, barcode="4006381333931")
    answer = judge(short_list(match("alike", visual=0.9, inliers=60), coded))
    assert products(answer)[0] == "coded"
    assert answer.verdict == "match"


def test_the_least_bad_of_wrong_shades_is_less_probable_than_the_right_shade() -> None:
    def first_shade(difference: float) -> float:
        shades = (
            match("a", visual=0.7, inliers=60, colour=difference),
            match("b", visual=0.7, inliers=60, colour=difference + 15),
        )
        return judge(short_list(*shades)).probability or 0.0

    assert first_shade(1.0) > first_shade(12.0)


def test_keypoints_prove_less_the_more_products_share_their_design() -> None:
    agreeing, alike = like(20, visual=0.5, inliers=40), like(20, visual=0.7, inliers=0)
    shares = [Judge(SISTERS, sharing)(agreeing).probability for sharing in (0.02, 1 / 3, 1.0)]
    assert shares == sorted(shares, reverse=True)
    assert (shares[0] or 0) > (shares[-1] or 0) + 0.1
    assert Judge(SISTERS, None)(agreeing).probability == pytest.approx(shares[1])
    # Without keypoints that agree, sisters are as likely as elsewhere.
    assert Judge(SISTERS, 1.0)(alike).probability == Judge(SISTERS, 0.02)(alike).probability


@given(short_lists(), st.floats(0, 1), st.floats(0, 1))
def test_more_text_that_agrees_never_lowers_the_probability_of_a_product(
    matches: Matches, one: float, other: float
) -> None:
    def probability(agreement: float) -> float:
        why = replace(matches[0].reasons, text_agreement=agreement)
        row = replace(matches[0], reasons=why)
        answer = Judge(SISTERS)(Matches((row, *matches.rows[1:])))
        same = (m for m in answer if m.product == row.product)
        return next(m.probability or 0.0 for m in same)

    assert probability(max(one, other)) >= probability(min(one, other)) - 1e-12


def test_nothing_found_is_not_in_the_catalogue() -> None:
    answer = judge(Matches())
    assert (answer.verdict, answer.probability, len(answer)) == ("not_in_catalogue", 0.0, 0)
    assert not judge.decided(Matches())


def test_only_very_clear_evidence_is_decided_and_an_undecided_judge_never_is() -> None:
    clear, doubtful = like(20, visual=0.7, inliers=150), like(20, visual=0.6, inliers=12)
    assert judge.decided(clear)
    assert not judge.decided(doubtful)
    cautious = Judge(PARAMETERS.undecided())
    certain: Match = match("a", visual=1.0, inliers=9999, barcode="4006381333931")
    assert not cautious.decided(short_list(certain))


def test_parameters_survive_being_written() -> None:
    assert JudgeParameters.from_bytes(PARAMETERS.to_bytes(), "here") == PARAMETERS


@pytest.mark.parametrize(
    ("section", "wrong"),
    [
        ("weights", {"smell": 1.0}),
        ("weights", {"visual": -1.0}),
        ("in_catalogue", {"level": 0.0, "slope": 1.0, "background": 2.0}),
        ("in_catalogue", {"level": 0.0, "slope": 1.0, "background": 0.0, "colour": -1.0}),
        ("in_catalogue", {"level": 0.0, "slope": 0.1, "background": 0.0, "shared_design": 9.0}),
        ("thresholds", {"match": 0.4, "missing": 0.8, "decided": 0.9}),
        ("thresholds", {"match": 0.8, "missing": 0.8, "decided": 0.7}),
        ("thresholds", {"match": 0.8}),
    ],
)
def test_parameters_that_break_their_promises_are_refused_in_one_sentence(
    section: str, wrong: dict[str, float]
) -> None:
    values = {**json.loads(PARAMETERS.to_bytes()), section: wrong}
    with pytest.raises(RecipeError, match="here holds no parameters of the judge"):
        JudgeParameters.from_bytes(json.dumps(values).encode(), "here")


@pytest.mark.parametrize("data", [b"[]", b"no JSON", b"{}", b"\xff"])
def test_what_holds_no_parameters_is_refused(data: bytes) -> None:
    with pytest.raises(RecipeError, match="here holds no parameters of the judge"):
        JudgeParameters.from_bytes(data, "here")


def test_the_shipped_parameters_can_be_read_and_a_missing_one_is_named() -> None:
    assert read_judge_parameters("default").weights["visual"] > 0
    with pytest.raises(RecipeError, match=r"no file gone\.json"):
        read_judge_parameters("gone.json")


def test_a_product_listed_twice_under_one_title_counts_for_the_verdict_twice() -> None:
    def listed(product: str, **said: str) -> Match:
        row = match(product, visual=0.8, inliers=150)
        return replace(row, product=Product(product, **said))

    others = [match(f"other{n}", visual=0.3, inliers=0) for n in range(10)]
    named = {"brand": "Aurelle", "name": "Velvet Rouge 475"}
    twice = judge(short_list(listed("a", **named), listed("b", **named), *others))
    assert twice.verdict == "match"
    assert twice.probability == pytest.approx((twice[0].probability or 0) * 2)
    for other in ({**named, "name": "Velvet Rouge 470"}, {**named, "gtin": "4006381333931"}, {}):
        assert judge(short_list(listed("a", **named), listed("b", **other), *others)).verdict == (
            "unsure"
        )
    spelled = {"brand": "AURELLE", "name": "Velvet Rouge, 475"}
    assert judge(short_list(listed("a", **named), listed("b", **spelled), *others)).verdict == (
        "match"
    )
    nameless = judge(short_list(listed("a"), listed("b"), *others))
    assert nameless.verdict == "unsure"


def test_shades_of_one_title_that_colours_tell_apart_do_not_count_together() -> None:
    named = Product("a", name="Velvet Rouge")
    one, other = (
        replace(match("a", visual=0.8, inliers=150, colour=colour), product=product)
        for colour, product in ((1.0, named), (1.0, replace(named, product_id="b")))
    )
    assert is_duplicate(one, other)
    darker = replace(other, reasons=replace(other.reasons, colour=6.0))
    assert not is_duplicate(one, darker)


def test_typed_words_that_the_photo_contradicts_are_no_match() -> None:
    others = [match(f"other{n}", visual=0.3, inliers=0) for n in range(20)]
    shown = match("shown", visual=0.8, inliers=200)
    meant = replace(others[3], reasons=replace(others[3].reasons, typed=1.0))
    assert judge(short_list(shown, *others)).verdict == "match"
    answer = judge(short_list(shown, *others[:3], meant, *others[4:]))
    assert answer[0].product.product_id == "other3"
    assert answer.verdict != "match"
    agreed = replace(shown, reasons=replace(shown.reasons, typed=1.0))
    assert judge(short_list(agreed, *others)).verdict == "match"


@given(
    scores=st.lists(st.floats(0, 60), min_size=2, max_size=14),
    chosen=st.integers(0, 13),
    strengths=st.tuples(st.floats(0, 1), st.floats(0, 1)),
)
def test_more_contradiction_never_raises_the_probability_of_a_product(
    scores: list[float], chosen: int, strengths: tuple[float, float]
) -> None:
    judge, index = Judge(read_judge_parameters("default")), chosen % len(scores)

    def probability(contradiction: float) -> float:
        rows = tuple(
            Match(
                str(n),
                Product(str(n)),
                "",
                0.0,
                Reasons(
                    visual=score / 20 - 1,
                    contradiction=contradiction if n == index else 0.0,
                ),
            )
            for n, score in enumerate(scores)
        )
        found = judge(Matches(rows))
        return next(m.probability or 0.0 for m in found if m.image_id == str(index))

    low, high = sorted(strengths)
    assert probability(high) <= probability(low) + 1e-9
