"""Start of a training run: an encoder file, or a timm network."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from beautylens.arrays import Float32
from beautylens.errors import EncoderError
from beautylens.features.encoder.encoder import Encoder
from beautylens.features.encoder.whitening import Whitening
from beautylens.features.export.backbones import Backbone, build_backbone
from beautylens.features.export.timm import choose_pooling
from beautylens.features.export.trainable import to_trainable
from beautylens.recipe.settings import PoolingSettings


@dataclass(frozen=True, slots=True, eq=False)
class Start:
    """A backbone, its pooling and its projection, if it has one.

    `encoder` is the encoder file, if there is one; `fingerprint` identifies the start.
    """

    backbone: Backbone
    pooling: PoolingSettings
    whitening: Whitening | None
    encoder: Encoder | None
    fingerprint: str


def from_encoder(
    name: str, *, side: int | None = None, pooling: str | None = None, frozen: bool = False
) -> Start:
    """Return the start of an encoder file.

    Args:
        name: of the encoder, as for `Encoder.load`.
        side: input side in pixels; the encoder's by default.
        pooling: the encoder's by default; another one starts without the encoder's projection.
        frozen: whether its network is frozen.

    Raises:
        EncoderError: when there is no such encoder, or it cannot be trained further.
        RecipeError: when there is no such pooling.
    """
    wanted = None if pooling is None else PoolingSettings(name=pooling)
    encoder = Encoder.load(name, pooling=wanted, side=side)
    spec = encoder.spec
    backbone = (
        Backbone(
            spec.name,
            None,
            spec.mean,
            spec.std,
            encoder.side,
            spec.stride,
            spec.fixed_side,
            spec.licence,
        )
        if frozen
        else to_trainable(encoder.graph, spec, side)
    )
    return Start(backbone, spec.pooling, encoder.whitening, encoder, encoder.fingerprint)


def from_timm(
    name: str,
    *,
    side: int | None = None,
    weights: Path | None = None,
    seed: int | None = None,
    pooling: str | None = None,
    classes: bool = False,
) -> Start:
    """Return the start of a timm network, without a projection.

    Args:
        name: in timm.
        side: input side in pixels; timm's by default.
        weights: a file; by default downloaded from the hub.
        seed: of random weights, in place of trained ones.
        pooling: by default as for `encoder export`.
        classes: whether to keep the classifier.

    Raises:
        EncoderError: when it cannot be created.
        RecipeError: when there is no such pooling.
    """
    backbone = build_backbone(name, side=side, weights=weights, seed=seed, classes=classes)
    chosen = choose_pooling(backbone, None if pooling is None else PoolingSettings(name=pooling))
    origin = "hub" if seed is None else f"seed {seed}"
    return Start(backbone, chosen, None, None, f"{name} {weights or origin}")


def projection(pooled: Float32, dimensions: int) -> Whitening:
    """Return the PCA-whitening of pooled vectors (N, C), as the initial projection.

    Raises:
        EncoderError: when there are too few for two dimensions.
    """
    most = min(dimensions, len(pooled) - 1, pooled.shape[1])
    if most < 2:
        raise EncoderError(f"{len(pooled)} pictures are too few for a projection; give more")
    return Whitening.fit(pooled, most)
