"""What would decide between two products that are about equally probable."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from beautylens.arrays import Float64
from beautylens.features.colour.alignment import Aligned
from beautylens.features.colour.difference import CellColours, ColourComparison
from beautylens.reasons import Reasons
from beautylens.results import Match, Matches, Product
from beautylens.search.judge.judge import Judge
from beautylens.search.judge.parameters import read_judge_parameters
from beautylens.search.judge.question import question_of


def two(one: Product, other: Product, probabilities: tuple[float, float] = (0.4, 0.3)) -> Matches:
    return Matches(
        tuple(
            Match(f"{product.product_id}-0", product, "", 1.0, probability=probability)
            for product, probability in zip((one, other), probabilities, strict=True)
        )
    )


@pytest.mark.parametrize(
    ("names", "answers"),
    [
        (("Silk Shampoo 200 ml", "Silk Conditioner 200 ml"), ("Shampoo", "Conditioner")),
        (("Day Cream, 30 mL", "Day Cream, 50 mL"), ("30 mL", "50 mL")),
        (("Day Cream", "Day Cream SPF 50"), ("without SPF 50", "SPF 50")),
        (("Rouge N°046", "Rouge N°047"), ("046", "047")),
    ],
)
def test_the_words_that_one_name_has_and_the_other_lacks(
    names: tuple[str, str], answers: tuple[str, str]
) -> None:
    question = question_of(two(Product("a", names[0]), Product("b", names[1])))
    assert question is not None
    assert (question.about, question.product_ids, question.answers) == (
        "words",
        ("a", "b"),
        answers,
    )


def test_a_column_that_differs_where_the_names_do_not() -> None:
    one, other = (
        Product(
            product_id,
            "Lip Balm",
            metadata={"url": f"https://x/{shade}", "shade": shade, "size": "5"},
        )
        for product_id, shade in (("a", "mint"), ("b", "rose"))
    )
    question = question_of(two(one, other))
    assert question is not None
    assert (question.about, question.answers) == ("shade", ("mint", "rose"))


def pictures_of(colours: Float64) -> ColourComparison:
    pixels = np.zeros((8, 8, 3), np.uint8)
    aligned = Aligned(pixels, np.ones((8, 8), bool))
    lab = np.repeat(colours[:, None], 4, axis=1)
    cells = CellColours(np.zeros(2), np.zeros((4, 2), np.intp), np.ones(4), lab, lab)
    return ColourComparison(("a-0", "b-0"), aligned, (aligned, aligned), cells)


def test_colours_where_nothing_written_differs() -> None:
    matches = two(Product("a", "Lip Balm", gtin="1"), Product("b", "Lip Balm", gtin="2"))
    red_and_white = pictures_of(np.array([[53.2, 80.1, 67.2], [100.0, 0.0, 0.0]]))
    question = question_of(replace(matches, colours=red_and_white))
    assert question is not None
    assert (question.about, question.answers) == ("colour", ("#ff0000", "#ffffff"))
    alike = pictures_of(np.array([[53.0, 80.0, 67.0], [53.5, 80.0, 67.0]]))
    assert question_of(replace(matches, colours=alike)) is None


@pytest.mark.parametrize(
    ("one", "other", "probabilities"),
    [
        (Product("a", "Shampoo"), Product("b", "Conditioner"), (0.6, 0.1)),  # it is the first
        (Product("a", "Shampoo"), Product("b", "Shampoo"), (0.4, 0.4)),  # listed twice
        (Product("a", "Shampoo"), Product("b"), (0.4, 0.4)),  # nothing is known of one
    ],
)
def test_there_is_no_question_where_nothing_would_decide(
    one: Product, other: Product, probabilities: tuple[float, float]
) -> None:
    question = question_of(two(one, other, probabilities))
    assert question is None
    assert question_of(Matches()) is None


def test_only_an_unsure_answer_has_one() -> None:
    judge = Judge(read_judge_parameters("default"))
    matches = two(Product("a", "Silk Shampoo"), Product("b", "Silk Conditioner"))
    assert judge(matches).verdict == "not_in_catalogue"
    assert judge(matches).question is None
    shown = Reasons(visual=0.9, inliers=200)
    answer = judge(matches.with_rows(replace(match, reasons=shown) for match in matches))
    assert answer.verdict == "unsure"
    assert answer.question is not None
    assert answer.question.answers == ("Shampoo", "Conditioner")
