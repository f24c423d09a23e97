"""Searching a collection end to end: what comes of a photo, whatever the pictures."""

from __future__ import annotations

import math
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from PIL import Image

import beautylens as bl
from beautylens.collection import Collection
from beautylens.errors import ImageError, QueryError
from beautylens.images.fit import Box
from beautylens.indexing import build
from beautylens.recipe.recipe import read_recipe
from beautylens.results import Matches
from beautylens.search.judge.parameters import read_judge_parameters
from beautylens.store.gallery import Gallery
from tests.conftest import Shop, catalogue_rows, write_table


def ids(matches: Matches) -> list[str]:
    return [match.product.product_id for match in matches]


@pytest.mark.parametrize("number", range(4))
def test_a_photo_finds_its_product_first_with_reasons(
    collection: Collection, shop: Shop, number: int
) -> None:
    matches = collection.search(shop.photo(number))
    best = matches[0]
    assert best.product.product_id == f"p{number:02}"
    assert best.product.metadata == {"shade": f"{number:03}"}
    assert best.image == str(shop.picture(number))
    assert best.reasons.inliers is not None
    assert best.reasons.inliers > 20
    assert best.reasons.visual is not None
    assert len(matches) == 7
    assert len(set(ids(matches))) == 7


def test_path_bytes_array_and_pil_picture_give_the_same_answer(
    collection: Collection, shop: Shop
) -> None:
    photo = shop.photo(1)
    pixels = np.asarray(Image.open(photo).convert("RGB"))
    answers = [
        collection.search(source)
        for source in (photo, str(photo), photo.read_bytes(), pixels, Image.open(photo))
    ]
    assert len({tuple(ids(answer)) for answer in answers}) == 1


def test_the_same_photo_always_gets_the_same_answer(collection: Collection, shop: Shop) -> None:
    first, second = (collection.search(shop.photo(2)) for _ in range(2))
    assert first.rows == second.rows


def test_the_order_of_the_catalogue_changes_nothing(
    collection: Collection, shop: Shop, tmp_path: Path
) -> None:
    rows = catalogue_rows(12)[::-1]
    for row in rows:
        row["image"] = str(shop.folder / row["image"])
    turned, _ = build(write_table(tmp_path / "t.csv", rows), tmp_path / "c.lens")
    for number in range(4):
        one, other = (c.search(shop.photo(number)) for c in (collection, turned))
        assert ids(one) == ids(other)
        assert [m.reasons.inliers for m in one] == [m.reasons.inliers for m in other]


def test_the_score_is_the_weighed_sum_of_the_evidence(collection: Collection, shop: Shop) -> None:
    weights = read_judge_parameters("default").weights
    for match in collection.search(shop.photo(0), 12):
        assert match.reasons.inliers is not None
        assert match.reasons.visual is not None
        above = max(0, match.reasons.inliers - 8)
        expected = weights["visual"] * match.reasons.visual + weights["inliers"] * math.log(
            1 + above
        )
        assert match.score == pytest.approx(expected)


def test_a_filter_leaves_only_what_meets_it(collection: Collection, shop: Shop) -> None:
    matches = collection.search(shop.photo(0), where="brand = 'Kumo'")
    assert ids(matches)
    assert all(match.product.brand == "Kumo" for match in matches)
    with pytest.raises(QueryError, match="invalid filter"):
        collection.search(shop.photo(0), where="brand ==== 3")


def test_a_crop_looks_at_that_part_only(collection: Collection, shop: Shop, tmp_path: Path) -> None:
    both = np.hstack([np.asarray(Image.open(shop.photo(n))) for n in (0, 1)])
    Image.fromarray(both).save(tmp_path / "both.png")
    width = both.shape[1] // 2
    for number, box in enumerate([Box(0, 0, width, 600), Box(width, 0, width, 600)]):
        assert ids(collection.search(tmp_path / "both.png", crop_to=box))[0] == f"p{number:02}"
    with pytest.raises(QueryError, match="outside"):
        collection.search(tmp_path / "both.png", crop_to=Box(9000, 0, 5, 5))


def test_typed_words_put_the_product_that_has_them_first(
    collection: Collection, shop: Shop
) -> None:
    matches = collection.search(shop.photo(0), words="creme 007 rouge")
    assert ids(matches)[0] == "p07"
    assert set(matches[0].reasons.words) == {"Crème", "07", "rouge"}


def test_an_unreadable_query_is_one_sentence(collection: Collection, tmp_path: Path) -> None:
    (tmp_path / "x.jpg").write_bytes(b"no picture")
    with pytest.raises(ImageError, match=r"x\.jpg"):
        collection.search(tmp_path / "x.jpg")


def test_the_fast_recipe_keeps_no_keypoints_and_gives_no_inliers(
    shop: Shop, tmp_path: Path
) -> None:
    fast, _ = build(shop.table, tmp_path / "f.lens", recipe="fast")
    matches = fast.search(shop.photo(0))
    assert matches[0].reasons.inliers is None
    rows = fast.gallery.rows
    keypoints = rows.keypoints(list(rows.image_ids()))
    assert len(keypoints) == 12
    assert all(len(each) == 0 for each in keypoints.values())


def test_products_can_be_added_and_removed_between_searches(shop: Shop, tmp_path: Path) -> None:
    rows = catalogue_rows(6)
    for row in rows:
        row["image"] = str(shop.folder / row["image"])
    most = write_table(tmp_path / "most.csv", rows[1:])
    collection, _ = build(most, tmp_path / "c.lens")
    assert "p00" not in ids(collection.search(shop.photo(0)))
    collection.add(write_table(tmp_path / "one.csv", rows[:1]))
    assert ids(collection.search(shop.photo(0)))[0] == "p00"
    assert collection.remove(["p00"]) == 1
    assert "p00" not in ids(collection.search(shop.photo(0)))
    assert len(collection) == 5


def test_an_explanation_shows_both_pictures_beside_each_other(
    collection: Collection, shop: Shop
) -> None:
    found = collection.search(shop.photo(0))
    query, best = found.query, found[0]
    assert query is not None
    assert query.keypoints is not None
    drawing = collection.explain.draw(query.pixels, query.keypoints, best)
    assert drawing.shape == (600, 520 + 24 + 300, 3)
    plain = np.asarray(Image.open(shop.photo(0)).convert("RGB")).astype(int)
    changed = np.abs(drawing[:600, :520].astype(int) - plain).max(axis=2) > 60
    assert 0.001 < changed.mean() < 0.5
    gone = replace(best, image=str(shop.folder / "gone.jpg"))
    with pytest.raises(ImageError):
        collection.explain.draw(query.pixels, query.keypoints, gone)


def test_a_product_with_many_pictures_leaves_room_for_others(shop: Shop, tmp_path: Path) -> None:
    rows = catalogue_rows(8)
    pack = np.asarray(Image.open(shop.picture(0)))
    for copy in range(20):
        Image.fromarray(np.roll(pack, copy, axis=0)).save(tmp_path / f"{copy}.png")
    for row in rows:
        row["image"] = str(shop.folder / row["image"])
    rows[0]["image"] = ";".join(f"{copy}.png" for copy in range(20))
    recipe = read_recipe("fast")
    shallow = recipe.retrieve.model_copy(update={"depth": 5})
    recipe = recipe.model_copy(update={"retrieve": shallow})
    many, _ = build(write_table(tmp_path / "t.csv", rows), tmp_path / "c.lens", recipe=recipe)
    found = ids(many.search(shop.photo(0), 7))
    assert found[0] == "p00"
    assert len(found) == 7
    assert len(many.search(shop.photo(0), 1000)) == 8


def test_info_counts_the_pictures_described_in_each_precision(
    shop: Shop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BEAUTYLENS_PRECISION", "f32")
    collection = bl.index(shop.table, tmp_path / "mixed.lens", recipe="fast")
    images = len(collection)
    assert collection.info()["described_in"] == {"f32": images}
    # As added on another machine, whose processor computes otherwise.
    row = collection.gallery.rows.select(["image_id", "digest"]).slice(0, 1)
    other = row.append_column("precision", pa.array(["bf16"]))
    collection.gallery.rows.replace(other)
    assert collection.info()["described_in"] == {"f32": images - 1, "bf16": 1}


def test_a_search_from_the_snapshot_is_that_from_the_tables(
    copied: Path, shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    collection = bl.open(copied)
    assert collection.info()["searched_from"] == "snapshot"
    asked = [(shop.photo(number), "" if number % 2 else "rouge") for number in range(4)]
    found = [collection.search(photo, words=words).rows for photo, words in asked]
    named = collection.search(words="crème 07", where="brand <> 'Kumo'").rows
    shutil.rmtree(copied / "snapshot")
    monkeypatch.setattr(Gallery, "catch_up", lambda _: None)
    other = bl.open(copied)
    assert other.info()["searched_from"] == "tables"
    for (photo, words), rows in zip(asked, found, strict=True):
        again = other.search(photo, words=words).rows
        assert [match.product for match in again] == [match.product for match in rows]
        assert [match.score for match in again] == pytest.approx([match.score for match in rows])
        assert [match.reasons.inliers for match in again] == [m.reasons.inliers for m in rows]
    assert other.search(words="crème 07", where="brand <> 'Kumo'")[0].product == named[0].product
    assert other.info()["searched_from"] == "tables"


SEARCHED = """
import sys
import beautylens as bl
collection = bl.open(sys.argv[1])
found = collection.search(sys.argv[2], words="rouge", where="brand <> ''")
named = collection.search(words="crème 07")
print(found[0].product.product_id, named[0].product.product_id, "lance" in sys.modules)
"""


def test_a_process_that_only_searches_imports_no_lance(collection: Collection, shop: Shop) -> None:
    collection.gallery.write_snapshot()
    command = [sys.executable, "-c", SEARCHED, collection.address, str(shop.photo(1))]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    assert done.stdout.split() == ["p01", "p07", "False"]
