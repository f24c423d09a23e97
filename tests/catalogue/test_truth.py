"""A truth table gives each photo its right products, or a sentence that names what is wrong."""

from __future__ import annotations

import csv
import re
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from beautylens.catalogue.truth import TruthRow, read_truth
from beautylens.errors import TableError

ids = st.text("abc019-é", min_size=1, max_size=4)
HEADER = "Validation Image ID,Training Image ID\n"


def read_text(folder: Path, text: str | bytes, name: str = "truth.csv") -> tuple[TruthRow, ...]:
    path = folder / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return read_truth(path)


def put_photos(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).touch()


@settings(max_examples=40, deadline=None)
@given(
    st.lists(
        st.tuples(ids, st.frozensets(ids, max_size=3), st.frozensets(ids, max_size=3), ids),
        min_size=1,
        max_size=6,
        unique_by=lambda row: row[0],
    )
)
def test_rows_come_back_as_they_were_written(
    rows: list[tuple[str, frozenset[str], frozenset[str], str]],
) -> None:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "truth.csv"
        with path.open("w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file)
            writer.writerow(["image", "product_ids", "ignore_ids", "kind"])
            for image, right, ignored, kind in rows:
                writer.writerow([image, ";".join(right), ";".join(ignored - right), kind])
        truths = read_truth(path)
    assert truths == tuple(
        TruthRow(path.parent / image, right, ignored - right, kind, number)
        for number, (image, right, ignored, kind) in enumerate(rows, 1)
    )


def test_ignored_products_and_kind_may_be_left_out(tmp_path: Path) -> None:
    (truth,) = read_text(tmp_path, "image,product_ids\nqueries/a.jpg,\n")
    assert truth == TruthRow(tmp_path / "queries/a.jpg", frozenset(), frozenset(), "", 1)


def test_spaces_and_spare_separators_are_dropped(tmp_path: Path) -> None:
    (truth,) = read_text(tmp_path, "image,product_ids\n a.jpg , p1 ; ;p2;\n")
    assert truth.image == tmp_path / "a.jpg"
    assert truth.product_ids == {"p1", "p2"}


def test_json_lines_may_give_the_products_as_a_list(tmp_path: Path) -> None:
    (truth,) = read_text(tmp_path, '{"image": "a.jpg", "product_ids": ["1", "2"]}', "truth.jsonl")
    assert truth.product_ids == {"1", "2"}


@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
def test_the_challenges_own_file_is_read(tmp_path: Path, mark: bytes) -> None:
    put_photos(tmp_path, "v000101.jpg", "queries/v000102.png", "validation/v000103.WEBP")
    text = HEADER + "v000101,n0292431\r\nv000102,n1,n2,n3\r\n\r\nv000103,n4,,\r\n"
    assert read_text(tmp_path, mark + text.encode()) == (
        TruthRow(tmp_path / "v000101.jpg", frozenset({"n0292431"}), row=1),
        TruthRow(tmp_path / "queries/v000102.png", frozenset({"n1", "n2", "n3"}), row=2),
        TruthRow(tmp_path / "validation/v000103.WEBP", frozenset({"n4"}), row=3),
    )


def test_a_photo_beside_the_challenges_file_comes_before_one_in_a_folder(tmp_path: Path) -> None:
    put_photos(tmp_path, "validation/v1.jpg", "queries/v1.jpg", "v1.jpg", "v1.txt")
    assert read_text(tmp_path, f"{HEADER}v1,n1\n")[0].image == tmp_path / "v1.jpg"


def test_a_photo_of_the_challenge_that_is_not_there_is_named(tmp_path: Path) -> None:
    put_photos(tmp_path, "v1.jpg", "v2.txt")
    with pytest.raises(TableError, match="row 2 names 'v2', which has no picture"):
        read_text(tmp_path, f"{HEADER}v1,n1\nv2,n2\n")


@pytest.mark.parametrize(
    ("rows", "fault"),
    [
        ("a.jpg,p1\n,p2\n", "row 2 has no image. Give"),
        ("ftp://x.org/a.jpg,p1\n", "row 1 has an image of a strange kind of address. Give"),
        ("a.jpg,p1\nb.jpg,p1\na.jpg,p2\n", "rows 1 and 3 both name a.jpg. Keep"),
        ("a.jpg,p1\nb.jpg,p1\n./a.jpg,p2\n", "rows 1 and 3 both name a.jpg. Keep"),
        ("a.jpg,p1,extra\n", "row 1 has 3 fields, but there are 2 columns"),
    ],
)
def test_wrong_rows_are_named_by_their_number(tmp_path: Path, rows: str, fault: str) -> None:
    with pytest.raises(TableError, match="^" + re.escape(f"{tmp_path / 'truth.csv'}: {fault}")):
        read_text(tmp_path, f"image,product_ids\n{rows}")


def test_a_photo_and_a_link_to_it_are_one_photo(tmp_path: Path) -> None:
    put_photos(tmp_path, "a.jpg")
    (tmp_path / "b.jpg").symlink_to("a.jpg")
    with pytest.raises(TableError, match=r"rows 1 and 2 both name b\.jpg"):
        read_text(tmp_path, "image,product_ids\na.jpg,p1\nb.jpg,p1\n")


def test_a_photo_is_named_as_a_picture_of_a_catalogue_is(tmp_path: Path) -> None:
    text = "image,product_ids\n./q/a;b.jpg,p1\nfile:///q/b.jpg,p1\n//x.org/c.jpg,p1\nq\\d.jpg,p1\n"
    assert [str(truth.image) for truth in read_text(tmp_path, text)] == [
        f"{tmp_path}/q/a;b.jpg", "/q/b.jpg", "https://x.org/c.jpg", f"{tmp_path}/q/d.jpg",
    ]  # fmt: skip


def test_a_product_cannot_be_both_right_and_ignored(tmp_path: Path) -> None:
    with pytest.raises(TableError, match="row 1 has p1, p2 both as right and as ignored"):
        read_text(tmp_path, "image,product_ids,ignore_ids\na.jpg,p2;p1;p3,p1;p2\n")


@pytest.mark.parametrize(
    ("name", "content", "fault"),
    [
        ("truth.csv", b"", "is empty"),
        ("truth.csv", HEADER.encode(), "has no rows"),
        ("truth.csv", b"image,product_ids\n", "has no rows"),
        ("truth.csv", b"query,product_ids\na,b\n", "has no column 'image' but only 'query'"),
        ("truth.csv", b"image,products\na,b\n", "if 'products' is meant, rename it"),
        ("truth.csv", HEADER.encode() + b"v1,\xff\n", "is not UTF-8 text (line 2)"),
        ("truth.txt", b"", "is not a table"),
    ],
)
def test_a_file_that_is_no_truth_table_is_refused(
    tmp_path: Path, name: str, content: bytes, fault: str
) -> None:
    with pytest.raises(TableError) as error:
        read_text(tmp_path, content, name)
    assert str(error.value).startswith(str(tmp_path / name))
    assert fault in str(error.value)


def test_a_missing_table_is_refused(tmp_path: Path) -> None:
    with pytest.raises(TableError, match="does not exist"):
        read_truth(tmp_path / "gone.csv")
