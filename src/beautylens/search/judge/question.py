"""The question that would decide between the two most probable products of an answer."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from beautylens.features.colour.cielab import ciede2000, levels
from beautylens.features.colour.difference import ColourComparison
from beautylens.reasons import Question
from beautylens.results import Match, Matches, Product
from beautylens.search.judge.duplicates import VISIBLE, is_duplicate
from beautylens.text.tokens import tokens_of

# A product that is this much less probable than the first is no alternative.
_ALTERNATIVE = 0.25
# Words of a name that are shown at most.
_MOST_WORDS = 6
# Letters of a value from which on it is a description.
_LONGEST_VALUE = 40


def question_of(products: Matches) -> Question | None:
    """Return what would decide between the first product and the next one that is another.

    The words of one name that the other lacks; else the first catalogue column in which they
    differ; else their colours, if these visibly differ. None where the first product is much more
    probable, or nothing is known to differ.

    Args:
        products: the best match of each product with its probability, best first.
    """
    if not len(products):
        return None
    first = products[0]
    other = next((match for match in products if not is_duplicate(match, first)), None)
    if other is None or (other.probability or 0.0) < _ALTERNATIVE * (first.probability or 0.0):
        return None
    ids = (first.product.product_id, other.product.product_id)
    found = _words(first.product, other.product) or _columns(first.product, other.product)
    found = found or _colours(first, other, products.colours)
    return Question(found[0], ids, found[1]) if found else None


def _words(one: Product, other: Product) -> tuple[str, tuple[str, str]] | None:
    names = tuple(tokens_of(f"{product.brand} {product.name}") for product in (one, other))
    keys = tuple({token.key for token in name} for name in names)
    if not keys[0] & keys[1]:
        return None
    left, right = (
        " ".join(dict.fromkeys(t.spelling for t in names[own] if t.key not in keys[1 - own]))
        for own in (0, 1)
    )
    if (not left and not right) or max(len(left.split()), len(right.split())) > _MOST_WORDS:
        return None
    return "words", (left or f"without {right}", right or f"without {left}")


def _columns(one: Product, other: Product) -> tuple[str, tuple[str, str]] | None:
    values = (_values_of(one), _values_of(other))
    return next(
        (
            (name, (value, values[1][name]))
            for name, value in values[0].items()
            if value != values[1].get(name)
            and all(_is_short(text) for text in (value, values[1].get(name, "")))
        ),
        None,
    )


def _is_short(text: str) -> bool:
    """Return whether a person can compare a value with a pack: no address, no description."""
    return 0 < len(text) <= _LONGEST_VALUE and "://" not in text


def _values_of(product: Product) -> Mapping[str, str]:
    return {"category": product.category, **product.metadata}


def _colours(
    one: Match, other: Match, compared: ColourComparison | None
) -> tuple[str, tuple[str, str]] | None:
    if compared is None or not {one.image_id, other.image_id} <= set(compared.image_ids):
        return None
    cells = compared.cell_colours
    pictures = [compared.image_ids.index(match.image_id) for match in (one, other)]
    means = np.average(cells.pictures[pictures], axis=1, weights=cells.weights)
    if float(ciede2000(means[0], means[1])) <= VISIBLE:
        return None
    one_colour, other_colour = (f"#{bytes(colour).hex()}" for colour in levels(means))
    return "colour", (one_colour, other_colour)
