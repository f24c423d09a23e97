"""An update changes the columns that it is given, and keeps the others."""

from __future__ import annotations

import shutil
from pathlib import Path

import cv2
import pytest

from beautylens.collection import Collection, open_collection
from beautylens.errors import TableError
from tests.conftest import Shop, draw_pack


@pytest.fixture
def own(collection: Collection, tmp_path: Path) -> Path:
    """A copy of the shop's collection for one test."""
    return Path(shutil.copytree(collection.address, tmp_path / "own.lens"))


def test_columns_are_changed_and_the_others_kept(own: Path) -> None:
    collection = open_collection(own)
    before = collection.get("p01")
    assert before is not None
    done = collection.update(
        [
            {"product_id": "p01", "price": "9,90 €", "name": "New"},
            {"product_id": "p99", "price": "1", "name": ""},
        ]
    )
    assert (done.products, done.unknown) == (("p01",), ("p99",))
    assert (done.columns, done.filled) == (("price", "name", "currency"), None)
    after = collection.get("p01")
    assert after is not None
    assert (after.name, after.brand) == ("New", before.brand)
    assert after.metadata == before.metadata | {"price": "9.9", "currency": "EUR"}
    assert after.images == before.images
    assert collection.get("p99") is None


def test_an_empty_cell_empties_a_column(own: Path) -> None:
    collection = open_collection(own)
    collection.update([{"product_id": "p02", "name": ""}])
    product = collection.get("p02")
    assert product is not None
    assert (product.name, bool(product.brand)) == ("", True)


def test_pictures_are_replaced_and_the_columns_kept(own: Path, shop: Shop, tmp_path: Path) -> None:
    collection = open_collection(own)
    before = collection.get("p03")
    assert before is not None
    cv2.imwrite(str(tmp_path / "new.jpg"), draw_pack(30))
    pictures = [str(tmp_path / "new.jpg"), str(shop.picture(3))]
    done = collection.update([{"product_id": "p03", "image": pictures, "category": "lips"}])
    assert done.filled is not None
    assert done.filled.written == 2
    after = collection.get("p03")
    assert after is not None
    assert (after.name, after.category, after.metadata) == (before.name, "lips", before.metadata)
    assert set(after.images) == set(pictures)


def test_a_table_without_ids_is_refused(own: Path) -> None:
    with pytest.raises(TableError, match="has no column 'product_id'"):
        open_collection(own).update([{"price": "1"}])
