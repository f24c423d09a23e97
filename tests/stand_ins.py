"""Small networks with random weights that stand in for large ones under their names."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper


def write_stand_in(folder: Path, seed: int, channels: int = 24) -> Path:
    """An encoder folder: three random convolutions with ReLU, stride 16, any side."""
    rng = np.random.default_rng(seed)
    nodes, weights, previous = [], [], "image"
    for place, (into, out, kernel, stride) in enumerate(
        [(3, 12, 5, 4), (12, 16, 3, 2), (16, channels, 3, 2)]
    ):
        values = rng.normal(0, (into * kernel**2) ** -0.5, (out, into, kernel, kernel))
        name = f"w{place}"
        weights.append(numpy_helper.from_array(values.astype(np.float32), name))
        pad = kernel // 2
        nodes.append(
            helper.make_node(
                "Conv", [previous, name], [f"c{place}"],
                strides=[stride, stride], pads=[pad, pad, pad, pad],
            )
        )  # fmt: skip
        previous = "maps" if place == 2 else f"r{place}"
        nodes.append(helper.make_node("Relu", [f"c{place}"], [previous]))
    graph = helper.make_graph(
        nodes,
        "stand_in",
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, ["n", 3, "h", "w"])],
        [helper.make_tensor_value_info("maps", TensorProto.FLOAT, ["n", channels, "y", "x"])],
        weights,
    )
    folder.mkdir(parents=True)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.save(model, str(folder / "graph.onnx"))
    header = {
        "name": folder.name, "side": 96, "stride": 16, "mean": [123.7, 116.3, 103.5],
        "std": [58.4, 57.1, 57.4], "pooling": {"name": "mac"},
    }  # fmt: skip
    (folder / "encoder.json").write_text(json.dumps(header))
    return folder
