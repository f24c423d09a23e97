"""The question that would decide between the two most probable products of an answer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

import numpy as np

from beautylens.features.colour.cielab import ciede2000, levels
from beautylens.features.colour.difference import ColourComparison
from beautylens.reasons import Question
from beautylens.results import Match, Matches, Product
from beautylens.search.judge.duplicates import VISIBLE, is_duplicate
from beautylens.text.tokens import Token, tokens_of

# What a question is about, and the answer of each product.
Answers: TypeAlias = tuple[str, tuple[str, str]]

# A product that is this much less probable than the first is no alternative.
_ALTERNATIVE = 0.25
# Words of a name that are shown at most.
_MOST_WORDS = 6
# Letters of a value from which on it is a description.
_LONGEST_VALUE = 40


def question_of(products: Matches) -> Question | None:
    """Return what would decide between the first product and the next different one.

    The words of one name that the other lacks; else the first catalogue column in which they
    differ; else their colours, if these visibly differ. None if the first product is much more
    probable, or no difference is known.

    Args:
        products: the best match of each product with its probability, best first.
    """
    if not len(products):
        return None
    first = products[0]
    other = next((match for match in products if not is_duplicate(match, first)), None)
    if other is None or (other.probability or 0.0) < _ALTERNATIVE * (first.probability or 0.0):
        return None
    found = (
        _words(first.product, other.product)
        or _column(first.product, other.product)
        or _colours(first, other, products.colours)
    )
    if found is None:
        return None
    about, answers = found
    return Question(about, (first.product.product_id, other.product.product_id), answers)


def _words(one: Product, other: Product) -> Answers | None:
    """Return the words by which two names differ, if they have a word in common."""
    first, second = (tokens_of(f"{product.brand} {product.name}") for product in (one, other))
    if not _keys(first) & _keys(second):
        return None
    left, right = _words_without(first, second), _words_without(second, first)
    if not (left or right) or max(len(left), len(right)) > _MOST_WORDS:
        return None
    only_left, only_right = " ".join(left), " ".join(right)
    return "words", (only_left or f"without {only_right}", only_right or f"without {only_left}")


def _words_without(tokens: Sequence[Token], others: Sequence[Token]) -> list[str]:
    """Return the words of tokens that the others lack, each once, as they are written."""
    known = _keys(others)
    spellings = dict.fromkeys(token.spelling for token in tokens if token.key not in known)
    return " ".join(spellings).split()


def _keys(tokens: Sequence[Token]) -> set[str]:
    return {token.key for token in tokens}


def _column(one: Product, other: Product) -> Answers | None:
    """Return the first column in which both products have short values that differ."""
    values = {"category": other.category, **other.metadata}
    for name, value in {"category": one.category, **one.metadata}.items():
        theirs = values.get(name, "")
        if value != theirs and _is_short(value) and _is_short(theirs):
            return name, (value, theirs)
    return None


def _is_short(text: str) -> bool:
    """Return whether a person can compare a value with a pack: no address, no description."""
    return 0 < len(text) <= _LONGEST_VALUE and "://" not in text


def _colours(one: Match, other: Match, compared: ColourComparison | None) -> Answers | None:
    """Return the mean colours of two compared pictures, if they visibly differ."""
    if compared is None or not {one.image_id, other.image_id} <= set(compared.image_ids):
        return None
    cells = compared.cell_colours
    pictures = [compared.image_ids.index(match.image_id) for match in (one, other)]
    means = np.average(cells.pictures[pictures], axis=1, weights=cells.weights)
    if float(ciede2000(means[0], means[1])) <= VISIBLE:
        return None
    one_colour, other_colour = (f"#{bytes(colour).hex()}" for colour in levels(means))
    return "colour", (one_colour, other_colour)
