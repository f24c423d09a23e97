"""What a kind of training gives the loop: items, and what a batch of them costs."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from beautylens.arrays import Float32
from beautylens.optional import extra
from beautylens.train.sources import Source

with extra("train"):
    from torch import Tensor, nn

# Returns the vectors (N, D), unit rows, that the network now makes of plain pictures.
Describe = Callable[[Source], Float32]
Item = Mapping[str, Any]


class Objective(ABC):
    """One kind of training.

    Args:
        extras: what is learnt or kept beside the network: classes, a memory bank.
    """

    def __init__(self, extras: nn.Module | None = None) -> None:
        self.extras: nn.Module = nn.Module() if extras is None else extras

    @abstractmethod
    def __len__(self) -> int:
        """Return the number of items; an epoch takes each once, in an order of its own."""

    @abstractmethod
    def load(self, item: int, rng: np.random.Generator) -> Item:
        """Return an item as arrays and numbers; other threads may do this."""

    @abstractmethod
    def loss(self, network: nn.Module, batch: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Return the terms whose sum is minimised, by name."""

    def begin(self, describe: Describe) -> None:  # noqa: B027  (most need nothing)
        """Prepare an epoch, from what the network now makes of pictures; keep it in `extras`."""

    def stepped(self) -> None:  # noqa: B027  (likewise)
        """Do what follows a step."""
