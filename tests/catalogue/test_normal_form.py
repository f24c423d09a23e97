"""Texts are compared in one normal form, however they were typed."""

from __future__ import annotations

import unicodedata
from pathlib import Path

import pytest

from beautylens.catalogue.sources import catalogue_from
from beautylens.catalogue.table import read_catalogue
from beautylens.catalogue.truth import read_truth
from beautylens.collection import Collection
from beautylens.indexing import build
from tests.conftest import catalogue_rows, make_shop, write_table

FORMS = ("NFC", "NFD")


def apart(text: str) -> str:
    return unicodedata.normalize("NFD", text)


@pytest.mark.parametrize("form", FORMS)
def test_ids_texts_and_column_names_come_composed_and_paths_as_they_are(
    tmp_path: Path, form: str
) -> None:
    text = unicodedata.normalize(form, "product_id,image,brand,Größe\né1,é.jpg,Lancôme,für 2\n")
    (tmp_path / "table.csv").write_text(text)
    catalogue = read_catalogue(tmp_path / "table.csv")
    (row,) = catalogue.rows.to_pylist()
    assert (row["product_id"], row["brand"], row["größe"]) == ("é1", "Lancôme", "für 2")
    assert row["image"] == unicodedata.normalize(form, "é.jpg")
    given = {"product_id": apart("é1"), "image": "/a.jpg", "brand": apart("Lancôme")}
    (row,) = catalogue_from([given]).rows.to_pylist()
    assert (row["product_id"], row["brand"]) == ("é1", "Lancôme")


@pytest.mark.parametrize("form", FORMS)
def test_answers_name_products_and_photos_in_either_form(tmp_path: Path, form: str) -> None:
    (tmp_path / "plain.csv").write_text(
        unicodedata.normalize(form, "image,product_ids,ignore_ids\né.jpg,é1;é2,é3\n")
    )
    (row,) = read_truth(tmp_path / "plain.csv")
    assert (row.product_ids, row.ignore_ids) == ({"é1", "é2"}, {"é3"})
    (tmp_path / apart("é.jpg")).touch()
    text = "Validation Image ID,Training Image ID\né,é1\n"
    (tmp_path / "challenge.csv").write_text(unicodedata.normalize(form, text))
    (row,) = read_truth(tmp_path / "challenge.csv")
    assert row.image.is_file()
    assert row.product_ids == {"é1"}


@pytest.fixture(scope="module")
def lancome(tmp_path_factory: pytest.TempPathFactory) -> Collection:
    """Four products of one brand, typed in either form, with ids in either form."""
    shop = make_shop(tmp_path_factory.mktemp("shop"), 4)
    rows = catalogue_rows(4)
    for number, row in enumerate(rows):
        form = FORMS[number % 2]
        row["brand"] = unicodedata.normalize(form, "Lancôme")
        row["product_id"] = unicodedata.normalize(form, f"é{number}")
    return build(write_table(shop.table, rows), shop.folder / "shop.lens")[0]


@pytest.mark.parametrize("form", FORMS)
def test_a_filter_finds_all_of_a_brand_in_either_form(lancome: Collection, form: str) -> None:
    shown = draw(lancome)
    for where in ("brand = 'Lancôme'", "brand LIKE 'Lancô%'", "product_id IN ('é0','é1')"):
        found = lancome.search(shown, where=unicodedata.normalize(form, where))
        assert len(found) == (2 if "IN" in where else 4)


def draw(collection: Collection) -> Path:
    return Path(collection.gallery.products.pictures("é0")["é0"])


def test_a_product_is_known_and_removed_in_either_form(lancome: Collection) -> None:
    assert lancome.gallery.products.known([apart("é1"), "é2"]) == {apart("é1"), "é2"}
    assert len(lancome.gallery.products.images(apart("é3"))) == 1
    assert lancome.remove(apart("é3")) == 1
    assert not lancome.gallery.products.known("é3")
