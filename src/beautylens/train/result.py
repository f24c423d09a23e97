"""Result of a training run: an encoder folder with its curves and settings."""

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
from beautylens.runtime.extras import extra
from beautylens.train.curves import write_curves

with extra("train"):
    import torch
    from torch import nn


@dataclass(frozen=True, slots=True)
class Trained:
    """A trained encoder folder, its curves, and the pictures that were not used.

    unmatched are photos without a product of the catalogue.
    """

    folder: Path
    rows: Sequence[Mapping[str, float]]
    unreadable: tuple[str, ...]
    unmatched: tuple[str, ...]


def write_result(
    folder: Path,
    backbone: Backbone,
    trained: nn.Module,
    about: Mapping[str, Any],
    rows: Sequence[Mapping[str, float]],
    adapted: Encoder | None,
) -> None:
    """Write the encoder, its curves and training settings.

    Args:
        folder: folder to create.
        backbone: the start of the training.
        trained: the trained network with its head.
        about: JSON values of the training settings.
        rows: figures of each epoch.
        adapted: the encoder whose trunk was frozen; None if it was trained.

    Raises:
        EncoderError: when the training has diverged.
    """
    pooling = trained.head.pool.settings
    whitening = trained.head.whitening
    _refuse_infinite(trained)

    def beside(draft: Path) -> None:
        write_curves(draft, rows)
        (draft / "training.json").write_text(json.dumps(about, indent=2) + "\n", "utf-8")

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
    """Refuse weights that are not finite in half precision, in which they are stored."""
    if not all(torch.isfinite(each.half()).all() for each in trained.parameters()):
        raise EncoderError(
            "the trained weights are not finite: training diverged; try a tenth of the rate"
        )
