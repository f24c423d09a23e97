from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from beautylens.text.words import words_of


def test_words_lose_case_accents_and_punctuation() -> None:
    assert words_of("Crème Rosé N°5 / ÉCLAT_24h") == ["creme", "rose", "n", "5", "eclat", "24h"]


def test_shade_numbers_and_sizes_stay_as_they_are_written() -> None:
    assert words_of("No. 475, 30ml (1.0 fl.oz)") == ["no", "475", "30ml", "1", "0", "fl", "oz"]


@pytest.mark.parametrize("sign", "™®©℠")
def test_a_trademark_sign_does_not_grow_onto_its_word(sign: str) -> None:
    assert words_of(f"Anti-Blemish Solutions{sign} Makeup") == [
        "anti", "blemish", "solutions", "makeup",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Крем для ЛИЦА", ["крем", "для", "лица"]),
        ("ΚΡΈΜΑ ημέρας", ["κρεμα", "ημερασ"]),
        ("資生堂 パーフェクト", ["資生堂", "ハーフェクト"]),
        ("फेस क्रीम", ["फेस", "करीम"]),
        ("كريم 50 مل", ["كريم", "50", "مل"]),
        ("STRASSE straße", ["strasse", "strasse"]),
    ],
)
def test_other_scripts_keep_whole_words(text: str, words: list[str]) -> None:
    assert words_of(text) == words


@given(st.text(st.characters(max_codepoint=127)))
def test_plain_ascii_gives_the_same_words_either_way(text: str) -> None:
    assert words_of(text) == words_of(text + " é")[:-1]


@given(st.text())
def test_words_of_words_are_the_same_words(text: str) -> None:
    words = words_of(text)
    assert all(words)
    assert words_of(" ".join(words)) == words
