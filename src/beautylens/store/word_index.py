"""An index of the words in one column of a table, by product."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from beautylens.runtime.native import Lock
from beautylens.store.lance import plain_errors
from beautylens.store.table import Table
from beautylens.text.vocabulary import Vocabulary

# Texts are stored as normal forms, so that words are only split at spaces.
_OPTIONS = {
    "base_tokenizer": "whitespace",
    "lower_case": False,
    "stem": False,
    "remove_stop_words": False,
    "ascii_folding": False,
    "with_position": False,
    "max_token_length": None,
}


def create_word_index(dataset: Any, column: str) -> None:
    """Create the index of words on a column of a `lance.LanceDataset`."""
    dataset.create_scalar_index(column, "INVERTED", **_OPTIONS)


class WordIndex:
    """Finds products by the words of a text column, rare words first (BM25).

    The index is part of the table: a search sees every commit of every process, and rows that are
    not indexed yet are scanned.

    Args:
        table: with a column `product_id`.
        column: of texts from `text.index_words`.
        address: of the gallery, for errors.
    """

    def __init__(self, table: Table, column: str, address: str) -> None:
        self._table, self._column, self._address = table, column, address
        self._vocabulary, self._fragments = Vocabulary(), frozenset[int]()
        self._exists = False
        self._reading = Lock()

    def exists(self) -> bool:
        """Return whether the table has the column; galleries of some recipes do not."""
        # A column that is there stays, and to look means to look for a newer version.
        self._exists = self._exists or self._column in self._table.schema.names
        return self._exists

    def vocabulary(self) -> Vocabulary:
        """Return the words of the column, and perhaps words of rows that were deleted since.

        The first call reads the column; later ones read only what was written since.
        """
        with self._reading(), plain_errors(self._address, "read"):
            dataset = self._table.newest()
            fragments = {each.fragment_id: each for each in dataset.get_fragments()}
            new = [each for number, each in fragments.items() if number not in self._fragments]
            if new:
                batches = dataset.scanner([self._column], fragments=new).to_batches()
                words = {word for batch in batches for word in _words(batch[self._column])}
                self._vocabulary.add(words)
                self._fragments = frozenset(fragments)
            return self._vocabulary

    def search(
        self, words: Sequence[str], limit: int, where: str | None = None
    ) -> dict[str, float]:
        """Return at least `limit` products with any of these words, if there are as many, scored.

        Args:
            words: a repeated word counts as often as it is repeated.
            limit: number of products.
            where: SQL condition on the table's columns.
        """
        if not words:
            return {}
        count = limit
        while True:
            with plain_errors(self._address, "searched"):
                rows = self._table.with_words(
                    self._column, " ".join(words), count, ["product_id"], where
                )
            found: dict[str, float] = {}
            pairs = (rows["product_id"].to_pylist(), rows["_score"].to_pylist())
            for product, score in zip(*pairs, strict=True):
                found[product] = max(score, found.get(product, 0.0))
            # Products with many pictures may fill the list: look further.
            if len(rows) < count or len(found) >= limit:
                return found
            count *= 4


def _words(column: pa.Array) -> Iterator[str]:
    """Yield the different words of texts, without those that start with a digit."""
    words = pc.unique(pc.list_flatten(pc.split_pattern(column, " ")))
    for word in words.to_pylist():
        if word and not word[0].isdigit():
            yield word
