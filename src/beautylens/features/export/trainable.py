"""Conversion of encoder files to PyTorch networks for further training (extra `train`)."""

# Without the extra, mypy knows nothing of PyTorch's Module:
# mypy: allow-subclassing-any

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy as np

from beautylens.errors import EncoderError
from beautylens.features.encoder.encoder import EncoderSpec
from beautylens.features.export.backbones import Backbone, import_timm
from beautylens.runtime.extras import extra

with extra("train"):
    import onnx
    import torch
    from onnx import numpy_helper, version_converter
    from torch import nn

# The newest opset that onnx2torch supports completely.
_OPSET = 17


# Largest share of untrainable weights: onnx2torch converts some weights to constants.
MAX_CONSTANT = 0.01


class GraphTrunk(nn.Module):
    """An encoder's graph as a module: maps (N, C, h, w) and, if it has one, class token (N, C)."""

    def __init__(self, network: nn.Module, outputs: int) -> None:
        super().__init__()
        self.network = network
        self.has_token = outputs > 1

    def forward(self, image: torch.Tensor) -> tuple[torch.Tensor, ...]:
        """Return the outputs of the graph."""
        found = self.network(image)
        return (found,) if torch.is_tensor(found) else tuple(found)


def to_trainable(graph: Path, spec: EncoderSpec, side: int | None = None) -> Backbone:
    """Return the network of an encoder file as PyTorch modules in single precision.

    Batch norms stay folded into the convolutions.

    Args:
        graph: the encoder's ONNX file.
        spec: its header.
        side: input side in pixels; the header's by default.

    Raises:
        EncoderError: when the file has operators that cannot be converted.
    """
    import_timm()  # makes torchvision importable for onnx2torch
    with extra("train"):
        from onnx2torch import convert
    model = _in_single(onnx.load(str(graph)))
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            network = convert(version_converter.convert_version(model, _OPSET))
    except (NotImplementedError, RuntimeError, ValueError, KeyError) as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise EncoderError(
            f"{graph}: cannot be trained further ({reason}); start from the timm network it was "
            "made from, with --backbone"
        ) from error
    weights, kept = (
        sum(each.numel() for each in rows if each.is_floating_point())
        for rows in (network.parameters(), network.buffers())
    )
    if kept > MAX_CONSTANT * weights:
        raise EncoderError(
            f"{graph}: cannot be trained further (many of its weights would be constants); start "
            "from the timm network it was made from, with --backbone"
        )
    trunk = GraphTrunk(network, len(model.graph.output)).eval()
    return Backbone(
        spec.name,
        trunk,
        spec.mean,
        spec.std,
        side or spec.side,
        spec.stride,
        spec.fixed_side,
        spec.licence,
    )


def _in_single(model: Any) -> Any:
    """Return the model with its float16 weights and their casts replaced by float32 weights."""
    weights = {tensor.name: tensor for tensor in model.graph.initializer}
    kept = []
    for node in model.graph.node:
        tensor = weights.get(node.input[0]) if node.op_type == "Cast" else None
        if tensor is None:
            kept.append(node)
            continue
        values = numpy_helper.to_array(tensor).astype(np.float32)
        tensor.CopyFrom(numpy_helper.from_array(values, node.output[0]))
    del model.graph.node[:]
    model.graph.node.extend(kept)
    return model
