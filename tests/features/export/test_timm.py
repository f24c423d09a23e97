"""Exported networks give the features that plain PyTorch gives, or are not written at all."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

NEEDS = "exporting needs the extra `train`"
torch = pytest.importorskip("torch", reason=NEEDS)
for package in ("onnx", "onnxscript", "safetensors"):
    pytest.importorskip(package, reason=NEEDS)

from beautylens.errors import EncoderError, RecipeError  # noqa: E402  (after the skips)
from beautylens.features.encoder.encoder import Encoder  # noqa: E402  (as above)
from beautylens.features.encoder.openvino import Network  # noqa: E402  (as above)
from beautylens.features.encoder.precision import chosen_precision  # noqa: E402  (as above)
from beautylens.features.export import timm as exporting  # noqa: E402  (as above)
from beautylens.features.export.backbones import (  # noqa: E402  (as above)
    Backbone,
    PaddedConv,
    build_backbone,
    import_timm,
)
from beautylens.features.export.parity import probe_pictures  # noqa: E402  (as above)
from beautylens.features.export.timm import Exported, export_backbone, halve_weights  # noqa: E402  (as above)
from beautylens.recipe.settings import PoolingSettings  # noqa: E402  (as above)

timm = import_timm()
Written = tuple[Backbone, Exported]


def write(folder: Path, name: str, side: int) -> Written:
    backbone = build_backbone(name, side=side, seed=1)
    return backbone, export_backbone(backbone, folder / name)


@pytest.fixture(scope="module")
def convolutional(tmp_path_factory: pytest.TempPathFactory) -> Written:
    return write(tmp_path_factory.mktemp("encoders"), "test_resnet", 64)


@pytest.fixture(scope="module")
def transformer(tmp_path_factory: pytest.TempPathFactory) -> Written:
    return write(tmp_path_factory.mktemp("encoders"), "test_vit", 64)


def plain_features(backbone: Backbone, pictures: np.ndarray) -> np.ndarray:
    """What timm itself computes of pictures, prepared one by one as its data config says."""
    config = timm.data.resolve_data_config({}, model=backbone.trunk.network)
    rows = []
    for picture in pictures:
        image = (picture / 255 - config["mean"]) / config["std"]
        image = torch.from_numpy(image).float().permute(2, 0, 1)[None]
        with torch.no_grad():
            rows.append(backbone.trunk.network.forward_features(image)[0].numpy())
    return np.stack(rows)


def outputs(exported: Exported, pictures: np.ndarray) -> tuple[np.ndarray, ...]:
    spec, side = exported.spec, pictures.shape[1]
    graph = exported.folder / "graph.onnx"
    return Network(graph, spec.mean, spec.std, side, precision="f32").outputs(pictures)


def assert_alike(found: np.ndarray, expected: np.ndarray) -> None:
    assert found.shape == expected.shape
    assert np.abs(found - expected).max() < 0.02 * np.abs(expected).max()


def placed(tokens: np.ndarray, prefix: int) -> np.ndarray:
    """Patch tokens (N, prefix + 16, C) of a network as maps (N, C, 4, 4), one by one."""
    maps = np.empty((len(tokens), tokens.shape[2], 4, 4), np.float32)
    for y in range(4):
        for x in range(4):
            maps[:, :, y, x] = tokens[:, prefix + 4 * y + x]
    return maps


@pytest.mark.parametrize("side", [64, 96, 160])
def test_a_convolutional_network_takes_every_multiple_of_its_stride(
    convolutional: Written, side: int
) -> None:
    backbone, exported = convolutional
    pictures = probe_pictures(side, 2)
    (maps,) = outputs(exported, pictures)
    assert not exported.spec.fixed_side
    assert maps.shape[2:] == (side // 32, side // 32)
    assert_alike(maps, plain_features(backbone, pictures))


def test_patch_tokens_become_maps_in_their_places_without_the_prefix_tokens(
    transformer: Written,
) -> None:
    backbone, exported = transformer
    pictures = probe_pictures(64, 2)
    tokens = plain_features(backbone, pictures)
    maps, class_token = outputs(exported, pictures)
    assert_alike(maps, placed(tokens, prefix=1))
    assert_alike(class_token, tokens[:, 0])


@pytest.mark.parametrize(
    ("name", "prefix", "token"),
    [("test_vit2", 1, False), ("deit_tiny_distilled_patch16_224", 2, True)],
)
def test_registers_and_distillation_tokens_are_in_no_map(
    name: str, prefix: int, *, token: bool
) -> None:
    backbone = build_backbone(name, side=64, seed=1)
    pictures = probe_pictures(64, 2)
    tokens = plain_features(backbone, pictures)
    maps, *rest = exporting.run_backbone(backbone, pictures)
    assert_alike(maps, placed(tokens, prefix))
    assert len(rest) == token


def test_maps_with_their_channels_last_are_turned() -> None:
    backbone = build_backbone("swin_tiny_patch4_window7_224", side=64, seed=1)
    pictures = probe_pictures(64, 2)
    (maps,) = exporting.run_backbone(backbone, pictures)
    assert_alike(maps, np.moveaxis(plain_features(backbone, pictures), 3, 1))


def test_the_class_token_is_a_pooling_of_networks_that_have_one(
    transformer: Written, convolutional: Written
) -> None:
    backbone, exported = transformer
    encoder = Encoder.load(exported.folder)
    assert encoder.spec.pooling.name == "class_token"
    tokens = plain_features(backbone, probe_pictures(64, 2))[:, 0]
    expected = tokens / np.linalg.norm(tokens, axis=1, keepdims=True)
    found = encoder.describe(probe_pictures(64, 2))
    assert (found * expected).sum(axis=1).min() > 0.99
    without = Encoder.load(convolutional[1].folder, pooling=PoolingSettings(name="class_token"))
    with pytest.raises(EncoderError, match="has no class token; choose a pooling of maps"):
        without.describe(probe_pictures(64, 1))


def test_the_mean_of_the_patches_is_spoc(transformer: Written) -> None:
    backbone, exported = transformer
    patches = plain_features(backbone, probe_pictures(64, 2))[:, -16:].mean(axis=1)
    expected = patches / np.linalg.norm(patches, axis=1, keepdims=True)
    encoder = Encoder.load(exported.folder, pooling=PoolingSettings(name="spoc"))
    assert (encoder.describe(probe_pictures(64, 2)) * expected).sum(axis=1).min() > 0.99


def test_a_transformer_refuses_another_side_in_one_sentence(transformer: Written) -> None:
    with pytest.raises(EncoderError, match="takes pictures of 64 pixels only, not 96; export it"):
        Encoder.load(transformer[1].folder, side=96)


def test_the_agreement_is_told_in_single_and_in_the_processors_own_precision(
    convolutional: Written,
) -> None:
    rows = convolutional[1].agreements
    assert {(row.precision, row.side) for row in rows} == {
        ("f32", 64), ("f32", 96), (chosen_precision(), 64),
    }  # fmt: skip
    assert all(row.lowest - 1e-6 <= row.mean <= 1.0001 for row in rows)
    assert min(row.lowest for row in rows if row.precision == "f32") > 0.999


def test_the_header_carries_preprocessing_and_licence(convolutional: Written) -> None:
    spec = Encoder.load(convolutional[1].folder).spec
    config = timm.get_pretrained_cfg("test_resnet")
    np.testing.assert_allclose(spec.mean, np.multiply(config.mean, 255), atol=1e-3)
    np.testing.assert_allclose(spec.std, np.multiply(config.std, 255), atol=1e-3)
    assert (spec.side, spec.stride) == (64, 32)
    # Random weights are nobody's: timm records the licence of its own.
    assert spec.licence == ""
    assert Encoder.load(convolutional[1].folder / "graph.onnx").spec == spec


def test_an_export_that_disagrees_is_refused_and_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, transformer: Written
) -> None:
    monkeypatch.setattr(exporting, "LOWEST", 1.1)
    backbone, _ = transformer
    with pytest.raises(EncoderError, match="gives other features"):
        export_backbone(backbone, tmp_path / "home" / "vit")
    assert list((tmp_path / "home").iterdir()) == []


def test_an_encoder_is_never_written_over(tmp_path: Path, convolutional: Written) -> None:
    with pytest.raises(EncoderError, match="already exists"):
        export_backbone(convolutional[0], tmp_path)


def test_halved_weights_are_rounded_once_and_small_ones_kept() -> None:
    import onnx

    rng = np.random.default_rng(0)
    large, small = rng.normal(size=(20, 20)).astype(np.float32), np.float32([[1.0001]])
    held = [onnx.numpy_helper.from_array(large, "large"), onnx.numpy_helper.from_array(small, "s")]
    model = onnx.helper.make_model(onnx.helper.make_graph([], "g", [], [], held))
    halve_weights(model)
    kept = {tensor.name: onnx.numpy_helper.to_array(tensor) for tensor in model.graph.initializer}
    np.testing.assert_array_equal(kept["large.f16"], large.astype(np.float16))
    np.testing.assert_array_equal(kept["s"], small)
    (cast,) = model.graph.node
    assert (list(cast.input), list(cast.output)) == (["large.f16"], ["large"])


@pytest.mark.parametrize(("kernel", "stride"), [(3, 1), (3, 2), (5, 2), (1, 1), (4, 2)])
def test_constant_padding_is_the_run_time_padding_at_multiples_of_the_stride(
    kernel: int, stride: int
) -> None:
    torch.manual_seed(0)
    conv = timm.layers.Conv2dSame(4, 6, kernel, stride, groups=2)
    image = torch.randn(1, 4, 16, 24)
    with torch.no_grad():
        np.testing.assert_allclose(PaddedConv(conv)(image), conv(image), atol=1e-6)


def test_same_convolutions_of_a_network_are_replaced() -> None:
    network = build_backbone("tf_mobilenetv3_small_minimal_100", side=64, seed=1).trunk.network
    kinds = {type(part).__name__ for part in network.modules()}
    assert "PaddedConv" in kinds
    assert "Conv2dSame" not in kinds


def test_wrong_requests_are_refused_in_one_sentence(convolutional: Written) -> None:
    with pytest.raises(EncoderError, match="no network 'resnet19'; did you mean"):
        build_backbone("resnet19", seed=1)
    with pytest.raises(EncoderError, match=r"'resnet18' has no weights 'x'; it has: .*tv_in1k"):
        build_backbone("resnet18.x", seed=1)
    with pytest.raises(EncoderError, match="multiples of 32, such as 64 or 96, not 80"):
        build_backbone("test_resnet", side=80, seed=1)
    with pytest.raises(EncoderError, match="has no class token"):
        exporting.choose_pooling(convolutional[0], PoolingSettings(name="class_token"))
    with pytest.raises(RecipeError, match="unknown pooling 'cls'"):
        exporting.choose_pooling(convolutional[0], PoolingSettings(name="cls"))
