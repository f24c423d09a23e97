"""Title objective: n-grams of a product's title as labels of its pictures."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np
from scipy.sparse import csr_array

from beautylens.errors import TableError
from beautylens.runtime.extras import extra
from beautylens.train.objective import Item, Objective
from beautylens.train.processes import all_gather
from beautylens.train.sources import Source

with extra("train"):
    import torch
    from torch import Tensor, nn
    from torch.nn import functional

# Largest number of labels, as in Feng et al. (2020).
MAX_LABELS = 3000
# Words of the longest n-gram.
MAX_WORDS = 3
# Least number of titles with a label: an n-gram of a single title is no class.
MIN_TITLES = 2
SHARPNESS = 16.0


def ngrams(title: str) -> set[str]:
    """Return the n-grams of one to three words of a title, in lower case."""
    words = re.findall(r"\w+", title.casefold())
    spans = range(1, MAX_WORDS + 1)
    return {" ".join(words[at : at + n]) for n in spans for at in range(len(words) - n + 1)}


def labels_of(titles: Sequence[str], most: int = MAX_LABELS) -> tuple[list[str], csr_array]:
    """Return the most frequent n-grams of titles, and the label matrix (N, L), 0 or 1.

    Raises:
        TableError: when no two titles share a word.
    """
    # A title counts once, however many pictures a product has.
    found = {title: ngrams(title) for title in titles}
    counts = Counter(gram for each in found.values() for gram in each)
    ranked = sorted(counts, key=lambda gram: (-counts[gram], gram))
    chosen = [gram for gram in ranked if MIN_TITLES <= counts[gram] < len(found)][:most]
    if not chosen:
        raise TableError("no two titles share a word; titles need words in common to train on")
    columns = {gram: column for column, gram in enumerate(chosen)}
    marks = [sorted(columns[gram] for gram in found[title] if gram in columns) for title in titles]
    ends = np.cumsum([0, *map(len, marks)])
    indices = np.array([column for row in marks for column in row], np.int64)
    ones = np.ones(len(indices), np.float32)
    return chosen, csr_array((ones, indices, ends), shape=(len(titles), len(chosen)))


class Titles(Objective):
    """Multi-label classification of title n-grams on the descriptor (Feng et al., 2020).

    Args:
        pictures: of the catalogue.
        labels: (N, L), of each picture.
        dimensions: length of a descriptor.
    """

    def __init__(self, pictures: Source, labels: csr_array, dimensions: int) -> None:
        super().__init__(nn.Linear(dimensions, labels.shape[1]))
        self._pictures = pictures
        self._labels = labels
        # Biases start at the labels' log odds: else the first epochs learn only these.
        shares = np.clip(labels.mean(axis=0), 1e-4, 1 - 1e-4)
        odds = np.log(shares / (1 - shares)).astype(np.float32)
        self.extras.bias.data.copy_(torch.from_numpy(odds))

    def __len__(self) -> int:
        """Return the number of pictures."""
        return len(self._pictures)

    def load(self, item: int, rng: np.random.Generator) -> Item:
        """Return a picture or, with probability 0.5, a simulated photo of it, and its labels."""
        if rng.random() < 0.5:
            picture = self._pictures.simulated(item, rng)
        else:
            picture = self._pictures.plain(item)
        return {"picture": picture, "labels": self._labels[[item]].toarray()[0]}

    def loss(self, network: nn.Module, batch: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Return the binary cross-entropy, summed over the labels."""
        vectors, _ = network(batch["picture"])
        found = self.extras(SHARPNESS * all_gather(vectors))
        wanted = all_gather(batch["labels"])
        total = functional.binary_cross_entropy_with_logits(found, wanted, reduction="sum")
        return {"titles": total / len(wanted)}
