"""What tells two packs apart in their texts: words, numbers, and sizes whichever way written."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from beautylens.text.words import words_of


class Token(NamedTuple):
    """One word, number or size of a text."""

    # By which it is compared: `rose`, `5`, `30ml`.
    key: str
    # As the text has it.
    spelling: str


def is_exact(key: str) -> bool:
    """Tell whether a key is a number or a size, of which another is never nearly the same."""
    return key[0].isdigit()


# How much of the unit that it is written in here one of these is.
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
# "No. 5" and "N°5"; a dot or comma may start or part a number; ounces may be called fluid.
_NUMBERING = r"(?<!\w)n[or]?[.°º]?\s*(?=\d)"
# "5 L'Oréal" and "2 G&H" are names.
_UNIT = "ml|cl|mg|gr|kg|oz|[lg](?!\\s*['\u2019&])"
_SIZE = rf"(?P<number>\d*[.,]?\d+)\s*(?:fl\.?\s*(?=o))?(?P<unit>{_UNIT})(?![^\W_])"
_PARTS = re.compile(f"{_NUMBERING}|{_SIZE}", re.IGNORECASE)
_RUN = re.compile(r"\d+|\D+")


def tokens_of(text: str) -> list[Token]:
    """Return the tokens of a text in their order.

    "Rosé N°05, 30 mL (1.0 fl. oz.)" has the keys rose, 5, 30ml, 1oz. Letters and digits that
    stand together come apart, so that "SPF50" and "SPF 50" are alike.
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
    """Return a size in its one spelling; a comma before three digits parts thousands."""
    plain = re.sub(r",(?=\d{3}$)", "", number) if number[0] != "," else number
    own, factor = UNITS[unit.lower()]
    return f"{float(plain.replace(',', '.')) * factor:g}{own}"
