"""Unsupervised embedding learning (UEL): a picture and its twin as one instance."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from beautylens.runtime.extras import extra
from beautylens.train.losses import bank_loss, uel_loss
from beautylens.train.objective import Describe, Item, Objective
from beautylens.train.processes import all_gather
from beautylens.train.sources import Source

with extra("train"):
    import torch
    from torch import Tensor, nn
    from torch.nn import functional


# Momentum of the memory bank's update.
MOMENTUM = 0.5


# The two views of a picture, by name: it and its twin.
VIEWS = ("photo", "crop", "both")


class InBatch(Objective):
    """UEL objective of Ye et al. (2019) over the pictures of a batch and their twins.

    Args:
        pictures: of the catalogue.
        temperature: τ.
        views: `photo`: the picture and a simulated photo of it. `crop`: two random crops, as Lin et
            al. (2019). `both`: a crop, and a crop or a simulated photo, by turns at random.
    """

    def __init__(self, pictures: Source, temperature: float = 0.1, *, views: str = "photo") -> None:
        super().__init__()
        self._pictures = pictures
        self._temperature = temperature
        self._views = views

    def __len__(self) -> int:
        """Return the number of pictures."""
        return len(self._pictures)

    def load(self, item: int, rng: np.random.Generator) -> Item:
        """Return a picture and its twin."""
        pictures = self._pictures
        if self._views == "photo":
            twin = pictures.simulated(item, rng)
            return {"item": item, "picture": pictures.plain(item), "twin": twin}
        simulate = self._views == "both" and rng.random() < 0.5
        twin = pictures.simulated(item, rng) if simulate else pictures.cropped(item, rng)
        return {"item": item, "picture": pictures.cropped(item, rng), "twin": twin}

    def loss(self, network: nn.Module, batch: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Return the loss of a batch."""
        vectors, _ = network(torch.cat([batch["picture"], batch["twin"]]))
        images, twins = vectors.chunk(2)
        found = uel_loss(all_gather(images), all_gather(twins), temperature=self._temperature)
        return {"uel": found}


class Bank(InBatch):
    """UEL objective with a memory bank of all pictures (Wu et al., 2018), for small batches.

    Args:
        pictures: of the catalogue.
        temperature: τ.
        views: as for `InBatch`.
    """

    def __init__(
        self, pictures: Source, temperature: float = 0.07, *, views: str = "photo"
    ) -> None:
        super().__init__(pictures, temperature, views=views)
        self._seen: tuple[Tensor, Tensor] | None = None

    def begin(self, describe: Describe) -> None:
        """Fill the memory bank before the first epoch."""
        if not hasattr(self.extras, "bank"):
            self.extras.register_buffer("bank", torch.from_numpy(describe(self._pictures)))

    def loss(self, network: nn.Module, batch: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Return the loss of a batch."""
        vectors, _ = network(torch.cat([batch["picture"], batch["twin"]]))
        vectors, items = all_gather(vectors), all_gather(batch["item"].repeat(2))
        self._seen = items, vectors.detach().float()
        # The bank is on the CPU when it was just created, or read from a checkpoint.
        bank = self.extras.bank = self.extras.bank.to(vectors.device)
        return {"bank": bank_loss(vectors, items, bank, temperature=self._temperature)}

    def after_step(self) -> None:
        """Update the memory bank with the pictures of the batch."""
        if self._seen is None:
            return
        items, vectors = self._seen
        bank = self.extras.bank
        seen = items.unique()
        now = torch.stack([vectors[items == item].mean(dim=0) for item in seen])
        mixed = MOMENTUM * bank[seen] + (1 - MOMENTUM) * now
        bank[seen] = functional.normalize(mixed)
