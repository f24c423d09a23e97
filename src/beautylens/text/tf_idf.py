"""TF·IDF weights of word and character n-grams, each text normalised to unit length."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import scipy

from beautylens.arrays import Float32
from beautylens.text.arrays import Arrays, pack_strings, unpack_strings
from beautylens.text.words import words_of

if TYPE_CHECKING:
    from sklearn.feature_extraction.text import CountVectorizer

Kind = Literal["words", "characters"]
NGrams = tuple[int, int]


def _word_counter(ngrams: NGrams, **options: Any) -> CountVectorizer:
    # Imported late: scikit-learn takes a second, and only building an index needs it.
    from sklearn.feature_extraction.text import CountVectorizer

    return CountVectorizer(
        tokenizer=words_of, lowercase=False, token_pattern=None, ngram_range=ngrams, **options
    )


def _character_counter(ngrams: NGrams, **options: Any) -> CountVectorizer:
    from sklearn.feature_extraction.text import CountVectorizer

    return CountVectorizer(
        analyzer="char_wb",
        preprocessor=lambda text: " ".join(words_of(text)),
        ngram_range=ngrams,
        **options,
    )


COUNTERS: dict[Kind, Callable[..., CountVectorizer]] = {
    "words": _word_counter,
    "characters": _character_counter,
}


@dataclass(frozen=True, eq=False)
class Terms:
    """Term counts of N texts for one kind of terms.

    Args:
        kind: n-grams of words, or of characters inside words.
        ngrams: lengths of the shortest and the longest, in words or characters.
        vocabulary: the T terms, sorted, so that the order of the texts does not matter.
        counts: (N, T) sparse, the number of times each text has each term.
    """

    kind: Kind
    ngrams: NGrams
    vocabulary: Sequence[str]
    counts: scipy.sparse.csr_array

    @classmethod
    def count(cls, kind: Kind, ngrams: NGrams, texts: Sequence[str]) -> Terms:
        """Return the term counts of texts."""
        # scikit-learn refuses an empty vocabulary.
        if not any(words_of(text) for text in texts):
            return cls(kind, ngrams, (), scipy.sparse.csr_array((len(texts), 0), dtype=np.uint8))
        counter = COUNTERS[kind](ngrams)
        counts = scipy.sparse.csr_array(counter.fit_transform(texts))
        counts.sort_indices()
        counts.data = counts.data.astype(np.min_scalar_type(counts.data.max()))
        return cls(kind, ngrams, counter.get_feature_names_out().tolist(), counts)

    def to_arrays(self) -> Arrays:
        """Return the counts as plain arrays of the narrowest types, for `from_arrays`."""
        return {
            "kind": np.array(self.kind),
            "ngrams": np.array(self.ngrams),
            **pack_strings("vocabulary", self.vocabulary),
            "data": self.counts.data,
            "indices": self.counts.indices.astype(np.min_scalar_type(len(self.vocabulary))),
            "indptr": self.counts.indptr,
        }

    @classmethod
    def from_arrays(cls, arrays: Arrays) -> Terms:
        """Return the term counts of arrays that `to_arrays` returned.

        Raises:
            KeyError: when an array is missing.
            ValueError: when they do not fit together.
        """
        kind = str(arrays["kind"])
        shortest, longest = arrays["ngrams"].tolist()
        if kind not in COUNTERS:
            raise ValueError(f"unknown kind of terms {kind!r}")
        vocabulary = unpack_strings(arrays, "vocabulary")
        indptr = arrays["indptr"]
        counts = scipy.sparse.csr_array(
            (arrays["data"], arrays["indices"].astype(indptr.dtype), indptr),
            shape=(len(indptr) - 1, len(vocabulary)),
        )
        counts.check_format()
        return cls(kind, (shortest, longest), vocabulary, counts)

    @cached_property
    def weights(self) -> scipy.sparse.csr_array:
        """TF·IDF of every text, (N, T) sparse float32, rows of unit length or empty."""
        return self._weighed(self.counts)

    def weigh(self, text: str) -> scipy.sparse.csr_array:
        """Return the weights of another text, (1, T) sparse; unknown terms are ignored."""
        if not len(self.vocabulary):
            return scipy.sparse.csr_array((1, 0), dtype=np.float32)
        counts = scipy.sparse.csr_array(self._counter.transform([text]))
        counts.sort_indices()
        return self._weighed(counts)

    def shared(self, one: int, other: int) -> tuple[str, ...]:
        """Return the terms that the texts of two rows share, rarest first."""
        columns = [self.counts[[row]].indices for row in (one, other)]
        common = np.intersect1d(columns[0], columns[1], assume_unique=True)
        rarest = common[np.argsort(-self._idf[common], kind="stable")]
        return tuple(self.vocabulary[column] for column in rarest)

    def _weighed(self, counts: scipy.sparse.csr_array) -> scipy.sparse.csr_array:
        data = counts.data.astype(np.float32) * self._idf[counts.indices]
        squares = scipy.sparse.csr_array((data * data, counts.indices, counts.indptr), counts.shape)
        lengths = np.repeat(np.sqrt(squares.sum(axis=1)), np.diff(counts.indptr))
        unit = np.divide(data, lengths, dtype=np.float32)
        return scipy.sparse.csr_array((unit, counts.indices, counts.indptr), counts.shape)

    @cached_property
    def _idf(self) -> Float32:
        """Inverse document frequency ln((1 + N) / (1 + n)) + 1 of each term, in n of N texts."""
        texts, terms = self.counts.shape
        having = np.bincount(self.counts.indices, minlength=terms)
        return np.asarray(np.log((1 + texts) / (1 + having)) + 1, np.float32)

    @cached_property
    def _counter(self) -> CountVectorizer:
        return COUNTERS[self.kind](self.ngrams, vocabulary=self.vocabulary)
