"""A small network to train, and the shop's pictures to train it on."""

from __future__ import annotations

from pathlib import Path

import pytest

torch = pytest.importorskip("torch", reason="needs the extra `train`")

from beautylens.features.export.backbones import build_backbone  # noqa: E402  (after the skip)
from beautylens.features.export.timm import export_backbone  # noqa: E402  (as above)
from beautylens.recipe.settings import PoolingSettings  # noqa: E402  (as above)
from tests.conftest import Shop  # noqa: E402  (as above)

NETWORK = "test_efficientnet"
SIDE = 64


@pytest.fixture(scope="session")
def small_encoder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny network with random weights as an encoder folder."""
    folder = tmp_path_factory.mktemp("encoders") / "small"
    backbone = build_backbone(NETWORK, side=SIDE, seed=1)
    export_backbone(backbone, folder, pooling=PoolingSettings(name="spoc"))
    return folder


@pytest.fixture
def truths(shop: Shop, tmp_path: Path) -> tuple[Path, Path]:
    """Two truth tables over different photos of the shop: to learn from and to measure on."""
    photos = sorted((shop.folder / "photos").glob("*.jpg"))
    tables = []
    for name, part in (("train", photos[::2]), ("val", photos[1::2])):
        path = tmp_path / f"{name}.csv"
        rows = [f"{photo},p{photo.stem}" for photo in part]
        path.write_text("\n".join(["image,product_ids", *rows]) + "\n", "utf-8")
        tables.append(path)
    return tables[0], tables[1]
