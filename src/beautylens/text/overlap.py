"""How much of what was read off a pack, or typed, the texts of products explain."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from beautylens.several import several
from beautylens.text.lines import Place, ReadLine, TextLines
from beautylens.text.tokens import Token, tokens_of


class Shared(NamedTuple):
    """What a product's text shares with what was said."""

    # Sum of the rarity of each shared word, in nats, by how well it agrees and was read.
    weight: float
    # In the product's own spelling, the weightiest first.
    words: tuple[str, ...]

    def __or__(self, other: Shared) -> Shared:
        """Return what is shared with either, the other's words first."""
        words = dict.fromkeys((*other.words, *self.words))
        return Shared(self.weight + other.weight, tuple(words))


class _Held(NamedTuple):
    """A word of a product, and how far it is to be trusted."""

    trust: float
    token: Token


# What was read on a catalogue picture, against what the catalogue says.
PRINTED = 0.5


def share(
    said: Sequence[ReadLine], texts: Sequence[str], printed: Sequence[str] | None = None
) -> list[Shared]:
    """Return what each product's text shares with what was said.

    Words may be misread in a few letters, joined or split; numbers and sizes must be the same. A
    word weighs ln(1 + N/(1 + n)) where n of the N texts have it, so that a shade's number decides
    between products that have brand and line in common. No part of a line counts twice for one
    product.

    Args:
        said: what was read or typed.
        texts: what the catalogue says of each product.
        printed: what was read on each product's pictures, which counts for less.
    """
    texts = several(texts)
    printed = None if printed is None else several(printed)
    if not any(line.text.strip() for line in said):
        return [Shared(0.0, ())] * len(texts)
    products = [_trusted(*pair) for pair in zip(texts, printed or [""] * len(texts), strict=True)]
    counts = Counter(key for tokens in products for key in tokens)
    found = TextLines(said).places(list(counts))
    rarity = {key: math.log(1 + len(texts) / (1 + count)) for key, count in counts.items()}
    return [_shared(tokens.values(), found, rarity) for tokens in products]


def _trusted(text: str, printed: str) -> dict[str, _Held]:
    """Return the words of a product by key, each with its first and most trusted spelling."""
    words = [_Held(PRINTED, token) for token in reversed(tokens_of(printed))]
    words += [_Held(1.0, token) for token in reversed(tokens_of(text))]
    return {held.token.key: held for held in words}


def _shared(
    tokens: Iterable[_Held], found: Mapping[str, Sequence[Place]], rarity: Mapping[str, float]
) -> Shared:
    """Give the weightiest tokens their places first; what is taken is taken."""
    claims = sorted(
        (
            (place.weight * trust * rarity[token.key], token, place)
            for trust, token in tokens
            for place in found.get(token.key, ())
        ),
        key=lambda claim: (-claim[0], claim[1], claim[2]),
    )
    taken: list[Place] = []
    kept: dict[str, tuple[float, str]] = {}
    for weight, token, place in claims:
        if token.key not in kept and not any(place.overlaps(other) for other in taken):
            taken.append(place)
            kept[token.key] = weight, token.spelling
    return Shared(
        math.fsum(weight for weight, _ in kept.values()),
        tuple(dict.fromkeys(spelling for _, spelling in kept.values())),
    )
