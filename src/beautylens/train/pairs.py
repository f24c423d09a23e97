"""Contrastive objective on photos whose products are known."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from beautylens.arrays import Intp
from beautylens.runtime.extras import extra
from beautylens.train.losses import contrastive_loss
from beautylens.train.mining import hard_negatives
from beautylens.train.objective import Describe, Item, Objective
from beautylens.train.processes import all_gather
from beautylens.train.sources import Source
from beautylens.train.tasks import Task

with extra("train"):
    import torch
    from torch import Tensor, nn

# Hard negatives in a batch for each photo, beside the pictures of other photos.
HARD = 1
# Hard negatives mined for each photo, from which those are drawn.
MINED = 20


class Pairs(Objective):
    """Contrastive learning on photos, pictures of their products, and hard negatives.

    Args:
        photos: queries whose products are known.
        pictures: of the catalogue.
        right: indices of the positive pictures of each photo.
        products: product number of each picture.
        neutral: for each photo, product numbers that are neither positive nor negative.
        simulate: also train on a simulated phone photo of each picture.
        penalty: `robust` or `plain`.
        task: auxiliary task against forgetting; None for none.
        weight: λ of that task.
    """

    def __init__(
        self,
        photos: Source,
        pictures: Source,
        right: Sequence[Sequence[int]],
        products: Intp,
        *,
        neutral: Sequence[Collection[int]] | None = None,
        simulate: bool = False,
        penalty: str = "robust",
        task: Task | None = None,
        weight: float = 0.1,
    ) -> None:
        super().__init__()
        own = [[index] for index in range(len(pictures))] if simulate else []
        self._photos = photos
        self._pictures = pictures
        self._right = [*right, *own]
        self._products = products
        self._answers = [set(products[list(indices)].tolist()) for indices in self._right]
        self._neutral = [*(neutral or [()] * len(right)), *([()] * len(own))]
        self._loss = partial(contrastive_loss, penalty=penalty)
        self._task = task
        self._weight = weight
        if task is not None:
            self.extras.task = task.module

    def __len__(self) -> int:
        """Return the number of photos, simulated ones included."""
        return len(self._right)

    def begin(self, describe: Describe) -> None:
        """Mine the hard negatives of each photo."""
        pictures = describe(self._pictures)
        photos = np.concatenate([describe(self._photos), pictures])[: len(self._right)]
        not_negative = [
            answers.union(neutral)
            for answers, neutral in zip(self._answers, self._neutral, strict=True)
        ]
        negatives = hard_negatives(photos, pictures, self._products, not_negative, MINED)
        self.extras.register_buffer("wrong", torch.from_numpy(negatives))

    def load(self, item: int, rng: np.random.Generator) -> Item:
        """Return a photo, a picture of its product, and hard negatives."""
        indices = [
            int(rng.choice(self._right[item])),
            *rng.choice(self.extras.wrong[item].tolist(), HARD).tolist(),
        ]
        loaded: dict[str, Any] = {
            "item": item,
            "photo": self._photo(item, rng),
            "pictures": np.stack([self._pictures.plain(index) for index in indices]),
            "indices": np.array(indices),
            "products": self._products[indices],
        }
        return loaded if self._task is None else {**loaded, **self._task.load(rng)}

    def _photo(self, item: int, rng: np.random.Generator) -> NDArray[Any]:
        if item < len(self._photos):
            return self._photos.jittered(item, rng)
        return self._pictures.simulated(item - len(self._photos), rng)

    def loss(self, network: nn.Module, batch: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Return the contrastive loss and the weighted loss of the auxiliary task."""
        count = len(batch["photo"])
        indices = batch["indices"].flatten()
        # Duplicate pictures of a batch go through the network once.
        first, inverse = _first_of_each(indices)
        catalogue = batch["pictures"].flatten(0, 1)[first]
        parts = [batch["photo"], catalogue]
        if self._task is not None:
            parts.append(self._task.pictures(batch))
        vectors, maps = network(torch.cat(parts))
        photos, pictures = vectors[:count], vectors[count : count + len(catalogue)][inverse]
        # They count once over all processes, too.
        chosen, _ = _first_of_each(all_gather(indices))
        products = all_gather(batch["products"].flatten())[chosen]
        same, other = self._masks(all_gather(batch["item"]).tolist(), products.tolist())
        found = self._loss(
            all_gather(photos),
            all_gather(pictures)[chosen],
            same.to(vectors.device),
            other.to(vectors.device),
        )
        terms = {"pairs": found}
        if self._task is not None:
            terms[self._task.name] = self._weight * self._task.loss(maps, catalogue, batch)
        return terms

    def _masks(self, items: Sequence[int], products: Sequence[int]) -> tuple[Tensor, Tensor]:
        """Return the masks (P, G) of positive and of negative pairs of photos and products."""
        same = [[product in self._answers[item] for product in products] for item in items]
        neutral = [[product in self._neutral[item] for product in products] for item in items]
        right = torch.tensor(same)
        return right, ~(right | torch.tensor(neutral))


def _first_of_each(indices: Tensor) -> tuple[Tensor, Tensor]:
    """Return the first position of each distinct index, (U,), and the inverse mapping, (N,)."""
    _, inverse = indices.unique(return_inverse=True)
    order = torch.arange(len(indices), device=indices.device)
    first = torch.full((int(inverse.max()) + 1,), len(indices), device=indices.device)
    return first.scatter_reduce(0, inverse, order, "amin"), inverse
