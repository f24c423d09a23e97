"""Building with several encoders, a learnt projection, and other distances."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import beautylens as bl
from beautylens.catalogue.table import read_catalogue
from beautylens.errors import CollectionError, EncoderError, ImageError, RecipeError
from beautylens.indexing import build, recipe_with
from beautylens.ingest.training_sample import sample
from beautylens.recipe.recipe import read_recipe
from tests.conftest import Shop, catalogue_rows, write_table

TWO = """
[[encoders]]
side = 96
pooling = {name = "ramac"}
weight = 3.0
[[encoders]]
side = 64
pooling = {name = "spoc"}
"""


def recipe(folder: Path, text: str) -> Path:
    path = folder / "mine.toml"
    path.write_text(text)
    return path


def test_a_projection_is_learnt_at_build_and_kept_for_later(shop: Shop, tmp_path: Path) -> None:
    text = TWO + "[projection]\nzscore = true\ndimensions = 2048\n"
    built, filled = build(shop.table, tmp_path / "c.lens", recipe=recipe(tmp_path, text))
    assert filled.written == 12
    # Twelve pictures span eleven dimensions.
    assert built.encoder.dimensions == 11
    opened = bl.open(tmp_path / "c.lens")
    pictures = [str(shop.picture(number)) for number in range(12)]
    ids = [f"p{number:02}/gallery/{number:02}.jpg" for number in range(12)]
    np.testing.assert_allclose(
        opened.gallery.rows.descriptors(ids), opened.encoder(pictures), atol=2e-2
    )
    opened.add(
        write_table(shop.folder / "again.csv", [{"product_id": "p00", "image": "gallery/00.jpg"}])
    )
    assert opened.search(str(shop.picture(5)))[0].product.product_id == "p05"


def test_the_vocabulary_of_print_is_learnt_at_build_and_kept_for_later(
    shop: Shop, tmp_path: Path
) -> None:
    lines = shop.table.read_text().splitlines()
    first = shop.table.with_name("first.csv")
    first.write_text("\n".join(lines[:7]) + "\n")
    built, _ = build(first, tmp_path / "c.lens")
    learnt = built.parts.vlad
    assert learnt is not None
    assert built.gallery.settings["vlad"] == {"fingerprint": learnt.fingerprint}
    opened = bl.open(tmp_path / "c.lens")
    opened.add(shop.table)
    assert opened.parts.vlad is not None
    assert opened.parts.vlad.fingerprint == learnt.fingerprint
    ids = sorted(opened.gallery.rows.image_ids())
    assert len(ids) == 12
    keypoints = opened.gallery.rows.keypoints(ids)
    np.testing.assert_allclose(
        opened.gallery.rows.descriptors(ids, "vlad"),
        np.concatenate([learnt([keypoints[image_id]]) for image_id in ids]),
        atol=1e-4,
    )


def test_another_vocabulary_than_that_of_the_build_is_refused(shop: Shop, tmp_path: Path) -> None:
    built, _ = build(shop.table, tmp_path / "c.lens")
    assert built.parts.vlad is not None
    shifted = replace(built.parts.vlad, words=built.parts.vlad.words + 1)
    built.gallery.artefacts.put("vlad", shifted.to_bytes())
    with pytest.raises(CollectionError, match="VLAD vocabulary is missing, or not"):
        bl.open(tmp_path / "c.lens").search(str(shop.photo(0)))


@pytest.mark.parametrize("distance", ["cosine", "l1", "l2"])
def test_each_distance_ranks_as_an_exact_scan_does(
    shop: Shop, tmp_path: Path, distance: str
) -> None:
    text = f"[encoder]\nside = 96\n[retrieve]\ndistance = '{distance}'\n"
    built, _ = build(shop.table, tmp_path / "c.lens", recipe=recipe(tmp_path, text))
    ids = [f"p{number:02}/gallery/{number:02}.jpg" for number in range(12)]
    rows = built.gallery.rows.descriptors(ids)
    query = built.encoder.describe_views(built.photo(str(shop.photo(2))).pixels, (1.0,))
    exact = {
        "cosine": -(rows @ query),
        "l1": np.abs(rows - query).sum(axis=1),
        "l2": np.linalg.norm(rows - query, axis=1),
    }[distance]
    found = built.search(str(shop.photo(2)), limit=12)
    assert [m.image_id for m in found] == [ids[place] for place in np.argsort(exact)]
    scores = [-m.score for m in found]
    assert scores == pytest.approx(sorted(exact), abs=1e-4)


def test_a_product_of_cosines_ranks_by_its_parts(shop: Shop, tmp_path: Path) -> None:
    text = TWO + "[ensemble]\ncombine = 'product'\n"
    built, _ = build(shop.table, tmp_path / "c.lens", recipe=recipe(tmp_path, text))
    found = built.search(str(shop.photo(1)), limit=12)
    pixels = built.photo(str(shop.photo(1))).pixels
    cosines = []
    for settings in built.recipe.encoders:
        part = bl.Encoder.load(side=settings.side, pooling=settings.pooling)
        gallery = part([str(shop.picture(number)) for number in range(12)])
        cosines.append(gallery @ part.describe_views(pixels, (1.0,)))
    expected = (1 + 3 * cosines[0]) * (1 + cosines[1])
    assert [m.score for m in found] == pytest.approx(sorted(expected, reverse=True), abs=2e-2)
    assert found[0].product.product_id == "p01"


def test_missing_encoders_are_all_named_with_where_they_come_from(
    shop: Shop, tmp_path: Path
) -> None:
    text = (
        "[[encoders]]\nfile = 'resnet101.tv_in1k'\n"
        "[[encoders]]\nfile = 'uel-resnet101'\nsource = '`beautylens train uel` makes it'\n"
    )
    message = (
        r"needs encoders that are missing: 'resnet101.tv_in1k' \(create it with `beautylens "
        r"encoder export --backbone resnet101.tv_in1k`\); 'uel-resnet101' \(`beautylens train uel`"
    )
    with pytest.raises(EncoderError, match=message):
        build(shop.table, tmp_path / "c.lens", recipe=recipe(tmp_path, text))
    assert not (tmp_path / "c.lens").exists()


def test_another_encoder_for_a_recipe_of_several_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match="has 2 encoders, but --encoder replaces one"):
        recipe_with(recipe(tmp_path, TWO), "default")
    assert recipe_with("fast", "default").encoders == read_recipe("fast").encoders


def test_a_sample_is_the_same_whatever_the_order_of_the_table(shop: Shop, tmp_path: Path) -> None:
    lines = shop.table.read_text().splitlines()
    turned = shop.table.with_name("turned.csv")
    turned.write_text("\n".join([lines[0], *reversed(lines[1:])]) + "\n")
    chosen = [
        set(sample(read_catalogue(table), 5).rows["image_id"].to_pylist())
        for table in (shop.table, turned)
    ]
    assert chosen[0] == chosen[1]
    assert len(chosen[0]) == 5


def test_where_no_picture_can_be_read_the_first_path_and_its_reason_are_named(
    tmp_path: Path,
) -> None:
    rows = [row | {"image": f"gone/{row['product_id']}.jpg"} for row in catalogue_rows(2)]
    table = write_table(tmp_path / "table.csv", rows)
    first = re.escape(f"{tmp_path}/gone/p00.jpg does not exist")
    with pytest.raises(ImageError, match=f"none of the 2 pictures .*; the first: {first}"):
        build(table, tmp_path / "c.lens")
