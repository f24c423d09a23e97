"""Base class of training objectives: items, and the loss of a batch."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from beautylens.arrays import Float32
from beautylens.runtime.extras import extra
from beautylens.train.sources import Source

with extra("train"):
    from torch import Tensor, nn

# Returns the current vectors of the network for plain pictures, (N, D) unit rows.
Describe = Callable[[Source], Float32]
Item = Mapping[str, Any]


class Objective(ABC):
    """A training objective.

    Args:
        extras: parameters and buffers beside the network: a classifier, a memory bank.
    """

    def __init__(self, extras: nn.Module | None = None) -> None:
        self.extras: nn.Module = nn.Module() if extras is None else extras

    @abstractmethod
    def __len__(self) -> int:
        """Return the number of items; an epoch has each once, in random order."""

    @abstractmethod
    def load(self, item: int, rng: np.random.Generator) -> Item:
        """Return an item as arrays and numbers; called in other threads."""

    @abstractmethod
    def loss(self, network: nn.Module, batch: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Return the terms of the loss by name; their sum is minimised."""

    def begin(self, describe: Describe) -> None:  # noqa: B027  (optional)
        """Prepare an epoch with the current vectors of pictures; state goes into `extras`."""

    def after_step(self) -> None:  # noqa: B027  (optional)
        """Update state after a step of the optimiser."""
