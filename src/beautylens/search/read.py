"""Words read off the pack and words typed by the user, matched with the products' texts."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from beautylens.query import Query
from beautylens.results import Match, Matches, Product
from beautylens.store.picture_text import PictureText
from beautylens.text.index_words import LONGEST_VALUE
from beautylens.text.lines import ReadLine
from beautylens.text.overlap import Shared, share
from beautylens.text.tokens import identifies


class ReadPack:
    """Adds the words that each product's text shares with the photo, and their weight.

    Args:
        picture_text: the lines read on catalogue pictures, if they count as text of a product.
        nameless: whether they count only for products whose brand and name say little.
        photo: whether the photo is read; otherwise only typed words count.
        decided: returns whether the evidence so far is enough; then the photo is not read.
    """

    def __init__(
        self,
        picture_text: PictureText | None = None,
        *,
        nameless: bool = False,
        photo: bool = True,
        decided: Callable[[Matches], bool] | None = None,
    ) -> None:
        self._picture_text, self._nameless = picture_text, nameless
        self._photo, self._decided = photo, decided

    def __call__(self, query: Query, matches: Matches) -> Matches:
        """Return the matches in their order, with the words read and typed."""
        if self._photo and len(matches) and not self._is_decided(matches):
            matches = replace(matches, lines=query.lines)
        if not matches.lines and not query.words:
            return matches
        return self._with_words(query, matches)

    def _is_decided(self, matches: Matches) -> bool:
        return self._decided is not None and self._decided(matches)

    def _with_words(self, query: Query, matches: Matches) -> Matches:
        # Rarity is counted over products, not over their pictures.
        products = {match.product.product_id: match.product for match in matches}
        lines = [ReadLine(line.text, line.confidence) for line in matches.lines]
        on_pictures = self._on_pictures(products)
        read = share(lines, [pack_text(product) for product in products.values()], on_pictures)
        typed = self._typed(query.words, list(products.values()))
        shared = dict(zip(products, zip(read, typed, strict=True), strict=True))
        most = max((each.weight for each in typed), default=0.0)
        rows = tuple(
            self._explained(
                match, *shared[match.product.product_id], most, has_lines=bool(matches.lines)
            )
            for match in matches
        )
        return replace(matches, rows=rows)

    def _on_pictures(self, products: Mapping[str, Product]) -> list[str]:
        """Return the text on the pictures of each product, empty where it does not count."""
        if self._picture_text is None:
            return [""] * len(products)
        wanted = [
            name
            for name, product in products.items()
            if not (self._nameless and identifies(f"{product.brand} {product.name}"))
        ]
        lines = self._picture_text.of_products(wanted)
        return ["\n".join(line.text for line in lines.get(name, ())) for name in products]

    @staticmethod
    def _typed(words: str, products: Sequence[Product]) -> list[Shared]:
        """Return what the typed words share with all text of each product, its id included."""
        found = share([ReadLine(words, 1.0)], [all_text(product) for product in products])
        rarest = math.log(1 + len(products) / 2)
        ids = set(words.casefold().split())
        return [
            shared | Shared(rarest, (product.product_id,))
            if product.product_id.casefold() in ids
            else shared
            for shared, product in zip(found, products, strict=True)
        ]

    @staticmethod
    def _explained(
        match: Match, read: Shared, typed: Shared, most: float, *, has_lines: bool
    ) -> Match:
        # A product without text has no evidence from it, and so has a photo that was not read.
        known = has_lines and (read.words or pack_text(match.product))
        reasons = replace(
            match.reasons,
            text=read.weight if known else None,
            typed=typed.weight / most if most else None,
            words=tuple(dict.fromkeys((*typed.words, *read.words, *match.reasons.words))),
        )
        return replace(match, reasons=reasons)


def pack_text(product: Product) -> str:
    """Return the values of a catalogue row that may be on the pack: all but long ones."""
    short = (value for value in product.metadata.values() if len(value) <= LONGEST_VALUE)
    return _lines(product.brand, product.name, product.category, *short)


def all_text(product: Product) -> str:
    """Return all values of a catalogue row but the id."""
    named = (product.brand, product.name, product.category, product.gtin)
    return _lines(*named, *product.metadata.values())


def _lines(*parts: str) -> str:
    return "\n".join(part for part in parts if part)
