"""How many products of a catalogue share their design with another."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from beautylens.collection import Collection
from beautylens.indexing import build
from beautylens.search import sharing
from beautylens.search.sharing import Sharing, stored_sharing, update_sharing
from tests.conftest import Shop, catalogue_rows, write_table


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Measure small catalogues too."""
    monkeypatch.setattr(sharing, "_FEWEST", 4)


def shop_of(folder: Path, count: int, *, a_line: int) -> Shop:
    """Products, `a_line` of which have one design, each with a dot of its own."""
    shop = Shop(folder)
    shop.picture(0).parent.mkdir(parents=True)
    for number in range(count):
        rng = np.random.default_rng(number // a_line)
        pack = cv2.resize(rng.integers(0, 255, (40, 30, 3), np.uint8), (300, 400))
        cv2.circle(pack, (40 + 20 * number, 300), 12, (25, 20, 40), -1)
        cv2.imwrite(str(shop.picture(number)), pack)
    write_table(shop.table, catalogue_rows(count))
    return shop


def shared(collection: Collection) -> Sharing:
    found = stored_sharing(collection.gallery)
    assert found is not None
    return found


def test_designs_of_one_product_each_are_not_shared(tmp_path: Path) -> None:
    shop = shop_of(tmp_path / "shop", 12, a_line=1)
    collection, _ = build(shop.table, tmp_path / "c.lens", read=False)
    # Three typical products are counted in, so that the share is never zero.
    assert shared(collection) == Sharing(pytest.approx(1 / 15), 12)


def test_sisters_share_their_design_and_few_more_products_change_nothing(tmp_path: Path) -> None:
    shop = shop_of(tmp_path / "shop", 12, a_line=2)
    collection, _ = build(shop.table, tmp_path / "c.lens", read=False)
    assert shared(collection) == Sharing(pytest.approx(13 / 15), 12)

    collection.remove("p11")
    assert shared(collection).products == 12

    collection.remove([f"p{number:02}" for number in (1, 3, 5, 7, 9)])
    # The sisters are gone.
    assert shared(collection) == Sharing(pytest.approx(1 / 9), 6)


def test_two_listings_of_one_title_are_no_sisters(tmp_path: Path) -> None:
    shop = shop_of(tmp_path / "shop", 8, a_line=2)
    rows = catalogue_rows(8)
    for number, row in enumerate(rows):
        row.update(name=f"Balm {number // 2}", brand="Kumo", shade="")
    collection, _ = build(write_table(shop.table, rows), tmp_path / "c.lens", read=False)
    assert shared(collection).share == pytest.approx(1 / 11)


def test_too_few_products_tell_nothing(
    collection: Collection, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = collection.gallery.artefacts.version()
    monkeypatch.setattr(sharing, "_FEWEST", 13)
    update_sharing(collection.gallery, lambda: collection.parts.pipeline)
    assert collection.gallery.artefacts.version() == before
    assert stored_sharing(collection.gallery) is None
