"""Import of an ONNX file as an encoder folder; PyTorch is not needed."""

from __future__ import annotations

import math
import shutil
from pathlib import Path
from typing import Any

import numpy as np

from beautylens.errors import EncoderError
from beautylens.features.encoder.encoder import Encoder, EncoderSpec
from beautylens.features.encoder.openvino import read_graph
from beautylens.features.encoder.registry import drafted, write_header
from beautylens.features.export.parity import probe_pictures
from beautylens.recipe.settings import PoolingSettings
from beautylens.runtime.extras import extra

Channels = tuple[float, float, float]
IMAGENET_MEAN: Channels = (123.675, 116.28, 103.53)
IMAGENET_STD: Channels = (58.395, 57.12, 57.375)
SIDE = 224
LISTED = 10


def import_onnx(
    file: Path,
    folder: Path,
    *,
    mean: Channels = IMAGENET_MEAN,
    std: Channels = IMAGENET_STD,
    side: int | None = None,
    stride: int | None = None,
    output: str = "0",
    pooling: str = "ramac",
    name: str | None = None,
    licence: str = "",
) -> EncoderSpec:
    """Write an encoder folder for an ONNX file and return its header.

    The graph is run once to check it, and once at another side to see whether it takes any.

    Args:
        file: a graph whose only input is (N, 3, H, W).
        folder: folder to create; removed again after an error.
        mean: on the 0..255 scale, RGB; ImageNet's by default.
        std: on the same scale; ImageNet's by default.
        side: input side in pixels; by default the graph's own, else 224.
        stride: of the maps in pixels; by default computed from their size.
        output: number of an output, or name of any tensor, with the maps (N, C, h, w).
        pooling: a name in `features.encoder.pooling`.
        name: of the encoder; the file's by default.
        licence: of the weights.

    Raises:
        EncoderError: when the file is not such a graph, or the output has no feature maps.
        RecipeError: when there is no such pooling.
    """
    model = read_graph(file)
    side = side or _own_side(model, file)
    tensor, cells = _find_maps(model, file, output, side)
    with drafted(folder) as draft:
        graph = draft / "graph.onnx"
        if tensor in model.outputs[0].get_names():
            shutil.copyfile(file, graph)
        else:
            _cut(file, graph, model.inputs[0].get_any_name(), tensor)
        spec = EncoderSpec(
            name=name or file.stem,
            side=side,
            stride=stride or find_stride(side, cells),
            mean=mean,
            std=std,
            pooling=PoolingSettings(name=pooling),
            licence=licence,
        )
        spec = spec.model_copy(update={"fixed_side": not _runs(file, graph, spec)})
        write_header(draft, spec)
    return spec


def _own_side(model: Any, file: Path) -> int:
    """Return the side of the only input if it is fixed, else 224."""
    shape = model.inputs[0].get_partial_shape()
    sizes = [0 if size.is_dynamic else size.get_length() for size in _dimensions(shape)]
    if len(model.inputs) != 1 or len(sizes) != 4 or sizes[1] not in {0, 3}:
        raise EncoderError(f"{file}: an encoder needs a single input (N, 3, H, W), not {shape}")
    if sizes[2] != sizes[3]:
        raise EncoderError(f"{file}: the input is {shape}; an encoder needs a square input")
    return sizes[2] or SIDE


def _dimensions(shape: Any) -> list[Any]:
    return [] if shape.rank.is_dynamic else list(shape)


def _find_maps(model: Any, file: Path, output: str, side: int) -> tuple[str, int]:
    """Return the name of the tensor `output`, and the height of its maps in cells."""
    try:
        model.reshape({0: [1, 3, side, side]})
    except RuntimeError as error:
        raise EncoderError(
            f"{file}: the network takes no pictures of {side} x {side} pixels"
        ) from error
    name = output
    if output.isdigit() and int(output) < len(model.outputs):
        name = model.outputs[int(output)].get_any_name()
    candidates = _map_tensors(model)
    if name not in candidates:
        rows = list(candidates.items())[: -LISTED - 1 : -1]
        listed = ", ".join(f"{key} ({'x'.join(map(str, shape))})" for key, shape in rows)
        raise EncoderError(
            f"{file}: output '{output}' has no feature maps; choose with --output one of the last "
            f"tensors with maps: {listed or 'there are none'}"
        )
    return name, candidates[name][1]


def _map_tensors(model: Any) -> dict[str, tuple[int, ...]]:
    """Return the shapes (C, h, w) of all tensors with feature maps, in topological order."""
    found: dict[str, tuple[int, ...]] = {}
    for node in model.get_ordered_ops():
        if node.get_type_name() in {"Parameter", "Constant", "Result"}:
            continue
        for port in node.outputs():
            shape = port.get_partial_shape()
            if shape.is_static and len(shape) == 4 and min(shape.to_shape()[2:]) > 1:
                found.update({name: tuple(shape.to_shape())[1:] for name in port.get_names()})
    return found


def _cut(file: Path, target: Path, start: str, end: str) -> None:
    """Write the subgraph from the input to one tensor."""
    with extra("train"):
        import onnx.utils
    try:
        # Unchecked: the checker wants shapes that many valid files leave out.
        onnx.utils.extract_model(str(file), str(target), [start], [end], check_model=False)
    except (ValueError, onnx.shape_inference.InferenceError) as error:
        raise EncoderError(f"{file}: cannot extract the graph up to '{end}' ({error})") from error


def find_stride(side: int, cells: int) -> int:
    """Return the stride in pixels of maps that are `cells` high.

    If it is fractional, because borders cost cells: the greatest common divisor of the side and the
    nearest power of two.
    """
    exact, rest = divmod(side, cells)
    near = 2 ** round(math.log2(side / cells))
    return exact if rest == 0 else math.gcd(near, side)


def _runs(file: Path, graph: Path, spec: EncoderSpec) -> bool:
    """Check an encoder, and return whether it takes another side than its own.

    Raises:
        EncoderError: when it fails on a batch, or describes all pictures alike.
    """
    try:
        found = Encoder(graph, spec).describe(probe_pictures(spec.side, 2))
    except RuntimeError as error:
        raise EncoderError(
            f"{file}: the network takes no batches; export it with a dynamic batch size"
        ) from error
    if not np.isfinite(found).all() or np.array_equal(found[0], found[1]):
        raise EncoderError(
            f"{file}: two different pictures have the same descriptor; check --mean, --std and "
            "--output"
        )
    other = spec.model_copy(update={"side": spec.side + spec.stride})
    try:
        return bool(
            np.isfinite(Encoder(graph, other).describe(probe_pictures(other.side, 2))).all()
        )
    except (RuntimeError, EncoderError):
        return False
