"""Weight interpolation between an encoder and its fine-tuned successor."""

from __future__ import annotations

from pathlib import Path

from beautylens.errors import EncoderError
from beautylens.features.encoder.encoder import Encoder
from beautylens.features.encoder.whitening import Whitening
from beautylens.features.export.timm import Exported, export_backbone
from beautylens.features.export.trainable import to_trainable
from beautylens.runtime.extras import extra

with extra("train"):
    import torch


def blend(start: Encoder, trained: Encoder, share: float, folder: Path) -> Exported:
    """Write an encoder whose weights are interpolated between two others (Wortsman et al., 2022).

    On pictures unlike the training pictures it is often better than either.

    Args:
        start: the encoder before training.
        trained: the encoder after training.
        share: of the trained weights, 0 to 1.
        folder: folder to create.

    Raises:
        EncoderError: when the two differ in architecture, or the folder exists.
    """
    one, other = (to_trainable(each.graph, each.spec, each.side) for each in (start, trained))
    pairs = [list(backbone.trunk.parameters()) for backbone in (one, other)]
    shapes = [[parameter.shape for parameter in parameters] for parameters in pairs]
    whitenings = start.whitening, trained.whitening
    if (
        shapes[0] != shapes[1]
        or start.spec.pooling.name != trained.spec.pooling.name
        or _shape(whitenings[0]) != _shape(whitenings[1])
    ):
        raise EncoderError(
            f"'{start.name}' and '{trained.name}' differ in layers, pooling or projection; blend "
            "an encoder with the one that its training started from"
        )
    with torch.no_grad():
        for first, second in zip(*pairs, strict=True):
            first.lerp_(second, share)
    return export_backbone(
        one,
        folder,
        name=folder.name,
        pooling=trained.spec.pooling,
        whitening=_interpolated(*whitenings, share),
    )


def _shape(whitening: Whitening | None) -> tuple[int, ...]:
    return () if whitening is None else whitening.matrix.shape


def _interpolated(one: Whitening | None, other: Whitening | None, share: float) -> Whitening | None:
    if one is None or other is None:
        return None
    return Whitening(
        one.mean + share * (other.mean - one.mean), one.matrix + share * (other.matrix - one.matrix)
    )
