"""How much of what was read off a pack, or typed, the texts of products explain."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import accumulate
from string import ascii_lowercase
from typing import NamedTuple

import numpy as np
from rapidfuzz import process
from rapidfuzz.distance import Levenshtein

from beautylens.text.tokens import Token, tokens_of


class Said(NamedTuple):
    """A line of text about the photo."""

    text: str
    weight: float
    """How far it is to be trusted: the confidence of its reading, or more for what was typed."""


class Shared(NamedTuple):
    """What a product's text shares with what was said."""

    weight: float
    """Sum of the rarity of each shared word, in nats, by how well it agrees and was read."""
    words: tuple[str, ...]
    """In the product's own spelling, the weightiest first."""


class _Place(NamedTuple):
    """Where a line says a word."""

    weight: float
    line: int
    start: int
    end: int


# Shorter words must agree in every letter; longer ones may differ in one of so many.
LETTERS_PER_ERROR = 4
# A word of so many letters is unlikely to stand inside a line by chance.
LEAST_INSIDE = 4
# What a number is worth towards a size when it is said without the unit.
BARE = 0.5


def share(said: Sequence[Said], texts: Sequence[str]) -> list[Shared | None]:
    """Return what each product's text shares with what was said; None for an empty text.

    Words may be misread in a few letters, joined or split; numbers and sizes must be the same. A
    word weighs by its rarity among the texts, so that a shade's number decides between products
    that have brand and line in common. No part of a line counts twice for one product.
    """
    products = [{token.key: token for token in reversed(tokens_of(text))} for text in texts]
    counts = Counter(key for tokens in products for key in tokens)
    found = _places(said, [Token(key, key) for key in counts])
    rarity = {key: math.log(1 + len(texts) / (1 + count)) for key, count in counts.items()}
    return [_shared(tokens.values(), found, rarity) if tokens else None for tokens in products]


def joined(one: Shared | None, other: Shared | None) -> Shared | None:
    """Return what is shared with either, for a product with two texts or of two sayings."""
    if one is None or other is None:
        return one or other
    return Shared(one.weight + other.weight, tuple(dict.fromkeys((*other.words, *one.words))))


def _shared(
    tokens: Iterable[Token], found: Mapping[str, Sequence[_Place]], rarity: Mapping[str, float]
) -> Shared:
    """Give the weightiest tokens their places first; what is taken is taken."""
    claims = sorted(
        ((place.weight * rarity[token.key], token, place)
         for token in tokens for place in found.get(token.key, ())),
        key=lambda claim: -claim[0],
    )  # fmt: skip
    taken: list[_Place] = []
    kept: dict[str, tuple[float, str]] = {}
    for weight, token, place in claims:
        if token.key not in kept and not any(_overlap(place, other) for other in taken):
            taken.append(place)
            kept[token.key] = weight, token.spelling
    return Shared(
        sum(weight for weight, _ in kept.values()),
        tuple(dict.fromkeys(spelling for _, spelling in kept.values())),
    )


def _overlap(one: _Place, other: _Place) -> bool:
    return one.line == other.line and one.start < other.end and other.start < one.end


def _places(said: Sequence[Said], tokens: Sequence[Token]) -> dict[str, list[_Place]]:
    """Return by key where each token is said."""
    lines = [[token.key for token in tokens_of(line.text)] for line in said]
    spoken: dict[str, list[_Place]] = {}
    for number, (line, keys) in enumerate(zip(said, lines, strict=True)):
        ends = accumulate(map(len, keys))
        for key, end in zip(keys, ends, strict=True):
            spoken.setdefault(key, []).append(_Place(line.weight, number, end - len(key), end))
    found = {token.key: list(spoken[token.key]) for token in tokens if token.key in spoken}
    for token in tokens:
        number = token.key.rstrip(ascii_lowercase)
        if token.is_exact and number != token.key:
            bare = (place._replace(weight=place.weight * BARE) for place in spoken.get(number, ()))
            found.setdefault(token.key, []).extend(bare)
    words = [token.key for token in tokens if not token.is_exact]
    # A word that some product has in these very letters is no misreading of another.
    strange = [key for key in spoken if key not in found and not key[0].isdigit()]
    for key, other, alike in _near(words, strange):
        places = (place._replace(weight=place.weight * alike) for place in spoken[other])
        found.setdefault(key, []).extend(places)
    for number, (line, keys) in enumerate(zip(said, lines, strict=True)):
        text = "".join(keys)
        for word in words:
            start = text.find(word) if len(word) >= LEAST_INSIDE else -1
            if start >= 0:
                place = _Place(line.weight, number, start, start + len(word))
                found.setdefault(word, []).append(place)
    return found


def _near(keys: Sequence[str], words: Sequence[str]) -> Iterator[tuple[str, str, float]]:
    """Yield the pairs that differ in few letters, but in some, and how alike they are, 0 to 1."""
    if not keys or not words:
        return
    errors = process.cdist(keys, words, scorer=Levenshtein.distance, dtype=np.int32)
    allowed = np.array([len(key) // LETTERS_PER_ERROR for key in keys])[:, None]
    for row, column in zip(*np.nonzero((errors > 0) & (errors <= allowed)), strict=True):
        key = keys[row]
        yield key, words[column], 1 - errors[row, column] / len(key)
