"""Learning from titles: the words of a product's name as labels of its pictures."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np
from scipy.sparse import csr_array

from beautylens.errors import TableError
from beautylens.optional import extra
from beautylens.train.objective import Item, Objective
from beautylens.train.processes import everywhere
from beautylens.train.sources import Source

with extra("train"):
    import torch
    from torch import Tensor, nn
    from torch.nn import functional

# Labels, as Feng et al. (2020).
MOST = 3000
# Words of the longest n-gram.
LONGEST = 3
# Products that must share an n-gram: one that names a single product teaches nothing.
LEAST = 2
SHARPNESS = 16.0


def ngrams(title: str) -> set[str]:
    """Return the n-grams of one to three words of a title, in small letters."""
    words = re.findall(r"\w+", title.casefold())
    spans = range(1, LONGEST + 1)
    return {" ".join(words[at : at + n]) for n in spans for at in range(len(words) - n + 1)}


def labels_of(titles: Sequence[str], most: int = MOST) -> tuple[list[str], csr_array]:
    """Return the commonest n-grams of different titles and which of them each has, (N, L) 0 or 1.

    Raises:
        TableError: when no two titles share a word.
    """
    # However many pictures a product has, its title counts once.
    found = {title: ngrams(title) for title in titles}
    counts = Counter(gram for each in found.values() for gram in each)
    ranked = sorted(counts, key=lambda gram: (-counts[gram], gram))
    chosen = [gram for gram in ranked if LEAST <= counts[gram] < len(found)][:most]
    if not chosen:
        raise TableError("no two titles share a word; there is nothing to learn from them")
    columns = {gram: column for column, gram in enumerate(chosen)}
    marks = [sorted(columns[gram] for gram in found[title] if gram in columns) for title in titles]
    ends = np.cumsum([0, *map(len, marks)])
    places = np.array([column for row in marks for column in row], np.int64)
    ones = np.ones(len(places), np.float32)
    return chosen, csr_array((ones, places, ends), shape=(len(titles), len(chosen)))


class Titles(Objective):
    """Multi-label classification of title n-grams on the descriptor (Feng et al., 2020).

    Args:
        pictures: of the catalogue.
        labels: (N, L), of each picture.
        dimensions: the length of a descriptor.
    """

    def __init__(self, pictures: Source, labels: csr_array, dimensions: int) -> None:
        super().__init__(nn.Linear(dimensions, labels.shape[1]))
        self._pictures = pictures
        self._labels = labels
        # As rare as they are from the start, else the first epochs learn nothing but that.
        shares = np.clip(labels.mean(axis=0), 1e-4, 1 - 1e-4)
        odds = np.log(shares / (1 - shares)).astype(np.float32)
        self.extras.bias.data.copy_(torch.from_numpy(odds))

    def __len__(self) -> int:
        """Return the number of pictures."""
        return len(self._pictures)

    def load(self, item: int, rng: np.random.Generator) -> Item:
        """Return a picture, every other time as a phone would take it, and its labels."""
        see = self._pictures.simulated if rng.random() < 0.5 else None
        picture = self._pictures.plain(item) if see is None else see(item, rng)
        return {"picture": picture, "labels": self._labels[[item]].toarray()[0]}

    def loss(self, network: nn.Module, batch: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Return the binary cross-entropy, summed over the labels."""
        vectors, _ = network(batch["picture"])
        found = self.extras(SHARPNESS * everywhere(vectors))
        wanted = everywhere(batch["labels"])
        total = functional.binary_cross_entropy_with_logits(found, wanted, reduction="sum")
        return {"titles": total / len(wanted)}
