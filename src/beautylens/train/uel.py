"""Learning from a catalogue without labels: a picture and its phone photo should be told as one."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from beautylens.optional import extra
from beautylens.train.losses import bank_loss, uel_loss
from beautylens.train.objective import Describe, Item, Objective
from beautylens.train.processes import everywhere
from beautylens.train.sources import Source

with extra("train"):
    import torch
    from torch import Tensor, nn
    from torch.nn import functional


# Share of what a picture looked like before that stays in the bank.
MOMENTUM = 0.5


class InBatch(Objective):
    """The loss of Ye et al. (2019) over the pictures of a batch and their simulated photos.

    Args:
        pictures: of the catalogue.
        temperature: τ.
    """

    def __init__(self, pictures: Source, temperature: float = 0.1) -> None:
        super().__init__()
        self._pictures = pictures
        self._temperature = temperature

    def __len__(self) -> int:
        """Return the number of pictures."""
        return len(self._pictures)

    def load(self, item: int, rng: np.random.Generator) -> Item:
        """Return a picture and its twin."""
        twin = self._pictures.simulated(item, rng)
        return {"item": item, "picture": self._pictures.plain(item), "twin": twin}

    def loss(self, network: nn.Module, batch: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Return the loss of a batch."""
        vectors, _ = network(torch.cat([batch["picture"], batch["twin"]]))
        images, twins = vectors.chunk(2)
        found = uel_loss(everywhere(images), everywhere(twins), temperature=self._temperature)
        return {"uel": found}


class Bank(InBatch):
    """The memory-bank form (Wu et al., 2018), for small batches: told apart from all pictures.

    Args:
        pictures: of the catalogue.
        temperature: τ.
    """

    def __init__(self, pictures: Source, temperature: float = 0.07) -> None:
        super().__init__(pictures, temperature)
        self._seen: tuple[Tensor, Tensor] | None = None

    def begin(self, describe: Describe) -> None:
        """Fill the bank, the first time."""
        if not hasattr(self.extras, "bank"):
            self.extras.register_buffer("bank", torch.from_numpy(describe(self._pictures)))

    def loss(self, network: nn.Module, batch: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Return the loss of a batch."""
        vectors, _ = network(torch.cat([batch["picture"], batch["twin"]]))
        vectors, items = everywhere(vectors), everywhere(batch["item"].repeat(2))
        self._seen = items, vectors.detach().float()
        # Made, or read from a checkpoint, on the processor.
        bank = self.extras.bank = self.extras.bank.to(vectors.device)
        return {"bank": bank_loss(vectors, items, bank, temperature=self._temperature)}

    def stepped(self) -> None:
        """Remember what the pictures of the batch now look like."""
        if self._seen is None:
            return
        items, vectors = self._seen
        bank = self.extras.bank
        seen = items.unique()
        now = torch.stack([vectors[items == item].mean(dim=0) for item in seen])
        mixed = MOMENTUM * bank[seen] + (1 - MOMENTUM) * now
        bank[seen] = functional.normalize(mixed)
