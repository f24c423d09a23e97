"""Refinement by words: what the user typed, against the text of the short-listed products."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import replace

from beautylens.records import Matches, Product
from beautylens.search.photo import Photo
from beautylens.text.words import words_of

# What a person typed is meant: a word of it outweighs the clearest print.
TYPED = 30.0


class Refine:
    """Adds to each match the share of the typed words that its product's text holds.

    A word weighs by its rarity among the short-listed products, so that a shade number decides
    between products that share brand and line.
    """

    def __call__(self, photo: Photo, matches: Matches) -> Matches:
        """Return the matches re-ordered, each with the words it shares; unchanged without words."""
        typed = tuple(dict.fromkeys(words_of(photo.words)))
        if not typed:
            return matches
        with photo.timed("refine"):
            texts = [set(words_of(text_of(match.product))) for match in matches]
            weights = _rarity(typed, texts)
            total = sum(weights.values())
            return Matches.ranked(
                replace(
                    match,
                    score=match.score + share,
                    reasons=replace(match.reasons, words=shared, text=TYPED * total * share),
                )
                for match, text in zip(matches, texts, strict=True)
                for shared in [tuple(word for word in typed if word in text)]
                for share in [sum(weights[word] for word in shared) / total]
            )


def text_of(product: Product) -> str:
    """Return everything that a catalogue says of a product, its id and barcode included."""
    named = (product.brand, product.name, product.category, product.product_id, product.gtin)
    parts = (*named, *product.metadata.values())
    return " ".join(part for part in parts if part)


def _rarity(words: tuple[str, ...], texts: list[set[str]]) -> dict[str, float]:
    """Return ln(1 + N / (1 + n)) for each word, n of the N texts holding it."""
    counts = Counter(word for text in texts for word in words if word in text)
    return {word: math.log(1 + len(texts) / (1 + counts[word])) for word in words}
