"""Portable encoder: one ONNX file from a picture of any size to its descriptor."""

# Without the extra, mypy knows nothing of PyTorch's Module:
# mypy: allow-subclassing-any

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from beautylens.arrays import Float32, UInt8
from beautylens.errors import EncoderError
from beautylens.features.encoder.encoder import Encoder
from beautylens.features.encoder.openvino import PORTABLE_KEY
from beautylens.features.encoder.pooling import Outputs
from beautylens.features.export.parity import probe_pictures
from beautylens.features.export.timm import quietly
from beautylens.runtime.extras import extra
from beautylens.train.embedding import Head

with extra("train"):
    import onnx
    import onnxruntime
    import torch
    from onnx import TensorProto, compose, helper, version_converter
    from torch import nn

# The first opset whose Resize operator has anti-aliasing.
MIN_OPSET = 18
# IR version of the file; older ones list weights among the inputs.
IR_VERSION = 10
# Least cosine with the encoder for pictures of the input's size.
LOWEST = 0.999
# Least cosine for larger, noisy pictures, which ONNX's operator resizes a little differently.
RESIZED = 0.9


class _Vector(nn.Module):
    """A head for a single picture, without batch dimension."""

    def __init__(self, head: Head) -> None:
        super().__init__()
        self.head = head

    def forward(self, *outputs: torch.Tensor) -> torch.Tensor:
        """Return the descriptor, (D,)."""
        vectors: torch.Tensor = self.head(outputs)
        return vectors[0]


def write_portable(encoder: Encoder, file: Path) -> float:
    """Write an encoder with resizing, pooling and projection in its graph; return its parity.

    The file takes `picture`, (H, W, 3) uint8 RGB of any size, and gives `descriptor`, (D,) float32
    of unit length, in any runtime of ONNX.

    Args:
        encoder: encoder of a single scale.
        file: file to create.

    Returns:
        The lowest cosine with the encoder itself, over synthetic pictures of the input's size.

    Raises:
        EncoderError: when the file exists, or the encoder cannot be converted.
    """
    if file.exists():
        raise EncoderError(f"{file} already exists; choose another file, or remove it")
    if encoder.spec.scales != (1.0,):
        raise EncoderError(
            f"'{encoder.name}' has several scales; a portable file needs an encoder of one"
        )
    trunk = _recent(onnx.load(str(encoder.graph)))
    version = _version(trunk)
    taken = [output.name for output in trunk.graph.output]
    shapes = [output.shape for output in _outputs(encoder)]
    head = _head(encoder, shapes, version)
    front = _front(encoder, version)
    front.ir_version = head.ir_version = trunk.ir_version
    model = compose.merge_models(
        compose.add_prefix(front, "front/", rename_inputs=False),
        compose.add_prefix(trunk, "trunk/"),
        io_map=[("front/image", f"trunk/{trunk.graph.input[0].name}")],
    )
    used = [value.name for value in head.graph.input]
    model = compose.merge_models(
        model,
        compose.add_prefix(head, "head/", rename_outputs=False),
        io_map=[(f"trunk/{taken[index]}", f"head/{name}") for index, name in enumerate(used)],
        outputs=["descriptor"],
    )
    entry = model.metadata_props.add()
    entry.key = PORTABLE_KEY
    entry.value = encoder.fingerprint
    temporary = file.with_name(f".{file.name}.part")
    try:
        onnx.save(model, str(temporary))
        lowest = _checked(encoder, temporary)
        temporary.rename(file)
    finally:
        temporary.unlink(missing_ok=True)
    return lowest


def portable_describer(file: Path) -> Callable[[UInt8], Float32]:
    """Return a function from a picture (H, W, 3) uint8 to its descriptor by a portable file."""
    session = _session(file)

    def describe(picture: UInt8) -> Float32:
        (found,) = session.run(["descriptor"], {"picture": np.ascontiguousarray(picture)})
        return np.asarray(found, np.float32)

    return describe


def _checked(encoder: Encoder, file: Path) -> float:
    """Return the lowest cosine of a file with its encoder.

    Raises:
        EncoderError: when it is too low.
    """
    cosine = _cosine(encoder, file)
    whole, large = probe_pictures(encoder.side, 3), probe_pictures(2 * encoder.side, 3)
    lowest = min(map(cosine, whole))
    resized = min(map(cosine, (large[0], large[1][: encoder.side], large[2][:, : encoder.side])))
    if lowest < LOWEST or resized < RESIZED:
        raise EncoderError(
            f"'{encoder.name}' cannot be made portable: its descriptors differ "
            f"(cosines {lowest:.3f}, resized {resized:.3f}); nothing was written"
        )
    return lowest


def _outputs(encoder: Encoder) -> list[Float32]:
    """Return the network's outputs of one picture: maps, and the class token if it has one."""
    found = encoder.outputs(probe_pictures(encoder.side, 1))[0]
    return [found.maps] if found.token is None else [found.maps, found.token]


def _recent(model: Any) -> Any:
    """Return a graph with a recent enough opset, whose only inputs are pictures."""
    if _version(model) < MIN_OPSET:
        model = version_converter.convert_version(model, MIN_OPSET)
    # Old files list their weights among the inputs.
    weights = {tensor.name for tensor in model.graph.initializer}
    pictures = [value for value in model.graph.input if value.name not in weights]
    del model.graph.input[:]
    model.graph.input.extend(pictures)
    model.ir_version = max(model.ir_version, IR_VERSION)
    return model


def _version(model: Any) -> int:
    return int(next(e.version for e in model.opset_import if e.domain in ("", "ai.onnx")))


def _head(encoder: Encoder, shapes: list[tuple[int, ...]], version: int) -> Any:
    """Return the graph of pooling and projection, from maps to `descriptor`."""
    head = _Vector(Head(encoder.spec.pooling, encoder.whitening)).eval()
    names = ["maps", "token"][: len(shapes)]
    inputs = tuple(torch.zeros(1, *shape[1:]) for shape in shapes)
    with quietly():
        program = torch.onnx.export(
            head,
            inputs,
            dynamo=True,
            input_names=names,
            output_names=["descriptor"],
            opset_version=version,
            verbose=False,
        )
    model = program.model_proto
    del model.graph.value_info[:]
    return model


def _front(encoder: Encoder, version: int) -> Any:
    """Return the graph from a picture (H, W, 3) uint8 to the network's input `image`.

    It resizes and pads the picture on white as `white_pad` does, and normalises it.
    """
    side = encoder.side
    spec = encoder.spec

    def constant(name: str, values: Any, kind: int = TensorProto.INT64) -> Any:
        held = np.asarray(values)
        return helper.make_tensor(name, kind, held.shape, held.ravel().tolist())

    weights = [
        constant("zero", [0]),
        constant("none", [0, 0]),
        constant("one", [1]),
        constant("two", [2]),
        constant("planes of a picture", [1, 3]),
        constant("side", [side]),
        constant("length", [float(side)], TensorProto.FLOAT),
        constant("black", 0.0, TensorProto.FLOAT),
        constant("white", 255.0, TensorProto.FLOAT),
        constant("mean", np.reshape(spec.mean, (1, 3, 1, 1)), TensorProto.FLOAT),
        constant("std", np.reshape(spec.std, (1, 3, 1, 1)), TensorProto.FLOAT),
    ]
    node = helper.make_node
    # Sizes are given for all axes: ONNX Runtime is wrong for operators with an `axes` attribute.
    nodes = [
        node("Cast", ["picture"], ["values"], to=TensorProto.FLOAT),
        node("Transpose", ["values"], ["planes"], perm=[2, 0, 1]),
        node("Unsqueeze", ["planes", "zero"], ["batch"]),
        node("Shape", ["batch"], ["format"], start=2),
        node("Cast", ["format"], ["lengths"], to=TensorProto.FLOAT),
        node("ReduceMax", ["lengths"], ["longer"], keepdims=1),
        node("Div", ["length", "longer"], ["scale"]),
        node("Mul", ["lengths", "scale"], ["scaled"]),
        node("Round", ["scaled"], ["rounded"]),
        node("Cast", ["rounded"], ["whole"], to=TensorProto.INT64),
        node("Max", ["whole", "one"], ["room"]),
        node("Concat", ["planes of a picture", "room"], ["sizes"], axis=0),
        node("Resize", ["batch", "", "", "sizes"], ["fitted"], antialias=1, mode="cubic"),
        node("Sub", ["side", "room"], ["missing"]),
        node("Div", ["missing", "two"], ["before"]),
        node("Sub", ["missing", "before"], ["after"]),
        node("Concat", ["none", "before", "none", "after"], ["pads"], axis=0),
        node("Pad", ["fitted", "pads", "white"], ["square"], mode="constant"),
        node("Clip", ["square", "black", "white"], ["seen"]),
        node("Sub", ["seen", "mean"], ["centred"]),
        node("Div", ["centred", "std"], ["image"]),
    ]
    picture = helper.make_tensor_value_info("picture", TensorProto.UINT8, ["height", "width", 3])
    image = helper.make_tensor_value_info("image", TensorProto.FLOAT, [1, 3, side, side])
    graph = helper.make_graph(nodes, "front", [picture], [image], weights)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", version)])


def _cosine(encoder: Encoder, file: Path) -> Callable[[UInt8], float]:
    """Return a function that gives the cosine of a file with its encoder, for a picture.

    Both are run by ONNX Runtime, since runtimes round eight-bit networks differently.
    """
    describe, network = portable_describer(file), _session(encoder.graph)
    mean, std = (np.array(row, np.float32) for row in (encoder.spec.mean, encoder.spec.std))
    name = network.get_inputs()[0].name

    def cosine(picture: UInt8) -> float:
        found = describe(picture)
        image = (encoder.fit(picture).astype(np.float32) - mean) / std
        maps, *token = network.run(None, {name: image.transpose(2, 0, 1)[None].copy()})
        expected = encoder.describe_outputs([Outputs(maps, token[0] if token else None)])
        return float(found @ expected[0])

    return cosine


def _session(file: Path) -> Any:
    return onnxruntime.InferenceSession(str(file), providers=["CPUExecutionProvider"])
