"""Look-up of a gallery's products by the words of their texts and on their pictures."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise

from beautylens.store.word_index import WordIndex
from beautylens.text.overlap import READ_TEXT
from beautylens.text.tokens import is_exact, tokens_of
from beautylens.text.vocabulary import LEAST_PART, Vocabulary

# How often a word counts if it is written as in the catalogue; a similar one counts once.
WRITTEN = 2


class ProductWords:
    """Products by the words of brand, name and short values, and by those on their pictures.

    A word that no product's text has is taken for a misreading of similar ones, of one word without
    a space, or of two. Numbers and sizes must be equal.

    Args:
        texts: index of the products' texts.
        pictures: index of the lines read on catalogue pictures.
    """

    def __init__(self, texts: WordIndex, pictures: WordIndex) -> None:
        self._texts, self._pictures = texts, pictures

    def exists(self) -> bool:
        """Return whether the gallery has the index, which depends on its recipe."""
        return self._texts.exists()

    def search(
        self, lines: Sequence[str], limit: int, where: str | None = None
    ) -> dict[str, float]:
        """Return the score of the products with most of the words, weighed by rarity, best first.

        Args:
            lines: of text, read or typed.
            limit: number of products, at most.
            where: SQL condition on the catalogue's columns. Products that only their pictures'
                words bring in may not meet it.
        """
        if not self.exists():
            return {}
        words = [_keys(line) for line in lines]
        known = self._texts.vocabulary()
        scores = self._texts.search(_terms(words, known, known), limit, where)
        # Its vocabulary is empty where no picture was read.
        if self._pictures.exists() and (on_pictures := self._pictures.vocabulary()):
            terms = _terms(words, on_pictures, known)
            for product, score in self._pictures.search(terms, limit).items():
                scores[product] = scores.get(product, 0.0) + READ_TEXT * score
        best = sorted(scores, key=lambda product: (-scores[product], product))[:limit]
        return {product: scores[product] for product in best}


def _keys(line: str) -> list[str]:
    return [token.key for token in tokens_of(line)]


def _terms(lines: Iterable[Sequence[str]], vocabulary: Vocabulary, known: Vocabulary) -> list[str]:
    """Return the words to search an index for, repeated by weight.

    Args:
        lines: words of each line.
        vocabulary: of the index.
        known: words that are no misreading of others.
    """
    terms: dict[str, int] = {}
    for words in lines:
        for word in words:
            if is_exact(word) or word in vocabulary:
                terms[word] = WRITTEN
            if not is_exact(word) and word not in known:
                for other in (*vocabulary.similar(word), *vocabulary.parts(word)):
                    terms.setdefault(other, 1)
        for word in _joined(words, vocabulary):
            terms.setdefault(word, 1)
    return [term for term, times in terms.items() for _ in range(times)]


def _joined(words: Sequence[str], vocabulary: Vocabulary) -> Iterator[str]:
    """Yield the words that two successive ones are with a space too many."""
    for one, other in pairwise(words):
        if len(one) + len(other) >= 2 * LEAST_PART and one + other in vocabulary:
            yield one + other
