"""Learning from photos whose products are known: near their pictures, far from all others."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from beautylens.arrays import Intp
from beautylens.optional import extra
from beautylens.train.losses import contrastive_loss
from beautylens.train.mining import hard_negatives
from beautylens.train.objective import Describe, Item, Objective
from beautylens.train.processes import everywhere
from beautylens.train.sources import Source
from beautylens.train.tasks import Task

with extra("train"):
    import torch
    from torch import Tensor, nn

# Hard negative pictures that each photo brings along, beside the pictures of other photos.
HARD = 1
# Wrong pictures near a photo, of which chance takes those.
MINED = 20


class Pairs(Objective):
    """Contrastive learning on photos, the pictures of their products, and hard wrong pictures.

    Args:
        photos: queries whose products are known.
        pictures: of the catalogue.
        right: the places of the right pictures of each photo.
        products: the number of the product of each picture.
        neutral: for each photo, products that are neither right nor wrong.
        simulate: also learn from a simulated phone photo of each picture.
        penalty: `robust` or `plain`.
        task: what is learnt beside, so that the trunk forgets less; None for nothing.
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
        own = [[place] for place in range(len(pictures))] if simulate else []
        self._photos = photos
        self._pictures = pictures
        self._right = [*right, *own]
        self._products = products
        self._answers = [set(products[list(places)].tolist()) for places in self._right]
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
        """Look up anew which wrong pictures are nearest to each photo."""
        pictures = describe(self._pictures)
        photos = np.concatenate([describe(self._photos), pictures])[: len(self._right)]
        not_wrong = [
            answers.union(neutral)
            for answers, neutral in zip(self._answers, self._neutral, strict=True)
        ]
        wrong = hard_negatives(photos, pictures, self._products, not_wrong, MINED)
        self.extras.register_buffer("wrong", torch.from_numpy(wrong))

    def load(self, item: int, rng: np.random.Generator) -> Item:
        """Return a photo, a picture of its product, and hard wrong pictures."""
        places = [
            int(rng.choice(self._right[item])),
            *rng.choice(self.extras.wrong[item].tolist(), HARD).tolist(),
        ]
        loaded: dict[str, Any] = {
            "item": item,
            "photo": self._photo(item, rng),
            "pictures": np.stack([self._pictures.plain(place) for place in places]),
            "places": np.array(places),
            "products": self._products[places],
        }
        return loaded if self._task is None else {**loaded, **self._task.load(rng)}

    def _photo(self, item: int, rng: np.random.Generator) -> NDArray[Any]:
        if item < len(self._photos):
            return self._photos.jittered(item, rng)
        return self._pictures.simulated(item - len(self._photos), rng)

    def loss(self, network: nn.Module, batch: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Return the contrastive loss and, weighed, that of the second task."""
        count = len(batch["photo"])
        places = batch["places"].flatten()
        # A picture that several photos brought along goes through the network once.
        first, inverse = _first_of_each(places)
        catalogue = batch["pictures"].flatten(0, 1)[first]
        parts = [batch["photo"], catalogue]
        if self._task is not None:
            parts.append(self._task.pictures(batch))
        vectors, maps = network(torch.cat(parts))
        photos, pictures = vectors[:count], vectors[count : count + len(catalogue)][inverse]
        # Likewise it counts once, whichever processes saw it.
        chosen, _ = _first_of_each(everywhere(places))
        products = everywhere(batch["products"].flatten())[chosen]
        same, other = self._masks(everywhere(batch["item"]).tolist(), products.tolist())
        found = self._loss(
            everywhere(photos),
            everywhere(pictures)[chosen],
            same.to(vectors.device),
            other.to(vectors.device),
        )
        terms = {"pairs": found}
        if self._task is not None:
            terms[self._task.name] = self._weight * self._task.loss(maps, catalogue, batch)
        return terms

    def _masks(self, items: Sequence[int], products: Sequence[int]) -> tuple[Tensor, Tensor]:
        """Return which of the products are right for each photo, (P, G), and which are wrong."""
        same = [[product in self._answers[item] for product in products] for item in items]
        neutral = [[product in self._neutral[item] for product in products] for item in items]
        right = torch.tensor(same)
        return right, ~(right | torch.tensor(neutral))


def _first_of_each(places: Tensor) -> tuple[Tensor, Tensor]:
    """Return where each distinct place is met first, (U,), and which of those each one is, (N,)."""
    _, inverse = places.unique(return_inverse=True)
    order = torch.arange(len(places), device=places.device)
    first = torch.full((int(inverse.max()) + 1,), len(places), device=places.device)
    return first.scatter_reduce(0, inverse, order, "amin"), inverse
