"""A mirrored collection equals its table, whatever changed and whenever the work was stopped."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from beautylens.collection import Collection, open_collection
from beautylens.errors import CollectionError
from beautylens.indexing import build
from beautylens.ingest import fill as filling
from beautylens.ingest.mirror_plan import Plan
from beautylens.ingest.progress import Progress
from tests.conftest import Shop, catalogue_rows, draw_pack, make_shop, write_table

RECIPE = "[encoder]\nside = 64\n"


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A shop of six products and its collection, to be copied."""
    folder = tmp_path_factory.mktemp("mirror")
    (folder / "fast.toml").write_text(RECIPE)
    shop = make_shop(folder / "shop", 6)
    build(shop.table, folder / "shop.lens", recipe=folder / "fast.toml")
    return folder


@pytest.fixture
def mine(built: Path, tmp_path: Path) -> tuple[Shop, Collection]:
    # At the same depth, so that the paths differ only in the folder.
    shutil.copytree(built / "shop", tmp_path / "shop")
    shutil.copytree(built / "shop.lens", tmp_path / "shop.lens")
    return Shop(tmp_path / "shop"), open_collection(tmp_path / "shop.lens")


def rows_of(collection: Collection) -> list[dict[str, Any]]:
    """All rows with their texts and vectors; columns without any text are as good as none."""
    rows = collection.gallery.rows
    names = [*rows.text_columns, "path", "digest", "descriptor"]
    found = rows.select(names).sort_by("image_id").to_pylist()
    return [{name: value for name, value in row.items() if value != ""} for row in found]


def assert_equals_indexing_anew(collection: Collection, table: Path, folder: Path) -> None:
    (folder / "fast.toml").write_text(RECIPE)
    anew, _ = build(table, folder / "anew.lens", recipe=folder / "fast.toml")
    for mirrored, indexed in zip(rows_of(collection), rows_of(anew), strict=True):
        np.testing.assert_allclose(mirrored.pop("descriptor"), indexed.pop("descriptor"), atol=1e-3)
        assert mirrored == indexed
    assert {f.image_id for f in collection.failures()} == {f.image_id for f in anew.failures()}


def change(shop: Shop) -> None:
    """Two products gone, one new, one with another picture, one with a second, others in words."""
    rows = catalogue_rows(7)[2:]
    cv2.imwrite(str(shop.picture(6)), draw_pack(6))
    cv2.imwrite(str(shop.picture(2)), draw_pack(20))
    rows[1]["image"] += ";gallery/02.jpg"
    rows[2]["name"] = "Another name"
    for row in rows:
        row["price"] = "1,50 €"
        del row["shade"]
    write_table(shop.table, rows)


def test_mirroring_a_changed_table_equals_indexing_it_anew(
    mine: tuple[Shop, Collection], tmp_path: Path
) -> None:
    shop, collection = mine
    change(shop)
    planned = collection.plan(shop.table)
    assert len(collection) == 6
    plan, filled = collection.mirror(shop.table)
    assert plan == planned
    assert (plan.added, plan.pictured, plan.removed) == (("p06",), ("p02", "p03"), ("p00", "p01"))
    assert set(plan.updated) == {"p04", "p05"}
    assert (filled.written, filled.present) == (4, 2)
    assert str(plan) == "1 added, 2 with other pictures, 2 with other columns, 2 removed"
    assert_equals_indexing_anew(collection, shop.table, tmp_path)
    again, filled = collection.mirror(shop.table)
    assert again.is_empty
    assert len(again.unchanged) == 5
    assert filled.written == 0


def test_moved_pictures_are_found_by_their_content(mine: tuple[Shop, Collection]) -> None:
    shop, collection = mine
    plan, filled = collection.mirror(shop.table)
    # The copy of the shop is in another folder than the one that was indexed.
    assert len(plan.updated) == 6
    assert filled.written == 0
    assert collection.get("p03").images == (str(shop.picture(3)),)  # type: ignore[union-attr]


@pytest.mark.parametrize("images", [1, 2, 3])
def test_a_mirror_that_was_stopped_is_finished_by_the_next(
    mine: tuple[Shop, Collection], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, images: int
) -> None:
    shop, collection = mine
    change(shop)
    monkeypatch.setattr(filling, "COMMIT_IMAGES", 1)
    with pytest.raises(KeyboardInterrupt):
        collection.mirror(shop.table, progress=stop_after(images))
    collection.mirror(shop.table)
    if images == 2:
        assert_equals_indexing_anew(collection, shop.table, tmp_path)
    assert collection.plan(shop.table).is_empty


def stop_after(images: int) -> Callable[[Progress], None]:
    def stop(state: Progress) -> None:
        if state.done == images:
            raise KeyboardInterrupt

    return stop


def test_pictures_that_cannot_be_read_are_tried_again_and_nothing_else(
    mine: tuple[Shop, Collection],
) -> None:
    shop, collection = mine
    collection.mirror(shop.table)
    rows = catalogue_rows(7)
    rows[0]["image"] += ";gallery/gone.jpg"
    write_table(shop.table, rows)
    plan = collection.plan(shop.table)
    assert (plan.added, plan.pictured) == (("p06",), ("p00",))
    done, filled = collection.mirror(shop.table)
    assert (done.added, done.pictured, done.failed) == ((), (), ("p00", "p06"))
    assert len(filled.failures) == 2
    plan = collection.plan(shop.table)
    assert (plan.added, plan.pictured, plan.retried) == ((), (), ("p00", "p06"))
    assert str(collection.mirror(shop.table)[0]) == (
        "5 unchanged, 2 left as before because no new picture can be read"
    )
    cv2.imwrite(str(shop.picture(6)), draw_pack(6))
    collection.mirror(shop.table)
    assert {failure.product_id for failure in collection.failures()} == {"p00"}
    write_table(shop.table, catalogue_rows(6))
    collection.mirror(shop.table)
    assert collection.failures() == ()
    assert collection.plan(shop.table).is_empty


def test_a_product_keeps_its_picture_where_the_new_one_cannot_be_read_and_is_told_once(
    mine: tuple[Shop, Collection],
) -> None:
    shop, collection = mine
    shop.picture(0).write_bytes(b"no picture")
    rows = catalogue_rows(6)
    rows[1]["image"] = "gallery/gone.jpg"
    write_table(shop.table, rows)
    before = rows_of(collection)
    for _ in range(2):
        done, filled = collection.mirror(shop.table, allow_losses=True)
        assert done.failed == ("p00", "p01")
        assert not done.pictured
        assert len(filled.failures) == 2
        kept = rows_of(collection)
        assert [row["descriptor"] for row in kept] == [row["descriptor"] for row in before]
    cv2.imwrite(str(shop.picture(0)), draw_pack(9))
    done, _ = collection.mirror(shop.table)
    assert (done.retried, done.failed) == (("p00",), ("p01",))


def test_a_table_that_lacks_half_of_the_products_changes_nothing(
    mine: tuple[Shop, Collection],
) -> None:
    shop, collection = mine
    write_table(shop.table, catalogue_rows(3))
    version = collection.gallery.version
    with pytest.raises(
        CollectionError, match="the table lacks 3 of the collection's 6 products, which would be"
    ):
        collection.mirror(shop.table)
    assert collection.gallery.version == version
    plan, _ = collection.mirror(shop.table, allow_losses=True)
    assert plan.removed == ("p03", "p04", "p05")
    assert len(collection) == 3


def test_a_plan_without_changes_says_so() -> None:
    assert str(Plan()) == "nothing to do"
    assert Plan().is_empty
