"""Words read off the pack and words that the user typed, against the text of the short-list."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from beautylens.results import Match, Matches, Product
from beautylens.search.match_code import barcode_first
from beautylens.search.query import Photo
from beautylens.store.gallery import Gallery
from beautylens.text.lines import Said
from beautylens.text.ocr import Reads
from beautylens.text.overlap import Shared, share
from beautylens.text.tokens import is_exact, tokens_of

# A longer value describes a pack in words of its own, which agree with its print by chance.
PROSE = 60
# Fewer different words than this say little of a product.
TELLING = 2


class Read:
    """Gives each match the words that its product's text shares with the photo, and their weight.

    Args:
        reader: returns what reads the photo, asked for once there is a photo to be read; without
            one, only typed words count.
        gallery: holds the words that were read on catalogue pictures, where they were.
        decided: tells of matches that reading could change nothing about; then it is left out.
        weight: what one nat of shared words adds to a match's score.
    """

    def __init__(
        self,
        reader: Callable[[], Reads] | None = None,
        *,
        gallery: Gallery | None = None,
        decided: Callable[[Matches], bool] | None = None,
        weight: float = 0.03,
    ) -> None:
        self._reader, self._gallery = reader, gallery
        self._decided, self._weight = decided, weight

    def __call__(self, photo: Photo, matches: Matches) -> Matches:
        """Return the matches re-ordered; unchanged where nothing was read or typed."""
        if self._reader is not None and len(matches) and not self._is_decided(matches):
            with photo.timed("read"):
                photo.lines = self._reader()(photo.pixels)
        if photo.lines or photo.words:
            with photo.timed("refine"):
                matches = self._refined(photo, matches)
        return barcode_first(matches)

    def _is_decided(self, matches: Matches) -> bool:
        return self._decided is not None and self._decided(matches)

    def _refined(self, photo: Photo, matches: Matches) -> Matches:
        # Rarity is counted over products, however many pictures each has.
        products = {match.product.product_id: match.product for match in matches}
        read = [Said(line.text, line.confidence) for line in photo.lines]
        stored = self._gallery.read_words(products) if self._gallery else {}
        printed = [stored.get(product, "") for product in products]
        found = share(read, [print_of(product) for product in products.values()], printed)
        meant = self._meant(photo.words, list(products.values()))
        shared = dict(zip(products, zip(found, meant, strict=True), strict=True))
        most = max((each.weight for each in meant), default=0.0)
        return Matches.ranked(
            self._explained(
                match, *shared[match.product.product_id], most, looked=bool(photo.lines)
            )
            for match in matches
        )

    @staticmethod
    def _meant(words: str, products: Sequence[Product]) -> list[Shared]:
        """Return what the typed words share with all that is known of products, ids included."""
        found = share([Said(words, 1.0)], [text_of(product) for product in products])
        rarest = math.log(1 + len(products) / 2)
        typed = set(words.casefold().split())
        return [
            shared | Shared(rarest, (product.product_id,))
            if product.product_id.casefold() in typed
            else shared
            for shared, product in zip(found, products, strict=True)
        ]

    def _explained(
        self, match: Match, read: Shared, meant: Shared, most: float, *, looked: bool
    ) -> Match:
        # A product without a text says nothing for or against it, nor does print not looked for.
        text = read.weight if looked and (read.words or print_of(match.product)) else None
        typed = meant.weight / most if most else None
        words = tuple(dict.fromkeys((*meant.words, *read.words, *match.reasons.words)))
        reasons = replace(match.reasons, text=text, typed=typed, words=words)
        score = match.score + self._weight * (text or 0.0) + (typed or 0.0)
        return replace(match, score=score, reasons=reasons)


class CatalogueReader:
    """Reads the print on catalogue pictures, for products whose texts say little.

    Args:
        reader: returns what reads a picture.
        nameless: whether pictures of products with a telling brand or name are left unread.
    """

    def __init__(self, reader: Callable[[], Reads], *, nameless: bool) -> None:
        self._reader, self._nameless = reader, nameless

    def __call__(self, row: Mapping[str, str], picture: NDArray[np.uint8]) -> str:
        """Return the lines on a row's picture, (H, W, 3) uint8; nothing where it is left unread."""
        if self._nameless and says_enough(f"{row['brand']} {row['name']}"):
            return ""
        return "\n".join(line.text for line in self._reader()(picture))


def says_enough(text: str) -> bool:
    """Tell whether a text has words enough to know a product by; numbers are no words."""
    return (
        len({key for key, _ in tokens_of(text) if len(key) >= 3 and not is_exact(key)}) >= TELLING
    )


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
