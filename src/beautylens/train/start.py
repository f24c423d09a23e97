"""What a training starts from: an encoder file, or a timm network."""

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
    """A backbone, how its maps are pooled, and the projection that follows where there is one.

    `encoder` is the file that it came from, if it came from one; `fingerprint` tells two starts
    apart.
    """

    backbone: Backbone
    pooling: PoolingSettings
    whitening: Whitening | None
    encoder: Encoder | None
    fingerprint: str


def from_encoder(
    name: str, *, side: int | None = None, pooling: str | None = None, frozen: bool = False
) -> Start:
    """Return an encoder file as a start.

    Args:
        name: as `Encoder.load` takes it.
        side: of the input, in pixels; the encoder's by default.
        pooling: another than the encoder's, which then starts without its projection.
        frozen: its network is only run, never trained.

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
    """Return a timm network as a start, without a projection.

    Args:
        name: timm's.
        side: of the input, in pixels; timm's by default.
        weights: a file; the hub's by default.
        seed: draw random weights instead.
        pooling: as `encoder export` chooses it by default.
        classes: whether its classifier is wanted.

    Raises:
        EncoderError: when it cannot be made.
        RecipeError: when there is no such pooling.
    """
    backbone = build_backbone(name, side=side, weights=weights, seed=seed, classes=classes)
    chosen = choose_pooling(backbone, None if pooling is None else PoolingSettings(name=pooling))
    drawn = "hub" if seed is None else f"seed {seed}"
    return Start(backbone, chosen, None, None, f"{name} {weights or drawn}")


def projection(pooled: Float32, dimensions: int) -> Whitening:
    """Return the PCA-whitening of pooled pictures (N, C), where training may begin.

    Raises:
        EncoderError: when there are fewer pictures than would teach two dimensions.
    """
    most = min(dimensions, len(pooled) - 1, pooled.shape[1])
    if most < 2:
        raise EncoderError(f"{len(pooled)} pictures cannot teach a projection; give more")
    return Whitening.fit(pooled, most)
