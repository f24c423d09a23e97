"""How closely pictures are described by another form of an encoder."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from beautylens.errors import ImageError
from beautylens.features.encoder.encoder import Encoder
from beautylens.train.picture_parity import MOST, compare_on_pictures
from tests.conftest import Shop


def test_pictures_are_compared_and_those_that_cannot_be_read_are_said(
    shop: Shop, tmp_path: Path
) -> None:
    encoder = Encoder.load("default", side=64)
    torn = tmp_path / "torn.jpg"
    torn.write_bytes(shop.picture(0).read_bytes()[:99])
    paths = [shop.picture(0), torn, shop.picture(1)]
    turned = iter((1.0, 0.5))

    def describe(picture: np.ndarray) -> np.ndarray:
        return next(turned) * encoder.describe([encoder.fit(picture)])[0]

    found = compare_on_pictures(encoder, describe, paths, least_side=64)
    assert found.pictures == 2
    assert found.mean == pytest.approx(0.75, abs=0.02)
    assert found.lowest == pytest.approx(0.5, abs=0.02)
    assert "torn.jpg" in found.faults[0]
    with pytest.raises(ImageError, match="none of the catalogue's pictures can be read"):
        compare_on_pictures(encoder, describe, [torn], least_side=64)


def test_of_a_large_catalogue_some_pictures_are_compared(shop: Shop) -> None:
    encoder = Encoder.load("default", side=64)
    unit = np.eye(1, encoder.dimensions, dtype=np.float32)[0]
    paths = [shop.picture(number % 2) for number in range(3 * MOST)]
    assert compare_on_pictures(encoder, lambda _: unit, paths, least_side=64).pictures == MOST
