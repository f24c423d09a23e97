"""The words of a snapshot: look-up of products by the words of a column (BM25)."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence

import numpy as np

from beautylens.arrays import Float64, Int64
from beautylens.runtime.native import Lock
from beautylens.store.filters import parse_sql
from beautylens.store.snapshot.generation import Generation
from beautylens.store.snapshot.part import Part
from beautylens.store.snapshot.parts import Parts
from beautylens.store.snapshot.snapshot import Snapshot
from beautylens.store.word_index import WordIndex
from beautylens.text.vocabulary import Vocabulary

# The constants of BM25, as Lance has them.
_K1, _B = 1.2, 0.75


class SnapshotWords(WordIndex):
    """The words of a snapshot's table while it is current; otherwise those of another index.

    Args:
        other: searched while the snapshot is not current.
        snapshot: of the gallery.
        table: whose words are looked up.
    """

    def __init__(self, other: WordIndex, snapshot: Snapshot, table: str) -> None:
        self._other, self._snapshot, self._name = other, snapshot, table
        self._known, self._folders = Vocabulary(), frozenset[str]()
        self._adding = Lock()

    def exists(self) -> bool:
        """Return whether the table has the column; galleries of some recipes do not."""
        current = self._snapshot.current()
        return self._other.exists() if current is None else bool(self._parts(current).columns.words)

    def vocabulary(self) -> Vocabulary:
        """Return the words of the column, and perhaps words of rows that were deleted since."""
        current = self._snapshot.current()
        if current is None:
            return self._other.vocabulary()
        with self._adding():
            parts = zip(self._parts(current).parts, self._folders_of(current), strict=True)
            for part, folder in parts:
                if folder not in self._folders:
                    words = (word for (word,) in part.sql("SELECT word FROM words"))
                    self._known.add(word for word in words if not word[0].isdigit())
            self._folders = frozenset(self._folders_of(current))
            return self._known

    def search(
        self, words: Sequence[str], limit: int, where: str | None = None
    ) -> dict[str, float]:
        """Return at least `limit` products with any of these words, if there are as many, scored.

        Args:
            words: a repeated word counts as often as it is repeated.
            limit: number of products.
            where: SQL condition on the table's columns.
        """
        current = self._snapshot.current()
        if current is None:
            return self._other.search(words, limit, where)
        table = self._parts(current)
        rows, scores = _scored(table, Counter(words))
        if where is not None:
            meet = np.isin(rows, table.where(parse_sql(where, table.columns.compared)))
            rows, scores = rows[meet], scores[meet]
        return _best(table, rows, scores, limit)

    def _parts(self, current: Generation) -> Parts:
        return current.images if self._name == "images" else current.lines

    def _folders_of(self, current: Generation) -> list[str]:
        return [part.folder for part in current.manifest.tables[self._name].parts]


def _scored(table: Parts, words: Counter[str]) -> tuple[Int64, Float64]:
    """Return the rows that have any of some words, and their scores."""
    postings = [_postings(part, list(words)) for part in table.parts]
    count = sum(len(part.lengths) for part in table.parts)
    mean = sum(int(part.lengths.sum()) for part in table.parts) / max(1, count)
    weights = {
        word: times * _idf(count, sum(len(own.get(word, ())) for own in postings))
        for word, times in words.items()
    }
    all_rows, all_scores = [np.empty(0, np.int64)], [np.empty(0)]
    for (start, part), own in zip(table.numbered(), postings, strict=True):
        if not own:
            continue
        rows = np.concatenate(list(own.values()))
        counts = [len(each) for each in own.values()]
        sums = np.bincount(rows, np.repeat([weights[word] for word in own], counts))
        found = np.flatnonzero(sums)
        found = found if part.live is None else found[part.live[found]]
        lengths = part.lengths[found] / mean
        all_scores.append(sums[found] * (_K1 + 1) / (1 + _K1 * (1 - _B + _B * lengths)))
        all_rows.append(found + start)
    return np.concatenate(all_rows), np.concatenate(all_scores)


def _postings(part: Part, words: list[str]) -> dict[str, Int64]:
    """Return the rows of each word that the part has."""
    query = f"SELECT word, start, stop FROM words WHERE word IN ({', '.join('?' * len(words))})"
    return {word: part.postings[start:stop] for word, start, stop in part.sql(query, words)}


def _idf(count: int, having: int) -> float:
    return math.log(1 + (count - having + 0.5) / (having + 0.5))


def _best(table: Parts, rows: Int64, scores: Float64, limit: int) -> dict[str, float]:
    """Return the scores of the products of the best rows, of as many as needed."""
    order = np.argsort(-scores, kind="stable")
    count = limit
    while True:
        best = order[:count]
        products = table.texts(rows[best], ["product_id"])
        found: dict[str, float] = {}
        for texts, score in zip(products, scores[best].tolist(), strict=True):
            found[texts["product_id"]] = max(score, found.get(texts["product_id"], 0.0))
        # Products with many pictures may fill the list: look further.
        if len(best) < count or len(found) >= limit:
            return found
        count *= 4
