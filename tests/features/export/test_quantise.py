"""Eight bits: half the size, the same encoder otherwise, and clear words where it cannot be."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from beautylens.errors import EncoderError, ImageError
from beautylens.features.encoder.encoder import Encoder
from beautylens.features.export.quantise import quantise
from tests.conftest import Shop


def test_an_encoder_of_eight_bits_is_smaller_and_describes_nearly_alike(
    shop: Shop, tmp_path: Path
) -> None:
    whole = Encoder.load("default", side=128)
    paths = [shop.picture(number) for number in range(8)]
    torn = tmp_path / "torn.jpg"
    torn.write_bytes(paths[0].read_bytes()[:99])
    faults = quantise(whole, [*paths, torn], tmp_path / "eight", "eight")
    assert len(faults) == 1
    assert "torn.jpg" in faults[0]
    made = Encoder.load(tmp_path / "eight")
    assert (made.name, made.side, made.dimensions) == ("eight", 128, 512)
    assert made.spec.pooling == whole.spec.pooling
    assert made.graph.stat().st_size < 0.7 * whole.graph.stat().st_size
    cosines = (made(paths) * whole(paths)).sum(axis=1)
    assert cosines.min() > 0.8
    assert sorted(path.name for path in (tmp_path / "eight").iterdir()) == [
        "encoder.json", "graph.onnx", "whitening.npz",
    ]  # fmt: skip


def test_what_cannot_be_quantised_leaves_nothing_behind(shop: Shop, tmp_path: Path) -> None:
    encoder = Encoder.load("default", side=64)
    with pytest.raises(ImageError, match="no pictures to calibrate with"):
        quantise(encoder, [], tmp_path / "eight", "eight")
    with pytest.raises(ImageError, match=r"gone\.jpg"):
        quantise(encoder, [tmp_path / "gone.jpg"], tmp_path / "eight", "eight")
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "eight").mkdir()
    with pytest.raises(EncoderError, match="already exists"):
        quantise(encoder, [shop.picture(0)], tmp_path / "eight", "eight")
    np.testing.assert_equal(list((tmp_path / "eight").iterdir()), [])
