"""Where lines of text say a word: in the very letters, misread, joined, split, without its unit."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import accumulate, chain
from string import ascii_lowercase
from typing import NamedTuple

import numpy as np
from rapidfuzz import process
from rapidfuzz.distance import Levenshtein

from beautylens.text.tokens import is_exact, tokens_of


class ReadLine(NamedTuple):
    """A line of text about the photo."""

    text: str
    # How far it is to be trusted: the confidence of its reading, or more for what was typed.
    weight: float


class Place(NamedTuple):
    """Where a line says a word."""

    # That of the line, by how well the word agrees with what stands there.
    weight: float
    line: int
    start: int
    end: int

    def overlaps(self, other: Place) -> bool:
        """Tell whether some letter of the line is part of both."""
        return self.line == other.line and self.start < other.end and other.start < self.end

    def lies_in(self, other: Place) -> bool:
        """Tell whether every letter of this place is part of the other."""
        return self.line == other.line and other.start <= self.start and self.end <= other.end

    def times(self, factor: float) -> Place:
        """Return the same place with another weight."""
        return self._replace(weight=self.weight * factor)


# Shorter words must agree in every letter; longer ones may differ in one of so many.
LETTERS_PER_ERROR = 4
# A word of so many letters is unlikely to stand inside a line by chance.
LEAST_INSIDE = 4
# What a number is worth towards a size when it is said without the unit.
BARE = 0.5

Found = Iterator[tuple[str, Place]]


class TextLines:
    """Lines of text, ready to be asked for words.

    Places count the letters and digits of a line, gaps and signs left out.
    """

    def __init__(self, said: Sequence[ReadLine]) -> None:
        lines = [[token.key for token in tokens_of(line.text)] for line in said]
        self._joined = [
            (line.weight, "".join(keys)) for line, keys in zip(said, lines, strict=True)
        ]
        self._words: dict[str, list[Place]] = defaultdict(list)
        for number, (line, keys) in enumerate(zip(said, lines, strict=True)):
            for key, end in zip(keys, accumulate(map(len, keys)), strict=True):
                self._words[key].append(Place(line.weight, number, end - len(key), end))

    def places(self, keys: Iterable[str]) -> Mapping[str, Sequence[Place]]:
        """Return where each of these words is said, by key; all that are compared, at once."""
        exact = [key for key in keys if is_exact(key)]
        letters = [key for key in keys if not is_exact(key)]
        found: dict[str, list[Place]] = defaultdict(list)
        for key, place in chain(
            self._same(exact),
            self._same(letters),
            self._bare(exact),
            self._near(letters),
            self._inside(letters),
        ):
            found[key].append(place)
        return found

    def _same(self, keys: Sequence[str]) -> Found:
        return ((key, place) for key in keys for place in self._words.get(key, ()))

    def _bare(self, keys: Sequence[str]) -> Found:
        """Yield the places of a size's number alone."""
        numbers = ((key, key.rstrip(ascii_lowercase)) for key in keys)
        return (
            (key, place.times(BARE))
            for key, number in numbers
            if number != key
            for place in self._words.get(number, ())
        )

    def _near(self, keys: Sequence[str]) -> Found:
        """Yield the places of words that differ in few letters, but in some."""
        # A word that some product has in these very letters is no misreading of another.
        known = set(keys)
        words = [word for word in self._words if word not in known and not is_exact(word)]
        if not keys or not words:
            return
        errors = process.cdist(keys, words, scorer=Levenshtein.distance, dtype=np.int32)
        allowed = np.array([len(key) // LETTERS_PER_ERROR for key in keys])[:, None]
        for row, column in zip(*np.nonzero((errors > 0) & (errors <= allowed)), strict=True):
            key, word = keys[row], words[column]
            alike = 1 - float(errors[row, column]) / len(key)
            for place in self._words[word]:
                yield key, place.times(alike)

    def _inside(self, keys: Sequence[str]) -> Found:
        """Yield the first place in each line where a word stands inside another, or across some."""
        whole = [place for key in keys for place in self._words.get(key, ())]
        for number, (weight, line) in enumerate(self._joined):
            for key in keys:
                start = line.find(key) if len(key) >= LEAST_INSIDE else -1
                place = Place(weight, number, start, start + len(key))
                # "Grape" is not said by a grapefruit, where some product is of grapefruit.
                if start >= 0 and not any(place.lies_in(other) for other in whole):
                    yield key, place
