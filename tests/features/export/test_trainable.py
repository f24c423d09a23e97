"""An encoder file turned back into PyTorch gives what the file gives, and can be learnt from."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import helper

torch = pytest.importorskip("torch", reason="needs the extra `train`")

from beautylens.errors import EncoderError  # noqa: E402  (after the skip)
from beautylens.features.encoder.encoder import Encoder  # noqa: E402  (as above)
from beautylens.features.export.timm import run_backbone  # noqa: E402  (as above)
from beautylens.features.export.trainable import to_trainable  # noqa: E402  (as above)
from tests.conftest import draw_pack  # noqa: E402  (as above)


@pytest.mark.parametrize("side", [128, 224])
def test_a_thawed_encoder_gives_the_maps_of_its_file(side: int) -> None:
    encoder = Encoder.load("default", side=side, precision="f32")
    backbone = to_trainable(encoder.graph, encoder.spec, side)
    fitted = np.stack([encoder.fit(draw_pack(number)) for number in (1, 2)])
    (maps,) = run_backbone(backbone, fitted)
    expected = encoder.outputs(fitted)[0].maps
    np.testing.assert_allclose(maps, expected, atol=2e-3 * expected.max())
    assert (backbone.side, backbone.stride, backbone.licence) == (side, 32, "Apache-2.0")


def test_every_weight_of_a_thawed_encoder_is_learnt() -> None:
    encoder = Encoder.load()
    trunk = to_trainable(encoder.graph, encoder.spec).trunk
    trunk(torch.rand(1, 3, 64, 64))[0].sum().backward()
    assert all(parameter.grad is not None for parameter in trunk.parameters())
    assert sum(parameter.numel() for parameter in trunk.parameters()) == pytest.approx(
        3.37e6, rel=0.01
    )


def test_a_graph_of_unknown_operators_is_refused_with_the_way_out(tmp_path: Path) -> None:
    model = onnx.load(str(Encoder.load().graph))
    model.graph.node[-1].op_type = "Wonder"
    model.graph.node[-1].domain = "own"
    model.opset_import.append(helper.make_opsetid("own", 1))
    onnx.save(model, str(tmp_path / "g.onnx"))
    with pytest.raises(EncoderError, match=r"cannot be trained further .*--backbone"):
        to_trainable(tmp_path / "g.onnx", Encoder.load().spec)
