"""Products that a catalogue lists several times."""

from __future__ import annotations

from functools import lru_cache

from beautylens.results import Match, Product
from beautylens.text.tokens import tokens_of

# Colour difference, CIEDE2000, from which on a person sees two colours.
VISIBLE = 2.0


def is_duplicate(one: Match, other: Match) -> bool:
    """Return whether two rows list one product: the same words and values, except for the id.

    Rows whose colours visibly differ are none: some catalogues give all shades the same name.
    """
    first, second = one.product, other.product
    if first.product_id == second.product_id:
        return True
    colours = [match.reasons.colour for match in (one, other) if match.reasons.colour is not None]
    differ = len(colours) > 1 and abs(colours[0] - colours[1]) > VISIBLE
    if differ or not first.name or _values_of(first) != _values_of(second):
        return False
    return _words_of(first.brand, first.name) == _words_of(second.brand, second.name)


def _values_of(product: Product) -> tuple[str, str, dict[str, str]]:
    return product.category, product.gtin, dict(product.metadata)


# Each search compares the first product with all others, twice.
@lru_cache(maxsize=4096)
def _words_of(brand: str, name: str) -> frozenset[str]:
    """Return the words of a title, whatever their punctuation and order."""
    return frozenset(token.key for token in tokens_of(f"{brand} {name}".replace("&", " and ")))
