"""Prices, numbers and dates of a table can be compared, however they are written."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from beautylens.catalogue.table import Catalogue, read_catalogue
from tests.catalogue.feeds.shapes import write_csv


def read(folder: Path, column: str, cells: list[str]) -> Catalogue:
    rows = [
        {"product_id": f"p{number}", "image": f"{number}.jpg", column: cell}
        for number, cell in enumerate(cells)
    ]
    return read_catalogue(write_csv(folder / "table.csv", rows, ";"))


@pytest.mark.parametrize(
    ("cells", "numbers", "currency"),
    [
        (["12,90 €", "1.299,00 €", ""], ["12.9", "1299", ""], ["EUR", "EUR", ""]),
        (["$12.90", "$1,299.00"], ["12.9", "1299"], ["$", "$"]),
        (["12.90 EUR", "EUR 5"], ["12.9", "5"], ["EUR", "EUR"]),
        (["CHF 1'299.50", "CHF 5,-", "CHF 5.-"], ["1299.5", "5", "5"], ["CHF"] * 3),
        (["1\u202f299,5 €"], ["1299.5"], ["EUR"]),
        (["12,90", "1.299"], ["12.9", "1299"], None),
        (["12,90", "12.5"], ["12.9", "12.5"], None),
        (["1,299.00", "1.299,00"], ["1299", "1299"], None),
        (["0012.50", "-3"], ["12.5", "-3"], None),
        (["1.299"], ["1.299"], None),
        (["12.90", "on request"], ["12.90", "on request"], None),
        (["1.2.3"], ["1.2.3"], None),
    ],
)
def test_prices_are_numbers_with_a_currency(
    tmp_path: Path, cells: list[str], numbers: list[str], currency: list[str] | None
) -> None:
    catalogue = read(tmp_path, "Preis", cells)
    assert catalogue.rows["price"].to_pylist() == numbers
    if currency is None:
        assert catalogue.extra == ("price",)
    else:
        assert catalogue.extra == ("price", "currency")
        assert catalogue.rows["currency"].to_pylist() == currency


def test_shades_and_sizes_stay_as_they_are(tmp_path: Path) -> None:
    for column in ("shade", "size", "version"):
        assert read(tmp_path, column, ["5.0", "7,43"]).rows[column].to_pylist() == ["5.0", "7,43"]


def test_amounts_of_money_are_known_by_their_cells(tmp_path: Path) -> None:
    for cells in (["12,90 €", "", "1.299,00 €"], ["EUR 12.90", "", "EUR 1299"]):
        catalogue = read(tmp_path, "vk_brutto", cells)
        assert catalogue.rows["vk_brutto"].to_pylist() == ["12.9", "", "1299"]
        assert catalogue.rows["currency"].to_pylist() == ["EUR", "", "EUR"]
    for cells in (["SPF 50", "SPF 30"], ["5 €", "gratis"], ["5 €", "7"], ["7", "5 €"], ["50 %"]):
        assert read(tmp_path, "note", cells).rows["note"].to_pylist() == cells


@pytest.mark.parametrize(
    ("cells", "dates"),
    [
        (["31.03.2026", "1.4.2026", ""], ["2026-03-31", "2026-04-01", ""]),
        (["31/03/2026", "01/04/2026"], ["2026-03-31", "2026-04-01"]),
        (["03/31/2026", "04/01/2026"], ["2026-03-31", "2026-04-01"]),
        (["31.03.2026 08:30", "2026-04-01"], ["2026-03-31 08:30", "2026-04-01"]),
        (["03/04/2026"], ["03/04/2026"]),
        (["31.02.2026"], ["31.02.2026"]),
        (["31.03.2026", "soon"], ["31.03.2026", "soon"]),
    ],
)
def test_dates_are_written_so_that_they_can_be_compared(
    tmp_path: Path, cells: list[str], dates: list[str]
) -> None:
    assert read(tmp_path, "Launch date", cells).rows["launch_date"].to_pylist() == dates


@pytest.mark.parametrize("column", ["verfuegbar_ab", "Price valid until", "any"])
def test_dates_are_known_by_their_cells(tmp_path: Path, column: str) -> None:
    catalogue = read(tmp_path, column, ["", "31.03.2026", "1.4.2026"])
    assert catalogue.rows[catalogue.extra[0]].to_pylist() == ["", "2026-03-31", "2026-04-01"]


@given(st.decimals(0, 10**7, places=2, allow_nan=False))
def test_a_price_is_the_same_number_in_english_and_german(price: object) -> None:
    from beautylens.catalogue.typed_cells import _amounts

    english = f"{price:,}"
    german = english.translate(str.maketrans(",.", ".,"))
    plain = f"{price:f}".rstrip("0").rstrip(".")
    assert _amounts([english, "0.10"]) == [(plain, ""), ("0.1", "")]
    assert _amounts([f"{german} €", "0,10 €"]) == [(plain, "EUR"), ("0.1", "EUR")]


@given(st.lists(st.text("0123456789.,' €$EURx-", max_size=12), max_size=4))
def test_any_text_may_be_in_a_column_of_prices(cells: list[str]) -> None:
    from beautylens.catalogue.typed_cells import _amounts

    for number, currency in _amounts(cells) or ():
        assert str(float(number or 0))
        assert len(currency) < 4
