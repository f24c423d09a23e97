"""Weights go where they belong, or the user is told which tensor does not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

NEEDS = "reading PyTorch weights needs the extra `train`"
torch = pytest.importorskip("torch", reason=NEEDS)
safetensors = pytest.importorskip("safetensors.torch", reason=NEEDS)

from beautylens.errors import EncoderError  # noqa: E402  (after the skips)
from beautylens.features.export.backbones import build_backbone, import_timm  # noqa: E402  (as above)
from beautylens.features.export.checkpoints import read_checkpoint  # noqa: E402  (as above)

timm = import_timm()


def state_of(name: str, **options: Any) -> dict[str, Any]:
    torch.manual_seed(3)
    return dict(timm.create_model(name, **options).state_dict())


def save(state: Any, path: Path) -> Path:
    if path.suffix == ".safetensors":
        safetensors.save_file(state, path)
    else:
        torch.save(state, path)
    return path


def features(name: str, path: Path, side: int = 64) -> np.ndarray:
    with torch.no_grad():
        image = torch.linspace(-1, 1, 3 * side * side).view(1, 3, side, side)
        trunk = build_backbone(name, side=side, weights=path).trunk
        return np.asarray(trunk(image)[0])


@pytest.mark.parametrize("suffix", ["safetensors", "pth", "pt"])
def test_weights_with_a_classifier_give_the_features_of_their_network(
    tmp_path: Path, suffix: str
) -> None:
    torch.manual_seed(3)
    network = timm.create_model("test_resnet").eval()
    path = save(network.state_dict(), tmp_path / f"weights.{suffix}")
    with torch.no_grad():
        image = torch.linspace(-1, 1, 3 * 64 * 64).view(1, 3, 64, 64)
        expected = network.forward_features(image)
    np.testing.assert_array_equal(features("test_resnet", path), expected)


def test_wrappers_of_training_programs_are_taken_off(tmp_path: Path) -> None:
    state = state_of("test_resnet")
    wrapped = {"epoch": 3, "state_dict": {f"module.{key}": value for key, value in state.items()}}
    found = read_checkpoint(save(wrapped, tmp_path / "wrapped.pth"))
    assert found.keys() == state.keys()


def test_position_embeddings_are_resized_to_the_side(tmp_path: Path) -> None:
    path = save(state_of("test_vit", img_size=160), tmp_path / "vit.safetensors")
    assert features("test_vit", path, side=64).shape[2:] == (4, 4)


def test_tensors_that_the_maps_do_not_need_may_be_missing(tmp_path: Path) -> None:
    state = state_of("test_vit_relpos")
    kept = {key: value for key, value in state.items() if not key.startswith("fc_norm")}
    path = save(kept, tmp_path / "vit.safetensors")
    assert features("test_vit_relpos", path, side=160).shape[2:] == (10, 10)


def test_missing_strange_and_misshapen_tensors_are_named(tmp_path: Path) -> None:
    state = state_of("test_resnet")
    lacking = {key: value for key, value in state.items() if key != "bn1.running_mean"}
    with pytest.raises(EncoderError, match=r"the weights lack bn1\.running_mean; give a complete"):
        features("test_resnet", save(lacking, tmp_path / "lacking.safetensors"))
    more = state | {"layer9.0.weight": torch.zeros(1)}
    with pytest.raises(EncoderError, match=r"has no tensors layer9\.0\.weight"):
        features("test_resnet", save(more, tmp_path / "more.safetensors"))
    misshapen = state | {"conv1.0.weight": torch.zeros(1, 2)}
    with pytest.raises(EncoderError, match=r"conv1\.0\.weight has the shape \(1, 2\), not"):
        features("test_resnet", save(misshapen, tmp_path / "misshapen.safetensors"))


class Trap:
    """What a hostile file would hold: unpickling it runs a program."""

    def __reduce__(self) -> tuple[Any, ...]:
        return (Path.touch, (Path("sprung"),))


def test_no_file_runs_code(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(EncoderError, match="not a file of tensors only"):
        read_checkpoint(save({"state_dict": Trap()}, tmp_path / "trap.pth"))
    assert not Path("sprung").exists()


def test_files_that_hold_no_weights_are_refused(tmp_path: Path) -> None:
    with pytest.raises(EncoderError, match="file of weights does not exist"):
        read_checkpoint(tmp_path / "gone.pth")
    for name in ("noise.pth", "noise.safetensors"):
        (tmp_path / name).write_bytes(b"\x00 not weights")
        with pytest.raises(EncoderError, match=rf"{name}: not a"):
            read_checkpoint(tmp_path / name)
    with pytest.raises(EncoderError, match="has no tensors"):
        read_checkpoint(save({"epoch": 3}, tmp_path / "empty.pth"))
