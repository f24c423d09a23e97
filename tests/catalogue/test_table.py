"""A catalogue table of any format gives the same lines, or a sentence that names what is wrong."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from unicodedata import normalize
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


def write_json(path: Path, value: object) -> None:
    path.write_text(json.dumps(value), encoding="utf-8")


WRITERS: dict[str, Callable[[Path, Sequence[Row]], None]] = {
    ".csv": lambda path, rows: write_delimited(path, rows, ","),
    ".tsv": lambda path, rows: write_delimited(path, rows, "\t"),
    ".parquet": lambda path, rows: pq.write_table(pa.Table.from_pylist(list(rows)), path),
    ".jsonl": write_json_lines,
    ".ndjson": write_json_lines,
    ".json": lambda path, rows: write_json(path, {"products": rows}),
    ".jsonld": write_json,
}


def read_text(folder: Path, text: str | bytes, name: str = "table.csv") -> Catalogue:
    path = folder / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return read_catalogue(path)


texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0\r"), max_size=12)
words = st.text("ab01/%é. ", min_size=1, max_size=4).filter(lambda word: word == word.strip())


names = st.text("ab01%é ", min_size=1, max_size=4).filter(lambda name: name == name.strip())
paths = st.lists(names, min_size=1, max_size=2).map("/".join)


@st.composite
def tables(draw: st.DrawFn) -> list[Row]:
    """Rows in any order of products, each with one to three images, no image id twice."""
    pairs = draw(
        st.lists(
            st.tuples(words, st.lists(paths, min_size=1, max_size=3)),
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
    """One line per image, products in the order in which they first appear, their facts filled."""
    lines: list[dict[str, object]] = []
    # Texts come composed.
    rows = [
        {name: text if name == "image" else normalize("NFC", text) for name, text in row.items()}
        for row in rows
    ]
    for product in dict.fromkeys(row["product_id"] for row in rows):
        own = [(number, row) for number, row in enumerate(rows, 1) if row["product_id"] == product]
        facts = {
            name: next((row[name] for _, row in own if row[name]), "")
            for name in ("name", "brand", "gtin", "shade")
        }
        for number, row in own:
            said = {name: row[name] or facts[name] for name in facts}
            for image in row["image"].split(";"):
                image_id = f"{product.translate(ESCAPES)}/{image}"
                ids = {"image_id": image_id, "product_id": product, "image": image, "row": number}
                lines.append(ids | said)
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
    # XML, also that of spreadsheets, cannot hold every character.
    assert {*WRITERS, ".xml", ".xlsx", ".xls", ".ods"} == set(READERS)


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
    ("header", "missing"),
    [("Kürzel,image", "product_id"), ("product_id,Ansicht,Image Alt", "image")],
)
def test_a_missing_column_is_named_with_those_there_are_and_the_option(
    tmp_path: Path, header: str, missing: str
) -> None:
    found = ", ".join(repr(name) for name in header.split(","))
    with pytest.raises(TableError) as error:
        read_text(tmp_path, f"{header}\n{','.join('x' for _ in header.split(','))}\n")
    assert str(error.value) == (
        f"{tmp_path / 'table.csv'} has no column '{missing}' but only {found}; rename the column "
        f"in question, or name it with --columns {missing}=COLUMN"
    )


@pytest.mark.parametrize(
    ("rows", "kept", "faults"),
    [
        ("p1,a.jpg\n,b.jpg\n ,c.jpg\n", ["a.jpg"], [(2, "", "id"), (3, "", "id")]),
        ("p1,\np2,a.jpg\np3, ; \n", ["a.jpg"], [(1, "p1", "image"), (3, "p3", "image")]),
        ("p1,a.jpg\np2,ftp://x.org/a.jpg\n", ["a.jpg", "ftp://x.org/a.jpg"], []),
        ("p1,a.jpg\np2,file:///far/b.jpg\n", ["a.jpg", "/far/b.jpg"], []),
        ("p1,a.jpg\n ,\n", ["a.jpg"], []),
    ],
)
def test_a_row_that_gives_no_picture_is_noted_with_its_number_and_the_rest_is_read(
    tmp_path: Path, rows: str, kept: list[str], faults: list[tuple[int, str, str]]
) -> None:
    catalogue = read_text(tmp_path, f"product_id,image\n{rows}")
    assert catalogue.rows["image"].to_pylist() == kept
    assert [(fault.row, fault.product_id) for fault in catalogue.faults] == [f[:2] for f in faults]
    assert all(
        fault.error.endswith(f[2]) for fault, f in zip(catalogue.faults, faults, strict=True)
    )


def test_a_row_with_more_fields_than_columns_is_named_by_its_number(tmp_path: Path) -> None:
    rows = 'p1,a.jpg\n\n"p\n2",b.jpg,c\np3\n'
    with pytest.raises(TableError, match="row 2 has 3 fields; row 3 has 1 fields, but there"):
        read_text(tmp_path, f"product_id,image\n{rows}")


def test_a_table_without_any_right_row_is_refused_and_the_first_few_faults_listed(
    tmp_path: Path,
) -> None:
    with pytest.raises(TableError, match=r"row 5: there is no image; and 95 more\. Give"):
        read_text(tmp_path, "product_id,image\n" + "p,\n" * 100)


def test_a_picture_under_several_spellings_is_kept_once_and_said(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").touch()
    (tmp_path / "link.jpg").symlink_to("a.jpg")
    rows = "p1,a.jpg\np2,a.jpg\np1,./a.jpg;b.jpg\np1,link.jpg\np1,x//b.jpg;x/./b.jpg\n"
    catalogue = read_text(tmp_path, f"product_id,image\n{rows}")
    images = [f"{row['product_id']}/{row['image']}" for row in catalogue.rows.to_pylist()]
    assert images == ["p1/a.jpg", "p1/b.jpg", "p1/x/b.jpg", "p2/a.jpg"]
    (note,) = catalogue.notes
    assert note == (
        "pictures listed twice for one product and kept once: row 3: a.jpg is in row 1 already; "
        "row 4: link.jpg is in row 1 already; row 5: x/b.jpg is in row 5 already"
    )


def test_a_further_row_of_a_product_has_the_facts_that_it_leaves_empty(tmp_path: Path) -> None:
    text = "product_id,image,name,price\np1,a.jpg,,\np2,c.jpg,Oil,\np1,b.jpg,Soap,3\n"
    rows = read_text(tmp_path, text).rows
    assert rows["name"].to_pylist() == ["Soap", "Soap", "Oil"]
    assert rows["price"].to_pylist() == ["3", "3", ""]


def test_pictures_may_stand_in_several_columns(tmp_path: Path) -> None:
    text = (
        "product_id,image,image_2,additional_image_link,image_width\n"
        'p1,a.jpg,b.jpg,"https://x.org/c.jpg,https://x.org/d.jpg",300\np2,,e.jpg,,\n'
    )
    catalogue = read_text(tmp_path, text)
    images = ["a.jpg", "b.jpg", "https://x.org/c.jpg", "https://x.org/d.jpg", "e.jpg"]
    assert catalogue.rows["image"].to_pylist() == images
    assert catalogue.extra == ("image_width",)


def test_a_table_may_number_all_columns_of_pictures(tmp_path: Path) -> None:
    catalogue = read_text(tmp_path, "product_id,image_1,image_2\np1,a.jpg,b.jpg\n")
    assert catalogue.rows["image"].to_pylist() == ["a.jpg", "b.jpg"]


def test_a_picture_of_a_windows_path_is_found_beside_the_table_and_said(tmp_path: Path) -> None:
    (tmp_path / "pictures").mkdir()
    (tmp_path / "pictures" / "a.jpg").touch()
    rows = r"p1,C:\shop\pictures\a.jpg" + "\n" + r"p2,pictures\a.jpg" + "\n" + r"p3,D:\gone.jpg"
    catalogue = read_text(tmp_path, f"product_id,image\n{rows}\n")
    assert catalogue.rows["image"].to_pylist() == [
        "pictures/a.jpg", "pictures/a.jpg", r"D:\gone.jpg",
    ]  # fmt: skip
    (note,) = catalogue.notes
    assert note == (
        "Windows paths found beside the table: "
        r"row 1: C:\shop\pictures\a.jpg is pictures/a.jpg"
    )


def test_gtins_are_kept_as_lookups_find_them_and_those_without_digits_are_counted(
    tmp_path: Path,
) -> None:
    cells = ["'4006381333931", "4006381333931.0", "0-36000-29145-2", "4.00638E+12", "n/a", ""]
    rows = "".join(f"p{number},{number}.jpg,{cell}\n" for number, cell in enumerate(cells))
    catalogue = read_text(tmp_path, f"product_id,image,gtin\n{rows}")
    assert catalogue.rows["gtin"].to_pylist() == [
        "4006381333931", "4006381333931", "0-36000-29145-2", "4.00638E+12", "n/a", "",
    ]  # fmt: skip
    (note,) = catalogue.notes
    assert note == (
        "gtin of 2 of 5 products unusable, 1 of them rounded by a spreadsheet (format the column "
        "as text): row 4: '4.00638E+12'; row 5: 'n/a'"
    )


def test_products_of_one_id_are_noted(tmp_path: Path) -> None:
    rows = "p1,a.jpg,Lip\np1,b.jpg,\np2,c.jpg,Pen\np1,d.jpg,Soap\np2,e.jpg,Pen\n"
    assert read_text(tmp_path, f"product_id,image,name\n{rows}").notes == (
        (
            "products with several names, perhaps several products of one id: "
            "p1 (row 1: 'Lip', row 4: 'Soap')"
        ),
    )
