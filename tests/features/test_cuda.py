"""A GPU's way through ONNX Runtime, on a processor: the same maps."""

from __future__ import annotations

import numpy as np
import pytest

from beautylens.cluster import _team
from beautylens.errors import EncoderError
from beautylens.features import cuda
from beautylens.features.cuda import CudaNetwork, has_gpu
from beautylens.features.encoder import Encoder
from beautylens.features.runtime import Network


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
    with pytest.raises(EncoderError, match=r"no\.onnx: not an ONNX graph"):
        OnProcessor(tmp_path / "no.onnx", (0, 0, 0), (1, 1, 1), 96)(np.zeros((1, 96, 96, 3), "u1"))


def test_without_a_driver_there_is_no_gpu(monkeypatch: pytest.MonkeyPatch, tmp_path) -> None:
    monkeypatch.setattr(cuda, "_DRIVER", tmp_path / "none")
    assert not has_gpu.__wrapped__()


@pytest.mark.parametrize(
    ("nodes", "team"),
    [
        ([{"CPU": 2}], (2, 0, 1)),
        ([{"CPU": 1}, {"CPU": 1}], (1, 0, 2)),
        ([{"CPU": 64}, {"CPU": 16}, {"memory": 9}], (4, 0, 20)),
        ([{"CPU": 64, "GPU": 4}, {"CPU": 16, "GPU": 2}, {"CPU": 64}], (8, 1, 6)),
        ([{"GPU": 1}], (1, 1, 1)),
    ],
)
def test_the_machines_of_a_cluster_make_a_team(
    nodes: list[dict[str, float]], team: tuple[int, int, int]
) -> None:
    assert _team(nodes) == team
