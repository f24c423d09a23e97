"""Tags of Open Beauty Facts, such as `en:day-creams`: filters, and readable names."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Sequence
from difflib import get_close_matches
from functools import cache
from operator import attrgetter

from beautylens.catalogue.datasets.open_beauty_facts.export import Listing

# The column of an export and the field of a listing for each filter.
TAGS: dict[str, tuple[str, Callable[[Listing], Sequence[str]]]] = {
    "country": ("countries_tags", attrgetter("country_tags")),
    "category": ("categories_tags", attrgetter("category_tags")),
    "brand": ("brands_tags", attrgetter("brand_tags")),
}
# Tags that are not categories, such as the databases between which a product was moved.
_NO_CATEGORIES = frozenset(
    (
        "open-beauty-facts",
        "open-food-facts",
        "open-pet-food-facts",
        "open-products-facts",
        "non-open-products-facts",
        "non-food-products",
        "to-be-completed",
        "undefined",
    )
)


class Filters:
    """Filters by country, category and brand; an empty one accepts all products.

    Args:
        country: such as `France`, or the tag `en:france`.
        category: such as `Day creams`; it includes its sub-categories.
        brand: such as `L'Oréal`.
    """

    def __init__(self, country: str = "", category: str = "", brand: str = "") -> None:
        given = {"country": country, "category": category, "brand": brand}
        self._wanted = {kind: slug(text) for kind, text in given.items() if text}
        self._seen: dict[str, set[str]] = {kind: set() for kind in self._wanted}

    @property
    def columns(self) -> list[str]:
        """The columns of an export that the filters need."""
        return [TAGS[kind][0] for kind in self._wanted]

    def accept(self, listing: Listing) -> bool:
        """Return whether a product passes all filters."""
        for kind, wanted in self._wanted.items():
            tags = set(map(slug, TAGS[kind][1](listing)))
            self._seen[kind] |= tags
            if wanted not in tags:
                return False
        return True

    def advice(self) -> str:
        """Return what to do if no product passed, with the tags that were probably meant."""
        for kind, wanted in self._wanted.items():
            if self._seen[kind] and wanted not in self._seen[kind]:
                close = get_close_matches(wanted, sorted(self._seen[kind]))
                meant = f"; is {' or '.join(map(repr, close))} meant?" if close else ""
                return f"no product has the {kind} {wanted!r}{meant}"
        return "give another export, or other filters"


@cache
def slug(text: str) -> str:
    """Return the normal form of a tag or of a filter's text, by which they are compared."""
    plain = unicodedata.normalize("NFKD", text.rpartition(":")[2].lower())
    bare = "".join(letter for letter in plain if not unicodedata.combining(letter))
    return re.sub(r"[\W_]+", "-", bare).strip("-")


def readable(tag: str) -> str:
    """Return a tag as words: `en:day-creams` is `Day creams`."""
    return tag.rpartition(":")[2].replace("-", " ").strip().capitalize()


def most_specific(tags: Sequence[str]) -> str:
    """Return the last category in English, else the last, as words; empty if there is none."""
    categories = [tag for tag in tags if slug(tag) not in _NO_CATEGORIES]
    english = [tag for tag in categories if tag.startswith("en:")]
    return readable((english or categories or [""])[-1])
