"""The challenge's lists are read whatever their columns are, and faults are named by row."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from beautylens.catalogue.datasets.perfect500k import (
    Entry,
    fetch_perfect500k,
    find_pictures,
    read_lists,
)
from beautylens.catalogue.table import read_catalogue
from beautylens.errors import TableError
from tests.catalogue.fetching import QUICK
from tests.catalogue.web import PICTURE, Web

SITE = "http://shop.example/"


def write(folder: Path, text: str, name: str = "list.csv") -> Path:
    path = folder / name
    path.write_bytes(text.encode())
    return path


def read(folder: Path, *texts: str) -> list[Entry]:
    return read_lists([write(folder, text, f"{n}.csv") for n, text in enumerate(texts)])


def fields(entries: Sequence[Entry]) -> list[tuple[str, str, str]]:
    return [(entry.product_id, entry.address, entry.name) for entry in entries]


@pytest.mark.parametrize("head", ["", "id,URL\n", "ImageID,Image URL\r\n", "\ufeffid,URL\n"])
def test_the_list_of_2018_is_read_with_or_without_column_names(tmp_path: Path, head: str) -> None:
    entries = read(tmp_path, f"{head}n0000001,{SITE}a.jpg\nn0000002,https://cdn.example/b?x=1\n")
    assert entries == [
        Entry("n0000001", f"{SITE}a.jpg", "", 1),
        Entry("n0000002", "https://cdn.example/b?x=1", "", 2),
    ]


@pytest.mark.parametrize("head", ["", "image,title\n"])
@pytest.mark.parametrize("image", ["{}", "{}.jpg", "training/{}.PNG", "C:\\set\\{}.jpeg"])
def test_the_image_of_the_list_of_2020_may_be_an_id_or_a_file_name(
    tmp_path: Path, head: str, image: str
) -> None:
    rows = f'{image.format("n0000001")},"Cream, 50 ml"\n{image.format("n0000002")},Soap\n'
    assert fields(read(tmp_path, head + rows)) == [
        ("n0000001", "", "Cream, 50 ml"), ("n0000002", "", "Soap"),
    ]  # fmt: skip


def test_the_image_may_be_an_address_that_ends_in_the_id(tmp_path: Path) -> None:
    entries = read(tmp_path, f"image,title\n{SITE}n0000001.jpg?w=9,Cream\n{SITE}x/n0000002,Soap\n")
    assert fields(entries) == [
        ("n0000001", f"{SITE}n0000001.jpg?w=9", "Cream"), ("n0000002", f"{SITE}x/n0000002", "Soap"),
    ]  # fmt: skip


def test_ids_addresses_and_titles_may_stand_in_one_list_in_any_order(tmp_path: Path) -> None:
    expected = [("n0000001", f"{SITE}a.jpg", "Cream")]
    assert fields(read(tmp_path, f"n0000001,{SITE}a.jpg,Cream\n")) == expected
    assert fields(read(tmp_path, f"Cream,{SITE}a.jpg,n0000001\n")) == expected
    text = f"size,title,id,url\n5,Cream,n0000001,{SITE}a.jpg\n"
    assert fields(read(tmp_path, text)) == expected


def test_an_id_of_its_own_comes_before_one_inside_an_address(tmp_path: Path) -> None:
    text = f"n0000001,{SITE}n0000009.jpg\nn0000002,{SITE}n0000008.jpg\n"
    assert [entry.product_id for entry in read(tmp_path, text)] == ["n0000001", "n0000002"]


def test_titles_are_joined_to_ids_whichever_list_comes_first(tmp_path: Path) -> None:
    old = f"n0000001,{SITE}a.jpg\nn0000002,{SITE}b.jpg\n"
    new = "image,title\nn0000002,Soap\nn0000003,Balm\n"
    joined = [
        ("n0000001", f"{SITE}a.jpg", ""), ("n0000002", f"{SITE}b.jpg", "Soap"),
        ("n0000003", "", "Balm"),
    ]  # fmt: skip
    assert fields(read(tmp_path, old, new)) == joined
    assert sorted(fields(read(tmp_path, new, old))) == joined


def test_titles_beside_addresses_get_their_ids_from_the_same_addresses(tmp_path: Path) -> None:
    old = f"n0000001,{SITE}a.jpg\nn0000002,{SITE}b.jpg\n"
    new = f"image,title\n{SITE}b.jpg,Soap\n"
    assert [(e.product_id, e.name) for e in read(tmp_path, new, old)] == [
        ("n0000002", "Soap"), ("n0000001", ""),
    ]  # fmt: skip
    with pytest.raises(TableError, match="row 1 has no id"):
        read(tmp_path, new)


@settings(max_examples=30)
@given(
    st.lists(
        st.tuples(
            st.integers(0, 9_999_999),
            st.text("ab ,\"'é\n", max_size=9),
            st.text("ab/?", max_size=5),
        ),
        min_size=1,
        max_size=8,
        unique_by=lambda row: row[0],
    )
)
def test_rows_come_back_as_they_were_written(rows: list[tuple[int, str, str]]) -> None:
    def quoted(text: str) -> str:
        return '"' + text.replace('"', '""') + '"'

    lines = [f"n{n:07},{SITE}{path},{quoted(title)}\n" for n, title, path in rows]
    with TemporaryDirectory() as folder:
        entries = read(Path(folder), "".join(lines))
    assert entries == [
        Entry(f"n{n:07}", f"{SITE}{path}", " ".join(title.split()), row)
        for row, (n, title, path) in enumerate(rows, 1)
    ]


@pytest.mark.parametrize(
    ("rows", "fault"),
    [
        (f"n0000001,{SITE}a\n,{SITE}b\n", "row 2 has no id. Give"),
        (f"n0000001,{SITE}a\n292431,{SITE}b\n", "row 2 has '292431' for an id. Give"),
        (f"n0000001,{SITE}a\nn0000002,{SITE}b\nn0000001,{SITE}c\n", "rows 1 and 3 both hold id"),
        (f"n0000001,{SITE}a\nn0000002,\n", "row 2 has '' for an address. Give"),
        (f"n0000001,{SITE}a\nn0000002,file:///a\n", "row 2 has 'file:///a' for an address"),
        (f"n0000001,{SITE}a\nn0000002\n", "row 2 has 1 fields, but there are 2 columns. Quote"),
        (f"n0000001,{SITE}a\n" + ",x\n" * 7, "row 6 has no id; and 2 more. Give"),
    ],
)
@pytest.mark.parametrize("head", ["", "id,URL\n"])
def test_wrong_rows_are_named_by_their_number(
    tmp_path: Path, head: str, rows: str, fault: str
) -> None:
    extra = "".join(f"n10000{n:02},{SITE}{n}\n" for n in range(8))
    with pytest.raises(TableError, match="^" + re.escape(str(tmp_path / "0.csv"))) as error:
        read(tmp_path, head + rows + extra)
    assert fault in str(error.value)


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("", "has no rows"),
        ("id,URL\n", "has no rows"),
        ("brand,price\nNivea,3\nDove,4\n", "has neither a column of ids (n and 7 digits)"),
        (f'n0000001,{SITE}a\nn0000002,"{SITE}b\n', "is malformed"),
    ],
)
def test_a_file_that_is_no_list_is_refused(tmp_path: Path, text: str, fault: str) -> None:
    with pytest.raises(TableError, match=re.escape(fault)):
        read(tmp_path, text)
    with pytest.raises(TableError, match="does not exist"):
        read_lists([tmp_path / "gone.csv"])


def test_a_fetch_ends_in_a_catalogue_of_what_is_there(web: Web, tmp_path: Path) -> None:
    old = write(tmp_path, "".join(f"n000000{n},{web.url(path)}\n" for n, path in enumerate(
        ("ok", "404", "png", "ok"), 1
    )))  # fmt: skip
    new = write(
        tmp_path, 'image,title\nn0000001,"Crème; ""day"""\nn0000009,No address\n', "new.csv"
    )
    out = tmp_path / "out"
    done = fetch_perfect500k([old, new], out, limit=3, manners=QUICK)
    assert (done.fetched, done.present, len(done.dead)) == (2, 0, 1)
    catalogue = read_catalogue(out / "catalogue.csv")
    assert catalogue.rows["product_id"].to_pylist() == ["n0000001", "n0000003"]
    assert catalogue.rows["name"].to_pylist() == ['Crème; "day"', ""]
    for image in catalogue.rows["image"].to_pylist():
        assert catalogue.image_path(image).is_file()
    done = fetch_perfect500k([old, new], out, manners=QUICK)
    assert (done.fetched, done.present) == (1, 2)
    assert [dead.line[0] for dead in done.dead] == ["n0000002", "n0000009"]


def test_pictures_one_has_already_are_used_where_they_are(web: Web, tmp_path: Path) -> None:
    own = tmp_path / "own" / "part 1"
    own.mkdir(parents=True)
    for name in ("n0000001.JPG", "n0000003.png", "n0000002.txt", "cover.jpg"):
        (own / name).write_bytes(PICTURE)
    assert find_pictures(own.parent) == {
        "n0000001": own / "n0000001.JPG", "n0000003": own / "n0000003.png",
    }  # fmt: skip
    titles = write(tmp_path, "image,title\nn0000001,Cream\nn0000002,Soap\n", "titles.csv")
    out = tmp_path / "out"
    done = fetch_perfect500k([titles], out, pictures=own.parent, manners=QUICK)
    assert (done.fetched, done.present) == (0, 1)
    assert [dead.line[0] for dead in done.dead] == ["n0000002"]
    assert (out / "catalogue.csv").read_text("utf-8").splitlines() == [
        "product_id,image,name", "n0000001,../own/part 1/n0000001.JPG,Cream",
    ]  # fmt: skip
    addresses = write(tmp_path, f"n0000001,{web.url('ok')}\nn0000002,{web.url('ok')}\n")
    done = fetch_perfect500k([titles, addresses], out, pictures=own, manners=QUICK)
    assert (done.fetched, done.present, web.asked["/ok"]) == (1, 1, 1)


def test_a_list_without_addresses_needs_pictures(tmp_path: Path) -> None:
    titles = write(tmp_path, "image,title\nn0000001,Cream\n")
    with pytest.raises(TableError, match="holds no addresses; give the list of 2018 too"):
        fetch_perfect500k([titles], tmp_path / "out")
    with pytest.raises(TableError, match="holds no pictures named after their ids"):
        fetch_perfect500k([titles], tmp_path / "out", pictures=tmp_path)
    assert not (tmp_path / "out").exists()


def test_a_catalogue_that_something_else_made_is_not_overwritten(tmp_path: Path) -> None:
    write(tmp_path, "product_id,image\n", "catalogue.csv")
    titles = write(tmp_path, "image,title\nn0000001,Cream\n")
    with pytest.raises(TableError, match="is not from this command; name another folder"):
        fetch_perfect500k([titles], tmp_path)
