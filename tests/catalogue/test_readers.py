"""Every table format gives the text as it stands in the file, or a clear error."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from beautylens.catalogue import readers
from beautylens.catalogue.readers import read_table
from beautylens.errors import TableError


def read_text(folder: Path, text: str | bytes, name: str = "table.csv") -> pa.Table:
    path = folder / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return read_table(path)


def test_ids_and_codes_keep_their_leading_zeros(tmp_path: Path) -> None:
    table = read_text(tmp_path, "product_id,image,gtin\n00123,a.jpg,0042\n")
    assert table.to_pylist() == [{"product_id": "00123", "image": "a.jpg", "gtin": "0042"}]


def test_words_that_look_like_nothing_stay_words(tmp_path: Path) -> None:
    table = read_text(tmp_path, "product_id,image,name\nNA,null,NaN\nN/A,,x\n")
    assert table["product_id"].to_pylist() == ["NA", "N/A"]
    assert table["image"].to_pylist() == ["null", ""]
    assert table["name"].to_pylist() == ["NaN", "x"]


@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
@pytest.mark.parametrize("line_end", ["\n", "\r\n"])
def test_a_byte_order_mark_and_either_line_end_are_read(
    tmp_path: Path, mark: bytes, line_end: str
) -> None:
    text = line_end.join(["id,name", 'p1,"two\nlines"', "", "p2,Crème", ""])
    table = read_text(tmp_path, mark + text.encode())
    assert table.to_pydict() == {"id": ["p1", "p2"], "name": ["two\nlines", "Crème"]}
    lines = line_end.join(['{"id": "p1"}', "", '{"id": "p2"}'])
    assert read_text(tmp_path, mark + lines.encode(), "table.jsonl")["id"].to_pylist() == [
        "p1",
        "p2",
    ]


def test_a_description_of_millions_of_letters_is_read(tmp_path: Path) -> None:
    text = "x" * 3_000_000
    assert read_text(tmp_path, f"id,name\np,{text}\n")["name"].to_pylist() == [text]


def test_json_values_of_any_kind_become_text(tmp_path: Path) -> None:
    rows = [
        {"product_id": 7, "image": ["a.jpg", "b.jpg"], "size": {"ml": 30}, "vegan": True},
        {"product_id": "p", "price": 1.5, "vegan": None, "note": ["é", 1]},
    ]
    table = read_text(tmp_path, "\n".join(map(json.dumps, rows)), "table.jsonl")
    assert table.to_pydict() == {
        "product_id": ["7", "p"],
        "image": ["a.jpg;b.jpg", ""],
        "size": ['{"ml":30}', ""],
        "vegan": ["true", ""],
        "price": ["", "1.5"],
        "note": ["", '["é",1]'],
    }


def test_json_columns_that_appear_late_are_empty_before(tmp_path: Path) -> None:
    rows = [*({"id": str(number)} for number in range(5000)), {"id": "last", "late": "x"}]
    table = read_text(tmp_path, "\n".join(map(json.dumps, rows)), "table.jsonl")
    assert table["late"].to_pylist() == [""] * 5000 + ["x"]


def test_parquet_values_of_any_kind_become_text(tmp_path: Path) -> None:
    table = pa.table(
        {
            "product_id": pa.array([1, 2]),
            "image": [["a.jpg", "b.jpg"], ["c.jpg"]],
            "name": pa.array(["x", None], pa.large_string()),
            "brand": pa.array(["Dior", "Dior"]).dictionary_encode(),
            "gtin": pa.array([4005808123456.0, None]),
            "price": pa.array([1.5, 2.0]),
            "size": pa.array([{"ml": 30}, None]),
            "empty": pa.nulls(2),
        }
    )
    pq.write_table(table, tmp_path / "table.parquet")
    assert read_table(tmp_path / "table.parquet").to_pydict() == {
        "product_id": ["1", "2"],
        "image": ["a.jpg;b.jpg", "c.jpg"],
        "name": ["x", ""],
        "brand": ["Dior", "Dior"],
        "gtin": ["4005808123456", ""],
        "price": ["1.5", "2"],
        "size": ['{"ml":30}', ""],
        "empty": ["", ""],
    }


def test_parquet_bytes_that_are_no_text_are_told_by_their_number(tmp_path: Path) -> None:
    table = pa.table({
        "raw": [b"\xff\xd8", None], "text": [b"Dior", b"Kumo"],
        "nested": [{"bytes": b"\xff", "path": "a"}, None],
    })  # fmt: skip
    pq.write_table(table, tmp_path / "table.parquet")
    assert read_table(tmp_path / "table.parquet").to_pydict() == {
        "raw": ["2 bytes", ""],
        "text": ["Dior", "Kumo"],
        "nested": ['{"bytes":"1 bytes","path":"a"}', ""],
    }


@pytest.mark.parametrize("rows", ['p1,"open\np2,x\n', 'p1,x\np2,"open\n'])
def test_a_quote_that_swallows_the_rest_of_the_table_is_refused(tmp_path: Path, rows: str) -> None:
    with pytest.raises(TableError, match="opens a quote that nothing closes"):
        read_text(tmp_path, f"id,name\n{rows}")


def test_a_last_field_of_several_lines_is_no_unclosed_quote(tmp_path: Path) -> None:
    table = read_text(tmp_path, 'id,name\np,"one\ntwo\n"\n')
    assert table["name"].to_pylist() == ["one\ntwo\n"]


@pytest.mark.parametrize(
    ("name", "content", "fault"),
    [
        ("table.docx", b"PK", "is not a table; give a file that ends in .csv, .tsv, .parquet"),
        ("table.csv", b"", "is empty"),
        ("table.csv", b"product_id,image\n", "has no rows"),
        ("table.csv", b"product_id,image", "has no rows"),
        ("table.csv", b"id,name,name\np,x,y\n", "has several columns named 'name'"),
        ("table.csv", b"product_id,image\np1,a\np2,\x81.jpg\n", r"is not UTF-8 text (line 3)"),
        ("table.csv", "product_id,image\n".encode("utf-16"), "has no rows"),
        ("table.parquet", b"no parquet", "is malformed"),
        ("table.jsonl", b"", "has no rows"),
        ("table.jsonl", b'{"product_id": "\xff"}', "is not UTF-8 text (line 1)"),
        ("table.jsonl", b'{"product_id": "p"}\n\n{"image":', ": line 3 is not JSON"),
        ("table.jsonl", b'["p", "a.jpg"]', ": line 1 is not a JSON object"),
        (
            "table.jsonl",
            b"".join(b'{"product_id": "p", "%d": ""}\n' % (row // 5) for row in range(5_000)),
            "has more than 1,000 names; give all products the same",
        ),
        ("table.jsonl", b'{"product_id": "p", "image": "\\ud800"}', "is not UTF-8 text;"),
        ("table.ndjson", b"[" * 100_000, ": line 1 is not JSON"),
    ],
)
def test_a_file_that_is_no_table_is_refused(
    tmp_path: Path, name: str, content: bytes, fault: str
) -> None:
    with pytest.raises(TableError) as error:
        read_text(tmp_path, content, name)
    assert str(error.value).startswith(str(tmp_path / name))
    assert fault in str(error.value)


@pytest.mark.parametrize("name", ["table.csv", "table.tsv"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_the_line_of_column_names_gives_the_delimiter(
    tmp_path: Path, name: str, delimiter: str
) -> None:
    text = '"product_id","image","Price, EUR; net"\n"p1","a.jpg","3,50"\n'
    quoted = text.replace('","', f'"{delimiter}"')
    row = {"product_id": "p1", "image": "a.jpg", "Price, EUR; net": "3,50"}
    assert read_text(tmp_path, quoted, name).to_pylist() == [row]
    plain = f"product_id{delimiter}image\np1{delimiter}a.jpg\n"
    assert read_text(tmp_path, plain, name).to_pylist() == [{"product_id": "p1", "image": "a.jpg"}]


@pytest.mark.parametrize("name", ["size;unit", '"size;unit;pack"', '"size, ml"'])
def test_a_column_name_may_hold_a_separator(tmp_path: Path, name: str) -> None:
    table = read_text(tmp_path, f"product_id,image,{name}\np1,a.jpg,x\n")
    assert table.column_names == ["product_id", "image", name.strip('"')]


def test_a_missing_table_and_a_folder_are_refused(tmp_path: Path) -> None:
    with pytest.raises(TableError, match=r"gone\.csv does not exist"):
        read_table(tmp_path / "gone.csv")
    (tmp_path / "folder.parquet").mkdir()
    with pytest.raises(TableError, match="is a folder"):
        read_table(tmp_path / "folder.parquet")


@pytest.mark.parametrize("name", ["table.csv.gz", "table.tsv.gz", "table.jsonl.gz", "feed.xml.gz"])
def test_a_table_that_gzip_packed_is_read(tmp_path: Path, name: str) -> None:
    texts = {
        "csv": "product_id,image\np1,a.jpg\n",
        "tsv": "product_id\timage\np1\ta.jpg\n",
        "jsonl": '{"product_id": "p1", "image": "a.jpg"}\n',
        "xml": "<rss><item><product_id>p1</product_id><image>a.jpg</image></item></rss>",
    }
    packed = gzip.compress(texts[name.split(".")[1]].encode())
    row = {"product_id": "p1", "image": "a.jpg"}
    assert read_text(tmp_path, packed, name).to_pylist() == [row]


def test_a_damaged_or_huge_packed_table_is_refused_by_its_own_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = "table.csv.gz"
    with pytest.raises(TableError, match=r"table\.csv\.gz has no rows"):
        read_text(tmp_path, gzip.compress(b"product_id,image\n"), name)
    packed = gzip.compress(b"product_id,image\np1,a.jpg\n")
    with pytest.raises(TableError, match=r"table\.csv\.gz is truncated or damaged"):
        read_text(tmp_path, packed[:-9], name)
    monkeypatch.setattr(readers, "MOST_BYTES", 20)
    with pytest.raises(TableError, match=r"table\.csv\.gz unpacks to more than"):
        read_text(tmp_path, packed, name)
