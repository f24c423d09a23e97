"""The vocabulary of an index of words: which of its words a read word may be."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from rapidfuzz import process
from rapidfuzz.distance import Levenshtein

from beautylens.text.lines import LETTERS_PER_ERROR

# Similar words of one word at most.
MOST_SIMILAR = 4
# Least letters of each part of a word that is two words without a space.
LEAST_PART = 3


class _Arrays(NamedTuple):
    """Words, the bits of their letters, and their lengths."""

    spellings: NDArray[np.object_]
    letters: NDArray[np.uint32]
    lengths: NDArray[np.int32]

    @classmethod
    def of(cls, words: Sequence[str]) -> _Arrays:
        return cls(
            np.array(words, object),
            np.array([_letters(word) for word in words], np.uint32),
            np.array([len(word) for word in words], np.int32),
        )

    def followed_by(self, other: _Arrays) -> _Arrays:
        return _Arrays(
            np.concatenate((self.spellings, other.spellings)),
            np.concatenate((self.letters, other.letters)),
            np.concatenate((self.lengths, other.lengths)),
        )


class Vocabulary:
    """Words without numbers, searched by edit distance; it may grow while others search it.

    Each word has a bit for every letter in it. Words within `n` edits differ in at most `2n` bits,
    which is fast to compute for all words; only the words that pass are compared letter by letter.
    """

    def __init__(self) -> None:
        self._words: set[str] = set()
        self._arrays = _Arrays.of([])

    def add(self, words: Iterable[str]) -> None:
        """Add words; those that are known already change nothing."""
        new = sorted({word for word in words if word} - self._words)
        self._words.update(new)
        # Shorter words may have no misread letter.
        added = _Arrays.of([word for word in new if len(word) >= LETTERS_PER_ERROR])
        # In one assignment: another thread sees all three or none.
        self._arrays = self._arrays.followed_by(added)

    def __contains__(self, word: object) -> bool:
        return word in self._words

    def __len__(self) -> int:
        return len(self._words)

    def similar(self, word: str) -> list[str]:
        """Return the words that differ in at most one letter in four, the most similar first."""
        # One missed letter is a quarter of the right word, but a third of what is left.
        most = len(word) // (LETTERS_PER_ERROR - 1)
        if not most:
            return []
        known = self._arrays
        near = np.abs(known.lengths - len(word)) <= most
        near &= np.bitwise_count(known.letters ^ np.uint32(_letters(word))) <= 2 * most
        found = process.extract(
            word,
            known.spellings[near].tolist(),
            scorer=Levenshtein.distance,
            score_cutoff=most,
            limit=None,
        )
        near_first = sorted(
            (errors, each) for each, errors, _ in found if errors <= len(each) // LETTERS_PER_ERROR
        )
        return [each for _, each in near_first[:MOST_SIMILAR]]

    def parts(self, word: str) -> list[str]:
        """Return the words that make up a word read without the space between them."""
        cuts = range(LEAST_PART, len(word) - LEAST_PART + 1)
        pairs = ((word[:cut], word[cut:]) for cut in cuts)
        return [part for pair in pairs if self._words.issuperset(pair) for part in pair]


def _letters(word: str) -> int:
    bits = 0
    for letter in word:
        bits |= 1 << (ord(letter) & 31)
    return bits
