"""Export of a timm network as an encoder folder, checked against PyTorch (extra `train`)."""

from __future__ import annotations

import json
import logging
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from beautylens.arrays import Float32, UInt8
from beautylens.errors import EncoderError
from beautylens.features.encoder.encoder import EncoderSpec
from beautylens.features.encoder.openvino import HEADER_KEY, Network
from beautylens.features.encoder.pooling import CLASS_TOKEN, find_pooling
from beautylens.features.encoder.registry import drafted, write_header
from beautylens.features.encoder.whitening import Whitening
from beautylens.features.export.backbones import Backbone
from beautylens.features.export.cost import count_parameters
from beautylens.features.export.parity import Agreement, measure_agreement
from beautylens.recipe.settings import PoolingSettings
from beautylens.runtime.extras import extra

with extra("train"):
    import onnx
    import onnxscript  # noqa: F401  (PyTorch's exporter needs it, and imports it late)
    import torch

# Least cosine of an export with PyTorch in single precision.
LOWEST = 0.999
# Largest number of weights of one ONNX file: at most 2 GB, at two bytes each.
LARGEST = 10**9


@dataclass(frozen=True, slots=True)
class Exported:
    """An exported encoder folder, and its agreement with the original."""

    folder: Path
    spec: EncoderSpec
    agreements: tuple[Agreement, ...]
    parameters: int
    halved: bool
    seconds: float


def export_backbone(
    backbone: Backbone,
    folder: Path,
    *,
    name: str | None = None,
    pooling: PoolingSettings | None = None,
    whitening: Whitening | None = None,
    licence: str | None = None,
    beside: Callable[[Path], None] = lambda folder: None,
) -> Exported:
    """Write a backbone as an encoder folder that agrees with PyTorch.

    Weights are stored as float16 if the graph then still agrees, else as float32. A convolutional
    network takes any multiple of its stride, if it can be exported with dynamic sides.

    Args:
        backbone: of `build_backbone`.
        folder: folder to create; removed again after an error.
        name: of the encoder; the backbone's by default.
        pooling: by default `class_token` if the network has one, else RA-MAC.
        whitening: of the pooled descriptors; None for none.
        licence: of the weights; by default as timm records it.
        beside: writes further files into the folder before it is renamed.

    Raises:
        EncoderError: when the folder exists, or the network cannot be exported or disagrees.
        RecipeError: when there is no such pooling.
    """
    start = time.perf_counter()
    spec = EncoderSpec(
        name=name or backbone.name,
        side=backbone.side,
        stride=backbone.stride,
        fixed_side=backbone.fixed_side,
        mean=backbone.mean,
        std=backbone.std,
        pooling=choose_pooling(backbone, pooling),
        licence=backbone.licence if licence is None else licence,
    )
    weights = sum(parameter.numel() for parameter in backbone.trunk.parameters())
    if weights > LARGEST:
        raise EncoderError(
            f"'{spec.name}' has {weights:,} weights, too many for one ONNX file; choose a smaller "
            "network"
        )
    with drafted(folder) as draft:
        spec, agreements, halved = _write_agreeing(backbone, spec, draft)
        if whitening is not None:
            whitening.save(draft / "whitening.npz")
        beside(draft)
    return Exported(
        folder,
        spec,
        agreements,
        count_parameters(folder / "graph.onnx"),
        halved,
        time.perf_counter() - start,
    )


def choose_pooling(backbone: Backbone, wanted: PoolingSettings | None) -> PoolingSettings:
    """Return the wanted pooling, or the default one of a backbone.

    Raises:
        EncoderError: when the network has no class token and `class_token` is wanted.
        RecipeError: when there is no such pooling.
    """
    if wanted is None:
        return PoolingSettings(name=CLASS_TOKEN) if backbone.trunk.has_token else PoolingSettings()
    if wanted.name != CLASS_TOKEN:
        find_pooling(wanted.name, wanted.options)
    elif not backbone.trunk.has_token:
        raise EncoderError(f"'{backbone.name}' has no class token; choose another pooling")
    return wanted


def _write_agreeing(
    backbone: Backbone, spec: EncoderSpec, draft: Path
) -> tuple[EncoderSpec, tuple[Agreement, ...], bool]:
    """Write graph and header, trying dynamic sides and float16 first, until one form agrees."""
    failure = ""
    for fixed in (True,) if spec.fixed_side else (False, True):
        try:
            program = _trace(backbone, fixed=fixed)
        except torch.onnx.OnnxExporterError as error:
            failure = f"PyTorch cannot export it as ONNX ({_cause(error)})"
            continue
        spec = spec.model_copy(update={"fixed_side": fixed})
        for halved in (True, False):
            _write(program.model_proto, spec, draft, halved=halved)
            agreements = tuple(_check(backbone, spec, draft / "graph.onnx"))
            lowest = min(row.lowest for row in agreements if row.precision == "f32")
            if lowest >= LOWEST:
                return spec, agreements, halved
            failure = f"the exported graph gives other features (lowest cosine {lowest:.4f})"
    raise EncoderError(f"'{backbone.name}' cannot be exported: {failure}; nothing was written")


def _trace(backbone: Backbone, *, fixed: bool) -> Any:
    """Return the trunk as an ONNX program with dynamic batch size and, unless fixed, sides."""
    rows = columns = backbone.side
    shape: dict[int, Any] = {0: torch.export.Dim("batch")}
    if not fixed:
        rows, columns = 7 * backbone.stride, 8 * backbone.stride
        shape[2] = backbone.stride * torch.export.Dim("rows")
        shape[3] = backbone.stride * torch.export.Dim("columns")
    with quietly():
        return torch.onnx.export(
            backbone.trunk,
            (torch.zeros(2, 3, rows, columns),),
            dynamo=True,
            dynamic_shapes={"image": shape},
            input_names=["image"],
            output_names=["features", "class_token"][: 1 + backbone.trunk.has_token],
            verbose=False,
        )


def _write(model: Any, spec: EncoderSpec, draft: Path, *, halved: bool) -> None:
    del model.graph.value_info[:]
    for node in model.graph.node:
        del node.metadata_props[:]
        node.doc_string = ""
    if halved:
        halve_weights(model)
    entry = model.metadata_props.add()
    entry.key = HEADER_KEY
    entry.value = json.dumps(spec.model_dump(mode="json"), sort_keys=True)
    onnx.save(model, str(draft / "graph.onnx"))
    write_header(draft, spec)


def halve_weights(model: Any) -> None:
    """Store large weights of an ONNX model as float16, cast to float32 in its graph."""
    casts = []
    for tensor in model.graph.initializer:
        values = onnx.numpy_helper.to_array(tensor)
        if values.dtype != np.float32 or values.size < 256 or values.ndim < 2:
            continue
        name = tensor.name
        tensor.CopyFrom(onnx.numpy_helper.from_array(values.astype(np.float16), f"{name}.f16"))
        casts.append(
            onnx.helper.make_node("Cast", [f"{name}.f16"], [name], to=onnx.TensorProto.FLOAT)
        )
    for index, cast in enumerate(casts):
        model.graph.node.insert(index, cast)


def _check(backbone: Backbone, spec: EncoderSpec, graph: Path) -> Iterator[Agreement]:
    """Yield the agreement in single precision, at a second side too if sides are dynamic.

    Also in the processor's default precision, if that is another.
    """
    sides = [spec.side] if spec.fixed_side else [spec.side, spec.side + spec.stride]
    original = partial(run_backbone, backbone)
    for side in sides:
        network = Network(graph, spec.mean, spec.std, side, precision="f32")
        yield from measure_agreement(network, original)
    network = Network(graph, spec.mean, spec.std, spec.side)
    if network.precision != "f32":
        yield from measure_agreement(network, original)


def run_backbone(backbone: Backbone, pictures: UInt8) -> list[Float32]:
    """Return PyTorch's outputs for pictures (N, side, side, 3) uint8."""
    mean, std = torch.tensor(backbone.mean), torch.tensor(backbone.std)
    image = (torch.from_numpy(pictures).float() - mean) / std
    with torch.no_grad():
        return [output.numpy() for output in backbone.trunk(image.permute(0, 3, 1, 2))]


@contextmanager
def quietly() -> Iterator[None]:
    """Silence the warnings and log messages of PyTorch's exporter."""
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(logging.NOTSET)


def _cause(error: BaseException) -> str:
    """Return the first line of an error's root cause."""
    while error.__cause__ is not None:
        error = error.__cause__
    return (str(error).strip() or type(error).__name__).splitlines()[0]
