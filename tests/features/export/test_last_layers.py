"""Last layers that published programs leave out, against the same network by hand."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

NEEDS = "exporting needs the extra `train`"
torch = pytest.importorskip("torch", reason=NEEDS)
for package in ("onnx", "onnxscript", "safetensors"):
    pytest.importorskip(package, reason=NEEDS)

from beautylens.errors import EncoderError  # noqa: E402  (after the skips)
from beautylens.features.encoder.encoder import Encoder  # noqa: E402  (as above)
from beautylens.features.export.backbones import Backbone, build_backbone  # noqa: E402  (as above)
from beautylens.features.export.parity import probe_pictures  # noqa: E402  (as above)
from beautylens.features.export.timm import export_backbone, run_backbone  # noqa: E402  (as above)
from beautylens.recipe.settings import PoolingSettings  # noqa: E402  (as above)


def seeded(name: str, side: int, without: tuple[str, ...] = ()) -> Backbone:
    # Random weights take their scale from PyTorch's own, unseeded ones.
    torch.manual_seed(0)
    return build_backbone(name, side=side, seed=3, without=without)


def maps_of(name: str, side: int, without: tuple[str, ...] = ()) -> np.ndarray:
    return run_backbone(seeded(name, side, without), probe_pictures(side, 2))[0]


def test_without_its_last_activation_a_densenet_gives_negative_maps_that_relu_completes() -> None:
    whole = maps_of("densenet121", 64)
    linear = maps_of("densenet121", 64, ("activation",))
    assert whole.min() == 0
    assert linear.min() < 0
    np.testing.assert_allclose(np.maximum(linear, 0), whole, atol=1e-6)


def test_without_its_last_pooling_a_vgg_has_twice_the_cells() -> None:
    built = seeded("vgg11", 64, ("pool",))
    assert built.stride == 16
    fine = run_backbone(built, probe_pictures(64, 2))[0]
    coarse = maps_of("vgg11", 64)
    assert fine.shape[2:] == (4, 4)
    assert coarse.shape[2:] == (2, 2)
    pooled = fine.reshape(*fine.shape[:2], 2, 2, 2, 2).max(axis=(3, 5))
    np.testing.assert_allclose(pooled, coarse, atol=1e-6)


def test_an_encoder_without_its_last_pooling_takes_multiples_of_the_finer_stride(
    tmp_path: Path,
) -> None:
    built = build_backbone("vgg11", side=64, seed=3, without=("pool",))
    export_backbone(built, tmp_path / "vgg", pooling=PoolingSettings(name="mac"))
    encoder = Encoder.load(tmp_path / "vgg", side=80)
    assert encoder.outputs(probe_pictures(80, 1))[0].maps.shape[2:] == (5, 5)


def test_what_a_network_does_not_end_in_is_not_left_out() -> None:
    with pytest.raises(EncoderError, match="'test_resnet' has no pool behind its last maps"):
        build_backbone("test_resnet", side=64, seed=1, without=("pool",))
    with pytest.raises(EncoderError, match="--without relu: give one of activation, pool"):
        build_backbone("test_resnet", side=64, seed=1, without=("relu",))


def test_an_activation_that_is_used_elsewhere_too_is_not_left_out() -> None:
    with pytest.raises(EncoderError, match=r"uses the activation .* in other positions too"):
        build_backbone("legacy_seresnet18", side=64, seed=1, without=("activation",))
