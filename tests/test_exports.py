"""The exports of a shop are indexed as they are, and give equal collections."""

from __future__ import annotations

import csv
import shutil
from pathlib import Path

import numpy as np
import pytest

from beautylens.catalogue.image_cells import pictures_in
from beautylens.collection import Collection, open_collection
from beautylens.store.schema import PLAIN
from tests.catalogue.feeds.shapes import SHAPES, Product
from tests.cli.test_cli import run
from tests.pages import ROOT

EXPORTS = ("shopify", "google tsv", "german", "french")


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The rendered products of the example, with a fast recipe and the collection of its table."""
    folder = Path(
        shutil.copytree(ROOT / "examples" / "shop", tmp_path_factory.mktemp("x") / "shop")
    )
    (folder / "fast.toml").write_text("[encoder]\nside = 64\n")
    index(folder / "products.csv")
    return folder


def index(table: Path) -> str:
    recipe = table.parent / "fast.toml"
    return run("index", table, table.with_suffix(".lens"), "--recipe", recipe).stderr


def products_of(table: Path) -> list[Product]:
    with table.open(encoding="utf-8", newline="") as file:
        return [
            Product(
                row["product_id"],
                row["name"],
                row["brand"],
                row["category"],
                row["gtin"],
                tuple(pictures_in(row["image"])),
            )
            for row in csv.DictReader(file)
        ]


@pytest.mark.parametrize("shape", EXPORTS)
def test_an_export_is_indexed_without_options_as_the_own_table_is(shop: Path, shape: str) -> None:
    table = SHAPES[shape](shop / f"{shape}.csv", products_of(shop / "products.csv"))
    said = index(table)
    assert "name 7/7, brand 7/7, category 7/7, gtin 7/7 usable." in said
    assert "product_id ← " in said
    found = open_collection(table.with_suffix(".lens"))
    for own, same in zip(
        rows_of(open_collection(shop / "products.lens")), rows_of(found), strict=True
    ):
        np.testing.assert_array_equal(own.pop("descriptor"), same.pop("descriptor"))
        assert own == same


def rows_of(collection: Collection) -> list[dict[str, object]]:
    names = [*PLAIN, "path", "digest", "descriptor"]
    return collection.gallery.rows.select(names).sort_by("image_id").to_pylist()


@pytest.mark.parametrize("suffix", [".parquet", ".jsonl"])
def test_an_export_with_vectors_is_indexed_again_without_them(shop: Path, suffix: str) -> None:
    lens, out = shop / "products.lens", shop / f"vectors{suffix}"
    run("export", lens, out, "--vectors")
    recipe = ("--recipe", shop / "fast.toml")
    said = run("index", out, lens, "--mirror", "--plan", *recipe).stderr
    assert said == "Mirror: 7 unchanged.\n"


def test_an_export_into_a_missing_folder_names_the_folder(shop: Path) -> None:
    said = run("export", shop / "products.lens", shop / "gone" / "out.csv", code=1).stderr
    assert f"error: {shop / 'gone'}: there is no such folder" in said
