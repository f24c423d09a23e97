"""What `index` and `add` say of a table before and after the work."""

from __future__ import annotations

from pathlib import Path

import pytest

from beautylens.catalogue.table import read_catalogue
from beautylens.cli.arguments import chosen_columns
from beautylens.cli.catalogue_report import report_columns, report_understood
from tests.catalogue.feeds.test_feeds import shopify_with_variants


def test_what_was_understood_of_an_export_is_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    report_understood(read_catalogue(shopify_with_variants(tmp_path)))
    assert capsys.readouterr().err == (
        "Shopify product CSV: product_id ← Handle, name ← Title, brand ← Vendor, "
        "category ← Type, tags ← Tags, status ← Status, sku ← Variant SKU, "
        "gtin ← Variant Barcode, price ← Variant Price, image ← Image Src + Variant Image; "
        "ignored: Body (HTML), Published.\n"
    )


def test_nothing_is_said_of_a_table_in_the_catalogues_own_names(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    table = tmp_path / "table.csv"
    table.write_text("product_id,image,name,shade\np1,a.jpg,Soap,3\n")
    report_understood(read_catalogue(table))
    assert capsys.readouterr().err == ""


def test_the_counts_are_of_products_and_of_usable_item_numbers(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    table = tmp_path / "table.csv"
    table.write_text("id,image,EAN\np1,a.jpg;b.jpg,'4006381333931\np2,c.jpg,4.00638E+12\n")
    report_columns(read_catalogue(table))
    said = capsys.readouterr().err
    assert said.startswith("In the table: name 0/2, brand 0/2, category 0/2, gtin 1/2 usable.\n")
    assert "None of the 2 products has a name, so that words" in said


@pytest.mark.parametrize(
    ("given", "chosen"),
    [
        (["name=Titel,gtin=EAN"], {"name": ("Titel",), "gtin": ("EAN",)}),
        (["name=Titel, lang", "image=A,image=B"], {"name": ("Titel, lang",), "image": ("A", "B")}),
        (None, {}),
    ],
)
def test_columns_are_named_in_one_option_or_several(
    given: list[str] | None, chosen: dict[str, tuple[str, ...]]
) -> None:
    assert chosen_columns(given) == chosen
