"""Learning from titles: the words of a product's name as labels of its pictures."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from beautylens.errors import TableError
from beautylens.features.extras import extra
from beautylens.train.objective import Item, Objective
from beautylens.train.processes import everywhere
from beautylens.train.sources import Source

with extra("train"):
    import torch
    from torch import Tensor, nn
    from torch.nn import functional

MOST = 3000
"""Labels, as Feng et al. (2020)."""
LONGEST = 3
"""Words of the longest n-gram."""
LEAST = 2
"""Products that must share an n-gram: one that names a single product teaches nothing."""
SHARPNESS = 16.0


def ngrams(title: str) -> set[str]:
    """Return the n-grams of one to three words of a title, in small letters."""
    words = re.findall(r"\w+", title.casefold())
    spans = range(1, LONGEST + 1)
    return {" ".join(words[at : at + n]) for n in spans for at in range(len(words) - n + 1)}


def labels_of(titles: Sequence[str], most: int = MOST) -> tuple[list[str], NDArray[np.float32]]:
    """Return the commonest n-grams of titles and which of them each title has, (N, L).

    Raises:
        TableError: when no two titles share a word.
    """
    found = [ngrams(title) for title in titles]
    counts = Counter(gram for each in found for gram in each)
    ranked = sorted(counts, key=lambda gram: (-counts[gram], gram))
    chosen = [gram for gram in ranked if LEAST <= counts[gram] < len(titles)][:most]
    if not chosen:
        raise TableError("no two titles share a word; there is nothing to learn from them")
    columns = {gram: column for column, gram in enumerate(chosen)}
    marks = np.zeros((len(titles), len(chosen)), np.float32)
    for row, each in enumerate(found):
        marks[row, [columns[gram] for gram in each if gram in columns]] = 1
    return chosen, marks


class Titles(Objective):
    """Multi-label classification of title n-grams on the descriptor (Feng et al., 2020).

    Args:
        pictures: of the catalogue.
        labels: (N, L) 0 or 1, of each picture.
        dimensions: the length of a descriptor.
    """

    def __init__(self, pictures: Source, labels: NDArray[np.float32], dimensions: int) -> None:
        super().__init__(nn.Linear(dimensions, labels.shape[1]))
        self._pictures, self._labels = pictures, labels
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
        return {"picture": picture, "labels": self._labels[item]}

    def loss(self, network: nn.Module, batch: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Return the binary cross-entropy, summed over the labels."""
        vectors, _ = network(batch["picture"])
        found = self.extras(SHARPNESS * everywhere(vectors))
        wanted = everywhere(batch["labels"])
        total = functional.binary_cross_entropy_with_logits(found, wanted, reduction="sum")
        return {"titles": total / len(wanted)}
