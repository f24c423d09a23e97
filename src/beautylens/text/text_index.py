"""The textual index: which products' texts are alike, and which a few words mean."""

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
from beautylens.several import several
from beautylens.text.arrays import pack_strings, under, unpack_strings
from beautylens.text.tf_idf import NGrams, Terms

FORMAT = 1
# Above 0, so that texts without a common term are never found.
LEAST = 1e-9
Found = list[tuple[str, float]]


class TextIndex:
    """TF·IDF weights of product texts, compared by cosine (Hou, Ji and Wang, MM 2020).

    With characters beside words the similarity is (1 - share) · cosine of the words + share ·
    cosine of the character n-grams, which forgives a letter that is wrong.

    Every posting of a query's terms is added up: at half a million products that takes less time
    than bounds that would spare some of them.

    Args:
        ids: N product ids, sorted, so that equal similarities come in their order.
        terms: each kind of terms with its share of the similarity.
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
        """Index one text per product, in whatever order.

        Args:
            ids: N product ids, no two alike.
            texts: N texts.
            words: the longest n-gram of words; 1 is single words.
            characters: the shortest and longest n-gram of characters, None for none.
            share: what characters count of the similarity, 0 to 1.

        Raises:
            ValueError: when an id comes twice, or there are not as many texts as ids.
        """
        ids, texts = several(ids), several(texts)
        if len(set(ids)) != len(ids):
            raise ValueError("a textual index takes one text for each product id")
        pairs = sorted(zip(ids, texts, strict=True))
        ordered = [text for _, text in pairs]
        terms = [(Terms.count("words", (1, words), ordered), 1.0)]
        if characters is not None:
            counted = Terms.count("characters", characters, ordered)
            terms = [(terms[0][0], 1.0 - share), (counted, share)]
        return cls([product for product, _ in pairs], terms)

    def similar(self, ids: Sequence[str], limit: int, minimum: float = 0.0) -> list[Found]:
        """Return for each product the others whose text is most similar: D(i) of the paper.

        A product that is not in the index has none.

        Args:
            ids: product ids.
            limit: the most products of each answer.
            minimum: the least similarity, 0 to 1; texts without a common term are never similar.
        """
        return [self._similar(product, limit, minimum) for product in several(ids)]

    def search(self, text: str, limit: int, minimum: float = 0.0) -> Found:
        """Return the products whose text is most similar to free words, best first."""
        query = _joined([(kind.weigh(text), share) for kind, share in self._terms])
        return self._best(self._similarities(query), limit, minimum)

    def shared(self, one: str, other: str) -> tuple[str, ...]:
        """Return the words that two products' texts have in common, rarest first."""
        rows = self._row(one), self._row(other)
        if rows[0] is None or rows[1] is None:
            return ()
        words, _ = self._terms[0]
        return words.shared(rows[0], rows[1])

    def to_bytes(self) -> bytes:
        """Return the stored form: ids, vocabularies and counts; weights follow from them."""
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
            CollectionError: when these are not the bytes of one.
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
                f"the stored textual index cannot be read ({error}); make it again"
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
        """Return the cosine of every text with a query (1, T): (N,)."""
        cosines: Float32 = self._postings[query.indices].T @ query.data
        return cosines

    def _best(self, similarities: Float32, limit: int, minimum: float) -> Found:
        rows = np.flatnonzero(similarities >= max(minimum, LEAST))
        values = similarities[rows]
        if len(rows) > limit:
            # The last place's value first: sorting all that share a common word takes longer.
            kept = values >= np.partition(values, -limit)[-limit]
            rows, values = rows[kept], values[kept]
        order = np.argsort(-values, kind="stable")[:limit]
        return [(self._ids[rows[place]], min(1.0, float(values[place]))) for place in order]


def _joined(blocks: Sequence[tuple[scipy.sparse.csr_array, float]]) -> scipy.sparse.csr_array:
    """Put kinds of terms beside each other, so that a dot product is the mean of their cosines."""
    if len(blocks) == 1:
        return blocks[0][0]
    parts = [weights * np.float32(math.sqrt(share)) for weights, share in blocks]
    return scipy.sparse.hstack(parts, format="csr")
