"""Sheets of Excel, from the file that a spreadsheet saves by default."""

from __future__ import annotations

from pathlib import Path

import pytest

from beautylens.catalogue import excel
from beautylens.catalogue.readers import read_table
from beautylens.errors import TableError
from tests.catalogue.feeds.shapes import workbook

pytest.importorskip("python_calamine")


def test_the_first_visible_sheet_is_read_with_numbers_as_they_are_shown(tmp_path: Path) -> None:
    rows = [
        [],
        ["product_id", "image", "gtin", "price", ""],
        ["007", "a.jpg", 4006381333931.0, 12.5, ""],
        [],
        [8.0, "b.jpg", "", 3, ""],
        ["", "", "", "", ""],
    ]
    table = read_table(workbook(tmp_path / "shop.xlsx", rows, hidden=True))
    assert table.to_pydict() == {
        "product_id": ["007", "", "8"],
        "image": ["a.jpg", "", "b.jpg"],
        "gtin": ["4006381333931", "", ""],
        "price": ["12.5", "", "3"],
    }


def test_a_sheet_is_known_by_its_content(tmp_path: Path) -> None:
    written = workbook(tmp_path / "shop.xlsx", [["product_id", "image"], ["p1", "a.jpg"]])
    assert read_table(written.rename(tmp_path / "shop.txt")).num_rows == 1


def test_a_sheet_called_csv_and_text_called_a_sheet_are_read(tmp_path: Path) -> None:
    rows = [["product_id", "image"], ["p1", "a.jpg"]]
    expected = [{"product_id": "p1", "image": "a.jpg"}]
    sheet = workbook(tmp_path / "shop.xlsx", rows).rename(tmp_path / "shop.csv")
    assert read_table(sheet).to_pylist() == expected
    text = tmp_path / "shop.xls"
    text.write_text("\n".join(map("\t".join, rows)))
    assert read_table(text).to_pylist() == expected
    text.write_text("<html><table><tr><td>p1</td></tr></table></html>")
    with pytest.raises(TableError, match=r"is an HTML page, not a table; .* save it as \.xlsx"):
        read_table(text)


def test_an_empty_damaged_or_huge_workbook_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = workbook(tmp_path / "shop.xlsx", [])
    with pytest.raises(TableError, match="is empty; give a row of column names"):
        read_table(path)
    monkeypatch.setattr(excel, "MOST_BYTES", 100)
    with pytest.raises(TableError, match="save the sheet as CSV UTF-8"):
        read_table(path)
    path.write_bytes(b"PK no workbook")
    with pytest.raises(TableError, match=r"shop.xlsx is malformed \("):
        read_table(path)
