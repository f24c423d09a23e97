"""Tokens: sizes and numbers in one spelling, letters apart from digits."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from beautylens.text.tokens import is_exact, same_size, tokens_of


def keys(text: str) -> list[str]:
    return [token.key for token in tokens_of(text)]


@pytest.mark.parametrize(
    "texts",
    [
        ("30 ml", "30ml", "30ML", "30 mL.", "3 cl"),
        ("1 fl oz", "1.0 fl. oz.", "1 OZ", "1,0 FL.OZ"),
        ("N°5", "No. 5", "no 5", "Nº5", "05"),
        ("1,000 ml", "1 l", "1000ML", "1.0 L"),
        ("SPF50+", "spf 50"),
        ("Rosé", "ROSE", "rose™"),
        (".28 oz", "0.28 OZ"),
    ],
)
def test_spellings_of_the_same_are_alike(texts: tuple[str, ...]) -> None:
    assert len({tuple(keys(text)) for text in texts}) == 1


def test_each_token_keeps_the_spelling_of_the_text() -> None:
    tokens = tokens_of("L'Oréal Rosé N°05, 30 mL (1.0 fl. oz.)")
    assert [token.key for token in tokens] == ["l", "oreal", "rose", "5", "30ml", "1oz"]
    assert [token.spelling for token in tokens][1:5] == ["L'Oréal", "Rosé", "05", "30 mL"]


def test_a_letter_after_a_number_is_no_unit() -> None:
    assert keys("6 Light") == ["6", "light"]
    assert keys("Type 5 G512") == ["type", "5", "g", "512"]
    assert keys("N°5 L'Eau 50 ml") == ["5", "l", "eau", "50ml"]
    assert keys("100 L\u2019Oréal") == ["100", "l", "oreal"]
    assert keys("2 G&H 3 l") == ["2", "g", "h", "3000ml"]


@given(st.text(max_size=60))
def test_any_text_has_tokens_with_keys(text: str) -> None:
    for token in tokens_of(text):
        assert token.key
        assert isinstance(is_exact(token.key), bool)


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("200ml", "6.7oz", True),
        ("6.7oz", "198ml", True),
        ("50g", "1.76oz", True),
        ("3000ml", "101.4oz", True),
        ("200ml", "8.5oz", False),
        ("200ml", "200g", False),
        ("200ml", "200ml", False),
        ("30", "1oz", False),
        ("rose", "1oz", False),
    ],
)
def test_ounces_and_metric_sizes_are_equal_but_for_rounding(
    one: str, other: str, same: bool
) -> None:
    assert same_size(one, other) == same
