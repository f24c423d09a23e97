"""Building: bad pictures, resuming, and being killed at any moment."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from beautylens.collection import Collection, open_collection
from beautylens.errors import CollectionError, ImageError
from beautylens.indexing import build, index
from beautylens.recipe.recipe import read_recipe
from beautylens.store.gallery import Gallery
from tests.conftest import Shop, catalogue_rows, make_shop, write_table

FAST = read_recipe("fast")


def stored(collection: Collection) -> dict[str, np.ndarray]:
    """Every image's descriptor, by id; fails if an id is there twice."""
    table = collection.gallery.rows.table.select()
    ids = table["image_id"].to_pylist()
    assert len(ids) == len(set(ids))
    return dict(zip(ids, np.array(table["descriptor"].to_pylist(), np.float32), strict=True))


def test_a_picture_that_cannot_be_read_is_noted_with_its_row_and_the_rest_goes_on(
    tmp_path: Path,
) -> None:
    shop = make_shop(tmp_path / "shop", 5)
    shop.picture(1).write_bytes(b"<html>not found</html>")
    shop.picture(3).unlink()
    collection, filled = build(shop.table, tmp_path / "c.lens", recipe=FAST)
    assert filled.written == len(collection) == 3
    assert [failure.row for failure in collection.failures()] == [2, 4]
    assert "01.jpg" in collection.failures()[0].error
    assert "03.jpg does not exist" in collection.failures()[1].error


def test_a_mended_picture_is_indexed_by_the_same_command(tmp_path: Path) -> None:
    shop = make_shop(tmp_path / "shop", 4)
    good = shop.picture(2).read_bytes()
    shop.picture(2).write_bytes(good[: len(good) // 2])
    build(shop.table, tmp_path / "c.lens", recipe=FAST)
    shop.picture(2).write_bytes(good)
    collection, filled = build(shop.table, tmp_path / "c.lens", recipe=FAST)
    assert (filled.written, filled.present) == (1, 3)
    assert len(collection) == 4
    assert collection.failures() == ()


def test_stopping_at_the_first_error_names_the_row(tmp_path: Path) -> None:
    shop = make_shop(tmp_path / "shop", 3)
    shop.picture(1).write_bytes(b"")
    with pytest.raises(ImageError, match=r"row 2: .*01\.jpg"):
        build(shop.table, tmp_path / "c.lens", recipe=FAST, stop_on_error=True)


def test_a_row_without_a_picture_is_a_failure_until_the_table_is_mended(tmp_path: Path) -> None:
    shop = make_shop(tmp_path / "shop", 4)
    rows = catalogue_rows(4)
    rows[1]["image"], rows[2]["product_id"] = "", " "
    rows[3]["image"] = "ftp://x.org/a.jpg"
    write_table(shop.table, rows)
    collection, filled = build(shop.table, tmp_path / "c.lens", recipe=FAST)
    assert (filled.written, len(collection)) == (1, 1)
    assert [(f.row, f.product_id) for f in filled.failures] == [(2, "p01"), (3, ""), (4, "p03")]
    assert [f.error.split(";")[0] for f in filled.failures[:2]] == [
        "there is no image", "there is no product_id",
    ]  # fmt: skip
    assert "ftp:// cannot be read" in filled.failures[2].error
    assert collection.failures() == filled.failures
    with pytest.raises(ImageError, match="row 2: there is no image"):
        build(shop.table, tmp_path / "c.lens", recipe=FAST, stop_on_error=True)
    write_table(shop.table, catalogue_rows(4))
    collection, filled = build(shop.table, tmp_path / "c.lens", recipe=FAST)
    assert (len(collection), filled.failures, collection.failures()) == (4, (), ())


def test_a_failure_is_forgotten_once_the_table_names_whole_products_alone(tmp_path: Path) -> None:
    shop = make_shop(tmp_path / "shop", 3)
    rows = catalogue_rows(3)
    write_table(shop.table, [*rows, rows[0] | {"image": ""}])
    collection, _ = build(shop.table, tmp_path / "c.lens", recipe=FAST)
    assert [failure.row for failure in collection.failures()] == [4]
    write_table(shop.table, rows)
    collection, filled = build(shop.table, tmp_path / "c.lens", recipe=FAST)
    assert (filled.written, filled.present, collection.failures()) == (0, 3, ())


def test_pictures_that_moved_are_known_at_their_new_paths_and_it_is_said(tmp_path: Path) -> None:
    shop = make_shop(tmp_path / "old", 4)
    built, _ = build(shop.table, tmp_path / "c.lens", recipe=FAST)
    before = stored(built)
    (tmp_path / "old").rename(tmp_path / "new")
    moved = Shop(tmp_path / "new")
    moved.picture(2).write_bytes(moved.picture(3).read_bytes())
    moved.picture(1).unlink()
    collection, filled = build(moved.table, tmp_path / "c.lens", recipe=FAST)
    # The second is another picture now, and is described again.
    assert (filled.written, filled.present, len(collection)) == (1, 3, 4)
    paths = collection.gallery.products.pictures(f"p{n:02}" for n in range(4))
    assert paths == {
        f"p{n:02}": str(shop.picture(n) if n == 1 else moved.picture(n)) for n in range(4)
    }
    there, one, gone = (note.split(":")[0] for note in filled.notes)
    assert there == "2 moved pictures found at new paths"
    assert one == "1 product with other pictures in the table"
    assert gone == "1 indexed picture without a file, which cannot be shown"
    after = stored(collection)
    assert all((before[f"p{n:02}/gallery/{n:02}.jpg"] == after[f"p{n:02}/gallery/{n:02}.jpg"]).all()
               for n in (0, 1, 3))  # fmt: skip


def test_pictures_that_are_gone_from_where_the_table_says_are_named(tmp_path: Path) -> None:
    shop = make_shop(tmp_path / "shop", 3)
    build(shop.table, tmp_path / "c.lens", recipe=FAST)
    shop.picture(1).unlink()
    _, filled = build(shop.table, tmp_path / "c.lens", recipe=FAST)
    (note,) = filled.notes
    assert note.startswith("1 indexed picture without a file, which cannot be shown")
    assert str(shop.picture(1)) in note


def test_a_product_of_several_images_is_replaced_and_resumed_whole(tmp_path: Path) -> None:
    shop = make_shop(tmp_path / "shop", 4)
    rows = catalogue_rows(4)
    rows[0]["image"] = "gallery/00.jpg;gallery/03.jpg"
    table = write_table(shop.table, rows)
    shop.picture(3).rename(tmp_path / "away.jpg")
    collection, _ = build(table, tmp_path / "c.lens", recipe=FAST)
    assert collection.gallery.rows.image_ids() == {f"p{n:02}/gallery/{n:02}.jpg" for n in range(3)}
    (tmp_path / "away.jpg").rename(shop.picture(3))
    build(table, tmp_path / "c.lens", recipe=FAST)
    assert len(collection) == 5
    assert collection.gallery.products.count() == 4


def test_an_image_that_fails_on_update_keeps_its_former_row(shop: Shop, tmp_path: Path) -> None:
    mine = make_shop(tmp_path / "shop", 3)
    collection, _ = build(mine.table, tmp_path / "c.lens", recipe=FAST)
    mine.picture(1).write_bytes(b"broken")
    filled = collection.add(mine.table)
    assert (filled.written, len(filled.failures), len(collection)) == (2, 1, 3)


def test_another_recipe_or_encoder_is_refused_by_name(shop: Shop, tmp_path: Path) -> None:
    build(shop.table, tmp_path / "c.lens", recipe=FAST)
    with pytest.raises(CollectionError, match=r"was built with recipe 'fast'.* not with 'default'"):
        build(shop.table, tmp_path / "c.lens")
    with pytest.raises(CollectionError, match="is already a collection"):
        build(shop.table, tmp_path / "c.lens", recipe=FAST, resume=False)
    other = open_collection(tmp_path / "c.lens")
    side = other.recipe.encoders[0].model_copy(update={"side": 320})
    other.search_by(other.recipe.model_copy(update={"encoders": (side,)}))
    with pytest.raises(CollectionError, match="was built with encoder 'beautylens-lite0"):
        _ = other.encoder


def test_more_threads_give_the_same_rows(shop: Shop, tmp_path: Path) -> None:
    one, _ = build(shop.table, tmp_path / "1.lens", workers=1)
    four, _ = build(shop.table, tmp_path / "4.lens", workers=4)
    first, second = stored(one), stored(four)
    assert first.keys() == second.keys()
    for image_id, descriptor in first.items():
        assert descriptor @ second[image_id] > 0.9999
    ids = sorted(first)
    keypoints, others = one.gallery.rows.keypoints(ids), four.gallery.rows.keypoints(ids)
    assert all(keypoints[i].to_bytes() == others[i].to_bytes() for i in ids)


def test_progress_counts_every_image_once(tmp_path: Path) -> None:
    shop = make_shop(tmp_path / "shop", 6)
    shop.picture(0).unlink()
    states = []
    build(shop.table, tmp_path / "c.lens", recipe=FAST, progress=states.append)
    assert [state.done for state in states] == [1, 2, 3, 4, 5, 6]
    assert states[-1] == replace(states[-1], total=6, failed=1)


def test_commits_wait_for_a_number_of_images_or_some_seconds_and_never_split_a_product(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop = make_shop(tmp_path / "shop", 6)
    rows = catalogue_rows(6)
    rows[1]["image"] = "gallery/01.jpg;gallery/02.jpg;gallery/03.jpg"
    table = write_table(shop.table, rows[:2] + rows[4:])
    sizes: list[list[str]] = []
    written = Gallery.upsert

    def upsert(self: Gallery, rows: pa.Table, keep: Sequence[str] = ()) -> None:
        sizes.append(rows["product_id"].to_pylist())
        written(self, rows, keep)

    monkeypatch.setattr(Gallery, "upsert", upsert)
    monkeypatch.setattr("beautylens.ingest.fill.COMMIT_IMAGES", 2)
    build(table, tmp_path / "few.lens", recipe=FAST)
    assert sizes == [["p00", "p01", "p01", "p01"], ["p04", "p05"]]
    sizes.clear()
    monkeypatch.setattr("beautylens.ingest.fill.COMMIT_SECONDS", 0.0)
    build(table, tmp_path / "soon.lens", recipe=FAST)
    assert sizes == [["p00"], ["p01", "p01", "p01"], ["p04"], ["p05"]]


def test_indexes_missed_by_a_kill_are_made_on_the_next_run(tmp_path: Path) -> None:
    shop = make_shop(tmp_path / "shop", 3)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Gallery, "ensure_indexes", lambda _self: None)
        collection, _ = build(shop.table, tmp_path / "c.lens", recipe=FAST)
    assert not collection.gallery.rows.indexes.columns
    collection, _ = build(shop.table, tmp_path / "c.lens", recipe=FAST)
    assert collection.gallery.rows.indexes.columns == {"gtin", "image_id", "product_id"}


def test_the_public_index_gives_a_collection_that_names_its_failures(tmp_path: Path) -> None:
    shop = make_shop(tmp_path / "shop", 3)
    shop.picture(1).unlink()
    collection = index(shop.table, tmp_path / "c.lens", recipe="fast")
    assert len(collection) == 2
    assert [failure.product_id for failure in collection.failures()] == ["p01"]
