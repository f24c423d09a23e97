"""Weights and multiplications are counted as one would by hand."""

from __future__ import annotations

from importlib import resources
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from beautylens.errors import EncoderError
from beautylens.features.export.cost import count_macs, count_parameters

DEFAULT = Path(str(resources.files("beautylens") / "features/encoder/weights/default/graph.onnx"))


def small_graph(path: Path) -> Path:
    """A 3x3 convolution of 3 to 8 channels, stride 2, then one a channel, stride 1."""
    weights = [
        numpy_helper.from_array(np.ones((8, 3, 3, 3), np.float32), "a"),
        numpy_helper.from_array(np.ones((8, 1, 3, 3), np.float32), "b"),
    ]
    nodes = [
        helper.make_node("Conv", ["image", "a"], ["x"], strides=[2, 2], pads=[1, 1, 1, 1]),
        helper.make_node("Conv", ["x", "b"], ["maps"], pads=[1, 1, 1, 1], group=8),
    ]
    image = helper.make_tensor_value_info("image", TensorProto.FLOAT, ["n", 3, "h", "w"])
    maps = helper.make_tensor_value_info("maps", TensorProto.FLOAT, None)
    graph = helper.make_graph(nodes, "g", [image], [maps], weights)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)])
    model.ir_version = 9
    onnx.save(model, str(path))
    return path


def test_weights_and_multiplications_are_those_of_the_layers(tmp_path: Path) -> None:
    graph = small_graph(tmp_path / "g.onnx")
    assert count_parameters(graph) == 8 * 3 * 9 + 8 * 9
    # 32 pixels give 16 x 16 cells.
    assert count_macs(graph, 32) == 16 * 16 * (8 * 27 + 8 * 9)
    assert count_macs(graph, 64) == 4 * count_macs(graph, 32)


def test_the_default_encoder_costs_what_its_authors_say() -> None:
    # EfficientNet-Lite0 at 224 pixels: 407 million with its classifier (Tan and Le's own table).
    assert count_macs(DEFAULT, 224) == pytest.approx(390e6, rel=0.05)


def test_a_graph_of_another_input_is_refused(tmp_path: Path) -> None:
    model = onnx.load(str(small_graph(tmp_path / "g.onnx")))
    model.graph.input[0].type.tensor_type.shape.dim[1].dim_value = 1
    onnx.save(model, str(tmp_path / "one.onnx"))
    with pytest.raises(EncoderError, match=r"one\.onnx"):
        count_macs(tmp_path / "one.onnx", 32)
