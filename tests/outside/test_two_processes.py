"""Training in two processes, as a launcher starts them on two machines: the same as in one."""

from __future__ import annotations

import csv
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tests.conftest import Shop
from tests.pages import ROOT

pytest.importorskip("accelerate", reason="needs the extra `train`")

from beautylens.features.encoder.encoder import Encoder
from beautylens.features.export.backbones import build_backbone
from beautylens.features.export.timm import export_backbone
from beautylens.recipe.settings import PoolingSettings

# The command of the guide, on processors.
COMMAND = re.compile(r"^ *python -m (accelerate\S* .*-m) beautylens train uel ", re.MULTILINE)


def launched() -> tuple[str, ...]:
    found = COMMAND.findall((ROOT / "docs" / "training.md").read_text(encoding="utf-8"))
    assert len(found) == 1
    module, *options = found[0].split()
    return (module, "--cpu", *options)


def train(shop: Shop, start: Path, out: Path, *launched: str) -> list[float]:
    """Train, and return the loss of each epoch."""
    done = subprocess.run(
        [sys.executable, "-m", *launched, "beautylens", "train", "uel", str(shop.table), str(out),
         "--encoder", str(start), "--epochs=3", "--batch=4", "--rate=1e-3"],
        capture_output=True, text=True, check=False, timeout=300,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    with (out / "curves.csv").open(encoding="utf-8") as file:
        return [float(row["uel"]) for row in csv.DictReader(file) if row["uel"]]


def test_two_processes_learn_what_one_learns(shop: Shop, tmp_path: Path) -> None:
    start, alone, together = (tmp_path / name for name in ("start", "alone", "together"))
    backbone = build_backbone("test_efficientnet", side=64, seed=1)
    export_backbone(backbone, start, pooling=PoolingSettings(name="spoc"))
    losses = train(shop, start, alone)
    assert max(losses) - min(losses) > 0.01
    assert train(shop, start, together, *launched()) == pytest.approx(losses, abs=1e-3)
    pictures = [shop.picture(number) for number in range(12)]
    one, two = (Encoder.load(folder)(pictures) for folder in (alone, together))
    # The weights are kept in half precision, and sums go in another order.
    np.testing.assert_allclose(one, two, atol=5e-3)
