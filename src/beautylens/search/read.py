"""Words read off the pack and words that the user typed, against the text of the short-list."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from beautylens.features.ocr import Reader
from beautylens.records import Match, Matches, Product
from beautylens.search.photo import Photo
from beautylens.search.scan import barcode_first
from beautylens.text.evidence import Said, Shared, joined, share

# What a person typed is meant, and free of the doubts of a reading.
TYPED = 3.0


class Read:
    """Gives each match the words that its product's text shares with the photo, and their weight.

    Args:
        reader: returns what reads the photo, asked for once there is a photo to be read; without
            one, only typed words count.
        decided: tells of matches that reading could change nothing about; then it is left out.
        weight: what one nat of shared words adds to a match's score.
    """

    def __init__(
        self,
        reader: Callable[[], Reader] | None = None,
        *,
        decided: Callable[[Matches], bool] = lambda _: False,
        weight: float = 0.03,
    ) -> None:
        self._reader, self._decided, self._weight = reader, decided, weight

    def __call__(self, photo: Photo, matches: Matches) -> Matches:
        """Return the matches re-ordered; unchanged where nothing was read or typed."""
        if self._reader is not None and len(matches) and not self._decided(matches):
            with photo.timed("read"):
                photo.lines = self._reader()(photo.pixels)
        if photo.lines or photo.words:
            with photo.timed("refine"):
                matches = self._refined(photo, matches)
        return barcode_first(matches)

    def _refined(self, photo: Photo, matches: Matches) -> Matches:
        # Rarity is counted over products, however many pictures each has.
        products = {match.product.product_id: match.product for match in matches}
        read = [Said(line.text, line.confidence) for line in photo.lines]
        found = share(read, [print_of(product) for product in products.values()])
        if photo.words:
            typed = [Said(photo.words, TYPED)]
            meant = share(typed, [text_of(product) for product in products.values()])
            found = [joined(one, other) for one, other in zip(found, meant, strict=True)]
        shared = dict(zip(products, found, strict=True))
        return Matches.ranked(
            self._explained(match, shared[match.product.product_id]) for match in matches
        )

    def _explained(self, match: Match, shared: Shared | None) -> Match:
        if shared is None:
            return match
        reasons = replace(match.reasons, text=shared.weight, words=shared.words)
        return replace(match, score=match.score + self._weight * shared.weight, reasons=reasons)


def print_of(product: Product) -> str:
    """Return what a catalogue says of a product that may stand on its pack."""
    parts = (product.brand, product.name, product.category, *product.metadata.values())
    return "\n".join(part for part in parts if part)


def text_of(product: Product) -> str:
    """Return everything that a catalogue says of a product, its id and barcode included."""
    return f"{print_of(product)}\n{product.product_id}\n{product.gtin}"
