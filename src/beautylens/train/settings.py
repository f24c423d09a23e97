"""Settings of a training run: epochs, batch, learning rate and schedule."""

from __future__ import annotations

import math
from typing import Literal

from pydantic import Field

from beautylens.recipe.settings import Settings


class TrainSettings(Settings):
    """Settings that all objectives share.

    `rate` is the learning rate of the trunk; that of new layers (a projection, a classifier) is
    `head` times as high. `ema` is the decay of the averaged weights, which are the result. Training
    stops after `patience` epochs without a better mAP@7, if there are validation photos.
    """

    epochs: int = Field(default=10, ge=1)
    batch: int = Field(default=32, ge=2)
    rate: float = Field(default=1e-4, gt=0)
    head: float = Field(default=3.0, gt=0)
    optimiser: Literal["adamw", "sgd"] = "adamw"
    schedule: Literal["cosine", "steps"] = "cosine"
    weight_decay: float = Field(default=1e-4, ge=0)
    ema: float = Field(default=0.99, ge=0, lt=1)
    precision: Literal["no", "bf16", "fp16"] = "no"
    patience: int = Field(default=4, ge=1)
    seed: int = Field(default=0, ge=0)

    def rate_at(self, step: int, steps: int) -> float:
        """Return the factor of the learning rate at a step.

        `cosine` has a short warm-up and decays to 0; `steps` is the schedule of Lin et al. (2019):
        a tenth after a fifth of the steps, a hundredth after two fifths.
        """
        done = step / steps
        if self.schedule == "steps":
            return 1.0 if done < 0.2 else 0.1 if done < 0.4 else 0.01
        warm_up = max(1, round(0.05 * steps))
        if step < warm_up:
            return (step + 1) / warm_up
        return (1 + math.cos(math.pi * done)) / 2


# The schedule of Lin et al. (2019).
PUBLISHED_UEL = TrainSettings(
    epochs=100,
    batch=32,
    rate=1e-3,
    head=1.0,
    optimiser="sgd",
    schedule="steps",
    weight_decay=5e-4,
    ema=0.0,
)
