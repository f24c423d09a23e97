"""`beautylens encoder`, typed as a user would."""

from __future__ import annotations

import importlib.util
import json
import os
from importlib import resources
from pathlib import Path

import numpy as np
import pytest

from beautylens.features.encoder.encoder import Encoder
from beautylens.features.encoder.registry import encoder_home, known_encoders
from tests.cli.test_cli import one_line, run
from tests.conftest import draw_pack

DEFAULT = Path(str(resources.files("beautylens") / "features/encoder/weights/default/graph.onnx"))
HALF = "127.5,127.5,127.5"
ABSENT = [name for name in ("torch", "timm", "onnx") if importlib.util.find_spec(name) is None]


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An encoder home of the test's own."""
    monkeypatch.setenv("BEAUTYLENS_ENCODERS", str(tmp_path / "home"))
    return tmp_path / "home"


def test_an_imported_file_is_known_by_its_name_and_describes_alike(home: Path) -> None:
    done = run(
        "encoder", "import", DEFAULT, "--mean", HALF, "--std", HALF, "--side", 96,
        "--name", "lite.own", "--licence", "Apache-2.0",
    )  # fmt: skip
    assert done.stdout == ""
    assert "96 pixels (or any multiple of 32), pooling ramac, licence Apache-2.0" in done.stderr
    own, shipped = Encoder.load("lite.own"), Encoder.load(DEFAULT, side=96)
    np.testing.assert_allclose(own([draw_pack(1)]), shipped([draw_pack(1)]), atol=1e-6)
    assert list(known_encoders()) == ["lite.own"]
    listed = run("encoder", "list").stderr
    assert "beautylens-lite0" in listed
    assert "lite.own" in listed
    assert str(home) in listed


def test_info_says_what_an_encoder_is_and_costs(home: Path) -> None:
    facts = json.loads(run("encoder", "info", "default", "--json").stdout)
    assert facts["name"] == "beautylens-lite0"
    assert (facts["side"], facts["stride"], facts["pooling"]) == (384, 32, "ramac")
    assert (facts["dimensions"], facts["licence"]) == (512, "Apache-2.0")
    assert facts["fingerprint"] == Encoder.load().fingerprint
    # 3.4 million weights (docs/model-card.md), two bytes each.
    assert facts["parameters"] == pytest.approx(3.4e6, rel=0.02)
    assert facts["megabytes"] == pytest.approx(2 * facts["parameters"] / 1e6, rel=0.02)
    low, high = facts["milliseconds_quartiles"]
    assert 0 < low <= facts["milliseconds"] <= high
    assert facts["timed_runs"] >= 9
    assert 1 <= facts["threads"] <= (os.cpu_count() or 1)
    assert "fixed side" in run("encoder", "info", "default").stderr


def test_an_unknown_name_gets_the_command_that_makes_it(home: Path) -> None:
    message = one_line(run("encoder", "info", "resnet101.tv_in1k", code=1).stderr)
    assert "no encoder 'resnet101.tv_in1k'" in message
    assert f"in {home}; available: default" in message
    assert "`beautylens encoder export --backbone resnet101.tv_in1k`" in message
    assert "pip install '.[train]'" in message


def test_wrong_words_are_refused_in_one_sentence(home: Path, tmp_path: Path) -> None:
    done = run("encoder", "import", DEFAULT, tmp_path / "out", "--mean", "1,2", code=1)
    assert "--mean '1,2' is not three numbers" in done.stderr
    done = run("encoder", "import", DEFAULT, tmp_path / "out", "--output", "7", code=1)
    assert "output '7' has no feature maps; choose with --output one of" in done.stderr
    done = run("encoder", "export", "--backbone", "x", "--random", 1, "--weights", "f", code=1)
    assert "are mutually exclusive" in done.stderr
    assert not (tmp_path / "out").exists()


@pytest.mark.skipif("torch" not in ABSENT, reason="the extra `train` is installed")
def test_exporting_without_the_extra_names_the_pip_line(home: Path) -> None:
    done = run("encoder", "export", "--backbone", "resnet18", code=1)
    assert "repository: pip install '.[train]'" in done.stderr
    assert not home.exists()


@pytest.mark.skipif(bool(ABSENT), reason="exporting needs the extra `train`")
def test_normalisation_and_missing_layers_are_said_at_export(home: Path) -> None:
    run(
        "encoder", "export", "--backbone", "test_resnet", "--side", 64, "--random", 1,
        "--without", "activation", "--mean", "125.307,122.961,113.8575",
        "--std", "51.5865,50.847,51.255", "--name", "cifar",
    )  # fmt: skip
    encoder = Encoder.load("cifar")
    assert encoder.spec.mean == (125.307, 122.961, 113.8575)
    assert encoder.spec.std == (51.5865, 50.847, 51.255)
    assert encoder.outputs(np.zeros((1, 64, 64, 3), np.uint8))[0].maps.min() < 0


@pytest.mark.skipif(bool(ABSENT), reason="exporting needs the extra `train`")
def test_an_exported_network_is_known_by_its_name(home: Path) -> None:
    done = run("encoder", "export", "--backbone", "test_vit", "--side", 64, "--random", 1)
    assert "Cosine with PyTorch" in done.stderr
    assert "64 pixels (fixed), pooling class_token" in done.stderr
    assert Encoder.load("test_vit")([draw_pack(1)]).shape == (1, 64)
    again = run("encoder", "export", "--backbone", "test_vit", "--random", 1, code=1)
    assert "already exists" in again.stderr


def test_the_home_is_a_folder_of_the_user_unless_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("BEAUTYLENS_ENCODERS", raising=False)
    assert encoder_home().parts[-2:] == ("beautylens", "encoders")
    monkeypatch.setenv("BEAUTYLENS_ENCODERS", "~/networks")
    assert encoder_home() == Path.home() / "networks"
