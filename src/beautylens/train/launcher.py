"""What `accelerate` is told, by its configuration or its command line."""

from __future__ import annotations

import os

from beautylens.errors import EncoderError
from beautylens.train.settings import TrainSettings


def refuse_contradictions(settings: TrainSettings) -> None:
    """Refuse settings of `accelerate` that the training would not follow.

    Raises:
        EncoderError: when its precision is another one, or it accumulates gradients.
    """
    precision = os.environ.get("ACCELERATE_MIXED_PRECISION", "no").lower()
    if precision not in ("no", settings.precision):
        raise EncoderError(
            f"accelerate is set to the precision {precision}, and --precision to "
            f"{settings.precision}; give the same to both"
        )
    steps = os.environ.get("ACCELERATE_GRADIENT_ACCUMULATION_STEPS", "1")
    if steps != "1":
        raise EncoderError(
            f"accelerate is set to accumulate gradients over {steps} steps, but losses need all "
            "pictures of a batch at once; leave this out, and give the whole batch with --batch"
        )
