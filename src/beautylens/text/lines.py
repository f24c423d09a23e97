"""Matching of words in lines of text: exact, misread, joined, split, or without a unit."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import accumulate, chain
from string import ascii_lowercase
from typing import NamedTuple

import numpy as np
from rapidfuzz import process
from rapidfuzz.distance import Levenshtein

from beautylens.text.tokens import is_exact, same_size, tokens_of


class ReadLine(NamedTuple):
    """A line of text, read by OCR or typed, with its weight.

    weight is the confidence of its reading, or more for a typed line.
    """

    text: str
    weight: float


class Span(NamedTuple):
    """A span of a line that matches a word.

    start and end count the letters and digits of the line. weight is that of the line times the
    similarity of the word and the matched text.
    """

    weight: float
    line: int
    start: int
    end: int

    def overlaps(self, other: Span) -> bool:
        """Return whether two spans share a letter."""
        return self.line == other.line and self.start < other.end and other.start < self.end

    def lies_in(self, other: Span) -> bool:
        """Return whether this span is part of the other."""
        return self.line == other.line and other.start <= self.start and self.end <= other.end

    def times(self, factor: float) -> Span:
        """Return the same span with its weight multiplied."""
        return self._replace(weight=self.weight * factor)


# Letters of a word for each edit that is allowed; shorter words must match exactly.
LETTERS_PER_ERROR = 4
# Least length of a word that may match inside a longer word.
MIN_INSIDE = 4
# Weight of a number for a size, if its unit was not read.
WITHOUT_UNIT = 0.5

Matched = Iterator[tuple[str, Span]]


class TextLines:
    """Lines of text in which words are searched."""

    def __init__(self, lines: Sequence[ReadLine]) -> None:
        keys_of_lines = [[token.key for token in tokens_of(line.text)] for line in lines]
        self._joined = [
            (line.weight, "".join(keys)) for line, keys in zip(lines, keys_of_lines, strict=True)
        ]
        self._spans: dict[str, list[Span]] = defaultdict(list)
        for number, (line, keys) in enumerate(zip(lines, keys_of_lines, strict=True)):
            for key, end in zip(keys, accumulate(map(len, keys)), strict=True):
                self._spans[key].append(Span(line.weight, number, end - len(key), end))

    def match(self, keys: Iterable[str]) -> Mapping[str, Sequence[Span]]:
        """Return the spans that match each word, by key.

        Args:
            keys: all words that are compared: an exact match of one is no misreading of another.
        """
        numbers = [key for key in keys if is_exact(key)]
        letters = [key for key in keys if not is_exact(key)]
        found: dict[str, list[Span]] = defaultdict(list)
        for key, span in chain(
            self._exact(numbers),
            self._exact(letters),
            self._in_other_unit(numbers),
            self._without_unit(numbers),
            self._misread(letters),
            self._inside(letters),
        ):
            found[key].append(span)
        return found

    def _exact(self, keys: Sequence[str]) -> Matched:
        return ((key, span) for key in keys for span in self._spans.get(key, ()))

    def _in_other_unit(self, keys: Sequence[str]) -> Matched:
        """Yield the spans of the same size in another unit."""
        sizes = [read for read in self._spans if is_exact(read)]
        return (
            (key, span)
            for key in keys
            for read in sizes
            if same_size(key, read)
            for span in self._spans[read]
        )

    def _without_unit(self, keys: Sequence[str]) -> Matched:
        """Yield the spans of the number of a size alone."""
        numbers = ((key, key.rstrip(ascii_lowercase)) for key in keys)
        return (
            (key, span.times(WITHOUT_UNIT))
            for key, number in numbers
            if number != key
            for span in self._spans.get(number, ())
        )

    def _misread(self, keys: Sequence[str]) -> Matched:
        """Yield the spans of words within the allowed edit distance, exact ones left out."""
        # A word that some product has exactly is no misreading of another.
        known = set(keys)
        words = [word for word in self._spans if word not in known and not is_exact(word)]
        if not keys or not words:
            return
        errors = process.cdist(keys, words, scorer=Levenshtein.distance, dtype=np.int32)
        allowed = np.array([len(key) // LETTERS_PER_ERROR for key in keys])[:, None]
        for row, column in zip(*np.nonzero((errors > 0) & (errors <= allowed)), strict=True):
            key, word = keys[row], words[column]
            similarity = 1 - float(errors[row, column]) / len(key)
            for span in self._spans[word]:
                yield key, span.times(similarity)

    def _inside(self, keys: Sequence[str]) -> Matched:
        """Yield the first span of each line where a word is inside another, or across several."""
        exact = [span for key in keys for span in self._spans.get(key, ())]
        for number, (weight, line) in enumerate(self._joined):
            for key in keys:
                start = line.find(key) if len(key) >= MIN_INSIDE else -1
                span = Span(weight, number, start, start + len(key))
                # "Grape" does not match inside "grapefruit" if a product has that word.
                if start >= 0 and not any(span.lies_in(other) for other in exact):
                    yield key, span
