"""A catalogue table of any format gives the same lines, or a sentence that names what is wrong."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import unquote

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from beautylens.catalogue.readers import READERS
from beautylens.catalogue.table import Catalogue, read_catalogue
from beautylens.errors import TableError

Row = dict[str, str]

ESCAPES = str.maketrans({"%": "%25", "/": "%2F"})
PLAIN = ("image_id", "product_id", "image", "name", "brand", "category", "gtin")


def write_delimited(path: Path, rows: Sequence[Row], delimiter: str) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(rows[0]), delimiter=delimiter)
        writer.writeheader()
        writer.writerows(rows)


def write_json_lines(path: Path, rows: Sequence[Row]) -> None:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")


WRITERS: dict[str, Callable[[Path, Sequence[Row]], None]] = {
    ".csv": lambda path, rows: write_delimited(path, rows, ","),
    ".tsv": lambda path, rows: write_delimited(path, rows, "\t"),
    ".parquet": lambda path, rows: pq.write_table(pa.Table.from_pylist(list(rows)), path),
    ".jsonl": write_json_lines,
    ".ndjson": write_json_lines,
}


def read_text(folder: Path, text: str | bytes, name: str = "table.csv") -> Catalogue:
    path = folder / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return read_catalogue(path)


texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0\r"), max_size=12)
words = st.text("ab01/%é. ", min_size=1, max_size=4).filter(lambda word: word == word.strip())


@st.composite
def tables(draw: st.DrawFn) -> list[Row]:
    """Rows in any order of products, each with one to three images, no image id twice."""
    pairs = draw(
        st.lists(
            st.tuples(words, st.lists(words, min_size=1, max_size=3)),
            min_size=1,
            max_size=8,
        ).filter(has_no_image_twice)
    )
    return [
        {
            "product_id": product,
            "image": ";".join(images),
            **{name: draw(texts) for name in ("name", "brand", "gtin", "shade")},
        }
        for product, images in pairs
    ]


def has_no_image_twice(pairs: list[tuple[str, list[str]]]) -> bool:
    ids = [(product, image) for product, images in pairs for image in images]
    return len(set(ids)) == len(ids)


def lines_slowly(rows: Sequence[Row]) -> list[dict[str, object]]:
    """One line per image, products in the order in which they first appear."""
    lines = []
    for product in dict.fromkeys(row["product_id"] for row in rows):
        for number, row in enumerate(rows, 1):
            for image in row["image"].split(";") if row["product_id"] == product else ():
                image_id = f"{product.translate(ESCAPES)}/{image}"
                lines.append(row | {"image_id": image_id, "image": image, "row": number})
    return lines


@pytest.mark.parametrize("suffix", WRITERS)
@settings(max_examples=30, deadline=None)
@given(rows=tables())
def test_rows_come_back_as_they_were_written(suffix: str, rows: list[Row]) -> None:
    with TemporaryDirectory() as folder:
        path = Path(folder) / f"table{suffix}"
        WRITERS[suffix](path, rows)
        catalogue = read_catalogue(path)
    expected = [{"category": "", **line} for line in lines_slowly(rows)]
    assert catalogue.rows.to_pylist() == expected
    assert catalogue.rows.column_names == [*PLAIN, "shade", "row"]
    assert catalogue.extra == ("shade",)
    assert len(catalogue) == len(expected)
    assert catalogue.folder == path.parent


def test_every_format_has_a_writer_in_these_tests() -> None:
    assert set(WRITERS) == set(READERS)


def test_the_first_slash_of_an_image_id_ends_the_product(tmp_path: Path) -> None:
    text = "product_id,image\na/b,c\na,b/c\na%2Fb,c\n50%,c\n50%25,c\n"
    rows = read_text(tmp_path, text).rows
    assert rows["image_id"].to_pylist() == ["a%2Fb/c", "a/b/c", "a%252Fb/c", "50%25/c", "50%2525/c"]
    for row in rows.to_pylist():
        product, _, image = row["image_id"].partition("/")
        assert (unquote(product), image) == (row["product_id"], row["image"])


def test_spaces_around_ids_and_paths_and_spare_separators_are_dropped(tmp_path: Path) -> None:
    catalogue = read_text(tmp_path, "product_id,image\n p1 , a.jpg ; b.jpg;\n")
    assert catalogue.rows["image_id"].to_pylist() == ["p1/a.jpg", "p1/b.jpg"]


def test_an_image_is_found_from_the_folder_of_the_table(tmp_path: Path) -> None:
    catalogue = read_text(tmp_path, "product_id,image\np1,gallery/a.jpg\n")
    assert catalogue.image_path("gallery/a.jpg") == tmp_path / "gallery" / "a.jpg"
    assert catalogue.image_path("/far/a.jpg") == Path("/far/a.jpg")


def test_metadata_gets_names_that_a_search_condition_can_use(tmp_path: Path) -> None:
    text = "product_id,image,Price (EUR),Größe,Is-Vegan?\np1,a.jpg,3,M,yes\n"
    assert read_text(tmp_path, text).extra == ("price_eur", "größe", "is_vegan")


@pytest.mark.parametrize(
    ("column", "fault"),
    [
        ("image_id", "'image_id' has the name of one that Beautylens keeps itself"),
        ("Descriptor", "'Descriptor' has the name of one"),
        ("keypoints", "'keypoints' has the name of one"),
        ("row", "'row' has the name of one"),
        ("Name", "'Name' has to be written 'name'. Rename"),
        ("GTIN", "'GTIN' has to be written 'gtin'. Rename"),
        ("Product ID", "'Product ID' is another one that would be called 'product_id'"),
        ("", "'' has no name that a search condition could use"),
        ("2nd shade", "'2nd shade' has no name"),
        ("???", "'???' has no name"),
        ("SHADE", "'SHADE' is another one that would be called 'shade'"),
    ],
)
def test_a_column_whose_name_cannot_be_kept_is_refused(
    tmp_path: Path, column: str, fault: str
) -> None:
    with pytest.raises(TableError, match=re.escape(fault)):
        read_text(tmp_path, f"product_id,image,shade,{column}\np1,a.jpg,x,y\n")


@pytest.mark.parametrize(
    ("header", "missing", "remedy"),
    [
        ("id,image", "product_id", "if 'id' is meant, rename it"),
        ("Product ID,image", "product_id", "if 'Product ID' is meant, rename it"),
        ("product_id,Picture,Image Path", "image", "if 'Image Path' is meant, rename it"),
        ("sku,image", "product_id", "add a column named 'product_id'"),
    ],
)
def test_a_missing_column_is_named_with_those_there_are_and_the_nearest(
    tmp_path: Path, header: str, missing: str, remedy: str
) -> None:
    found = ", ".join(repr(name) for name in header.split(","))
    with pytest.raises(TableError) as error:
        read_text(tmp_path, f"{header}\n{','.join('x' for _ in header.split(','))}\n")
    assert str(error.value) == (
        f"{tmp_path / 'table.csv'} has no column '{missing}' but only {found}; {remedy}"
    )


@pytest.mark.parametrize(
    ("rows", "fault"),
    [
        ("p1,a.jpg\n,b.jpg\n ,c.jpg\n", "row 2 has no product_id; row 3 has no product_id. Give"),
        ("p1,\np2,a.jpg\np3, ; \n", "row 1 has no image; row 3 has no image. Give"),
        (
            "p1,a.jpg\np2,ftp://x.org/a.jpg\n",
            "row 2 has an image of a strange kind of address. Give pictures as paths, or as addr",
        ),
        ("p1,a.jpg;ftp://x.org/a;ftp://x.org/b\n", "row 1 has an image of a strange kind of"),
        ("p1,a.jpg\np2,a.jpg\np1,b.jpg;a.jpg\n", "rows 1 and 3 both hold image 'p1/a.jpg'. Keep"),
        ("p1,a.jpg;a.jpg\n", "rows 1 and 1 both hold image 'p1/a.jpg'. Keep"),
        ('p1,a.jpg\n\n"p\n2",b.jpg,c\np3\n', "row 2 has 3 fields; row 3 has 1 fields, but there"),
    ],
)
def test_wrong_rows_are_named_by_their_number(tmp_path: Path, rows: str, fault: str) -> None:
    with pytest.raises(TableError, match="^" + re.escape(f"{tmp_path / 'table.csv'}: {fault}")):
        read_text(tmp_path, f"product_id,image\n{rows}")


def test_only_the_first_few_of_many_faults_are_listed(tmp_path: Path) -> None:
    with pytest.raises(TableError, match=r"row 5 has no image; and 95 more\. Give"):
        read_text(tmp_path, "product_id,image\n" + "p,\n" * 100)
