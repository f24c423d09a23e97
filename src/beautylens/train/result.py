"""What comes of a training: an encoder folder, and beside it how it came about."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from beautylens.errors import EncoderError
from beautylens.features.encoder.encoder import Encoder
from beautylens.features.encoder.registry import drafted, write_header
from beautylens.features.export.backbones import Backbone
from beautylens.features.export.timm import export_backbone
from beautylens.optional import extra
from beautylens.train.curves import write_curves

with extra("train"):
    import torch
    from torch import nn


@dataclass(frozen=True, slots=True)
class Trained:
    """An encoder folder that was trained, and its curves."""

    folder: Path
    rows: Sequence[Mapping[str, float]]
    unreadable: tuple[str, ...]
    # Photos that show no product of the catalogue, and were left out.
    unmatched: tuple[str, ...]


def write_result(
    folder: Path,
    backbone: Backbone,
    trained: nn.Module,
    told: Mapping[str, Any],
    rows: Sequence[Mapping[str, float]],
    adapted: Encoder | None,
) -> None:
    """Write the encoder, its curves and what it was trained with.

    Args:
        folder: to be made.
        backbone: what training began with.
        trained: the network with its head.
        told: JSON values of how it was trained.
        rows: the figures of each epoch.
        adapted: the encoder whose trunk an adapter left as it was.

    Raises:
        EncoderError: when the training has run away.
    """
    pooling = trained.head.pool.settings
    whitening = trained.head.whitening
    _refuse_infinite(trained)

    def beside(draft: Path) -> None:
        write_curves(draft, rows)
        (draft / "training.json").write_text(json.dumps(told, indent=2) + "\n", "utf-8")

    if adapted is None:
        export_backbone(
            replace(backbone, trunk=trained.trunk),
            folder,
            name=folder.name,
            pooling=pooling,
            whitening=whitening,
            beside=beside,
        )
        return
    spec = adapted.spec.model_copy(
        update={"name": folder.name, "pooling": pooling, "side": adapted.side}
    )
    with drafted(folder) as draft:
        shutil.copyfile(adapted.graph, draft / "graph.onnx")
        write_header(draft, spec)
        if whitening is not None:
            whitening.save(draft / "whitening.npz")
        beside(draft)


def _refuse_infinite(trained: nn.Module) -> None:
    """Refuse weights that half precision, in which they are kept, cannot hold."""
    if not all(torch.isfinite(each.half()).all() for each in trained.parameters()):
        raise EncoderError(
            "what was learnt is no numbers, or too large ones: the training has run away; try a "
            "tenth of the rate"
        )
