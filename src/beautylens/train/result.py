"""What comes of a training: an encoder folder, and beside it how it came about."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from beautylens.features.backbones import Backbone
from beautylens.features.encoder import Encoder
from beautylens.features.export import export_backbone
from beautylens.features.extras import extra
from beautylens.features.folders import drafted, write_header
from beautylens.train.curves import write_curves

with extra("train"):
    from torch import nn


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
    """
    pooling, whitening = trained.head.pool.settings, trained.head.whitening

    def beside(draft: Path) -> None:
        write_curves(draft, rows)
        (draft / "training.json").write_text(json.dumps(told, indent=2) + "\n", "utf-8")

    if adapted is None:
        export_backbone(
            replace(backbone, trunk=trained.trunk), folder,
            name=folder.name, pooling=pooling, whitening=whitening, beside=beside,
        )  # fmt: skip
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
