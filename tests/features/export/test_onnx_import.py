"""Ready ONNX files become encoders; graphs are drawn here, so that no file is needed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from beautylens.errors import EncoderError, RecipeError
from beautylens.features.encoder.encoder import Encoder
from beautylens.features.export.onnx_import import find_stride, import_onnx
from beautylens.features.export.parity import probe_pictures

onnx = pytest.importorskip("onnx", reason="drawing ONNX graphs needs the extra `train`")

FREE: tuple[Any, ...] = ("n", 3, "h", "w")
WEIGHTS = {
    "early": np.random.default_rng(1).normal(size=(5, 3, 4, 4)).astype(np.float32),
    "late": np.random.default_rng(2).normal(size=(7, 5, 2, 2)).astype(np.float32),
}


def draw_graph(
    path: Path, *, outputs: tuple[str, ...] = ("late",), shape: tuple[Any, ...] = FREE
) -> Path:
    """Two strided convolutions with ReLU (maps `early` and `late`), then their mean `pooled`."""
    make = onnx.helper
    nodes = [
        make.make_node("Conv", ["x", "w1"], ["c1"], strides=[4, 4]),
        make.make_node("Relu", ["c1"], ["early"]),
        make.make_node("Conv", ["early", "w2"], ["c2"], strides=[2, 2]),
        make.make_node("Relu", ["c2"], ["late"]),
        make.make_node("GlobalAveragePool", ["late"], ["pooled"]),
    ]
    float32 = onnx.TensorProto.FLOAT
    graph = make.make_graph(
        nodes,
        "drawn",
        [make.make_tensor_value_info("x", float32, shape)],
        [make.make_tensor_value_info(name, float32, [None] * 4) for name in outputs],
        [
            onnx.numpy_helper.from_array(WEIGHTS["early"], "w1"),
            onnx.numpy_helper.from_array(WEIGHTS["late"], "w2"),
        ],
    )
    model = make.make_model(graph, opset_imports=[make.make_opsetid("", 17)], ir_version=9)
    onnx.save(model, str(path))
    return path


def convolve(maps: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """A convolution whose stride is its kernel, and ReLU, cell by cell."""
    step = weights.shape[2]
    rows, columns = maps.shape[2] // step, maps.shape[3] // step
    found = np.empty((len(maps), len(weights), rows, columns), np.float32)
    for y in range(rows):
        for x in range(columns):
            cell = maps[:, :, step * y : step * (y + 1), step * x : step * (x + 1)]
            found[:, :, y, x] = np.einsum("nchw,ochw->no", cell, weights)
    return np.maximum(found, 0)


def expected_maps(pictures: np.ndarray, *names: str) -> np.ndarray:
    maps = ((pictures - 10.0) / 50.0).transpose(0, 3, 1, 2)
    for name in names:
        maps = convolve(maps, WEIGHTS[name])
    return maps


def imported(file: Path, folder: Path, **options: Any) -> Encoder:
    import_onnx(file, folder, mean=(10, 10, 10), std=(50, 50, 50), **options)
    return Encoder.load(folder)


def assert_maps(encoder: Encoder, *names: str) -> None:
    pictures = probe_pictures(encoder.spec.side, 2)
    found, expected = encoder.outputs(pictures)[0].maps, expected_maps(pictures, *names)
    assert found.shape == expected.shape
    assert np.abs(found - expected).max() < 0.02 * expected.max()


def test_a_ready_graph_becomes_an_encoder_with_its_preprocessing(tmp_path: Path) -> None:
    file = draw_graph(tmp_path / "net.onnx")
    encoder = imported(file, tmp_path / "net", side=64, pooling="gem", licence="MIT")
    assert_maps(encoder, "early", "late")
    spec = encoder.spec
    assert (spec.name, spec.side, spec.stride, spec.fixed_side) == ("net", 64, 8, False)
    assert (spec.pooling.name, spec.licence) == ("gem", "MIT")


@pytest.mark.parametrize("wanted", ["early", "1"])
def test_a_graph_is_cut_at_the_tensor_that_was_named(tmp_path: Path, wanted: str) -> None:
    file = draw_graph(tmp_path / "net.onnx", outputs=("pooled", "early"))
    encoder = imported(file, tmp_path / "cut", side=64, output=wanted)
    assert_maps(encoder, "early")
    assert encoder.spec.stride == 4
    assert (tmp_path / "cut" / "graph.onnx").stat().st_size < file.stat().st_size


def test_an_output_without_maps_lists_the_tensors_that_have_some(tmp_path: Path) -> None:
    file = draw_graph(tmp_path / "net.onnx", outputs=("pooled",))
    with pytest.raises(EncoderError, match=r"'0' has no feature maps.*late \(7x8x8\).*early"):
        imported(file, tmp_path / "net", side=64)
    with pytest.raises(EncoderError, match="output 'latest' has no feature maps"):
        imported(file, tmp_path / "net", side=64, output="latest")
    assert not (tmp_path / "net").exists()


def test_a_fixed_input_is_opened_where_the_graph_permits(tmp_path: Path) -> None:
    file = draw_graph(tmp_path / "net.onnx", shape=(1, 3, 64, 64))
    assert imported(file, tmp_path / "net").spec.side == 64
    assert_maps(Encoder.load(tmp_path / "net", side=96), "early", "late")


def test_a_graph_of_one_side_only_is_said_to_be(tmp_path: Path) -> None:
    file = draw_graph(tmp_path / "net.onnx", shape=("n", 3, 64, 64))
    model = onnx.load(str(file))
    added = onnx.numpy_helper.from_array(np.ones((1, 1, 8, 8), np.float32), "places")
    model.graph.initializer.append(added)
    model.graph.node.append(onnx.helper.make_node("Add", ["late", "places"], ["placed"]))
    model.graph.output[0].name = "placed"
    onnx.save(model, str(file))
    assert imported(file, tmp_path / "net").spec.fixed_side
    with pytest.raises(EncoderError, match="takes pictures of 64 pixels only, not 96"):
        Encoder.load(tmp_path / "net", side=96)


@pytest.mark.parametrize(
    ("side", "cells", "stride"),
    [(224, 7, 32), (224, 16, 14), (224, 13, 16), (300, 37, 4), (299, 8, 1)],
)
def test_the_stride_is_found_also_where_borders_cost_cells(
    side: int, cells: int, stride: int
) -> None:
    assert find_stride(side, cells) == stride
    assert side % stride == 0


def test_graphs_that_are_no_encoders_are_refused_and_leave_nothing(tmp_path: Path) -> None:
    grey = draw_graph(tmp_path / "grey.onnx", shape=("n", 1, 64, 64))
    with pytest.raises(EncoderError, match=r"cannot read this ONNX|a single input \(N, 3, H, W\)"):
        imported(grey, tmp_path / "net")
    wide = draw_graph(tmp_path / "wide.onnx", shape=("n", 3, 64, 96))
    with pytest.raises(EncoderError, match="needs a square input"):
        imported(wide, tmp_path / "net")
    with pytest.raises(EncoderError, match="no such encoder file"):
        imported(tmp_path / "gone.onnx", tmp_path / "net")
    with pytest.raises(RecipeError, match="unknown pooling 'best'"):
        imported(draw_graph(tmp_path / "net.onnx"), tmp_path / "net", side=64, pooling="best")
    with pytest.raises(EncoderError, match="have the same descriptor"):
        import_onnx(tmp_path / "net.onnx", tmp_path / "net", side=64, mean=(1e12, 1e12, 1e12))
    assert sorted(path.suffix for path in tmp_path.iterdir()) == [".onnx"] * 3
    with pytest.raises(EncoderError, match="already exists"):
        imported(tmp_path / "net.onnx", tmp_path, side=64)
