"""`beautylens train`, typed as a user would."""

from __future__ import annotations

import csv
import importlib.util
import json
from pathlib import Path

import pytest

from tests.cli.test_cli import one_line, run
from tests.conftest import Shop

ABSENT = [
    name
    for name in ("torch", "timm", "onnx", "accelerate", "onnx2torch", "matplotlib")
    if importlib.util.find_spec(name) is None
]
needs_train = pytest.mark.skipif(bool(ABSENT), reason=f"needs the extra `train`: {ABSENT}")


@needs_train
def test_an_adapter_is_trained_and_indexed_with(shop: Shop, tmp_path: Path) -> None:
    truth = tmp_path / "truth.csv"
    rows = [f"{shop.photo(number)},p{number:02}" for number in range(4)]
    truth.write_text("\n".join(["image,product_ids", *rows[:3]]) + "\n", "utf-8")
    other = tmp_path / "other.csv"
    other.write_text("\n".join(["image,product_ids", rows[3]]) + "\n", "utf-8")
    out = tmp_path / "own"
    done = run(
        "train", "pairs", shop.table, truth, out, "--adapter", "--simulate", "--side", 96,
        "--validate", other, "--epochs", 2, "--batch", 4,
    )  # fmt: skip
    assert done.stdout == ""
    assert "before training: mAP@7 1.000\nepoch 1/" in done.stderr
    assert "No epoch improved mAP@7" in done.stderr
    assert "Next: `beautylens index TABLE COLLECTION --encoder" in done.stderr
    assert {path.name for path in out.iterdir()} == {
        "curves.csv", "curves.png", "encoder.json", "graph.onnx", "training.json", "whitening.npz",
    }  # fmt: skip
    run("index", shop.table, tmp_path / "c.lens", "--recipe", "fast", "--encoder", out)
    found = run("search", tmp_path / "c.lens", shop.photo(1), "--format", "csv").stdout
    assert len(list(csv.DictReader(found.splitlines()))) == 7


@needs_train
def test_options_that_contradict_each_other_are_told(shop: Shop, tmp_path: Path) -> None:
    out = tmp_path / "out"
    message = one_line(run("train", "uel", shop.table, out, "--weights", "w.pth", code=1).stderr)
    assert "--weights and --random need a timm model" in message
    both = ("--distil", "--classes", tmp_path)
    message = one_line(run("train", "pairs", shop.table, shop.table, out, *both, code=1).stderr)
    assert "--classes and --distil are mutually exclusive" in message
    message = one_line(run("train", "uel", shop.table, out, "--precision", "fp8", code=1).stderr)
    assert "'precision'" in message
    assert not out.exists()


@needs_train
def test_a_wrong_encoder_or_table_is_told_before_training(shop: Shop, tmp_path: Path) -> None:
    out = tmp_path / "out"
    message = one_line(run("train", "uel", shop.table, out, "--encoder", "nosuch", code=1).stderr)
    assert "no encoder 'nosuch'" in message
    message = one_line(run("train", "titles", tmp_path / "none.csv", out, code=1).stderr)
    assert "none.csv" in message


@needs_train
def test_published_training_takes_crops_and_lets_batch_norms_learn(
    shop: Shop, tmp_path: Path
) -> None:
    run(
        "train", "uel", shop.table, tmp_path / "out", "--published", "--epochs", 1, "--side", 64,
        "--backbone", "test_efficientnet", "--random", 1, "--dimensions", 8, "--rate", 1e-5,
    )  # fmt: skip
    told = json.loads((tmp_path / "out" / "training.json").read_text("utf-8"))
    assert (told["views"], told["learn_norms"], told["optimiser"]) == ("crop", True, "sgd")
    assert (told["epochs"], told["schedule"]) == (1, "steps")


@pytest.mark.skipif(not ABSENT, reason="the extra `train` is installed")
def test_without_the_extra_the_install_line_is_told(shop: Shop, tmp_path: Path) -> None:
    message = one_line(run("train", "uel", shop.table, tmp_path / "out", code=1).stderr)
    assert "pip install '.[train]'" in message
