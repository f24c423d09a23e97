"""Word overlap between text read from a pack, or typed, and the texts of products."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from beautylens.inputs.several import several
from beautylens.text.lines import ReadLine, Span, TextLines
from beautylens.text.tokens import Token, same_size, tokens_of


class Shared(NamedTuple):
    """The words that a product's text shares with lines of text.

    weight is the sum over words of rarity in nats times similarity and confidence. words are in the
    product's spelling, the one of largest weight first.
    """

    weight: float
    words: tuple[str, ...]

    def __or__(self, other: Shared) -> Shared:
        """Return the union, the other's words first."""
        words = dict.fromkeys((*other.words, *self.words))
        return Shared(self.weight + other.weight, tuple(words))


class _WeightedToken(NamedTuple):
    """A token of a product's text and its weight."""

    weight: float
    token: Token


# Weight of text read on a catalogue picture; that of the catalogue's own text is 1.
READ_TEXT = 0.5


def share(
    lines: Sequence[ReadLine], texts: Sequence[str], read_texts: Sequence[str] | None = None
) -> list[Shared]:
    """Return the words that each product's text shares with lines of text.

    Words may be misread in a few letters, joined or split; numbers and sizes must be equal, but a
    size may be in another unit: 6.7 fl oz is 200 ml, and counts once if a text has both. The
    rarity of a word is ln(1 + N/(1 + n)) where n of the N texts have it, so that a shade's number
    decides between products with the same brand and line. No part of a line counts twice for a
    product.

    Args:
        lines: read from a pack, or typed.
        texts: of each product in the catalogue.
        read_texts: read on each product's pictures, with a smaller weight.
    """
    texts = several(texts)
    read_texts = several(read_texts or [""] * len(texts))
    if not any(line.text.strip() for line in lines):
        return [Shared(0.0, ())] * len(texts)
    products = [_tokens(*pair) for pair in zip(texts, read_texts, strict=True)]
    counts = Counter(key for tokens in products for key in tokens)
    spans = TextLines(lines).match(list(counts))
    rarity = {key: math.log(1 + len(texts) / (1 + count)) for key, count in counts.items()}
    return [_shared(tokens.values(), spans, rarity) for tokens in products]


def _tokens(text: str, read_text: str) -> dict[str, _WeightedToken]:
    """Return the tokens of a product by key, each in its first spelling of largest weight."""
    tokens = [_WeightedToken(READ_TEXT, token) for token in reversed(tokens_of(read_text))]
    tokens += [_WeightedToken(1.0, token) for token in reversed(tokens_of(text))]
    return {each.token.key: each for each in tokens}


def _shared(
    tokens: Iterable[_WeightedToken],
    spans: Mapping[str, Sequence[Span]],
    rarity: Mapping[str, float],
) -> Shared:
    """Assign spans to tokens greedily, the largest weight first, without overlaps."""
    candidates = [
        (span.weight * weight * rarity[token.key], token, span)
        for weight, token in tokens
        for span in spans.get(token.key, ())
    ]
    candidates.sort(key=lambda each: (-each[0], each[1], each[2]))
    taken: list[Span] = []
    kept: dict[str, tuple[float, str]] = {}
    for weight, token, span in candidates:
        # A size in two units is one fact.
        known = token.key in kept or any(same_size(token.key, key) for key in kept)
        if not known and not any(span.overlaps(other) for other in taken):
            taken.append(span)
            kept[token.key] = weight, token.spelling
    return Shared(
        math.fsum(weight for weight, _ in kept.values()),
        tuple(dict.fromkeys(spelling for _, spelling in kept.values())),
    )
