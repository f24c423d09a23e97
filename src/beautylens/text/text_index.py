"""Text index: search of product texts by TF·IDF and cosine similarity."""

from __future__ import annotations

import io
import math
from bisect import bisect_left
from collections.abc import Sequence
from zipfile import BadZipFile

import numpy as np
import scipy

from beautylens.arrays import Float32
from beautylens.errors import CollectionError
from beautylens.inputs.several import several
from beautylens.text.arrays import pack_strings, under, unpack_strings
from beautylens.text.tf_idf import NGrams, Terms

FORMAT = 1
# Least similarity, above 0: texts without a common term are never found.
MIN_SIMILARITY = 1e-9
Found = list[tuple[str, float]]


class TextIndex:
    """An inverted index of TF·IDF weights, with cosine similarity (Hou, Ji and Wang, MM 2020).

    With character n-grams the similarity is (1 - share) · cosine of words + share · cosine of
    character n-grams, which tolerates a wrong letter.

    All postings of a query's terms are summed: at half a million products that is faster than
    pruning.

    Args:
        ids: N product ids, sorted; ties keep this order.
        terms: kinds of terms, each with its share of the similarity.
    """

    def __init__(self, ids: Sequence[str], terms: Sequence[tuple[Terms, float]]) -> None:
        self._ids = ids
        self._terms = terms
        self._weights = _joined([(kind.weights, share) for kind, share in terms])
        self._postings = self._weights.T.tocsr()

    @classmethod
    def fit(
        cls,
        ids: Sequence[str],
        texts: Sequence[str],
        *,
        words: int = 1,
        characters: NGrams | None = None,
        share: float = 0.3,
    ) -> TextIndex:
        """Return an index of one text for each product; their order does not matter.

        Args:
            ids: N distinct product ids.
            texts: N texts.
            words: length of the longest word n-gram; 1 is single words.
            characters: lengths of the shortest and longest character n-gram; None for none.
            share: of character n-grams in the similarity, 0 to 1.

        Raises:
            ValueError: when ids repeat, or there are not as many texts as ids.
        """
        ids, texts = several(ids), several(texts)
        if len(set(ids)) != len(ids):
            raise ValueError("a text index takes one text for each product id")
        pairs = sorted(zip(ids, texts, strict=True))
        ordered = [text for _, text in pairs]
        terms = [(Terms.count("words", (1, words), ordered), 1.0)]
        if characters is not None:
            counted = Terms.count("characters", characters, ordered)
            terms = [(terms[0][0], 1.0 - share), (counted, share)]
        return cls([product for product, _ in pairs], terms)

    def similar(self, ids: Sequence[str], limit: int, minimum: float = 0.0) -> list[Found]:
        """Return the most similar other products of each product: D(i) of the paper.

        A product that is not in the index has none.

        Args:
            ids: product ids.
            limit: largest number of products for each.
            minimum: least similarity, 0 to 1; texts without a common term are never found.
        """
        return [self._similar(product, limit, minimum) for product in several(ids)]

    def search(self, text: str, limit: int, minimum: float = 0.0) -> Found:
        """Return the products whose texts are most similar to a query text, best first."""
        query = _joined([(kind.weigh(text), share) for kind, share in self._terms])
        return self._best(self._similarities(query), limit, minimum)

    def shared(self, one: str, other: str) -> tuple[str, ...]:
        """Return the words that the texts of two products share, rarest first."""
        rows = self._row(one), self._row(other)
        if rows[0] is None or rows[1] is None:
            return ()
        words, _ = self._terms[0]
        return words.shared(rows[0], rows[1])

    def to_bytes(self) -> bytes:
        """Return ids, vocabularies and counts as bytes; weights are computed from them."""
        arrays = {"format": np.array(FORMAT), **pack_strings("ids", self._ids)}
        for number, (terms, share) in enumerate(self._terms):
            arrays[f"{number}.share"] = np.array(share)
            arrays |= {f"{number}.{name}": value for name, value in terms.to_arrays().items()}
        file = io.BytesIO()
        np.savez(file, allow_pickle=False, **arrays)
        return file.getvalue()

    @classmethod
    def from_bytes(cls, data: bytes) -> TextIndex:
        """Return the index that `to_bytes` stored.

        Raises:
            CollectionError: when the bytes are no such index.
        """
        try:
            with np.load(io.BytesIO(data), allow_pickle=False) as file:
                arrays = dict(file)
            if arrays["format"] != FORMAT:
                raise ValueError(f"its format is {arrays['format']}, not {FORMAT}")
            terms = [
                (Terms.from_arrays(under(arrays, name)), float(arrays[f"{name}.share"]))
                for name in ("0", "1")
                if f"{name}.share" in arrays
            ]
            return cls(unpack_strings(arrays, "ids"), terms)
        except (OSError, KeyError, ValueError, EOFError, BadZipFile) as error:
            raise CollectionError(
                f"the stored text index cannot be read ({error}); build it again"
            ) from error

    def __len__(self) -> int:
        return len(self._ids)

    def _row(self, product: str) -> int | None:
        row = bisect_left(self._ids, product)
        return row if row < len(self._ids) and self._ids[row] == product else None

    def _similar(self, product: str, limit: int, minimum: float) -> Found:
        row = self._row(product)
        if row is None:
            return []
        similarities = self._similarities(self._weights[[row]])
        similarities[row] = 0
        return self._best(similarities, limit, minimum)

    def _similarities(self, query: scipy.sparse.csr_array) -> Float32:
        """Return the cosines of all texts with a query (1, T), (N,)."""
        cosines: Float32 = self._postings[query.indices].T @ query.data
        return cosines

    def _best(self, similarities: Float32, limit: int, minimum: float) -> Found:
        rows = np.flatnonzero(similarities >= max(minimum, MIN_SIMILARITY))
        values = similarities[rows]
        if len(rows) > limit:
            # Selected before sorting: very many texts share a common word.
            kept = values >= np.partition(values, -limit)[-limit]
            rows, values = rows[kept], values[kept]
        order = np.argsort(-values, kind="stable")[:limit]
        return [(self._ids[rows[index]], min(1.0, float(values[index]))) for index in order]


def _joined(blocks: Sequence[tuple[scipy.sparse.csr_array, float]]) -> scipy.sparse.csr_array:
    """Concatenate kinds of terms, so that a dot product is the weighted mean of their cosines."""
    if len(blocks) == 1:
        return blocks[0][0]
    parts = [weights * np.float32(math.sqrt(share)) for weights, share in blocks]
    return scipy.sparse.hstack(parts, format="csr")
