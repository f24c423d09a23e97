"""Tokens of product texts: words, numbers and sizes in a normal form."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from beautylens.text.words import words_of


class Token(NamedTuple):
    """A word, number or size of a text.

    key is its normal form, by which tokens are compared: `rose`, `5`, `30ml`. spelling is that of
    the text.
    """

    key: str
    spelling: str


def is_exact(key: str) -> bool:
    """Return whether a key is a number or a size, which must match exactly."""
    return key[0].isdigit()


# The unit of the normal form, and the factor to it.
UNITS = {
    "ml": ("ml", 1.0),
    "cl": ("ml", 10.0),
    "l": ("ml", 1000.0),
    "mg": ("g", 0.001),
    "g": ("g", 1.0),
    "gr": ("g", 1.0),
    "kg": ("g", 1000.0),
    "oz": ("oz", 1.0),
}
# "No. 5" and "N°5"; numbers may have or start with a decimal dot or comma; ounces may be fluid.
_NUMBERING = r"(?<!\w)n[or]?[.°º]?\s*(?=\d)"
# "5 L'Oréal" and "2 G&H" are names.
_UNIT = "ml|cl|mg|gr|kg|oz|[lg](?!\\s*['\u2019&])"
_SIZE = rf"(?P<number>\d*[.,]?\d+)\s*(?:fl\.?\s*(?=o))?(?P<unit>{_UNIT})(?![^\W_])"
_PARTS = re.compile(f"{_NUMBERING}|{_SIZE}", re.IGNORECASE)
_RUN = re.compile(r"\d+|\D+")


def tokens_of(text: str) -> list[Token]:
    """Return the tokens of a text in their order.

    "Rosé N°05, 30 mL (1.0 fl. oz.)" has the keys rose, 5, 30ml, 1oz. Letters and digits are
    split, so that "SPF50" and "SPF 50" are equal.
    """
    tokens: list[Token] = []
    end = 0
    for found in _PARTS.finditer(text):
        tokens += _words(text[end : found.start()])
        if found["unit"]:
            tokens.append(Token(_size(found["number"], found["unit"]), found[0].strip()))
        end = found.end()
    return [*tokens, *_words(text[end:])]


def _words(text: str) -> Iterator[Token]:
    for written in text.split():
        for word in words_of(written):
            for run in _RUN.findall(word):
                key = run.lstrip("0") or "0" if run.isdigit() else run
                yield Token(key, written.strip(".,;:()[]\"'!?&/|-+*"))


def _size(number: str, unit: str) -> str:
    """Return the normal form of a size; a comma before three digits separates thousands."""
    plain = re.sub(r",(?=\d{3}$)", "", number) if number[0] != "," else number
    normal_unit, factor = UNITS[unit.lower()]
    return f"{float(plain.replace(',', '.')) * factor:g}{normal_unit}"


# Millilitres of a fluid ounce and grams of an ounce: a pack writes "oz" for either.
_OUNCE = {"ml": 29.5735, "g": 28.3495}
# Two sizes are equal if they differ by this share: 6.7 fl oz is 198 ml, and stands beside 200 ml.
_ROUNDING = 0.03
_QUANTITY = re.compile(r"([\d.e+-]+?)(ml|g|oz)")


def same_size(one: str, other: str) -> bool:
    """Return whether two keys are one size in different units, such as `200ml` and `6.7oz`."""
    first, second = _QUANTITY.fullmatch(one), _QUANTITY.fullmatch(other)
    if first is None or second is None or (first[2] == "oz") == (second[2] == "oz"):
        return False
    ounces, metric = (first, second) if first[2] == "oz" else (second, first)
    amount = float(metric[1])
    return abs(float(ounces[1]) * _OUNCE[metric[2]] - amount) <= _ROUNDING * amount


# Number of different words from which on a product is identified by its text.
MIN_WORDS = 2


def identifies(text: str) -> bool:
    """Return whether a text has enough words to identify a product; numbers do not count."""
    return (
        len({key for key, _ in tokens_of(text) if len(key) >= 3 and not is_exact(key)}) >= MIN_WORDS
    )
