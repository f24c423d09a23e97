"""Words read off the pack and words that the user typed, against the text of the short-list."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace

from beautylens.query import Query
from beautylens.results import Match, Matches, Product
from beautylens.store.gallery import Gallery
from beautylens.text.lines import ReadLine
from beautylens.text.overlap import Shared, share

# A longer value describes a pack in words of its own, which agree with its print by chance.
PROSE = 60


class ReadPack:
    """Gives each match the words that its product's text shares with the photo, and their weight.

    Args:
        gallery: holds the words that were read on catalogue pictures, where they were.
        photo: whether the photo is read; else only typed words count.
        decided: tells of matches that reading could change nothing about; then it is left out.
    """

    def __init__(
        self,
        gallery: Gallery | None = None,
        *,
        photo: bool = True,
        decided: Callable[[Matches], bool] | None = None,
    ) -> None:
        self._gallery, self._photo, self._decided = gallery, photo, decided

    def __call__(self, query: Query, matches: Matches) -> Matches:
        """Return the matches in their order, with what was read; unchanged where nothing was."""
        if self._photo and len(matches) and not self._is_decided(matches):
            matches = replace(matches, lines=query.lines)
        if not matches.lines and not query.words:
            return matches
        return self._with_words(query, matches)

    def _is_decided(self, matches: Matches) -> bool:
        return self._decided is not None and self._decided(matches)

    def _with_words(self, query: Query, matches: Matches) -> Matches:
        # Rarity is counted over products, however many pictures each has.
        products = {match.product.product_id: match.product for match in matches}
        read = [ReadLine(line.text, line.confidence) for line in matches.lines]
        stored = self._gallery.products.read_words(products) if self._gallery else {}
        printed = [stored.get(product, "") for product in products]
        found = share(read, [print_of(product) for product in products.values()], printed)
        meant = self._meant(query.words, list(products.values()))
        shared = dict(zip(products, zip(found, meant, strict=True), strict=True))
        most = max((each.weight for each in meant), default=0.0)
        rows = tuple(
            self._explained(
                match, *shared[match.product.product_id], most, looked=bool(matches.lines)
            )
            for match in matches
        )
        return replace(matches, rows=rows)

    @staticmethod
    def _meant(words: str, products: Sequence[Product]) -> list[Shared]:
        """Return what the typed words share with all that is known of products, ids included."""
        found = share([ReadLine(words, 1.0)], [text_of(product) for product in products])
        rarest = math.log(1 + len(products) / 2)
        typed = set(words.casefold().split())
        return [
            shared | Shared(rarest, (product.product_id,))
            if product.product_id.casefold() in typed
            else shared
            for shared, product in zip(found, products, strict=True)
        ]

    @staticmethod
    def _explained(
        match: Match, read: Shared, meant: Shared, most: float, *, looked: bool
    ) -> Match:
        # A product without a text says nothing for or against it, nor does print not looked for.
        text = read.weight if looked and (read.words or print_of(match.product)) else None
        typed = meant.weight / most if most else None
        words = tuple(dict.fromkeys((*meant.words, *read.words, *match.reasons.words)))
        return replace(match, reasons=replace(match.reasons, text=text, typed=typed, words=words))


def print_of(product: Product) -> str:
    """Return what a catalogue says of a product that may stand on its pack; no prose."""
    short = (value for value in product.metadata.values() if len(value) <= PROSE)
    return _lines(product.brand, product.name, product.category, *short)


def text_of(product: Product) -> str:
    """Return everything that a catalogue says of a product but its id."""
    named = (product.brand, product.name, product.category, product.gtin)
    return _lines(*named, *product.metadata.values())


def _lines(*parts: str) -> str:
    return "\n".join(part for part in parts if part)
