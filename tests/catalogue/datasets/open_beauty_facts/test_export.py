"""The same products are read from each export, and a damaged or wrong one is named."""

from __future__ import annotations

import gzip
import re
import tracemalloc
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from beautylens.catalogue import text_files
from beautylens.catalogue.datasets.open_beauty_facts.export import Image, Listing, read_export
from beautylens.errors import TableError
from tests.catalogue.beauty import (
    CREAM,
    SOAP,
    new_images,
    photo,
    product,
    write_json_lines,
    write_parquet,
    write_tabs,
)

READ = Listing(
    row=1,
    code=CREAM,
    name="Crème de jour",
    quantity="50 ml",
    brands="L'Oréal Paris, L'Oréal",
    brand_tags=("xx:l-oreal-paris", "xx:l-oreal"),
    category_tags=("en:face", "en:face-creams", "en:day-creams"),
    country_tags=("en:france", "en:germany"),
    lang="fr",
    images=(
        Image("1", uploader="anna"),
        Image("2", uploader="berta"),
        Image("3", uploader="clara"),
        Image("front_fr", "1", "12"),
        Image("ingredients_fr", "2", "7"),
    ),
)


def test_parquet_is_read_with_its_nested_types(tmp_path: Path) -> None:
    path = write_parquet(tmp_path / "beauty.parquet", [product(), product(SOAP, obsolete="on")])
    assert list(read_export(path)) == [READ, replace(READ, row=2, code=SOAP, obsolete=True)]


@pytest.mark.parametrize("name", ["all.jsonl", "all.jsonl.gz", "ALL.JSONL.GZ"])
def test_json_lines_are_read_with_either_schema_of_pictures(tmp_path: Path, name: str) -> None:
    old, new = product(), product(images=new_images(product()["images"]))
    path = tmp_path / name
    write_json_lines(path.with_name(name.lower()), [old, new]).rename(path)
    assert list(read_export(path)) == [READ, replace(READ, row=2)]


@pytest.mark.parametrize("name", ["en.products.csv", "en.products.csv.gz"])
def test_text_between_tabs_is_read_with_the_address_of_its_picture(
    tmp_path: Path, name: str
) -> None:
    address = "https://images.example/front_fr.12.400.jpg"
    named = product(product_name='2" Crème "de jour', image_url=address)
    path = write_tabs(tmp_path / name, [named])
    assert list(read_export(path)) == [
        replace(READ, name='2" Crème "de jour', lang="", images=(), image_url=address)
    ]


def test_more_products_than_are_held_at_once_come_in_order(tmp_path: Path) -> None:
    path = write_parquet(tmp_path / "b.parquet", [product(str(n), images={}) for n in range(2500)])
    assert [(one.row, one.code) for one in read_export(path)] == [
        (n + 1, str(n)) for n in range(2500)
    ]


def test_a_name_is_in_the_main_language_else_in_any(tmp_path: Path) -> None:
    texts = [
        [("main", "A"), ("fr", "B")], [("de", "C"), ("fr", "D")], [("de", "E")], [], None,
    ]  # fmt: skip
    names = [t and [{"lang": lang, "text": text} for lang, text in t] for t in texts]
    plain = pa.list_(pa.struct([("lang", pa.string()), ("text", pa.string())]))
    columns = {
        "code": pa.array(["1"] * 5),
        "lang": pa.array(["fr"] * 5),
        "product_name": pa.array(names, plain),
        "images": pa.array([None] * 5, pa.list_(pa.struct([("key", pa.string())]))),
    }
    pq.write_table(pa.table(columns), tmp_path / "b.parquet")
    assert [one.name for one in read_export(tmp_path / "b.parquet")] == ["A", "D", "E", "", ""]
    lines = [{"lang": "fr", "product_name": "", "product_name_fr": "F"}, {"product_name": "G"}]
    path = write_json_lines(tmp_path / "b.jsonl", lines)
    assert [one.name for one in read_export(path)] == ["F", "G"]


def test_what_the_database_keeps_as_html_is_read_as_text(tmp_path: Path) -> None:
    said = {"product_name": "2&quot; &amp;gt;", "brands": "L&#39;Or&eacute;al", "quantity": "&lt;1"}
    (one,) = read_export(write_json_lines(tmp_path / "b.jsonl", [said]))
    assert (one.name, one.brands, one.quantity) == ('2" &gt;', "L'Oréal", "<1")


def test_fields_of_other_shapes_are_as_if_they_were_not_there(tmp_path: Path) -> None:
    odd = {
        "code": 12345678, "product_name": {"a": 1}, "brands": None, "brands_tags": "x,,y",
        "categories_tags": [None, "en:soaps", 3.5], "lang": ["fr"], "obsolete": "",
        "images": {"1": [], "front_fr": None, "selected": [], "uploaded": {"2": photo("dora")}},
    }  # fmt: skip
    path = write_json_lines(tmp_path / "b.jsonl", [odd, {"images": []}, {}])
    images = (Image("1"), Image("front_fr"), Image("2", uploader="dora"))
    assert list(read_export(path)) == [
        Listing(1, "12345678", brand_tags=("x", "y"), category_tags=("en:soaps",), images=images),
        Listing(2, ""),
        Listing(3, ""),
    ]


def test_a_byte_that_is_no_utf8_costs_one_letter_only(tmp_path: Path) -> None:
    path = tmp_path / "b.csv"
    path.write_bytes(b"code\timage_url\tproduct_name\r\n1\thttp://h/1.jpg\tCr\xe8me\r\n2\n")
    assert list(read_export(path)) == [
        Listing(1, "1", "Cr�me", image_url="http://h/1.jpg"), Listing(2, "2"),
    ]  # fmt: skip


def cut_gz(folder: Path) -> Path:
    path = write_json_lines(folder / "cut.jsonl.gz", [product(str(n)) for n in range(300)])
    path.write_bytes(path.read_bytes()[:-20])
    return path


def damaged_gz(folder: Path) -> Path:
    path = write_json_lines(folder / "damaged.csv.gz", [product(str(n)) for n in range(300)])
    content = bytearray(path.read_bytes())
    content[20:40] = bytes(20)
    path.write_bytes(content)
    return path


def written(name: str, content: bytes) -> object:
    def write(folder: Path) -> Path:
        (folder / name).write_bytes(content)
        return folder / name

    return write


@pytest.mark.parametrize(
    ("write", "fault"),
    [
        (written("b.xlsx", b"PK"), "is no export of Open Beauty Facts; give one that ends in .pa"),
        (written("b.gz", b""), "is no export of Open Beauty Facts"),
        (written("b.parquet", b"<!DOCTYPE html><title>Sorry</title>"), "is malformed ("),
        (written("b.jsonl", b'{"code": "1"}\n{"code": "2'), "line 2 is not JSON"),
        (written("b.jsonl", b"[1]\n"), "line 1 is not a JSON object"),
        (written("b.jsonl.gz", b'{"code": "1"}\n'), "cannot be read (Not a gzipped file"),
        (written("b.csv", b"code,image_url\n1,http://h/1.jpg\n"), "has no column 'code' but only"),
        (written("b.csv", b""), "has no column 'code' but only ''"),
        (written("b.csv.gz", gzip.compress(b"code\tname\n1\tSoap\n")), "has no column 'image_url'"),
        (cut_gz, "is truncated or damaged (Compressed file ended before"),
        (damaged_gz, "is truncated or damaged ("),
        (lambda folder: folder / "gone.parquet", "does not exist"),
        (lambda folder: folder, "is no export of Open Beauty Facts"),
    ],
)
def test_a_file_that_is_no_whole_export_is_refused(
    tmp_path: Path, write: object, fault: str
) -> None:
    assert callable(write)
    path = write(tmp_path)
    with pytest.raises(TableError, match=re.escape(str(path))) as error:
        list(read_export(path))
    assert fault in str(error.value)


def test_a_parquet_file_needs_its_codes_pictures_and_what_is_filtered_by(tmp_path: Path) -> None:
    path = tmp_path / "b.parquet"
    pq.write_table(pa.table({"code": ["1"], "image": ["1.jpg"]}), path)
    with pytest.raises(TableError, match="has no column 'images' but only 'code', 'image'"):
        list(read_export(path))
    pq.write_table(
        pa.table({"code": ["1"], "images": pa.array([None], pa.list_(pa.int32()))}), path
    )
    assert list(read_export(path)) == [Listing(1, "1")]
    with pytest.raises(TableError, match="has no column 'brands_tags'"):
        list(read_export(path, ["brands_tags"]))


@pytest.mark.parametrize(
    ("name", "start"), [("b.jsonl.gz", b'{"code": "'), ("b.csv.gz", b"code\timage_url\n1\t")]
)
def test_a_line_without_end_is_refused_before_it_fills_the_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, start: bytes
) -> None:
    monkeypatch.setattr(text_files, "LONGEST_LINE", 1 << 16)
    path = tmp_path / name
    path.write_bytes(gzip.compress(start + b"a" * (1 << 25)))
    tracemalloc.start()
    with pytest.raises(TableError, match=r"line [12] has more than 65,536 characters"):
        list(read_export(path))
    assert tracemalloc.get_traced_memory()[1] < 1 << 22
    tracemalloc.stop()
