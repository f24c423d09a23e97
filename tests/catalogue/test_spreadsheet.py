"""Tables as spreadsheets and data frames write them."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from beautylens.catalogue.readers import read_table
from beautylens.catalogue.table import read_catalogue
from beautylens.catalogue.truth import read_truth
from beautylens.errors import TableError
from tests.catalogue.test_readers import read_text

ROWS = [{"product_id": "p1", "image": "a.jpg"}, {"product_id": "p2", "image": "b.jpg"}]


def test_empty_columns_and_blank_last_rows_are_left_out(tmp_path: Path) -> None:
    text = "product_id,image,,\np1,a.jpg,,\np2,b.jpg,,\n,,,\n, ,,\n"
    assert read_text(tmp_path, text).to_pylist() == ROWS
    assert read_text(tmp_path, f"{text},,,,,\n,\n   \n").to_pylist() == ROWS


def test_a_title_above_the_column_names_is_left_out(tmp_path: Path) -> None:
    text = "Products,,,\n,,,\nspring,,,\nproduct_id,image,name,\np1,a.jpg,Lip,\np2,b.jpg,,\n"
    table = read_text(tmp_path, text)
    assert table.to_pylist() == [ROWS[0] | {"name": "Lip"}, ROWS[1] | {"name": ""}]
    with pytest.raises(TableError, match="column 2 '' has no name"):
        read_text(tmp_path, "product_id,,\np1,a.jpg,\np2,b.jpg,\n")


def test_merged_headings_of_groups_above_the_column_names_are_left_out(tmp_path: Path) -> None:
    row = {"SKU": "p1", "Title": "Lip", "Image 1": "a.jpg", "Image 2": "b.jpg", "Price": "5"}
    names = "SKU,Title,Image 1,Image 2,Price"
    text = f"Product,,Pictures,,Price\n{names}\np1,Lip,a.jpg,b.jpg,5\n"
    assert read_text(tmp_path, text).to_pylist() == [row]
    assert read_text(tmp_path, f"Spring,,,,\n,,,,\n{text}").to_pylist() == [row]
    over_both = "SKU,Title,Images,,Price\n,,Image 1,Image 2,\np1,Lip,a.jpg,b.jpg,5\n"
    assert read_text(tmp_path, over_both).to_pylist() == [row]


def test_columns_without_a_name_below_headings_say_where_names_may_be(tmp_path: Path) -> None:
    with pytest.raises(TableError, match="if the column names are in a row below, delete the rows"):
        read_text(tmp_path, "Item,,Files,,Cost\nA,B,C,D,E\np1,Lip,a.jpg,b.jpg,5\n")


@pytest.mark.parametrize("start", [0, 1])
def test_the_index_of_a_data_frame_is_left_out(tmp_path: Path, start: int) -> None:
    text = f",product_id,image\n{start},p1,a.jpg\n{start + 1},p2,b.jpg\n"
    assert read_text(tmp_path, text).to_pylist() == ROWS


@pytest.mark.parametrize("name", ["", "Unnamed: 0", "__index_level_0__"])
@pytest.mark.parametrize("index", [(0, 1), (7, 3), (12, 5)])
def test_the_index_of_a_sorted_or_filtered_data_frame_is_left_out(
    tmp_path: Path, name: str, index: tuple[int, int]
) -> None:
    text = f"{name},product_id,image\n{index[0]},p1,a.jpg\n{index[1]},p2,b.jpg\n"
    assert read_text(tmp_path, text).to_pylist() == ROWS


def test_a_column_that_pandas_named_keeps_what_it_says(tmp_path: Path) -> None:
    text = "product_id,image,Unnamed: 2,Unnamed: 3\np1,a.jpg,red,\np2,b.jpg,,\n"
    assert read_text(tmp_path, text)["Unnamed: 2"].to_pylist() == ["red", ""]
    assert "Unnamed: 3" not in read_text(tmp_path, text).column_names
    with pytest.raises(TableError, match="column 1 '' has no name"):
        read_text(tmp_path, ",product_id,image\n7,p1,a.jpg\n7,p2,b.jpg\n")


def test_a_nameless_column_that_says_something_is_refused_with_its_row(tmp_path: Path) -> None:
    with pytest.raises(TableError) as error:
        read_text(tmp_path, "product_id,image,\np1,a.jpg,\np2,b.jpg,red\n")
    assert str(error.value) == (
        f"{tmp_path / 'table.csv'}: column 3 '' has no name that a search condition could use, "
        "but 'red' in row 2. Name such a column, or empty it"
    )


def test_a_blank_row_among_others_is_counted_and_holds_nothing(tmp_path: Path) -> None:
    table = tmp_path / "table.csv"
    table.write_text("product_id,image\np1,a.jpg\n,\np2,b.jpg\n")
    rows = read_catalogue(table).rows
    assert rows["product_id"].to_pylist() == ["p1", "p2"]
    assert rows["row"].to_pylist() == [1, 3]
    truth = tmp_path / "truth.csv"
    truth.write_text("image,product_ids\nq1.jpg,p1\n,\nq2.jpg,p2\n")
    assert [(row.image.name, row.row) for row in read_truth(truth)] == [
        ("q1.jpg", 1),
        ("q2.jpg", 3),
    ]


def test_a_table_of_blank_rows_has_no_rows(tmp_path: Path) -> None:
    with pytest.raises(TableError, match="has no rows"):
        read_text(tmp_path, "product_id,image\n,\n,\n")


@pytest.mark.parametrize(
    ("first", "delimiter"),
    [
        ("sep=,", ","),
        ("sep=;", ";"),
        ('"sep=;"', ";"),
        ("SEP=,", ","),
        ("sep=; ", ";"),
        ('"sep=,",,', ","),
        ("sep=;;;", ";"),
    ],
)
def test_the_line_that_names_the_separator_is_followed(
    tmp_path: Path, first: str, delimiter: str
) -> None:
    text = f"{first}\r\nproduct_id,image\r\np1,a.jpg\r\np2,b.jpg\r\n".replace(",", delimiter)
    assert read_text(tmp_path, text).to_pylist() == ROWS
    with pytest.raises(TableError, match="row 2 has 1 fields"):
        read_text(tmp_path, text.replace(f"p2{delimiter}b.jpg", "p2"))


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-be", "utf-16-le"])
@pytest.mark.parametrize("name", ["table.csv", "table.tsv", "table.jsonl"])
def test_utf_16_with_its_mark_is_read(tmp_path: Path, name: str, encoding: str) -> None:
    text = "product_id,image\np1,Crème.jpg\n".replace(",", "\t" if "tsv" in name else ",")
    if name == "table.jsonl":
        text = '{"product_id": "p1", "image": "Crème.jpg"}\n'
    mark = "" if encoding == "utf-16" else "\ufeff"
    table = read_text(tmp_path, (mark + text).encode(encoding), name)
    assert table.to_pylist() == [{"product_id": "p1", "image": "Crème.jpg"}]


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_windows_1252_is_read_and_said(tmp_path: Path, delimiter: str) -> None:
    text = "product_id,image,name\np1,a.jpg,Crème à 5 €\n".replace(",", delimiter)
    table = tmp_path / "table.csv"
    table.write_bytes(text.encode("cp1252"))
    catalogue = read_catalogue(table)
    assert catalogue.rows["name"].to_pylist() == ["Crème à 5 €"]
    assert len(catalogue.notes) == 1
    assert catalogue.notes[0].startswith("the table is not UTF-8 and was read as Windows-1252")
    table.write_bytes(text.encode())
    assert read_catalogue(table).notes == ()


def test_another_encoding_is_refused_with_its_line_and_the_remedy(tmp_path: Path) -> None:
    text = b"product_id,image\np1,a.jpg\np2,\x81.jpg\n"
    with pytest.raises(TableError, match=r"not UTF-8 text \(line 3\); save it again .*CSV UTF-8"):
        read_text(tmp_path, text)


def test_what_a_data_frame_writes_as_parquet_is_tidied_too(tmp_path: Path) -> None:
    columns = {"product_id": ["p1", "p2", None], "image": ["a.jpg", "b.jpg", None], "": [0, 1, 2]}
    pq.write_table(pa.table(columns), tmp_path / "table.parquet")
    assert read_table(tmp_path / "table.parquet").to_pylist() == ROWS
