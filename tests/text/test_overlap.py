"""What a text shares with what was read: laws, and the weights of a slow count."""

from __future__ import annotations

import math
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from beautylens.text.lines import ReadLine
from beautylens.text.overlap import share

LINE = "Aurelle Velvet Rouge"
WORDS = st.lists(st.sampled_from([*LINE.lower().split(), "475", "470", "30ml", "day", "night"]))


def weights(said: str, *texts: str) -> list[float]:
    return [shared.weight for shared in share([ReadLine(said, 1.0)], texts)]


@pytest.mark.parametrize("word", ["475", "30 ml", "day", "N°7"])
def test_one_rare_word_decides_between_packs_that_are_alike(word: str) -> None:
    others = [f"{LINE} {other}" for other in ("470", "50 ml", "night", "8")]
    best, *rest = weights(f"AURELLE velvet rouge {word}", f"{LINE} {word}", *others)
    assert best > max(rest) + 0.5


def test_a_word_weighs_by_its_rarity_among_the_texts() -> None:
    texts = ("rose cream", "rose balm", "mint balm")
    rose, cream = math.log(1 + 3 / 3), math.log(1 + 3 / 2)
    assert weights("rose cream", *texts) == pytest.approx([rose + cream, rose, 0.0])
    half = share([ReadLine("rose cream", 0.5)], texts)
    assert [shared.weight for shared in half] == pytest.approx([(rose + cream) / 2, rose / 2, 0.0])


@pytest.mark.parametrize("read", ["LOREAL", "l oreal", "L'Oréal", "L OREAL PARIS", "LOREALPARIS"])
def test_joined_split_and_accented_words_are_the_same(read: str) -> None:
    loreal, other = weights(read, "L'Oréal Shampoo", "Nivea Shampoo")
    assert loreal > 0
    assert other == 0


@pytest.mark.parametrize(("read", "name"), [("VELVFT", "velvet"), ("M0ISTURE", "moisture")])
def test_a_misread_letter_costs_a_part(read: str, name: str) -> None:
    exact, near = weights(name, name, "x")[0], weights(read, name, "x")[0]
    assert 0 < near < exact


def test_numbers_are_the_same_or_nothing() -> None:
    assert weights("475", "475", "470", "4750", "47") == [pytest.approx(math.log(3)), 0, 0, 0]


def test_a_word_counts_once_however_often_it_is_read() -> None:
    once, thrice = weights("velvet", "velvet", "satin"), weights("velvet " * 3, "velvet", "satin")
    assert once == thrice


def test_one_read_word_stands_for_one_word_of_a_product() -> None:
    both, *single = weights("straightener", "straight straighteners", "straight", "straighteners")
    assert both == max(single) > 0


def test_shared_words_come_in_the_products_spelling_the_rarest_first() -> None:
    texts = ("L'Oréal Rouge N°475", "L'Oréal Nude 470")
    shared = share([ReadLine("loreal rouge 475", 1.0)], texts)
    assert set(shared[0].words) == {"L'Oréal", "Rouge", "475"}
    assert shared[0].words[-1] == "L'Oréal"


def test_words_read_on_a_catalogue_picture_count_for_less() -> None:
    named, printed, nothing = share(
        [ReadLine("velvet", 1.0)], ["velvet", "", ""], ["", "Velvet", ""]
    )
    assert named.weight > printed.weight > nothing.weight == 0
    assert printed.words == ("Velvet",)


@given(WORDS, WORDS, st.randoms(use_true_random=False))
def test_the_order_of_words_lines_and_products_changes_nothing(
    said: list[str], other: list[str], random: Random
) -> None:
    texts = [f"{LINE} 475 30 ml day", f"{LINE} 470", "night cream", " ".join(other)]
    lines = [ReadLine(word, 1.0) for word in said]
    before = {text: shared.weight for text, shared in zip(texts, share(lines, texts), strict=True)}
    random.shuffle(texts)
    random.shuffle(lines)
    after = {text: shared.weight for text, shared in zip(texts, share(lines, texts), strict=True)}
    assert after == pytest.approx(before)


@given(WORDS)
def test_more_that_agrees_never_counts_for_less(said: list[str]) -> None:
    texts = [f"{LINE} 475 30 ml day", f"{LINE} 470 night"]
    lines = [ReadLine(word, 1.0) for word in said]
    before, after = share(lines, texts), share([*lines, ReadLine("475", 1.0)], texts)
    assert after[0].weight >= before[0].weight - 1e-9


def test_a_size_in_two_units_is_one_fact() -> None:
    texts = ["Lotion 200 ml (6.7 fl oz)", "Lotion 200 ml", "Lotion 6.7 oz", "Lotion 250 ml 8.5 oz"]
    both, metric, ounces, other = share([ReadLine("200 ml 6.7 fl. oz", 1.0)], texts)
    assert len(both.words) == len(metric.words) == len(ounces.words) == 1
    assert other.weight == 0

    in_ounces = share([ReadLine("6.7 FL OZ", 1.0)], texts)
    assert all(each.weight > 0 for each in in_ounces[:3])
    assert in_ounces[3].weight == 0
