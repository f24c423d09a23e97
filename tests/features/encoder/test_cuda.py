"""A GPU's way through ONNX Runtime, on a processor: the same maps."""

from __future__ import annotations

import numpy as np
import pytest

from beautylens.errors import EncoderError
from beautylens.features.encoder.cuda import CudaNetwork
from beautylens.features.encoder.encoder import Encoder
from beautylens.features.encoder.openvino import Network
from beautylens.runtime import gpu
from beautylens.runtime.gpu import has_gpu


class OnProcessor(CudaNetwork):
    providers = ("CPUExecutionProvider",)


def test_the_maps_are_those_of_the_processors_way() -> None:
    spec = Encoder.load("default").spec
    graph = Encoder.load("default").graph
    pictures = np.random.default_rng(0).integers(0, 256, (3, 96, 96, 3), np.uint8)
    one = Network(graph, spec.mean, spec.std, 96, precision="f32")(pictures)
    other = OnProcessor(graph, spec.mean, spec.std, 96).shared_by(4)(pictures)
    assert other.shape == one.shape
    np.testing.assert_allclose(other, one, atol=2e-3 * np.abs(one).max())


def test_what_is_no_graph_is_named(tmp_path) -> None:
    (tmp_path / "no.onnx").write_bytes(b"no graph")
    with pytest.raises(EncoderError, match=r"no\.onnx: ONNX Runtime cannot read"):
        OnProcessor(tmp_path / "no.onnx", (0, 0, 0), (1, 1, 1), 96)(np.zeros((1, 96, 96, 3), "u1"))


def test_without_a_driver_there_is_no_gpu(monkeypatch: pytest.MonkeyPatch, tmp_path) -> None:
    monkeypatch.setattr(gpu, "_DRIVER", tmp_path / "none")
    assert not has_gpu.__wrapped__()
